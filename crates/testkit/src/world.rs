//! Sample rows that fit each other: a merchant, its account, its customer, sessions and charges.

use crate::{Clock, Entropy};
use xanpay_domain::charge::{Charge, ChargeState, Destination};
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::id::{AccountId, CustomerId, Id, MerchantId, SessionId};
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::session::{Session, SessionState};
use xanpay_domain::time::Span;
use xanpay_store::{Account, Merchant, Permission, Store, StoreError};

/// One merchant with an account and a customer, and what new rows of theirs look like.
#[derive(Debug, Clone)]
pub struct World {
    /// A merchant in the sandbox that counts in Singapore dollars and takes PayNow and FPS.
    pub merchant: Merchant,
    /// A PayNow account of the operator's, told apart by nonce.
    pub account: Account,
    /// A customer of the merchant, known by an e-mail address.
    pub customer_id: CustomerId,
    /// The time that new rows are made at; moved by hand.
    pub clock: Clock,
    /// Where ids and nonces come from.
    pub entropy: Entropy,
}

impl World {
    /// A world that is not stored yet, the same for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let (clock, entropy) = (Clock::default(), Entropy::seeded(seed));
        let merchant = Merchant {
            id: MerchantId::new(clock.now(), entropy.bytes()),
            name: "Lantern Books".into(),
            currency: Currency::SGD,
            environment: Environment::Sandbox,
            methods: vec![Method::Paynow, Method::Fps],
            permissions: vec![Permission::Charges],
            phone_verification: false,
            secure_mode: false,
            markup_bp: 0,
            hash_key: vec![1, 2, 3],
            signing_key: vec![4, 5, 6],
            certificate: "a certificate".into(),
        };
        let account = Account {
            id: AccountId::new(clock.now(), entropy.bytes()),
            environment: Environment::Sandbox,
            method: Method::Paynow,
            account: format!("+65{:08}", entropy.below(100_000_000)),
            account_name: "LANTERN BOOKS PTE LTD".into(),
            bank: String::new(),
            template_qr: None,
            template_as_issued: false,
            policy: Policy::Nonce,
            statement_account: None,
            merchant_id: None,
            created_at: clock.now(),
            disabled_at: None,
        };
        let customer_id = CustomerId::new(clock.now(), entropy.bytes());
        Self { merchant, account, customer_id, clock, entropy }
    }

    /// A world whose merchant, account and customer are stored.
    pub async fn stored(store: &Store, seed: u64) -> Self {
        let world = Self::new(seed);
        let rows = world.clone();
        let write = store.write(move |tx| {
            let rows = rows.clone();
            async move {
                let now = rows.clock.now();
                tx.insert_merchant(&rows.merchant, now).await?;
                tx.insert_account(&rows.account).await?;
                let (merchant, customer) = (&rows.merchant, rows.customer_id);
                let identity = format!("email:{customer}@example.com");
                tx.find_or_insert_customer(merchant.id, merchant.environment, &identity, customer, now).await?;
                Ok::<_, StoreError>(())
            }
        });
        write.await.unwrap();
        world
    }

    /// A fresh id of any kind.
    #[must_use]
    pub fn id<Kind>(&self) -> Id<Kind> {
        Id::new(self.clock.now(), self.entropy.bytes())
    }

    /// A session that was just created, with nothing in it that may be absent.
    #[must_use]
    pub fn session(&self) -> Session {
        let now = self.clock.now();
        Session {
            id: self.id(),
            merchant_id: self.merchant.id,
            environment: self.merchant.environment,
            amount: Money::from_minor(3500, Currency::SGD).unwrap(),
            orders: None,
            methods: vec![Method::Paynow],
            notify_url: None,
            notify_payload: None,
            redirect_url: None,
            prefill: None,
            created_at: now,
            updated_at: now,
            state: SessionState::new(now),
        }
    }

    /// A pending charge, with nothing in it that may be absent.
    #[must_use]
    pub fn charge(&self, session_id: Option<SessionId>) -> Charge {
        let now = self.clock.now();
        let amount = Money::from_minor(3500, Currency::SGD).unwrap();
        Charge {
            id: self.id(),
            merchant_id: self.merchant.id,
            environment: self.merchant.environment,
            session_id,
            customer_id: self.customer_id,
            email: None,
            phone: None,
            merchant_amount: amount,
            customer_amount: amount,
            rate: None,
            method: Method::Paynow,
            destination: Destination {
                account_id: self.account.id,
                account: self.account.account.clone(),
                account_name: self.account.account_name.clone(),
                bank: String::new(),
                nonce: format!("N{:016X}", self.entropy.next_u64()),
                qr_code: "00020101".into(),
            },
            orders: None,
            notify_url: None,
            notify_payload: None,
            created_at: now,
            updated_at: now,
            expires_at: now.plus(Span::hours(1)),
            received: Money::zero(Currency::SGD),
            state: ChargeState::Pending,
        }
    }
}
