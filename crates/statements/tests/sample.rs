//! What the sample writers write, the reader reads.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::{Money, MoneyError};
use xanpay_domain::time::Timestamp;
use xanpay_statements::sample::{Booking, camt054, dbs_classic};
use xanpay_statements::{Date, Direction, Format, Options, Status, read};

fn booking(minor: i64, currency: Currency, reference: &str, payer: &str) -> Booking {
    Booking {
        amount: Money::from_minor(minor, currency).unwrap(),
        reference: reference.to_owned(),
        payer: payer.to_owned(),
        bank_reference: format!("FB{minor}"),
        date: Date::constant(2026, 3, 7),
    }
}

#[test]
fn a_notification_reads_back() {
    let bookings = [
        booking(3500, Currency::SGD, "ztt1", "CHUA WEN LI & CO <SG>"),
        booking(1, Currency::SGD, &"long text ".repeat(30), ""),
    ];
    let text = camt054("123-45678-9", "M1", Timestamp::from_millis(1_772_849_700_123), &bookings);
    assert!(text.contains("<CreDtTm>2026-03-07T02:15:00Z</CreDtTm>"));
    let file = read(text.as_bytes(), &Options::default()).unwrap();
    assert_eq!(file.format, Format::Camt054);
    assert_eq!(file.statements[0].account.as_deref(), Some("123-45678-9"));
    let entries = &file.statements[0].entries;
    for (entry, booking) in entries.iter().zip(&bookings) {
        assert_eq!((entry.direction, entry.status), (Direction::Credit, Status::Booked));
        assert_eq!((entry.amount, entry.booked_on), (booking.amount, Some(booking.date)));
        assert_eq!(entry.bank_reference.as_ref(), Some(&booking.bank_reference));
        assert_eq!(entry.end_to_end_id, None);
    }
    assert_eq!(entries[0].payer_name.as_deref(), Some("CHUA WEN LI & CO <SG>"));
    assert_eq!((entries[1].texts.len(), &entries[1].payer_name), (3, &None));
    let iban = camt054("NL26VAYB8060476890", "M1", Timestamp::from_millis(0), &[]);
    assert!(iban.contains("<IBAN>NL26VAYB8060476890</IBAN>"));
}

#[test]
fn a_classic_export_reads_back_in_its_own_currency() {
    for currency in [Currency::SGD, Currency::HKD] {
        let bookings = [booking(123_456, currency, "ztt1, \"x\"", "A, B"), booking(200, currency, "ztt2", "C")];
        let text = dbs_classic("123-45678-9", Date::constant(2026, 3, 8), &bookings).unwrap();
        let file = read(text.as_bytes(), &Options::default()).unwrap();
        assert_eq!((file.profile, file.refused.len()), (Some("dbs-classic"), 0));
        assert_eq!(file.statements[0].account.as_deref(), Some("123-45678-9"));
        let entries = &file.statements[0].entries;
        assert_eq!((entries.len(), entries[0].amount), (2, bookings[0].amount));
        assert_eq!(entries[0].texts, ["Incoming PayNow Ref FB123456", "From: A, B", "OTHR ztt1, \"x\""]);
        assert_eq!(entries[0].payer_name.as_deref(), Some("A, B"));
    }
    let mixed = [booking(1, Currency::SGD, "a", "b"), booking(1, Currency::HKD, "a", "b")];
    assert_eq!(dbs_classic("1", Date::constant(2026, 3, 8), &mixed), Err(MoneyError::CurrencyMismatch));
}

proptest! {
    #[test]
    fn any_texts_leave_the_amounts_alone(reference in "\\PC{0,200}", payer in any::<String>(), minor in 0..1_000_000_000_i64) {
        let bookings = [booking(minor, Currency::SGD, &reference, &payer), booking(7, Currency::SGD, "x", "y")];
        for text in [
            camt054(&payer, &reference, Timestamp::from_millis(minor), &bookings),
            dbs_classic("123-45678-9", Date::constant(2026, 3, 8), &bookings).unwrap(),
        ] {
            let file = read(text.as_bytes(), &Options::default()).unwrap();
            let amounts: Vec<i64> = file.statements[0].entries.iter().map(|entry| entry.amount.minor()).collect();
            prop_assert_eq!(amounts, [minor, 7]);
        }
    }
}
