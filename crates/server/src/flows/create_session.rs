//! A merchant creates a session.

use super::idempotent::Idempotency;
use super::quote::{is_out_of_range, offer};
use super::refusal::{Fault, FlowError, Refusal};
use crate::app::App;
use crate::entropy;
use xanpay_domain::id::SessionId;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::session::{Prefill, Session, SessionState};
use xanpay_store::Merchant;

/// What a merchant asks for, read and checked for form.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// What the merchant wants to receive.
    pub amount: Money,
    /// Order lines as JSON text.
    pub orders: Option<String>,
    /// Methods to offer, each with its place in the request; the merchant's own list when absent.
    pub methods: Option<Vec<(usize, Method)>>,
    /// Where to call when the charge completes.
    pub notify_url: Option<String>,
    /// The merchant's own text.
    pub notify_payload: Option<String>,
    /// Where the checkout's last button leads.
    pub redirect_url: Option<String>,
    /// Customer details that fill the checkout's fields.
    pub prefill: Option<Prefill>,
}

/// Creates a session and returns its rendered answer.
///
/// # Errors
/// A refusal when a method is not enabled or cannot be paid in this amount.
pub async fn create_session(
    app: &App,
    merchant: &Merchant,
    new: NewSession,
    idempotency: Option<Idempotency>,
    render: fn(&Session) -> String,
) -> Result<String, FlowError> {
    let now = app.clock.now(merchant.environment);
    let real_now = app.clock.real_now();
    let methods = choose_methods(app, merchant, &new).await?;
    let session = Session {
        id: SessionId::new(now, entropy::bytes()),
        merchant_id: merchant.id,
        environment: merchant.environment,
        amount: new.amount,
        orders: new.orders,
        methods,
        notify_url: new.notify_url,
        notify_payload: new.notify_payload,
        redirect_url: new.redirect_url,
        prefill: new.prefill,
        created_at: now,
        updated_at: now,
        state: SessionState::new(now),
    };
    let answer = render(&session);
    app.store
        .write_with((session, answer.clone(), idempotency), move |tx, job| async move {
            let (session, answer, idempotency) = &*job;
            if let Some(idempotency) = idempotency {
                idempotency.reserve(&tx, real_now).await?;
                idempotency.answer(&tx, answer).await?;
            }
            tx.insert_session(session).await?;
            Ok::<_, FlowError>(())
        })
        .await?;
    Ok(answer)
}

/// The faults of the methods that were asked for: each must be enabled and payable in this amount. Reading a request that
/// is wrong in other ways asks for them too, so that all faults are told at once; then the amount may be unreadable.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn unusable_methods(
    app: &App,
    merchant: &Merchant,
    wanted: &[(usize, Method)],
    amount: Option<Money>,
) -> Result<Vec<Fault>, FlowError> {
    let mut faults = Vec::new();
    for (place, method) in wanted {
        let field = format!("methods[{place}]");
        if !merchant.methods.contains(method) {
            faults.push(Fault { field, code: "method_not_enabled", message: format!("{method} is not enabled") });
        } else if let Some(amount) = amount
            && let Err(refused) = offer(app, merchant, *method, amount).await?
        {
            faults.extend(refused.into_faults(*method, &field));
        }
    }
    Ok(faults)
}

/// The merchant's enabled methods, or those that were asked for.
async fn choose_methods(app: &App, merchant: &Merchant, new: &NewSession) -> Result<Vec<Method>, FlowError> {
    let Some(wanted) = &new.methods else {
        if merchant.methods.is_empty() {
            return Err(Refusal::field("methods", "method_unavailable", "cannot be left out: none is enabled").into());
        }
        if is_out_of_range(app, merchant, &merchant.methods, new.amount).await? {
            let message = "is outside what the merchant's methods take in one transfer";
            return Err(Refusal::field("amount", "amount_out_of_range", message).into());
        }
        return Ok(merchant.methods.clone());
    };
    let faults = unusable_methods(app, merchant, wanted, Some(new.amount)).await?;
    if !faults.is_empty() {
        return Err(Refusal::invalid(faults).into());
    }
    Ok(wanted.iter().map(|(_, method)| *method).collect())
}
