//! Payment instructions of the thirteen rails.
//!
//! Per rail: what a receiving account looks like, what a charge's QR or link says, what the payer is told. Beside the
//! rails stand the strict writer, the tolerant reader and the lint of EMVCo merchant-presented codes, and the picture.
//! Nothing here touches a file, a socket, a clock or a random number.

mod account;
mod emv;
mod encode;
mod link;
mod lint;
mod mask;
mod methods;
mod payload;
mod rail;
mod svg;
mod text;

pub use account::{AccountFault, AccountInput, ReceivingAccount, Warning, parse_account, parse_new_account};
pub use encode::{EncodeError, Field, encode, encode_keys, encode_warnings};
pub use lint::{Finding, LintField, LintReport, Recognised, is_sandbox_payload, lint};
pub use payload::{PaymentRequest, can_ask, payload};
pub use rail::{AccountKind, Alphabet, QrKind, Rail, ReferenceField, Reliability, rail};
pub use svg::{QrError, QrMatrix, qr_modules, qr_svg};
