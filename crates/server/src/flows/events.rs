//! Events: what merchants are told, as outbox rows of the transaction that makes it true.

use super::refusal::FlowError;
use crate::entropy;
use crate::wire;
use xanpay_domain::charge::{Charge, ChargeStatus};
use xanpay_domain::id::{DeliveryId, EventId, IdEntropy};
use xanpay_domain::time::Timestamp;
use xanpay_store::{Event, Recipient, Tx};

/// The randomness of one event, drawn before the transaction begins: it may run more than once.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventSeed {
    event: IdEntropy,
    deliveries: [u8; 8],
}

impl EventSeed {
    /// Draws a seed.
    pub(super) fn draw() -> Self {
        Self { event: entropy::bytes(), deliveries: entropy::bytes() }
    }

    /// The id of the `n`-th delivery of the event.
    fn delivery(self, now: Timestamp, n: usize) -> DeliveryId {
        let number = u64::from_be_bytes(self.deliveries).wrapping_add((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        DeliveryId::new(now, number.to_be_bytes())
    }
}

/// Tells the merchant of a charge's new status: its webhook endpoints always, the charge's own `notifyUrl` when the
/// charge has completed.
///
/// `now` is the time of the charge's environment; deliveries are due by `real_now`. `sequence` is the version under
/// which the charge was saved.
pub(super) async fn push_status_event(
    tx: &Tx,
    charge: &Charge,
    sequence: i64,
    seed: EventSeed,
    now: Timestamp,
    real_now: Timestamp,
) -> Result<(), FlowError> {
    let mut recipients: Vec<Recipient> = tx
        .list_webhooks(charge.merchant_id, charge.environment)
        .await?
        .into_iter()
        .map(|webhook| Recipient { webhook_id: Some(webhook.id), url: webhook.url })
        .collect();
    if charge.state.status() == ChargeStatus::Completed {
        recipients.extend(charge.notify_url.clone().map(|url| Recipient { webhook_id: None, url }));
    }
    let event = Event {
        id: EventId::new(real_now, seed.event),
        merchant_id: charge.merchant_id,
        environment: charge.environment,
        charge_id: charge.id,
        sequence,
        body: wire::notice::status_notice(charge, now),
        created_at: real_now,
    };
    let deliveries = recipients.into_iter().enumerate();
    let deliveries: Vec<_> = deliveries.map(|(n, recipient)| (seed.delivery(real_now, n), recipient)).collect();
    Ok(tx.push_event(&event, &deliveries).await?)
}
