//! `GET /docs/rails` and `GET /docs/errors`: tables of what the code knows, made from the code itself. They show nothing
//! of this gateway's data and need no script.

use super::catalogue::{CATALOGUE, Entry};
use super::checkout::present::group;
use super::checkout::text::{ENGLISH, Step, StepPart, StepValues};
use super::checkout::{assets, html};
use super::router::Web;
use crate::config::span_text;
use crate::terms::Terms;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;
use xanpay_domain::matching::Policy;
use xanpay_domain::method::Method;
use xanpay_domain::money::Money;
use xanpay_domain::terms::MethodTerms;
use xanpay_rails::{QrKind, Reliability, rail};

/// What is around the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Rails,
    Errors,
}

impl Frame {
    fn is_rails(self) -> bool {
        self == Self::Rails
    }

    fn style_url(self) -> &'static str {
        assets::url("docs.css")
    }

    fn icon_url(self) -> &'static str {
        assets::url("mark.svg")
    }
}

#[derive(Template)]
#[template(path = "docs/rails.html")]
struct RailsPage {
    frame: Frame,
    rails: Vec<RailView>,
}

/// A rail in words.
struct RailView {
    method: &'static str,
    name: &'static str,
    country: &'static str,
    currency: &'static str,
    step: String,
    qr: &'static str,
    reference: &'static str,
    reference_length: usize,
    alphabet: &'static str,
    upper_case: bool,
    nonce_length: usize,
    limits: String,
    time_to_live: String,
    kinds: Vec<KindView>,
    ways: Vec<WayView>,
    notes: &'static [&'static str],
}

/// What the checkout tells the customer to do, with names in the places of the values.
struct WayView {
    title: String,
    steps: Vec<Step>,
}

/// A form of account in words.
struct KindView {
    name: &'static str,
    format: &'static str,
    example: &'static str,
    reliability: &'static str,
    policy: &'static str,
}

#[derive(Template)]
#[template(path = "docs/errors.html")]
struct ErrorsPage {
    frame: Frame,
    entries: Vec<ErrorView>,
}

/// An error code, its texts cut where code begins and ends.
struct ErrorView {
    code: &'static str,
    status: u16,
    cause: Vec<Piece>,
    cure: Vec<Piece>,
}

/// A piece of text.
struct Piece {
    is_code: bool,
    text: &'static str,
}

/// The table of rails.
pub async fn rails(State(web): State<Arc<Web>>) -> Response {
    html(StatusCode::OK, &rails_page(&web.app.terms))
}

fn rails_page(terms: &Terms) -> RailsPage {
    let rails = Method::ALL.into_iter().map(|method| view(method, terms.of(method)));
    RailsPage { frame: Frame::Rails, rails: rails.collect() }
}

/// The table of error codes.
pub async fn errors() -> Response {
    html(StatusCode::OK, &errors_page())
}

fn errors_page() -> ErrorsPage {
    let entries = CATALOGUE.iter().map(|entry: &Entry| ErrorView {
        code: entry.code,
        status: entry.status,
        cause: pieces(entry.cause),
        cure: pieces(entry.cure),
    });
    ErrorsPage { frame: Frame::Errors, entries: entries.collect() }
}

/// Cuts a text at its backticks: every second piece is code.
fn pieces(text: &'static str) -> Vec<Piece> {
    let cut = text.split('`').enumerate();
    cut.map(|(index, text)| Piece { is_code: index % 2 == 1, text }).filter(|piece| !piece.text.is_empty()).collect()
}

fn view(method: Method, terms: MethodTerms) -> RailView {
    let facts = rail(method);
    let currency = method.currency();
    let step = 10_i64.pow(currency.exponent().saturating_sub(method.payable_exponent()));
    let step = Money::from_minor(step, currency).map(|money| grouped(money, method)).unwrap_or_default();
    RailView {
        method: method.as_str(),
        name: method.display_name(),
        country: ENGLISH.countries.of(method.country()),
        currency: currency.code(),
        step,
        qr: qr(facts.qr),
        reference: facts.reference.name,
        reference_length: facts.reference.max_len,
        alphabet: facts.reference.alphabet.in_words(),
        upper_case: facts.reference.upper_case,
        nonce_length: facts.nonce_length.letters(),
        limits: limits(terms, method),
        time_to_live: span_text(terms.time_to_live),
        kinds: facts
            .account_kinds
            .iter()
            .map(|kind| KindView {
                name: kind.name,
                format: kind.format,
                example: kind.example,
                reliability: reliability(kind.nonce_reliability),
                policy: policy(kind.default_policy),
            })
            .collect(),
        ways: ways(method),
        notes: facts.notes,
    }
}

/// The checkout's instructions of a method: with the code, and with the details typed in.
fn ways(method: Method) -> Vec<WayView> {
    let values = StepValues { amount: "amount", account: Some("account"), reference: Some("nonce") };
    let words = ENGLISH.methods.of(method);
    let scan = ("The customer scans".to_owned(), words.scan_steps(values, None));
    let by_hand = ("The customer types".to_owned(), words.by_hand_steps("", values));
    let of_kinds = words.by_hand_first.iter().map(|(kind, _)| {
        let title = format!("The customer types, for an account of the kind {kind}");
        (title, words.by_hand_steps(kind, values))
    });
    let ways = [scan, by_hand].into_iter().chain(of_kinds).filter(|(_, steps)| !steps.is_empty());
    ways.map(|(title, steps)| WayView { title, steps }).collect()
}

/// An amount with its thousands apart and the decimals that the rail pays.
fn grouped(money: Money, method: Method) -> String {
    group(&money.to_decimal_with(method.payable_exponent()), money.currency())
}

/// How much one transfer may carry.
fn limits(terms: MethodTerms, method: Method) -> String {
    let [least, most] = [terms.min_amount, terms.max_amount].map(|limit| limit.map(|money| grouped(money, method)));
    match (least, most) {
        (None, None) => "the bank says".to_owned(),
        (None, Some(most)) => format!("up to {most}"),
        (Some(least), None) => format!("from {least}"),
        (Some(least), Some(most)) => format!("{least} to {most}"),
    }
}

fn qr(kind: QrKind) -> &'static str {
    match kind {
        QrKind::Emv => "a code of its own",
        QrKind::Template => "the code that the bank issued, with the amount",
        QrKind::Link => "a link, also as a code",
        QrKind::None => "nothing: the fields are copied",
    }
}

fn reliability(reliability: Reliability) -> &'static str {
    match reliability {
        Reliability::Carried => "carried by the code",
        Reliability::Typed => "typed by the payer",
        Reliability::Uncertain => "dropped or cut by some banks",
        Reliability::None => "lost on the way",
    }
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Nonce => "by nonce",
        Policy::UniqueAmount => "by amount",
        Policy::VirtualAccount => "by account",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_domain::time::Span;

    /// A text as templates write it.
    fn escaped(text: &str) -> String {
        text.replace('&', "&#38;")
            .replace('<', "&#60;")
            .replace('>', "&#62;")
            .replace('"', "&#34;")
            .replace('\'', "&#39;")
    }

    #[test]
    fn every_rail_kind_step_and_note_is_on_the_page() {
        let page = rails_page(&Terms::default()).render().unwrap();
        let without_values = page.replace("<var>", "{").replace("</var>", "}").replace("{nonce}", "{reference}");
        for method in Method::ALL {
            assert!(page.contains(&format!("<section id=\"{method}\"")), "{method}");
            let facts = rail(method);
            let texts = facts.account_kinds.iter().flat_map(|kind| [kind.format, kind.example]);
            let texts = texts.chain(facts.notes.iter().copied());
            for text in texts.chain([facts.reference.name]) {
                assert!(page.contains(&escaped(text)), "{text}");
            }
            let words = ENGLISH.methods.of(method);
            let first = words.by_hand_first.iter().map(|(_, step)| *step);
            for step in words.scan.iter().chain(words.by_hand).copied().chain(first) {
                assert!(without_values.contains(&escaped(step)), "{step}");
            }
        }
        assert!(!page.contains("<script"));
    }

    #[test]
    fn every_error_code_has_a_row_that_can_be_linked_to() {
        let page = errors_page().render().unwrap();
        for entry in CATALOGUE {
            assert!(page.contains(&format!("<tr id=\"{}\"", entry.code)), "{}", entry.code);
        }
        assert!(page.contains("<code>xanpay account add</code>") && !page.contains('`'));
    }

    #[test]
    fn limits_and_times_are_the_ones_in_force() {
        let money = |minor| Money::from_minor(minor, Method::Paynow.currency()).ok();
        let shown = |min_amount, max_amount| {
            let mut terms = Terms::default();
            let time_to_live = Span::minutes(95);
            terms.set(Method::Paynow, MethodTerms { time_to_live, min_amount, max_amount });
            let rail = rails_page(&terms).rails.into_iter().find(|rail| rail.method == "paynow").unwrap();
            (rail.limits, rail.time_to_live)
        };
        for (least, most, expected) in [
            (None, None, "the bank says"),
            (None, money(20_000_000), "up to 200,000.00"),
            (money(50), None, "from 0.50"),
            (money(50), money(100_000), "0.50 to 1,000.00"),
        ] {
            assert_eq!(shown(least, most), (expected.to_owned(), "95m".to_owned()));
        }
    }

    #[test]
    fn amounts_show_their_thousands_and_only_payable_decimals() {
        let text = |minor, method: Method| grouped(Money::from_minor(minor, method.currency()).unwrap(), method);
        assert_eq!(text(20_000_000, Method::Paynow), "200,000.00");
        assert_eq!(text(1_000_000_000, Method::GojekId), "10,000,000");
        assert_eq!(text(1, Method::Toss), "1");
    }
}
