//! The secure mode's hash of a request.

use super::body::Fields;
use super::json::canonical;
use super::orders::read_orders;
use crate::flows::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use xanpay_domain::money::Money;
use xanpay_domain::secure_hash::secure_hash;

/// The hash of a request's body under a merchant's hash key.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn hash_request(body: &[u8], key: &[u8]) -> Result<String, Refusal> {
    let mut fields = Fields::parse(body)?;
    let currency = fields.currency("merchantCurrency");
    let amount = fields.amount("merchantAmount", currency);
    let orders = read_orders(&mut fields, "orders", currency);
    fields.finish_in(&["merchantAmount", "merchantCurrency", "orders"])?;
    let amount = amount.ok_or_else(|| Refusal::field("merchantAmount", "missing_field", "is required"))?;
    hash_amount(key, amount, orders.as_deref())
}

/// The hash of an amount and its orders, which are JSON.
///
/// # Errors
/// A refusal of orders that have no canonical form.
pub fn hash_amount(key: &[u8], amount: Money, orders: Option<&str>) -> Result<String, Refusal> {
    let orders = orders.map(canonical).transpose();
    let orders =
        orders.map_err(|_| Refusal::field("orders", "invalid_field", "cannot be brought into canonical form"))?;
    Ok(STANDARD.encode(secure_hash(key, amount, orders.as_deref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures stand in the documentation for whoever computes a hash without this program.
    #[test]
    fn the_documented_example_has_the_documented_hash() {
        let key: Vec<u8> = (0..32).collect();
        let documentation = include_str!("../../../../docs/api.md");
        let orders = r#"[{"id": "1", "name": "Laptop", "quantity": 1, "amount": 150}]"#;
        for amount in ["150", "150.00", "\"150.0\""] {
            let body = format!(r#"{{"merchantAmount": {amount}, "merchantCurrency": "HKD", "orders": {orders}}}"#);
            let hash = hash_request(body.as_bytes(), &key).unwrap();
            assert!(documentation.contains(&format!("`{hash}`")), "{hash}");
        }
        assert!(documentation.contains(&xanpay_domain::id::to_hex(&key)));
    }
}
