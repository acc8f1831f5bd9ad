use super::*;
use crate::http::checkout::text::ENGLISH;
use askama::Template;
use xanpay_domain::method::Method;

fn frame() -> Frame {
    Frame { strings: &ENGLISH, merchant: Some(MerchantText::new("Kopi & Kettle")), is_sandbox: false }
}

fn amount(currency: &str, figure: &str) -> Amount {
    Amount { currency: currency.into(), figure: figure.into(), plain: figure.replace(',', "") }
}

fn summary() -> Summary {
    Summary { amount: amount("SGD", "35.00"), price: None, rate: None, orders: Vec::new() }
}

fn form(action: &str) -> FormTarget {
    FormTarget { url: format!("/checkout/sessions/1/{action}"), hidden: vec![("isSandbox", "true".into())] }
}

fn choose() -> ChoosePage {
    let choice = |method| MethodChoice { method, amount: amount("SGD", "35.00") };
    ChoosePage {
        frame: frame(),
        summary: summary(),
        methods: vec![choice(Method::Paynow), choice(Method::Fps), choice(Method::HkBankTransfer)],
        selected: None,
        method_fault: None,
        email: TextField::default(),
        phone: PhoneField::default(),
        is_unprovable: false,
        notice: None,
        form: form("start"),
        initiate_url: "/checkout/sessions/62b586f2313ba00012c75e7d/initiate".into(),
        cancel: form("cancel"),
        live: Live { events_url: None, ..pay().live },
    }
}

fn pay() -> PayPage {
    PayPage {
        frame: frame(),
        summary: summary(),
        method: Method::Paynow,
        account: Some("+6585867834".into()),
        account_kind: "mobile",
        reference: Some("ztt1".into()),
        reference_decides: true,
        details: vec![Detail { label: DetailLabel::Reference, value: "ztt1".into(), copied: "ztt1".into() }],
        qr: None,
        app_link: None,
        notes: Vec::new(),
        part_paid: None,
        deadline: Deadline { iso: "2026-11-21T14:32:00Z".into(), text: "14:32 UTC".into(), remaining_seconds: 60 },
        live: Live {
            status_url: "/checkout/sessions/1/status".into(),
            events_url: Some("/checkout/sessions/1/events".into()),
            page_url: "/?sessionId=1&isSandbox=true".into(),
            version: "7".into(),
        },
        cancel: form("cancel"),
        simulate: None,
    }
}

fn verify() -> VerifyPage {
    VerifyPage {
        frame: frame(),
        summary: summary(),
        phone: "+65\u{a0}91234567".into(),
        standing: Standing::Awaited,
        fault: None,
        wait_seconds: 42,
        inbox: None,
        form: form("verify"),
        again: form("code"),
        change_url: "/checkout/?sessionId=1&choice=x&change=true".into(),
        cancel: form("cancel"),
        live: Live { events_url: None, ..pay().live },
    }
}

fn receipt() -> ReceiptPage {
    ReceiptPage {
        frame: frame(),
        summary: summary(),
        paid: amount("SGD", "35.00"),
        surplus: None,
        method: Method::Paynow,
        reference: None,
        charge_id: "62b58a41313ba00012c7740b".into(),
        completed_iso: "2026-11-21T13:58:12Z".into(),
        completed_text: "21 November 2026, 13:58 UTC".into(),
        return_link: None,
    }
}

fn order(name: &str) -> OrderLine {
    OrderLine { name: MerchantText::new(name), quantity: "1".into(), amount: None }
}

#[test]
fn no_page_carries_scripts_styles_or_handlers_of_its_own() {
    let closed = ClosedPage {
        frame: frame(),
        closing: Closing::Expired,
        summary: summary(),
        may_have_paid: true,
        received: None,
        live: None,
        return_link: None,
    };
    let message = MessagePage { frame: frame(), kind: MessageKind::NotFound, request_id: None, page_url: None };
    let pages = [
        choose().render().unwrap(),
        verify().render().unwrap(),
        pay().render().unwrap(),
        receipt().render().unwrap(),
        closed.render().unwrap(),
        message.render().unwrap(),
    ];
    for page in pages {
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains("javascript:"), "{page}");
        assert!(!page.contains(" onclick=") && !page.contains(" onload=") && !page.contains(" onsubmit="), "{page}");
        assert_eq!(page.matches("<script").count(), 2, "{page}");
        assert!(page.contains("<script src=\"/assets/early."), "{page}");
        assert!(page.contains("<script type=\"module\" src=\"/assets/checkout."), "{page}");
        assert!(page.starts_with("<!doctype html>"), "{page}");
    }
}

#[test]
fn merchant_text_is_escaped_and_cannot_turn_the_page_round() {
    let mut page = choose();
    page.frame.merchant = Some(MerchantText::new("\u{202E}</title><script>alert(1)</script>"));
    page.summary.orders = vec![order("</script><img src=x onerror=alert(1)>"), order("{{7*7}} \u{2067}abc")];
    let html = page.render().unwrap();
    assert!(!html.contains("<img") && !html.contains("<script>"), "{html}");
    assert!(!html.contains('\u{202E}') && !html.contains('\u{2067}'), "{html}");
    assert!(html.contains("{{7*7}}"), "{html}");
}

#[test]
fn what_a_customer_typed_comes_back_as_text() {
    let mut page = choose();
    page.email = TextField { value: "\"><script>alert(1)</script>".into(), fault: Some(FieldFault::Malformed) };
    let html = page.render().unwrap();
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(html.contains("aria-invalid=\"true\""), "{html}");
    assert!(html.contains(ENGLISH.main_page.email.malformed), "{html}");
}

#[test]
fn countries_stand_in_the_order_of_the_methods_and_one_method_is_chosen() {
    let mut page = choose();
    let codes: Vec<&str> = page.countries().iter().map(|group| group.code).collect();
    assert_eq!(codes, ["SG", "HK"]);
    assert!(page.is_selected(Method::Paynow));
    page.selected = Some(Method::HkBankTransfer);
    assert!(page.is_selected(Method::HkBankTransfer) && !page.is_selected(Method::Paynow));
    assert!(page.is_open(&page.countries()[1]) && !page.is_open(&page.countries()[0]));
    page.selected = Some(Method::Toss);
    assert!(page.is_selected(Method::Paynow), "a method that is not offered is never chosen");
    assert_eq!(page.render().unwrap().matches(" checked").count(), 2);
}

#[test]
fn a_single_country_is_not_asked_for() {
    let mut page = choose();
    page.methods.truncate(1);
    assert!(!page.render().unwrap().contains("name=\"country\""));
}

#[test]
fn a_chooser_without_methods_offers_another_try_and_no_choice() {
    let mut page = choose();
    page.methods.clear();
    let html = page.render().unwrap();
    assert!(html.contains(ENGLISH.main_page.nothing_payable) && !html.contains("/start\""), "{html}");
}

#[test]
fn a_chooser_where_no_phone_can_be_proved_says_so_and_has_no_choice() {
    let page = ChoosePage { is_unprovable: true, ..choose() };
    let html = page.render().unwrap();
    assert!(html.contains(ENGLISH.main_page.phone_unprovable) && !html.contains("/start\""), "{html}");
}

#[test]
fn every_page_of_a_payment_under_way_can_cancel_it() {
    let nothing_payable = ChoosePage { methods: Vec::new(), ..choose() };
    let before_money = [choose().render(), nothing_payable.render(), verify().render()].map(Result::unwrap);
    for html in before_money.iter().chain([&pay().render().unwrap()]) {
        assert!(html.contains("action=\"/checkout/sessions/1/cancel\""), "{html}");
        assert!(html.contains(ENGLISH.payment_page.cancel_confirm), "{html}");
    }
    let warning = ENGLISH.payment_page.cancel_warning;
    assert!(pay().render().unwrap().contains(warning));
    assert!(before_money.iter().all(|html| !html.contains(warning)), "nothing can have been sent yet");
}

#[test]
fn a_code_is_asked_for_only_while_one_is_awaited() {
    let html = verify().render().unwrap();
    assert!(html.contains("autocomplete=\"one-time-code\"") && html.contains("inputmode=\"numeric\""), "{html}");
    assert!(!html.contains("aria-invalid"), "{html}");
    for standing in [Standing::Absent, Standing::Expired, Standing::Spent] {
        let page = VerifyPage { standing, ..verify() };
        let html = page.render().unwrap();
        assert!(html.contains(page.standing_text().unwrap()) && !html.contains("name=\"code\""), "{html}");
        assert!(html.contains("/checkout/sessions/1/code"), "{html}");
    }
}

#[test]
fn a_wrong_code_is_named_with_the_tries_that_are_left() {
    let html = VerifyPage { fault: Some(CodeFault::Wrong { left: 3 }), ..verify() }.render().unwrap();
    assert!(html.contains("Tries left: 3.") && html.contains("aria-invalid=\"true\""), "{html}");
    assert!(html.contains("aria-describedby=\"code-hint code-fault\""), "{html}");
}

#[test]
fn the_wait_for_another_code_is_told_in_seconds_or_minutes_or_not_at_all() {
    let wait = |wait_seconds| VerifyPage { wait_seconds, ..verify() }.wait().map(|(_, left, _)| left);
    assert_eq!(wait(0), None);
    assert_eq!(wait(60).as_deref(), Some("60 seconds"));
    assert_eq!(wait(2581).as_deref(), Some("44 minutes"));
}

#[test]
fn the_sandbox_shows_the_message_as_text() {
    let inbox = Some(Inbox::Message("042137 is your code for <b>Kopi</b>.".into()));
    let html = VerifyPage { inbox, ..verify() }.render().unwrap();
    assert!(html.contains("042137 is your code for &#60;b&#62;Kopi"), "{html}");
}

#[test]
fn the_test_mark_stands_on_sandbox_pages_only() {
    let mut page = pay();
    assert!(!page.render().unwrap().contains("test-mark"));
    page.frame.is_sandbox = true;
    assert!(page.render().unwrap().contains("test-mark"));
}

#[test]
fn the_pay_page_names_where_to_ask_and_what_it_shows() {
    let html = pay().render().unwrap();
    assert!(html.contains("data-status-url=\"/checkout/sessions/1/status\""), "{html}");
    assert!(html.contains("data-version=\"7\""), "{html}");
    assert!(html.contains("data-page-url=\"/?sessionId=1&#38;isSandbox=true\""), "{html}");
    assert!(html.contains("data-copy=\"ztt1\""), "{html}");
    assert!(html.contains("<noscript><meta http-equiv=\"refresh\""), "{html}");
    assert!(html.contains("<input type=\"hidden\" name=\"isSandbox\" value=\"true\">"), "{html}");
}

#[test]
fn final_pages_do_not_listen() {
    let html = receipt().render().unwrap();
    assert!(!html.contains("data-status-url") && !html.contains("http-equiv=\"refresh\""), "{html}");
}

#[test]
fn after_a_part_payment_the_steps_ask_for_the_rest() {
    let mut page = pay();
    page.part_paid = Some(PartPaid { received: amount("SGD", "20.00"), missing: amount("SGD", "15.00") });
    let steps = format!("{:?}", page.by_hand_steps());
    assert!(steps.contains("SGD\\u{a0}15.00") && !steps.contains("35.00"), "{steps}");
}

#[test]
fn where_nothing_can_be_scanned_or_typed_the_rest_is_the_merchants_matter() {
    let rest = Some(PartPaid { received: amount("MYR", "20.00"), missing: amount("MYR", "15.00") });
    let typed = PayPage { method: Method::DuitNow, part_paid: rest, ..pay() };
    let stuck = PayPage { account_kind: "merchant", ..typed.clone() };
    let picture = QrPicture::from_own_generator("<svg></svg>".into(), "/qr.svg".into(), "duit-now-ztt1".into());
    let scanned = PayPage { qr: Some(picture), ..stuck.clone() };
    for (page, contact) in [(typed, false), (stuck, true), (scanned, false)] {
        assert_eq!(page.render().unwrap().contains("contact the merchant about the missing amount"), contact);
    }
}

#[test]
fn steps_for_scanning_need_a_code() {
    let mut page = pay();
    assert!(page.scan_steps().is_empty());
    page.qr = Some(QrPicture::from_own_generator("<svg></svg>".into(), "/qr.svg".into(), "paynow-ztt1".into()));
    assert!(!page.scan_steps().is_empty());
    assert!(page.render().unwrap().contains("<svg></svg>"));
}

#[test]
fn every_note_has_its_values_in_place() {
    let asked = amount("THB", "35.01");
    for note in [
        Note::UniqueAmount { asked: asked.clone() },
        Note::ExactRest { asked: asked.clone() },
        Note::TypeReference { reference: "ztt1".into() },
        Note::TypeAmount { asked },
        Note::OwnAccount,
    ] {
        let text = note.text(&ENGLISH);
        assert!(!text.contains('{') && !note.title(&ENGLISH).is_empty(), "{text}");
    }
}

#[test]
fn the_way_back_is_an_http_address_and_names_its_host_in_ascii() {
    let link = ReturnLink::new("https://google.com").unwrap();
    assert_eq!((link.url(), link.label(&ENGLISH).as_str()), ("https://google.com/", "Return to google.com"));
    assert_eq!(ReturnLink::new("https://gооgle.com").unwrap().label(&ENGLISH), "Return to xn--ggle-55da.com");
    for refused in ["javascript:alert(1)", "data:text/html,x", "/relative", "//host", "ftp://host/x", ""] {
        assert_eq!(ReturnLink::new(refused), None, "{refused}");
    }
}

#[test]
fn an_app_link_has_a_scheme_of_a_rail() {
    assert!(AppLink::new("upi://pay?pa=a@b&am=35.00", "Open".into()).is_some());
    assert!(AppLink::new("supertoss://send?amount=1", "Open".into()).is_some());
    assert!(AppLink::new("javascript:alert(1)", "Open".into()).is_none());
    assert!(AppLink::new("https://example.com", "Open".into()).is_none());
}
