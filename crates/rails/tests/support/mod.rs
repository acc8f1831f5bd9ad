//! Accounts of every rail and kind, and a QR reader that is not ours.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "not every test file uses all of it; a test that cannot go on must fail; the table of forms is long"
)]

use proptest::prelude::*;
use xanpay_domain::method::Method;
use xanpay_rails::{AccountInput, ReceivingAccount, parse_account, rail};

/// What an operator might type, owned.
#[derive(Debug, Clone)]
pub struct Typed {
    pub method: Method,
    pub account: String,
    pub name: Option<String>,
    pub bank: Option<String>,
    pub template: Option<String>,
}

impl Typed {
    pub fn input(&self) -> AccountInput<'_> {
        AccountInput {
            account: &self.account,
            name: self.name.as_deref(),
            bank: self.bank.as_deref(),
            template: self.template.as_deref(),
            template_as_issued: false,
        }
    }
}

/// The example of every account kind of every rail.
pub fn examples() -> Vec<(Method, &'static str, ReceivingAccount)> {
    let mut examples = Vec::new();
    for method in Method::ALL {
        for kind in rail(method).account_kinds {
            let input = AccountInput {
                account: kind.example,
                name: Some("Acme Store"),
                bank: kind.example_bank,
                template: kind.example_template,
                template_as_issued: false,
            };
            let (account, _) =
                parse_account(method, &input).unwrap_or_else(|fault| panic!("{method} {}: {fault}", kind.name));
            assert_eq!(account.kind, *kind, "{method}");
            examples.push((method, kind.name, account));
        }
    }
    examples
}

/// An issued code of a rail that needs one.
pub fn issued_code(method: Method) -> &'static str {
    rail(method).account_kinds.iter().find_map(|kind| kind.example_template).unwrap()
}

/// Accounts of a rail, most of them acceptable, with any name.
pub fn typed() -> impl Strategy<Value = Typed> {
    let kind = prop_oneof![
        (
            Just(Method::Paynow),
            prop_oneof![
                "\\+65[3689][0-9]{7}",
                "\\+[1-9][0-9]{6,14}",
                "[0-9]{8}[A-Z]",
                "[0-9]{9}[A-Z]([A-Z0-9]{3})?",
                "[TSR][0-9]{2}[A-Z]{2}[0-9]{4}[A-Z]"
            ],
            Just(None),
            Just(None)
        ),
        (
            Just(Method::Fps),
            prop_oneof![
                "[0-9]{7}",
                "[0-9]{9}",
                "\\+852-[4-9][0-9]{7}",
                "\\+852 [4-9][0-9]{7}",
                "[a-z!'+._-]{1,40}@[a-z]{2,20}\\.(hk|com)"
            ],
            proptest::option::of("[0-9]{3}".prop_map(Some)).prop_map(Option::flatten),
            Just(None)
        ),
        (
            Just(Method::ViettelPay),
            prop_oneof!["[0-9A-Za-z]{1,19}".boxed(), "[0-9]{6,19}".boxed()],
            proptest::option::of("97[0-9]{4}"),
            Just(None)
        ),
        (
            Just(Method::DuitNow),
            "[A-Za-z0-9 ]{1,30}".boxed(),
            Just(None),
            Just(Some(issued_code(Method::DuitNow).to_owned()))
        ),
        (
            Just(Method::GojekId),
            "[A-Za-z0-9 ]{1,30}".boxed(),
            Just(None),
            Just(Some(issued_code(Method::GojekId).to_owned()))
        ),
        (
            Just(Method::Instapay),
            prop_oneof!["[0-9]{6,19}", "09[0-9]{9}", "\\+639[0-9]{9}"],
            "[A-Z]{4}PH[A-Z1-9]{2}([A-Z]{3})?".prop_map(Some),
            Just(None)
        ),
        (
            Just(Method::Instapay),
            "[A-Za-z0-9]{1,30}".boxed(),
            Just(None),
            Just(Some(issued_code(Method::Instapay).to_owned()))
        ),
        (
            Just(Method::PromptPay),
            prop_oneof!["0[0-9]{9}", "\\+66[0-9]{9}", "[0-9]{13}", "[0-9]{15}", "wallet:[0-9]{15}"],
            Just(None),
            Just(None)
        ),
        (
            Just(Method::InBankTransfer),
            prop_oneof!["[A-Za-z0-9._-]{2,40}@[a-z][a-z0-9]{1,15}", "[0-9]{9,18}"],
            "[A-Z]{4}0[A-Z0-9]{6}".prop_map(Some),
            Just(None)
        ),
        (Just(Method::Toss), "[0-9]{10,14}".boxed(), "\\PC{1,40}".prop_map(Some), Just(None)),
    ];
    (kind, proptest::option::of("\\PC{0,60}")).prop_map(|((method, account, bank, template), name)| Typed {
        method,
        account,
        name,
        bank,
        template,
    })
}

/// A picture of eight grey values per module, read by rqrr.
pub fn read_qr(size: u32, dark: impl Fn(u32, u32) -> bool) -> String {
    const SCALE: u32 = 4;
    const QUIET: u32 = 4;
    let side = ((size + 2 * QUIET) * SCALE) as usize;
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
        let (x, y) = (x as u32 / SCALE, y as u32 / SCALE);
        let inside = (QUIET..size + QUIET).contains(&x) && (QUIET..size + QUIET).contains(&y);
        if inside && dark(x - QUIET, y - QUIET) { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "one code is in the picture");
    grids[0].decode().unwrap().1
}
