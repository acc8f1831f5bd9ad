//! Deliveries: leased from the outbox, sent outside any transaction, each attempt recorded as a row.

use super::destinations::{Credentials, Destinations};
use super::hosts::{Hosts, MAX_CLAIM, MAX_IN_FLIGHT, MIN_CLAIM, Standing};
use crate::app::App;
use crate::entropy;
use crate::flows::{FlowError, out_of_use};
use crate::outbound::client::{ClientSettings, SendErrorKind, WebhookClient};
use crate::outbound::signature::{
    SignatureError, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, XANPAY_KEY_ID, XANPAY_SIGNATURE,
    XANPAY_TIMESTAMP, sign,
};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use url::{Position, Url};
use xanpay_domain::environment::Environment;
use xanpay_domain::retry::next_attempt;
use xanpay_domain::time::{Span, Timestamp};
use xanpay_store::{Attempt, ClaimedDelivery, StoreError};

/// Longer than any call may take: after that another worker may try.
const LEASE: Span = Span::seconds(60);
/// How often the outbox is looked at when nobody rings.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// An answer that takes longer is slow, and its host gets no more calls for it.
const QUICK_MS: i64 = 1000;
/// When a delivery is looked at again for which this gateway had not the means.
const OWN_TROUBLE: Span = Span::seconds(5);

/// Logs what became of a delivery, with the ids of all that it belongs to. Of its URL only the host is told: the rest may
/// hold what is the merchant's own.
macro_rules! tell {
    ($level:ident, $delivery:expr, $result:expr, $text:literal) => {{
        let (delivery, url) = (&$delivery, Url::parse(&$delivery.recipient.url).ok());
        let (host, (charge, endpoint)) = (url.as_ref().map(host_of), delivery.charge_and_endpoint());
        tracing::$level!(
            delivery = %delivery.id, event = %delivery.event_id, merchant = %delivery.merchant_id,
            environment = delivery.environment.as_str(), charge, endpoint, host, result = $result, $text
        );
    }};
}

struct Deliverer {
    app: Arc<App>,
    sandbox: WebhookClient,
    live: WebhookClient,
    destinations: Destinations,
    hosts: Hosts,
}

/// An attempt, and what it means for those to come.
struct Attempted {
    attempt: Attempt,
    /// How long the receiver asks to wait.
    retry_after: Option<Span>,
    /// What it has shown of the host; nothing when nothing was sent.
    shown: Option<Standing>,
    /// Whether another one would be in vain.
    is_last: bool,
}

/// Delivers until the gateway stops, then lets the calls at hand finish.
pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let client = |environment| WebhookClient::new(app.addresses.of(environment).clone(), &ClientSettings::default());
    let (sandbox, live) = match (client(Environment::Sandbox), client(Environment::Live)) {
        (Ok(sandbox), Ok(live)) => (sandbox, live),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "notices cannot be delivered: no TLS client");
            return;
        }
    };
    let deliverer =
        Arc::new(Deliverer { app, sandbox, live, destinations: Destinations::default(), hosts: Hosts::default() });
    let slots = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    while !*shutdown.borrow() {
        let more = deliverer.claim_and_spawn(&slots).await;
        if !more {
            tokio::select! {
                () = deliverer.app.deliveries_due.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                _ = shutdown.changed() => {}
            }
        }
    }
    // Every call at hand holds a slot; having all of them means that none is left.
    let _ = slots.acquire_many(u32::try_from(MAX_IN_FLIGHT).unwrap_or(u32::MAX)).await;
}

impl Deliverer {
    /// Takes due deliveries on and starts their calls; tells whether more may be due.
    async fn claim_and_spawn(self: &Arc<Self>, slots: &Arc<Semaphore>) -> bool {
        let want = slots.available_permits().clamp(MIN_CLAIM, MAX_CLAIM);
        let Ok(mut permits) = Arc::clone(slots).acquire_many_owned(u32::try_from(want).unwrap_or(1)).await else {
            return false;
        };
        let claimed = match self.claim(want).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "the outbox could not be read; the next round tries again");
                return false;
            }
        };
        let more = claimed.len() == want;
        for delivery in claimed {
            let Some(slot) = permits.split(1) else { break };
            let this = Arc::clone(self);
            tokio::spawn(async move {
                let id = delivery.id;
                if let Err(error) = this.deliver(delivery).await {
                    // The lease runs out and the delivery is tried again.
                    tracing::error!(%error, delivery = %id, "what became of a notice could not be recorded");
                }
                drop(slot);
            });
        }
        more
    }

    async fn claim(&self, limit: usize) -> Result<Vec<ClaimedDelivery>, FlowError> {
        let now = self.app.clock.real_now();
        // A look first: an idle gateway should not write.
        if !self.app.store.reader().has_due_deliveries(now).await? {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(1);
        self.app.store.write(move |tx| async move { Ok(tx.claim_deliveries(now, now.plus(LEASE), limit).await?) }).await
    }

    async fn deliver(&self, delivery: ClaimedDelivery) -> Result<(), FlowError> {
        let url = Url::parse(&delivery.recipient.url).ok();
        let host = url.as_ref().map(host_of).unwrap_or_default();
        let shop = (delivery.merchant_id, delivery.environment);
        let started = self.app.clock.real_now();
        let place = match self.hosts.enter(shop, host, started) {
            Ok(place) => place,
            Err(at_most) => return self.release(delivery, at_most).await,
        };
        let attempted = self.attempt(&delivery, url.as_ref(), started).await;
        let shown = attempted.as_ref().ok().and_then(|attempted| attempted.shown);
        let was_answered = attempted.as_ref().is_ok_and(|attempted| attempted.attempt.result.is_ok());
        let client = self.client(delivery.environment);
        // No merchant can have more lookups under way than calls: the place is free when both have ended.
        let leave = async {
            if let Some(url) = url.as_ref().filter(|_| !was_answered) {
                client.settled(url).await;
            }
            self.hosts.leave(place, shown);
        };
        let record = async {
            match attempted {
                Ok(attempted) => self.record(delivery, attempted).await,
                Err(reason) => {
                    tell!(warn, delivery, reason, "a notice could not be sent yet; it waits");
                    self.release(delivery, OWN_TROUBLE).await
                }
            }
        };
        let (recorded, ()) = tokio::join!(record, leave);
        recorded
    }

    fn client(&self, environment: Environment) -> &WebhookClient {
        match environment {
            Environment::Sandbox => &self.sandbox,
            Environment::Live => &self.live,
        }
    }

    /// Gives a delivery back for which nothing was sent, so that no attempt is counted. It waits between half and the
    /// whole of the longest time, so that what was given back together does not come together.
    async fn release(&self, delivery: ClaimedDelivery, at_most: Span) -> Result<(), FlowError> {
        let wait = shorten(at_most, u16::from_be_bytes(entropy::bytes()));
        let again = self.app.clock.real_now().plus(wait);
        self.app
            .store
            .write_with(delivery, move |tx, delivery| async move { Ok(tx.release_delivery(&delivery, again).await?) })
            .await
    }

    /// One call; whatever goes wrong is the attempt's result. A stored value that is damaged stays so: those attempts
    /// count, and end.
    ///
    /// # Errors
    /// Why nothing was sent, where this gateway was at fault: storage that fails, too much under way.
    async fn attempt(
        &self,
        delivery: &ClaimedDelivery,
        url: Option<&Url>,
        started: Timestamp,
    ) -> Result<Attempted, String> {
        let failed_with = |error: String, shown| {
            let attempt = Attempt { attempted_at: started, result: Err(error), excerpt: String::new(), elapsed_ms: 0 };
            Ok(Attempted { attempt, retry_after: None, shown, is_last: false })
        };
        let failed = |error| failed_with(error, None);
        let credentials = match self.destinations.find(&self.app, delivery).await {
            Ok(Some(credentials)) => credentials,
            Ok(None) => {
                let attempt = out_of_use(started);
                return Ok(Attempted { attempt, retry_after: None, shown: None, is_last: true });
            }
            Err(FlowError::Store(error)) if !matches!(error, StoreError::Corrupt { .. }) => {
                return Err(error.to_string());
            }
            Err(error) => return failed(error.to_string()),
        };
        let Some(url) = url else { return failed("the URL cannot be read".into()) };
        let headers = match headers(&credentials, delivery, started.as_millis() / 1000) {
            Ok(headers) => headers,
            Err(error) => return failed(error.to_string()),
        };
        match self.client(delivery.environment).post(url, headers, Bytes::from(delivery.body.clone())).await {
            Ok(answer) => {
                let retry_after =
                    answer.retry_after.and_then(|wait| i64::try_from(wait.as_millis()).ok()).map(Span::millis);
                let elapsed_ms = i64::try_from(answer.elapsed_ms).unwrap_or(i64::MAX);
                let attempt =
                    Attempt { attempted_at: started, result: Ok(answer.status), excerpt: answer.excerpt, elapsed_ms };
                Ok(Attempted { attempt, retry_after, shown: Some(shown_by_answer(elapsed_ms)), is_last: false })
            }
            Err(error) if error.kind == SendErrorKind::Unsent => Err(error.message),
            Err(error) => failed_with(format!("{}: {}", error.kind.code(), error.message), shown_by_fault(error.kind)),
        }
    }

    async fn record(&self, delivery: ClaimedDelivery, attempted: Attempted) -> Result<(), FlowError> {
        let Attempted { attempt, retry_after, is_last, .. } = attempted;
        let now = self.app.clock.real_now();
        let delivered = matches!(attempt.result, Ok(200..=299));
        let dice = u16::from_be_bytes(entropy::bytes());
        let next = next_attempt(delivery.attempts + 1, delivery.created_at, now, dice, retry_after)
            .filter(|_| !delivered && !is_last);
        if !delivered {
            let result = attempt.result.as_ref().map_or_else(Clone::clone, |status| format!("status {status}"));
            match next {
                Some(_) => tell!(info, delivery, result, "a notice was not taken"),
                None => tell!(warn, delivery, result, "a notice is given up"),
            }
        }
        self.app
            .store
            .write_with((delivery, attempt), move |tx, job| async move {
                let (delivery, attempt) = &*job;
                match next {
                    Some(next) => tx.postpone_delivery(delivery, attempt, next).await?,
                    None => tx.finish_delivery(delivery, attempt, delivered, now).await?,
                }
                Ok(())
            })
            .await
    }
}

/// A wait between half and the whole of the longest one.
fn shorten(at_most: Span, dice: u16) -> Span {
    let half = at_most.as_millis() / 2;
    Span::millis(half + half * i64::from(dice) / i64::from(u16::MAX))
}

/// What an answer shows of its host. A slow receiver, of many calls at once, would hold up those that are quick.
fn shown_by_answer(elapsed_ms: i64) -> Standing {
    if elapsed_ms <= QUICK_MS { Standing::Proven } else { Standing::Unknown }
}

/// What a call without an answer shows of its host: nothing when it was refused here, as one in live is by addresses that
/// sandbox may call.
fn shown_by_fault(kind: SendErrorKind) -> Option<Standing> {
    match kind {
        SendErrorKind::Unsent | SendErrorKind::Blocked | SendErrorKind::Url => None,
        SendErrorKind::Dns
        | SendErrorKind::Connect
        | SendErrorKind::Tls
        | SendErrorKind::Timeout
        | SendErrorKind::Reset
        | SendErrorKind::Answer => Some(Standing::Troubled),
    }
}

/// The host and port of a URL, by which calls are counted.
fn host_of(url: &Url) -> &str {
    &url[Position::BeforeHost..Position::AfterPort]
}

fn headers(
    credentials: &Credentials,
    delivery: &ClaimedDelivery,
    now_seconds: i64,
) -> Result<HeaderMap, SignatureError> {
    let mut headers = HeaderMap::with_capacity(8);
    let mut insert = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let (id, body) = (delivery.event_id.to_text(), delivery.body.as_bytes());
    insert(WEBHOOK_ID, &id);
    insert(WEBHOOK_TIMESTAMP, &now_seconds.to_string());
    insert(WEBHOOK_SIGNATURE, &sign(&[&credentials.secret], &id, now_seconds, body));
    if let Some(signer) = &credentials.signer {
        insert(XANPAY_SIGNATURE, &signer.sign(now_seconds, body)?);
        insert(XANPAY_TIMESTAMP, &now_seconds.to_string());
        insert(XANPAY_KEY_ID, signer.key_id());
    }
    if let Some(authorization) = &credentials.authorization {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_shortened_by_up_to_a_half() {
        let minute = |dice| shorten(Span::minutes(1), dice);
        assert_eq!([0, u16::MAX].map(minute), [Span::seconds(30), Span::minutes(1)]);
        assert!((Span::seconds(44)..Span::seconds(46)).contains(&minute(u16::MAX / 2)));
    }

    #[test]
    fn a_host_is_proven_by_quick_answers_only() {
        assert_eq!([5, 1000, 1001].map(shown_by_answer), [Standing::Proven, Standing::Proven, Standing::Unknown]);
    }

    #[test]
    fn a_call_that_was_refused_here_shows_nothing_of_its_host() {
        for kind in [SendErrorKind::Unsent, SendErrorKind::Blocked, SendErrorKind::Url] {
            assert_eq!(shown_by_fault(kind), None, "{kind:?}");
        }
        for kind in [SendErrorKind::Dns, SendErrorKind::Connect, SendErrorKind::Timeout, SendErrorKind::Reset] {
            assert_eq!(shown_by_fault(kind), Some(Standing::Troubled), "{kind:?}");
        }
    }
}
