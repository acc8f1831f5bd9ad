//! The secure mode's hash: HMAC-SHA256 over what nobody may change on the way.
//!
//! The recipe is public, so that a merchant can compute it offline: the key is the merchant's hash key, the message is
//! the canonical JSON (RFC 8785) of an object with `merchantAmount` (plain decimal text in its shortest form),
//! `merchantCurrency` and, if there are any, `orders`.

use crate::money::Money;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The hash of an amount and its orders, which are canonical JSON text already.
#[must_use]
pub fn secure_hash(key: &[u8], amount: Money, canonical_orders: Option<&str>) -> [u8; 32] {
    let text = message(amount, canonical_orders);
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else {
        // HMAC takes keys of every length.
        return [0; 32];
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// The text that is hashed. RFC 8785 sorts members by name: amount, currency, orders.
#[must_use]
pub fn message(amount: Money, canonical_orders: Option<&str>) -> alloc::string::String {
    let (figure, currency) = (amount.to_shortest(), amount.currency());
    match canonical_orders {
        Some(orders) => {
            alloc::format!(r#"{{"merchantAmount":"{figure}","merchantCurrency":"{currency}","orders":{orders}}}"#)
        }
        None => alloc::format!(r#"{{"merchantAmount":"{figure}","merchantCurrency":"{currency}"}}"#),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;

    #[test]
    fn the_message_is_canonical_whatever_the_amounts_spelling() {
        for text in ["150", "150.0", "150.00"] {
            let amount = Money::parse(text, Currency::HKD).unwrap();
            assert_eq!(
                message(amount, Some(r#"[{"amount":150}]"#)),
                r#"{"merchantAmount":"150","merchantCurrency":"HKD","orders":[{"amount":150}]}"#
            );
        }
    }

    #[test]
    fn every_part_changes_the_hash() {
        let amount = Money::parse("150", Currency::HKD).unwrap();
        let base = secure_hash(b"key", amount, None);
        assert_ne!(base, secure_hash(b"other", amount, None));
        assert_ne!(base, secure_hash(b"key", Money::parse("151", Currency::HKD).unwrap(), None));
        assert_ne!(base, secure_hash(b"key", amount, Some("[]")));
    }
}
