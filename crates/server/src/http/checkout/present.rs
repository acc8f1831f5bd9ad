//! From domain objects to display-ready views.

use super::choice::Choice;
use super::details::details;
use super::load::{Checkout, frame};
use super::merchant_text::MerchantText;
use super::pictures::code_of;
use super::text::{ENGLISH, fill};
use super::view::{
    Amount, AppLink, ChoosePage, ClosedPage, Closing, Deadline, FormTarget, Live, MethodChoice, Note, OrderLine,
    PartPaid, PayPage, PhoneField, QrPicture, ReceiptPage, ReturnLink, Summary, TextField,
};
use crate::directory::{Freshness, KnownAccount, account_by_id};
use crate::flows::{self, FlowError, Offer};
use crate::http::router::Web;
use crate::wire::time::iso;
use xanpay_domain::charge::{Charge, ChargeState};
use xanpay_domain::contact::Phone;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::exchange::{LockedRate, quote_at};
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::time::Timestamp;
use xanpay_rails::Reliability;

/// The page on which the customer chooses how to pay.
pub(super) async fn choose_page(web: &Web, checkout: &Checkout) -> Result<ChoosePage, FlowError> {
    let session = &checkout.session;
    let offers = flows::offers(&web.app, &checkout.merchant, &session.methods, session.amount).await?;
    let prefill = session.prefill.as_ref();
    let email = prefill.and_then(|prefill| prefill.email.as_ref()).map(|email| email.as_str().to_owned());
    let phone = prefill.and_then(|prefill| prefill.phone.as_ref());
    Ok(ChoosePage {
        frame: frame(checkout),
        summary: session_summary(checkout),
        methods: offers.iter().map(choice).collect(),
        selected: likely_method(&offers, phone),
        method_fault: None,
        email: TextField { value: email.unwrap_or_default(), fault: None },
        phone: PhoneField {
            code: phone.map(|phone| phone.code().to_owned()).unwrap_or_default(),
            number: phone.map(|phone| phone.number().to_owned()).unwrap_or_default(),
            is_required: checkout.merchant.phone_verification,
            fault: None,
        },
        is_unprovable: checkout.merchant.phone_verification && !flows::can_send_codes(&checkout.merchant),
        notice: None,
        form: form(checkout, "start"),
        initiate_url: form(checkout, "initiate").url,
        cancel: form(checkout, "cancel"),
        live: open_live(checkout),
    })
}

/// The method that stands chosen at first: the only one, or the first of the country that the customer's phone is from.
fn likely_method(offers: &[Offer], phone: Option<&Phone>) -> Option<Method> {
    let code = phone.and_then(|phone| phone.code().strip_prefix('+'));
    let methods: Vec<Method> = offers.iter().map(|offer| offer.method).collect();
    match methods.as_slice() {
        [only] => Some(*only),
        several => several.iter().copied().find(|method| code == Some(method.calling_code())),
    }
}

/// The chooser with a choice that was made before.
pub(super) async fn choose_again(web: &Web, checkout: &Checkout, made: &Choice) -> Result<ChoosePage, FlowError> {
    let mut page = choose_page(web, checkout).await?;
    page.selected = Some(made.method);
    made.email.as_str().clone_into(&mut page.email.value);
    made.phone.code().clone_into(&mut page.phone.code);
    made.phone.number().clone_into(&mut page.phone.number);
    Ok(page)
}

/// What a session asks for before a method is chosen.
pub(super) fn session_summary(checkout: &Checkout) -> Summary {
    Summary { amount: amount(checkout.session.amount, None), price: None, rate: None, orders: orders(checkout) }
}

fn choice(offer: &Offer) -> MethodChoice {
    MethodChoice { method: offer.method, amount: amount(offer.customer_amount, Some(offer.method)) }
}

/// The page with the payment instructions.
pub(super) async fn pay_page(web: &Web, checkout: &Checkout, charge: &Charge) -> Result<PayPage, FlowError> {
    let accounts = web.app.directory.accounts(&web.app.store, charge.environment, Freshness::Remembered).await?;
    let account = account_by_id(&accounts, charge.destination.account_id);
    let to = &charge.destination;
    let part_paid = (!charge.received.is_zero()).then(|| PartPaid {
        received: amount(charge.received, Some(charge.method)),
        missing: amount(charge.outstanding(), Some(charge.method)),
    });
    let code = code_of(charge, account);
    let picture = code.as_ref().and_then(|code| web.pictures.svg(charge, code));
    let app_link = code.as_ref().and_then(|code| AppLink::new(code, app_words(charge.method).to_owned()));
    let has_reference = account.is_none_or(|account| account.rail.kind.nonce_reliability != Reliability::None);
    Ok(PayPage {
        frame: frame(checkout),
        summary: charge_summary(checkout, charge),
        method: charge.method,
        account: (!to.account.is_empty()).then(|| to.account.clone()),
        account_kind: account.map_or("account", |account| account.rail.kind.name),
        reference: has_reference.then(|| to.nonce.clone()),
        reference_decides: account.is_none_or(|account| account.row.policy == Policy::Nonce),
        details: details(charge, account, has_reference),
        qr: picture.map(|svg| {
            let url = format!("/checkout/sessions/{}/qr.svg", checkout.session.id);
            QrPicture::from_own_generator(svg.to_string(), url, format!("{}-{}", charge.method, to.nonce))
        }),
        app_link,
        notes: notes(charge, account),
        part_paid,
        deadline: Deadline {
            iso: iso(charge.expires_at),
            text: clock_text(charge.expires_at, checkout.now),
            remaining_seconds: u64::try_from(charge.expires_at.since(checkout.now).as_millis() / 1000).unwrap_or(0),
        },
        live: live(checkout),
        cancel: form(checkout, "cancel"),
        simulate: (charge.environment == Environment::Sandbox).then(|| form(checkout, "simulate")),
    })
}

/// The words of the button that opens the payer's app.
fn app_words(method: Method) -> &'static str {
    let texts = &ENGLISH.payment_page;
    if method == Method::Toss { texts.open_toss } else { texts.open_upi }
}

/// The page of a paid charge.
pub(super) fn receipt_page(checkout: &Checkout, charge: &Charge) -> ReceiptPage {
    let completed_at = match charge.state {
        ChargeState::Completed { completed_at, .. } => completed_at,
        ChargeState::Pending | ChargeState::Expired { .. } | ChargeState::Cancelled { .. } => charge.updated_at,
    };
    let surplus = charge.received.checked_sub(charge.customer_amount).ok().filter(|surplus| !surplus.is_zero());
    ReceiptPage {
        frame: frame(checkout),
        summary: charge_summary(checkout, charge),
        paid: amount(charge.received, Some(charge.method)),
        surplus: surplus.map(|surplus| amount(surplus, Some(charge.method))),
        method: charge.method,
        reference: Some(charge.destination.nonce.clone()),
        charge_id: charge.id.to_text(),
        completed_iso: iso(completed_at),
        completed_text: day_and_clock(completed_at),
        return_link: return_link(checkout),
    }
}

/// The page of a session that ended without payment.
pub(super) fn closed_page(checkout: &Checkout, closing: Closing) -> ClosedPage {
    let summary = match &checkout.charge {
        Some(charge) => charge_summary(checkout, charge),
        None => session_summary(checkout),
    };
    let received = checkout.charge.as_ref().filter(|charge| !charge.received.is_zero());
    ClosedPage {
        frame: frame(checkout),
        closing,
        summary,
        may_have_paid: checkout.charge.is_some(),
        received: received.map(|charge| amount(charge.received, Some(charge.method))),
        // Money may still come for an expired charge, and then the page becomes a receipt.
        live: checkout.charge.is_some().then(|| live(checkout)),
        return_link: return_link(checkout),
    }
}

fn return_link(checkout: &Checkout) -> Option<ReturnLink> {
    checkout.session.redirect_url.as_deref().and_then(ReturnLink::new)
}

fn live(checkout: &Checkout) -> Live {
    let base = format!("/checkout/sessions/{}", checkout.session.id);
    Live {
        status_url: format!("{base}/status"),
        events_url: Some(format!("{base}/events")),
        page_url: checkout.page_url(),
        version: checkout.version(),
    }
}

/// What the pages before the charge look for: rare changes, such as a payment begun in another tab, for which no
/// connection is kept open.
pub(super) fn open_live(checkout: &Checkout) -> Live {
    Live { events_url: None, ..live(checkout) }
}

/// A form of the page.
pub(super) fn form(checkout: &Checkout, verb: &str) -> FormTarget {
    let sandbox = (checkout.session.environment == Environment::Sandbox).to_string();
    FormTarget {
        url: format!("/checkout/sessions/{}/{verb}", checkout.session.id),
        hidden: vec![("isSandbox", sandbox)],
    }
}

fn charge_summary(checkout: &Checkout, charge: &Charge) -> Summary {
    let differs = charge.merchant_amount != charge.customer_amount;
    Summary {
        amount: amount(charge.customer_amount, Some(charge.method)),
        price: differs.then(|| amount(charge.merchant_amount, None)),
        rate: charge.rate.as_ref().map(|locked| rate_text(charge, locked)),
        orders: orders(checkout),
    }
}

/// The locked rate, and what is asked beyond it: the merchant's markup, and the step of a unique amount.
fn rate_text(charge: &Charge, locked: &LockedRate) -> String {
    let rate = locked.rate.to_string();
    let rate = if rate.contains('.') { rate.trim_end_matches('0').trim_end_matches('.') } else { &rate };
    let text = format!("1 {} = {rate} {}", charge.merchant_amount.currency(), charge.customer_amount.currency());
    let at_rate = quote_at(charge.merchant_amount, charge.method, Some(locked), 0).ok();
    let more = at_rate.and_then(|at_rate| charge.customer_amount.checked_sub(at_rate).ok());
    match more.filter(|more| !more.is_zero()) {
        Some(more) => {
            let more = amount(more, Some(charge.method)).text();
            fill(ENGLISH.common.rate_and_more, &[("rate", &text), ("more", &more)])
        }
        None => text,
    }
}

/// An amount ready to read, with the decimals that are paid on the rail.
pub(super) fn amount(money: Money, method: Option<Method>) -> Amount {
    let decimals = method.map_or(money.currency().exponent(), Method::payable_exponent);
    let plain = money.to_decimal_with(decimals);
    Amount { currency: money.currency().code().into(), figure: group(&plain, money.currency()), plain }
}

/// Groups the digits before the point: in threes, and rupees above a thousand in twos, as lakhs and crores are read.
pub(in crate::http) fn group(plain: &str, currency: Currency) -> String {
    let (whole, fraction) = plain.split_once('.').map_or((plain, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let behind = whole.len() - index;
        let ends_group = match currency {
            Currency::INR => behind == 3 || behind > 3 && behind % 2 == 1,
            _ => behind.is_multiple_of(3),
        };
        if index > 0 && ends_group {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    fraction.map_or(grouped.clone(), |fraction| format!("{grouped}.{fraction}"))
}

fn orders(checkout: &Checkout) -> Vec<OrderLine> {
    #[derive(serde::Deserialize)]
    struct Line<'a> {
        name: Option<String>,
        #[serde(borrow)]
        quantity: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow)]
        amount: Option<&'a serde_json::value::RawValue>,
        currency: Option<String>,
    }
    let Some(orders) = &checkout.session.orders else { return Vec::new() };
    let lines: Vec<Line<'_>> = serde_json::from_str(orders).unwrap_or_default();
    let line = |line: Line<'_>| {
        let currency: Currency =
            line.currency.and_then(|code| code.parse().ok()).unwrap_or(checkout.session.amount.currency());
        let price = line.amount.and_then(|json| Money::parse(json.get().trim_matches('"'), currency).ok());
        OrderLine {
            name: MerchantText::new(line.name.as_deref().unwrap_or("")),
            quantity: line.quantity.map_or("1".into(), |json| json.get().trim_matches('"').to_owned()),
            amount: price.map(|money| amount(money, None)),
        }
    };
    lines.into_iter().map(line).collect()
}

fn notes(charge: &Charge, account: Option<&KnownAccount>) -> Vec<Note> {
    let Some(account) = account else { return Vec::new() };
    let mut notes = Vec::new();
    match account.row.policy {
        Policy::UniqueAmount if !charge.received.is_zero() => {
            notes.push(Note::ExactRest { asked: amount(charge.outstanding(), Some(charge.method)) });
        }
        Policy::UniqueAmount => {
            notes.push(Note::UniqueAmount { asked: amount(charge.customer_amount, Some(charge.method)) });
        }
        Policy::VirtualAccount => notes.push(Note::OwnAccount),
        Policy::Nonce => {
            let reliable = matches!(account.rail.kind.nonce_reliability, Reliability::Carried);
            if !reliable && !charge.destination.qr_code.is_empty() {
                notes.push(Note::TypeReference { reference: charge.destination.nonce.clone() });
            }
        }
    }
    // The sandbox's code is never an issued one.
    if account.row.template_as_issued && charge.environment == Environment::Live {
        notes.push(Note::TypeAmount { asked: amount(charge.outstanding(), Some(charge.method)) });
    }
    notes
}

/// `14:32 UTC`, with the date when it is another day.
fn clock_text(instant: Timestamp, now: Timestamp) -> String {
    let (day, today) = (iso(instant), iso(now));
    if day[..10] == today[..10] { format!("{} UTC", &day[11..16]) } else { day_and_clock(instant) }
}

/// `2026-11-22, 14:32 UTC`.
fn day_and_clock(instant: Timestamp) -> String {
    let text = iso(instant);
    format!("{}, {} UTC", &text[..10], &text[11..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_as_their_country_reads_them() {
        for (currency, plain, grouped) in [
            (Currency::SGD, "35.00", "35.00"),
            (Currency::SGD, "999.50", "999.50"),
            (Currency::SGD, "1234567.50", "1,234,567.50"),
            (Currency::VND, "682500", "682,500"),
            (Currency::INR, "999.00", "999.00"),
            (Currency::INR, "2310.00", "2,310.00"),
            (Currency::INR, "99999.00", "99,999.00"),
            (Currency::INR, "123456.78", "1,23,456.78"),
            (Currency::INR, "12345678.00", "1,23,45,678.00"),
        ] {
            assert_eq!(group(plain, currency), grouped, "{currency} {plain}");
        }
    }
}
