//! Rows with everything in them that may be absent elsewhere.

use xanpay_domain::charge::{Charge, ChargeState};
use xanpay_domain::contact::{Email, Phone};
use xanpay_domain::currency::Currency;
use xanpay_domain::exchange::{LockedRate, Rate};
use xanpay_domain::linking::Feed;
use xanpay_domain::matching::{Outcome, Reason};
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::secret::Secret;
use xanpay_domain::session::{Prefill, Session, SessionState};
use xanpay_domain::time::{Span, Timestamp};
use xanpay_domain::transfer::{Booked, ReportedTransfer, Transfer};
use xanpay_domain::verification::Verification;
use xanpay_store::Event;
use xanpay_testkit::World;

/// Text that breaks on every careless byte: quotes, controls, scripts of both directions, a character beyond the basic
/// plane, a combining mark that must not be composed.
pub const AWKWARD: &str = "l'\"épicerie\"; \\ %_ \t\n\u{1}\u{7f}茶館 שלום e\u{301} 🏮 $1 ?";

pub fn money(minor: i64, currency: &str) -> Money {
    Money::from_minor(minor, currency.parse::<Currency>().unwrap()).unwrap()
}

/// 64 KiB of order lines.
pub fn orders() -> String {
    let line = format!("{{\"name\":\"{}\",\"quantity\":2}},", AWKWARD.escape_debug());
    let mut text = format!("[{}", line.repeat(64 * 1024 / line.len()));
    text.extend(std::iter::repeat_n(' ', 64 * 1024 - 1 - text.len()));
    text + "]"
}

pub fn full_session(world: &World) -> Session {
    let now = world.clock.now();
    Session {
        amount: money(i64::MAX / 4, "IDR"),
        orders: Some(orders()),
        methods: Method::ALL.into_iter().rev().collect(),
        notify_url: Some("https://shop.example/notify?a=1&b=%20".into()),
        notify_payload: Some(AWKWARD.into()),
        redirect_url: Some("https://shop.example/done".into()),
        prefill: Some(Prefill {
            email: Some(Email::parse("li.wei+shop@example.com").unwrap()),
            phone: Some(Phone::parse("+65", "81234567").unwrap()),
        }),
        updated_at: now.plus(Span::seconds(5)),
        ..world.session()
    }
}

pub fn session_states(world: &World) -> [SessionState; 5] {
    let expires_at = world.clock.now().plus(Span::hours(1));
    [
        SessionState::Created { expires_at },
        SessionState::Initiated { expires_at },
        SessionState::Charged { charge_id: world.id() },
        SessionState::Cancelled,
        SessionState::Expired,
    ]
}

pub fn full_charge(world: &World, session: &Session) -> Charge {
    let now = world.clock.now();
    let mut charge = world.charge(Some(session.id));
    charge.destination.bank = AWKWARD.into();
    charge.destination.account_name = "陳大文".into();
    charge.destination.qr_code = "0".repeat(4096);
    Charge {
        email: Some(Email::parse("li.wei@example.com").unwrap()),
        phone: Some(Phone::parse("+852", "51234567").unwrap()),
        merchant_amount: money(12_345, "HKD"),
        customer_amount: money(2_160, "SGD"),
        rate: Some(LockedRate { rate: Rate::parse("0.1749330001").unwrap(), source: "operator".into(), as_of: now }),
        method: Method::HkBankTransfer,
        orders: Some(orders()),
        notify_url: Some("https://shop.example/paid".into()),
        notify_payload: Some(AWKWARD.into()),
        updated_at: now.plus(Span::seconds(1)),
        expires_at: now.plus(Span::hours(24)),
        received: money(100, "SGD"),
        ..charge
    }
}

/// Every state, with money that fits it.
pub fn in_every_state(charge: &Charge) -> Vec<Charge> {
    let at = charge.created_at.plus(Span::minutes(7));
    let full = charge.customer_amount;
    let states = [
        (ChargeState::Pending, charge.received),
        (ChargeState::Completed { completed_at: at, paid_late: false }, full),
        (ChargeState::Completed { completed_at: at, paid_late: true }, full.checked_add(full).unwrap()),
        (ChargeState::Expired { expired_at: at }, charge.received),
        (ChargeState::Cancelled { cancelled_at: at }, charge.received),
    ];
    states.map(|(state, received)| Charge { state, received, ..charge.clone() }).into()
}

pub fn transfer(world: &World, identity: &str) -> Transfer {
    let now = world.clock.now();
    Transfer {
        id: world.id(),
        account_id: world.account.id,
        book_id: world.account.id,
        reported: ReportedTransfer {
            amount: money(3500, "SGD"),
            booked: Booked::At(now),
            texts: vec![],
            bank_reference: None,
            end_to_end_id: None,
            payer_name: None,
            payer_account: None,
            reversal: false,
        },
        source: "api".into(),
        feed: Feed::Reported,
        identity: identity.into(),
        subject: String::new(),
        received_at: now,
        outcome: Outcome::Unmatched,
        reason: Reason::NoReference,
        charge_id: None,
    }
}

pub fn event(world: &World, charge: &Charge, sequence: i64) -> Event {
    Event {
        id: world.id(),
        merchant_id: charge.merchant_id,
        environment: charge.environment,
        charge_id: charge.id,
        sequence,
        body: format!("{{\"sequence\":{sequence},\"text\":\"{}\"}}", AWKWARD.escape_debug()),
        created_at: world.clock.now(),
    }
}

pub fn verification(world: &World, phone: &str, created_at: Timestamp) -> Verification {
    Verification {
        id: world.id(),
        merchant_id: world.merchant.id,
        environment: world.merchant.environment,
        phone: phone.into(),
        otp_hash: Secret::new(world.entropy.bytes::<32>().to_vec()),
        attempts: 0,
        created_at,
        verified: None,
        charge_id: None,
    }
}
