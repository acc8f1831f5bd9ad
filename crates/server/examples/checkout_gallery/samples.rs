//! Sample values for every state.

use xanpay_domain::method::Method;
use xanpay_server::http::checkout::merchant_text::MerchantText;
use xanpay_server::http::checkout::text::ENGLISH;
use xanpay_server::http::checkout::view::{
    Amount, AppLink, ChooseNotice, ChoosePage, ClosedPage, Closing, CodeFault, Deadline, Detail, DetailLabel,
    FieldFault, FormTarget, Frame, Inbox, Live, MessageKind, MessagePage, MethodChoice, MethodFault, Note, OrderLine,
    PartPaid, PayPage, PhoneField, QrPicture, ReceiptPage, ReturnLink, Standing, Summary, TextField, VerifyPage,
};

const PAYNOW_SVG: &str = include_str!("paynow.svg");

fn amount(currency: &str, figure: &str) -> Amount {
    Amount { currency: currency.into(), figure: figure.into(), plain: figure.replace(',', "") }
}

fn frame(merchant: &str, is_sandbox: bool) -> Frame {
    Frame { strings: &ENGLISH, merchant: Some(MerchantText::new(merchant)), is_sandbox }
}

fn order(name: &str, quantity: &str, currency: &str, figure: &str) -> OrderLine {
    OrderLine { name: MerchantText::new(name), quantity: quantity.into(), amount: Some(amount(currency, figure)) }
}

fn summary() -> Summary {
    Summary {
        amount: amount("SGD", "35.00"),
        price: None,
        rate: None,
        orders: vec![
            order("Kopi beans, dark roast, 250 g", "2", "SGD", "28.00"),
            order("Ceramic dripper", "1", "SGD", "7.00"),
        ],
    }
}

fn form(action: &str) -> FormTarget {
    FormTarget {
        url: format!("/checkout/sessions/62b586f2313ba00012c75e7d/{action}"),
        hidden: vec![("isSandbox", "true".into())],
    }
}

fn live() -> Live {
    let base = "/checkout/sessions/62b586f2313ba00012c75e7d";
    Live {
        status_url: format!("{base}/status"),
        events_url: Some(format!("{base}/events")),
        page_url: "/?sessionId=62b586f2313ba00012c75e7d&isSandbox=true".into(),
        version: "1".into(),
    }
}

fn choice(method: Method, figure: &str) -> MethodChoice {
    MethodChoice { method, amount: amount(method.currency().code(), figure) }
}

fn choose() -> ChoosePage {
    ChoosePage {
        frame: frame("Kopi & Kettle", true),
        summary: summary(),
        methods: vec![
            choice(Method::Paynow, "35.00"),
            choice(Method::DuitNow, "115.82"),
            choice(Method::Fps, "203.45"),
            choice(Method::HkBankTransfer, "203.45"),
        ],
        selected: None,
        method_fault: None,
        email: TextField { value: "customer@gmail.com".into(), fault: None },
        phone: PhoneField { code: "+65".into(), number: "12345678901".into(), is_required: false, fault: None },
        is_unprovable: false,
        notice: None,
        form: form("start"),
        initiate_url: "/checkout/sessions/62b586f2313ba00012c75e7d/initiate".into(),
        cancel: form("cancel"),
        live: Live { events_url: None, ..live() },
    }
}

fn all_methods() -> Vec<MethodChoice> {
    Method::ALL.into_iter().map(|method| choice(method, "1,234.50")).collect()
}

/// The chooser: plain, one method, everything wrong, nothing payable, no phone provable, hostile text, every country.
pub fn choose_pages() -> Vec<(&'static str, ChoosePage)> {
    let plain = choose();
    let single = ChoosePage {
        frame: frame("Kopi & Kettle", false),
        methods: vec![choice(Method::Paynow, "35.00")],
        phone: PhoneField::default(),
        email: TextField::default(),
        ..choose()
    };
    let faults = ChoosePage {
        selected: Some(Method::Fps),
        method_fault: Some(MethodFault::NotOffered),
        email: TextField { value: "customer@".into(), fault: Some(FieldFault::Malformed) },
        phone: PhoneField {
            code: "65".into(),
            number: String::new(),
            is_required: true,
            fault: Some(FieldFault::Missing),
        },
        notice: Some(ChooseNotice::FormStale),
        ..choose()
    };
    let nothing = ChoosePage { methods: Vec::new(), ..choose() };
    let unprovable = ChoosePage { is_unprovable: true, frame: frame("Kopi & Kettle", false), ..choose() };
    let every = ChoosePage {
        methods: all_methods(),
        selected: Some(Method::IdBankTransfer),
        summary: Summary { amount: amount("IDR", "120,234,500"), ..summary() },
        ..choose()
    };
    let hostile = ChoosePage {
        frame: frame("\u{202E}</script><img src=x onerror=alert(1)> & “Söhne”", true),
        summary: Summary {
            amount: amount("HKD", "1,234,567.89"),
            price: None,
            rate: None,
            orders: vec![
                order("{{constructor.constructor('alert(1)')()}}${7*7}<%= 7*7 %>", "1", "HKD", "35.00"),
                order("</script><img src=x onerror=alert(1)>", "1", "HKD", "35.00"),
                order("Café ☕ 茶 🇸🇬 \u{202E}abc", "3", "HKD", "35.00"),
                order(&"Zeichenkettenungeheuer".repeat(12), "1000000", "HKD", "1,234,567.89"),
                order("עוגת גבינה (2)", "2", "HKD", "88.00"),
                order(&format!("Za{}lgo", "\u{0300}\u{0316}".repeat(80)), "1", "HKD", "1.00"),
            ],
        },
        ..choose()
    };
    vec![
        ("choose", plain),
        ("choose-single", single),
        ("choose-faults", faults),
        ("choose-nothing", nothing),
        ("choose-unprovable", unprovable),
        ("choose-every", every),
        ("choose-hostile", hostile),
    ]
}

/// The question for the code: just sent, in sandbox with its message, entered wrongly, and without a code to enter.
pub fn verify_pages() -> Vec<(&'static str, VerifyPage)> {
    let fields = |action| {
        let mut target = form(action);
        target.hidden.push(("choice", "AVh0c2VhbGVk".into()));
        target
    };
    let sent = VerifyPage {
        frame: frame("Kopi & Kettle", false),
        summary: summary(),
        phone: "+65\u{a0}12345678901".into(),
        standing: Standing::Awaited,
        fault: None,
        wait_seconds: 42,
        inbox: None,
        form: fields("verify"),
        again: fields("code"),
        change_url: format!("{}&choice=AVh0c2VhbGVk&change=true", live().page_url),
        cancel: form("cancel"),
        live: Live { events_url: None, ..live() },
    };
    let message = "042137 is your code for Kopi & Kettle. It is valid for 5 minutes.";
    let sandbox =
        VerifyPage { frame: frame("Kopi & Kettle", true), inbox: Some(Inbox::Message(message.into())), ..sent.clone() };
    let wrong = VerifyPage { fault: Some(CodeFault::Wrong { left: 3 }), wait_seconds: 0, ..sandbox.clone() };
    let elsewhere = VerifyPage { fault: Some(CodeFault::Malformed), inbox: Some(Inbox::Elsewhere), ..sandbox.clone() };
    let expired = VerifyPage { standing: Standing::Expired, wait_seconds: 0, ..sent.clone() };
    let spent = VerifyPage { standing: Standing::Spent, wait_seconds: 2581, ..sent.clone() };
    vec![
        ("verify", sent),
        ("verify-sandbox", sandbox),
        ("verify-wrong", wrong),
        ("verify-elsewhere", elsewhere),
        ("verify-expired", expired),
        ("verify-spent", spent),
    ]
}

fn detail(label: DetailLabel, value: &str, copied: &str) -> Detail {
    Detail { label, value: value.into(), copied: copied.into() }
}

fn pay() -> PayPage {
    PayPage {
        frame: frame("Kopi & Kettle", true),
        summary: summary(),
        method: Method::Paynow,
        account: Some("+65 8586 7834".into()),
        account_kind: "mobile",
        reference: Some("ztt1".into()),
        reference_decides: true,
        details: vec![
            detail(DetailLabel::Amount, "SGD 35.00", "35.00"),
            detail(DetailLabel::Reference, "ztt1", "ztt1"),
            detail(DetailLabel::MobileNumber, "+65 8586 7834", "+6585867834"),
            detail(DetailLabel::AccountName, "Kopi & Kettle Pte. Ltd.", "Kopi & Kettle Pte. Ltd."),
        ],
        qr: Some(QrPicture::from_own_generator(
            PAYNOW_SVG.into(),
            "/checkout/sessions/62b586f2313ba00012c75e7d/qr.svg".into(),
            "paynow-ztt1".into(),
        )),
        app_link: None,
        notes: Vec::new(),
        part_paid: None,
        deadline: Deadline { iso: "2026-11-21T14:32:00Z".into(), text: "14:32 UTC".into(), remaining_seconds: 3547 },
        live: live(),
        cancel: form("cancel"),
        simulate: Some(form("simulate")),
    }
}

/// The instructions: with QR, part paid, without QR, with an app link, with a unique amount.
pub fn pay_pages() -> Vec<(&'static str, PayPage)> {
    let foreign = PayPage {
        frame: frame("Kopi & Kettle", false),
        summary: Summary {
            amount: amount("SGD", "26.24"),
            price: Some(amount("HKD", "150.00")),
            rate: Some("1 HKD = 0.174933 SGD".into()),
            ..summary()
        },
        details: vec![
            detail(DetailLabel::Amount, "SGD 26.24", "26.24"),
            detail(DetailLabel::Reference, "ztt1", "ztt1"),
            detail(DetailLabel::MobileNumber, "+65 8586 7834", "+6585867834"),
        ],
        notes: vec![Note::TypeReference { reference: "ztt1".into() }],
        simulate: None,
        ..pay()
    };
    let part = PayPage {
        part_paid: Some(PartPaid { received: amount("SGD", "20.00"), missing: amount("SGD", "15.00") }),
        details: vec![
            detail(DetailLabel::Amount, "SGD 15.00", "15.00"),
            detail(DetailLabel::Reference, "ztt1", "ztt1"),
            detail(DetailLabel::MobileNumber, "+65 8586 7834", "+6585867834"),
        ],
        deadline: Deadline { remaining_seconds: 250, ..pay().deadline },
        ..pay()
    };
    vec![
        ("pay", pay()),
        ("pay-foreign", foreign),
        ("pay-part", part),
        ("pay-issued", issued()),
        ("pay-bank", bank()),
        ("pay-toss", toss()),
    ]
}

/// An acquirer's code as it was issued, for the rest of a payment.
fn issued() -> PayPage {
    PayPage {
        frame: frame("Kopi & Kettle", false),
        summary: Summary { amount: amount("MYR", "35.50"), ..summary() },
        method: Method::DuitNow,
        account: Some("1234567895".into()),
        account_kind: "merchant",
        reference_decides: false,
        details: vec![
            detail(DetailLabel::Amount, "MYR 25.50", "25.50"),
            detail(DetailLabel::Reference, "ztt1", "ztt1"),
            detail(DetailLabel::MerchantCode, "1234567895", "1234567895"),
        ],
        notes: vec![
            Note::ExactRest { asked: amount("MYR", "25.50") },
            Note::TypeAmount { asked: amount("MYR", "25.50") },
        ],
        part_paid: Some(PartPaid { received: amount("MYR", "10.00"), missing: amount("MYR", "25.50") }),
        simulate: None,
        ..pay()
    }
}

fn bank() -> PayPage {
    PayPage {
        frame: frame("Kopi & Kettle", false),
        method: Method::NzBankTransfer,
        account: Some("12-3456-0123456-00".into()),
        account_kind: "account",
        reference: Some("CANTALOUPE".into()),
        summary: Summary {
            amount: amount("NZD", "44.90"),
            price: Some(amount("SGD", "35.00")),
            rate: Some("1 SGD = 1.282857 NZD".into()),
            ..summary()
        },
        details: vec![
            detail(DetailLabel::AccountName, "Kopi & Kettle Limited", "Kopi & Kettle Limited"),
            detail(DetailLabel::Bank, "ASB Bank", "ASB Bank"),
            detail(DetailLabel::AccountNumber, "12-3456-0123456-00", "12-3456-0123456-00"),
            detail(DetailLabel::Amount, "NZD 44.90", "44.90"),
            detail(DetailLabel::Reference, "CANTALOUPE", "CANTALOUPE"),
        ],
        qr: None,
        deadline: Deadline {
            iso: "2026-11-22T14:32:00Z".into(),
            text: "22 November, 14:32 UTC".into(),
            remaining_seconds: 86_100,
        },
        simulate: None,
        ..pay()
    }
}

fn toss() -> PayPage {
    PayPage {
        method: Method::Toss,
        account: Some("1000-0000-0000".into()),
        account_kind: "account",
        reference: Some("gariwok".into()),
        reference_decides: false,
        summary: Summary {
            amount: amount("KRW", "38,117"),
            price: Some(amount("SGD", "35.00")),
            rate: Some("1 SGD = 1,089 KRW".into()),
            ..summary()
        },
        details: vec![
            detail(DetailLabel::Reference, "gariwok", "gariwok"),
            detail(DetailLabel::Bank, "토스뱅크", "토스뱅크"),
            detail(DetailLabel::AccountNumber, "1000-0000-0000", "100000000000"),
            detail(DetailLabel::AccountName, "TEST", "TEST"),
            detail(DetailLabel::Amount, "KRW 38,117", "38117"),
        ],
        app_link: AppLink::new(
            "supertoss://send?amount=38117&bank=%ED%86%A0%EC%8A%A4%EB%B1%85%ED%81%AC&accountNo=100000000000&origin=qr",
            "Open Toss".into(),
        ),
        notes: vec![Note::UniqueAmount { asked: amount("KRW", "38,117") }],
        ..pay()
    }
}

/// The receipt: plain, with everything.
pub fn receipt_pages() -> Vec<(&'static str, ReceiptPage)> {
    let plain = ReceiptPage {
        frame: frame("Kopi & Kettle", true),
        summary: summary(),
        paid: amount("SGD", "35.00"),
        surplus: None,
        method: Method::Paynow,
        reference: Some("ztt1".into()),
        charge_id: "62b58a41313ba00012c7740b".into(),
        completed_iso: "2026-11-21T13:58:12Z".into(),
        completed_text: "21 November 2026, 13:58 UTC".into(),
        return_link: ReturnLink::new("https://shop.kopikettle.example/thanks?order=251"),
    };
    let full = ReceiptPage {
        frame: frame("Kopi & Kettle", false),
        summary: Summary {
            price: Some(amount("HKD", "150.00")),
            rate: Some("1 HKD = 0.174933 SGD".into()),
            ..summary()
        },
        paid: amount("SGD", "30.00"),
        surplus: Some(amount("SGD", "3.76")),
        return_link: None,
        ..plain.clone()
    };
    vec![("completed", plain), ("completed-full", full)]
}

/// Expired and cancelled.
pub fn closed_pages() -> Vec<(&'static str, ClosedPage)> {
    let expired = ClosedPage {
        frame: frame("Kopi & Kettle", true),
        closing: Closing::Expired,
        summary: summary(),
        may_have_paid: true,
        received: None,
        live: None,
        return_link: ReturnLink::new("https://shop.kopikettle.example/cart"),
    };
    let cancelled = ClosedPage {
        closing: Closing::Cancelled,
        frame: frame("Kopi & Kettle", false),
        received: Some(amount("SGD", "20.00")),
        ..expired.clone()
    };
    vec![("expired", expired), ("cancelled", cancelled)]
}

/// The pages that show no payment.
pub fn message_pages() -> Vec<(&'static str, MessagePage)> {
    let stranger = Frame { strings: &ENGLISH, merchant: None, is_sandbox: false };
    let page = |kind, request_id: Option<&str>, page_url: Option<&str>| MessagePage {
        frame: stranger.clone(),
        kind,
        request_id: request_id.map(Into::into),
        page_url: page_url.map(Into::into),
    };
    vec![
        ("not-found", page(MessageKind::NotFound, None, None)),
        ("failed", page(MessageKind::Failed, Some("01JD6W3T9Q"), None)),
        ("too-many", page(MessageKind::TooManyRequests, Some("01JD6W3T9Q"), None)),
        ("no-more-codes", page(MessageKind::NoMoreCodes, None, Some("/?sessionId=62b586f2313ba00012c75e7d"))),
    ]
}
