//! Flows: one function per use case, called by the API, the pages, the command line and the workers alike.
//!
//! Every flow has the same shape: read clock and entropy once; one transaction that loads, decides in the domain, saves
//! and pushes effects as outbox rows; return. No flow touches the network.

mod add_account;
mod add_webhook;
mod advance_sandbox;
mod book;
mod cancel_charge;
mod cancel_session;
mod create_charge;
mod create_key;
mod create_merchant;
mod create_session;
mod credit;
mod disable_account;
mod disable_webhook;
mod enable_account;
mod enable_webhook;
mod events;
mod expire_charges;
mod expire_session;
mod idempotent;
mod import_statement;
mod imported_file;
mod initiate_session;
mod placement;
mod quote;
mod reading;
mod record_transfer;
mod refusal;
mod save_rates;
mod set_merchant;
mod start_checkout;
mod verify_phone;

pub use add_account::{NewAccount, add_account};
pub use add_webhook::{AddedWebhook, NewWebhook, add_webhook};
pub(crate) use add_webhook::{PASSWORD_PURPOSE, SECRET_PURPOSE};
pub use advance_sandbox::{advance_sandbox, refresh_sandbox_clock};
pub(crate) use book::siblings;
pub use cancel_charge::{CancelAuthority, cancel_charge};
pub use cancel_session::cancel_session;
pub use create_charge::{CreatedCharge, NewCharge, create_charge, unmet_requirements, unpayable};
pub use create_key::{CreatedKey, create_key, revoke_key};
pub use create_merchant::{CreatedMerchant, NewMerchant, create_merchant, hash_key};
pub(crate) use create_merchant::{HASH_KEY_PURPOSE, SIGNING_KEY_PURPOSE, callback_secret};
pub use create_session::{NewSession, create_session, unusable_methods};
pub use disable_account::disable_account;
pub use disable_webhook::disable_webhook;
pub(crate) use disable_webhook::out_of_use;
pub use enable_account::enable_account;
pub use enable_webhook::enable_webhook;
pub use expire_charges::{expire_due_charges, forget_idempotency_keys, release_cooled_nonces};
pub use expire_session::judge_session;
pub use idempotent::{Idempotency, replay};
pub use import_statement::{ImportOptions, import_statement};
pub use imported_file::{ImportedFile, RefusedLine, SkippedEntry, Sums};
pub use initiate_session::initiate_session;
pub use quote::{Offer, offers};
pub use record_transfer::{NewTransfer, RecordedTransfer, record_transfer};
pub use refusal::{Fault, FlowError, Kind, Refusal};
pub use save_rates::{SavedRates, save_rates};
pub use set_merchant::set_merchant;
pub use start_checkout::{Start, Started, check_method, session_cancelled, session_expired, start_checkout};
pub use verify_phone::{can_send_codes, confirm_phone, phone_code, sandbox_message, send_otp};
