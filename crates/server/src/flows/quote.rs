//! What a customer would pay by each method.

use super::refusal::{Fault, FlowError, Kind, Refusal};
use crate::app::App;
use crate::directory::{Freshness, KnownAccount, usable_accounts};
use xanpay_domain::exchange::{LockedRate, QuoteRefusal, quote};
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::terms::{MethodTerms, OutsideLimits};
use xanpay_rails::can_ask;
use xanpay_store::Merchant;

/// A method by which an amount can be paid now.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The method.
    pub method: Method,
    /// What the customer would pay.
    pub customer_amount: Money,
    /// The rate, when currencies differ.
    pub rate: Option<LockedRate>,
    /// The accounts that can take it, the best first. Never empty.
    pub accounts: Vec<KnownAccount>,
    /// The method's limits and times.
    pub terms: MethodTerms,
}

/// Why an amount cannot be paid by a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoOffer {
    NoAccount,
    Rate(QuoteRefusal),
    Limits(OutsideLimits),
}

impl NoOffer {
    /// What is wrong with a list of methods that has this one in `field`. A session asks nothing of its methods but to be
    /// payable, so a rate that is missing for the moment is a fault of the request, too.
    pub(super) fn into_faults(self, method: Method, field: &str) -> Vec<Fault> {
        let refusal = self.into_refusal(method, field, field);
        if !refusal.faults.is_empty() {
            return refusal.faults;
        }
        let message = format!("{method} cannot be paid: {}", refusal.detail);
        vec![Fault { field: field.to_owned(), code: "method_unavailable", message }]
    }

    /// The refusal of a request that has this method in one field and its amount in another.
    pub(super) fn into_refusal(self, method: Method, method_field: &str, amount_field: &str) -> Refusal {
        let shown = |limit: Money| {
            let figure = limit.to_decimal_with(method.payable_exponent());
            format!("{figure} {} in one transfer", limit.currency())
        };
        let out_of_range = |message| Refusal::field(amount_field, "amount_out_of_range", message);
        match self {
            Self::NoAccount => {
                Refusal::field(method_field, "method_unavailable", format!("{method} has no receiving account"))
            }
            Self::Rate(refusal @ (QuoteRefusal::NoRate { .. } | QuoteRefusal::Stale { .. })) => {
                Refusal::new(Kind::Unavailable, "rate_unavailable", refusal.to_string())
            }
            Self::Rate(QuoteRefusal::OutOfRange) => out_of_range(format!("{method} cannot be paid in this amount")),
            Self::Limits(OutsideLimits::Below(least)) => {
                out_of_range(format!("{method} takes at least {}", shown(least)))
            }
            Self::Limits(OutsideLimits::Above(most)) => out_of_range(format!("{method} takes at most {}", shown(most))),
        }
    }
}

/// What a method would cost, or why it cannot be offered. Looks twice when the remembered answer is no.
pub(super) async fn offer(
    app: &App,
    merchant: &Merchant,
    method: Method,
    amount: Money,
) -> Result<Result<Offer, NoOffer>, FlowError> {
    match offer_from(app, merchant, method, amount).await? {
        Err(NoOffer::NoAccount | NoOffer::Rate(_)) => {
            look_again(app, merchant).await?;
            offer_from(app, merchant, method, amount).await
        }
        decided => Ok(decided),
    }
}

/// Remembers accounts and rates as they are now.
async fn look_again(app: &App, merchant: &Merchant) -> Result<(), FlowError> {
    app.directory.accounts(&app.store, merchant.environment, Freshness::Fresh).await?;
    app.directory.rates(&app.store, Freshness::Fresh).await?;
    Ok(())
}

async fn offer_from(
    app: &App,
    merchant: &Merchant,
    method: Method,
    amount: Money,
) -> Result<Result<Offer, NoOffer>, FlowError> {
    let known = app.directory.accounts(&app.store, merchant.environment, Freshness::Remembered).await?;
    let accounts: Vec<_> = usable_accounts(&known, merchant.id, method).into_iter().cloned().collect();
    if accounts.is_empty() {
        return Ok(Err(NoOffer::NoAccount));
    }
    let rates = app.directory.rates(&app.store, Freshness::Remembered).await?;
    // Rates age in real time, whatever the sandbox's clock says.
    let quoted = quote(amount, method, &rates, merchant.markup_bp, app.terms.rate_ages, app.clock.real_now());
    let (customer_amount, rate) = match quoted {
        Ok(quoted) => quoted,
        Err(refusal) => return Ok(Err(NoOffer::Rate(refusal))),
    };
    if !can_ask(method, customer_amount) {
        return Ok(Err(NoOffer::Rate(QuoteRefusal::OutOfRange)));
    }
    let terms = app.terms.of(method);
    match terms.check(customer_amount) {
        Ok(()) => Ok(Ok(Offer { method, customer_amount, rate, accounts, terms })),
        Err(outside) => Ok(Err(NoOffer::Limits(outside))),
    }
}

/// Whether an amount is outside what each of `methods` takes, whatever accounts and rates there will be.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub(super) async fn is_out_of_range(
    app: &App,
    merchant: &Merchant,
    methods: &[Method],
    amount: Money,
) -> Result<bool, FlowError> {
    for method in methods {
        match offer_from(app, merchant, *method, amount).await? {
            Err(NoOffer::Limits(_) | NoOffer::Rate(QuoteRefusal::OutOfRange)) => {}
            Ok(_) | Err(NoOffer::NoAccount | NoOffer::Rate(_)) => return Ok(false),
        }
    }
    Ok(true)
}

/// Every one of `methods` that the merchant has switched on and by which an amount can be paid now, in their order.
///
/// # Errors
/// [`FlowError`] when storage fails.
pub async fn offers(
    app: &App,
    merchant: &Merchant,
    methods: &[Method],
    amount: Money,
) -> Result<Vec<Offer>, FlowError> {
    let mut found = Vec::new();
    let mut is_fresh = false;
    for method in methods.iter().filter(|method| merchant.methods.contains(method)) {
        let mut offered = offer_from(app, merchant, *method, amount).await?;
        // One more look is enough for all of them.
        if matches!(offered, Err(NoOffer::NoAccount | NoOffer::Rate(_))) && !std::mem::replace(&mut is_fresh, true) {
            look_again(app, merchant).await?;
            offered = offer_from(app, merchant, *method, amount).await?;
        }
        found.extend(offered.ok());
    }
    Ok(found)
}
