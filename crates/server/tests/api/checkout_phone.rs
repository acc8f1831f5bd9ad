//! Customers who prove their phones on the checkout page, without a browser.

use crate::support::{Answer, Call, Caller, Gateway, gateway::read};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Barrier;
use tower::ServiceExt;
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_domain::time::Span;
use xanpay_testkit::{Database, on_both_databases, row_counts};

const EMAIL: &str = "customer@gmail.com";
const NUMBER: &str = "91234567";

async fn with_verification(database: &Database) -> (Gateway, Caller) {
    let (gateway, merchant) = Gateway::with_merchant(database).await;
    gateway.switch(&merchant, |merchant| merchant.phone_verification = true).await;
    (gateway, merchant)
}

async fn new_session(gateway: &Gateway, merchant: &Caller) -> String {
    gateway.session(merchant, &json!({})).await["id"].as_str().unwrap().to_owned()
}

fn act(session: &str, act: &str, fields: &[(&str, &str)]) -> Call {
    Call::post(format!("/checkout/sessions/{session}/{act}")).form(fields)
}

fn start_with(session: &str, number: &str) -> Call {
    let fields = [("method", "paynow"), ("email", EMAIL), ("phoneCode", "+65"), ("phone", number)];
    act(session, "start", &fields)
}

/// The page of a session, without a choice.
fn page(session: &str) -> String {
    format!("/checkout/?sessionId={session}&isSandbox=true")
}

/// The sealed choice of an address that asks for a code.
fn choice_of(url: &str) -> String {
    let (_, after) = url.split_once("&choice=").unwrap_or_else(|| panic!("no choice: {url}"));
    after.split('&').next().unwrap().to_owned()
}

/// Chooses PayNow with a phone; the address of the page that asks for the code.
async fn start(gateway: &Gateway, session: &str, number: &str) -> String {
    gateway.send(start_with(session, number)).await.expect(303).header("location").to_owned()
}

async fn show(gateway: &Gateway, url: &str) -> String {
    gateway.send(Call::get(url)).await.expect(200).text()
}

#[track_caller]
fn expect_view(html: &str, view: &str) {
    assert!(html.contains(&format!("data-view=\"{view}\"")), "no {view}: {html}");
}

/// The code that the page shows in sandbox.
fn shown_code(html: &str) -> String {
    let (before, _) = html.split_once(" is your code for").unwrap_or_else(|| panic!("no message: {html}"));
    before[before.len() - 6..].to_owned()
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

fn verify_with(session: &str, url: &str, code: &str) -> Call {
    act(session, "verify", &[("choice", &choice_of(url)), ("code", code)])
}

async fn verify(gateway: &Gateway, session: &str, url: &str, code: &str) -> Answer {
    gateway.send(verify_with(session, url, code)).await
}

async fn charge_of(gateway: &Gateway, merchant: &Caller, session: &str) -> Value {
    gateway.send(Call::get(format!("/sessions/{session}/charge")).by(merchant)).await.expect(200).json()
}

async fn charges(database: &Database) -> i64 {
    row_counts(database).await["charges"]
}

#[tokio::test]
async fn a_proved_phone_makes_the_charge_and_the_same_person_is_one_customer() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let session = new_session(&gateway, &merchant).await;
        let chooser = show(&gateway, &page(&session)).await;
        assert!(chooser.contains("id=\"phone\" name=\"phone\"") && !chooser.contains("(optional)"), "{chooser}");
        let bare = act(&session, "start", &[("method", "paynow"), ("email", EMAIL), ("phoneCode", "+65")]);
        let refused = gateway.send(bare).await.expect(400).text();
        assert!(refused.contains("phone-fault"), "{refused}");

        let url = start(&gateway, &session, "9123 4567").await;
        assert!(url.starts_with(&page(&session)) && !url.contains("9123") && !url.contains("gmail"), "{url}");
        assert_eq!(charges(database).await, 0);
        let shown = gateway.send(Call::get(format!("/sessions/{session}")).by(&merchant)).await.expect(200).json();
        assert_eq!(shown["status"], "initiated");
        let asking = show(&gateway, &url).await;
        expect_view(&asking, "verify");
        assert!(asking.contains("+65\u{a0}91234567") && asking.contains("TEST"), "{asking}");

        let code = shown_code(&asking);
        let again = verify(&gateway, &session, &url, wrong(&code)).await.expect(303);
        assert_eq!(again.header("location"), url);
        assert!(show(&gateway, &url).await.contains("Tries left: 4."));
        assert_eq!(charges(database).await, 0);
        let done = verify(&gateway, &session, &url, &format!("{} {}", &code[..3], &code[3..])).await.expect(303);
        assert_eq!(done.header("location"), page(&session));
        let charge = charge_of(&gateway, &merchant, &session).await;
        assert_eq!(
            (&charge["customer"]["phone"], &charge["customer"]["email"]),
            (&json!("+6591234567"), &json!(EMAIL))
        );
        expect_view(&show(&gateway, &page(&session)).await, "pay");
        // The address that asked for the code now shows the payment.
        expect_view(&show(&gateway, &url).await, "pay");

        // Another day, another e-mail address, the same phone.
        gateway.advance(Span::seconds(61));
        let second = new_session(&gateway, &merchant).await;
        let fields = [("method", "paynow"), ("email", "other@example.com"), ("phoneCode", "+65"), ("phone", NUMBER)];
        let url = gateway.send(act(&second, "start", &fields)).await.expect(303).header("location").to_owned();
        let code = shown_code(&show(&gateway, &url).await);
        verify(&gateway, &second, &url, &code).await.expect(303);
        let other = charge_of(&gateway, &merchant, &second).await;
        assert_eq!(other["customer"]["id"], charge["customer"]["id"]);
    })
    .await;
}

#[tokio::test]
async fn a_number_that_takes_no_message_is_a_fault_of_the_field_where_a_code_would_be_sent() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let session = new_session(&gateway, &merchant).await;
        let fields = [("method", "paynow"), ("email", EMAIL), ("phoneCode", "+882"), ("phone", "130000000")];
        let refused = gateway.send(act(&session, "start", &fields)).await.expect(400).text();
        expect_view(&refused, "choose");
        assert!(refused.contains("phone-fault") && refused.contains("We cannot send a code"), "{refused}");
        assert_eq!(row_counts(database).await["sandbox_messages"], 0);
        // Where nothing is sent it is what the customer says.
        gateway.switch(&merchant, |merchant| merchant.phone_verification = false).await;
        let gateway = Gateway::start(database).await;
        gateway.send(act(&session, "start", &fields)).await.expect(303);
        assert_eq!(charge_of(&gateway, &merchant, &session).await["customer"]["phone"], "+882130000000");
    })
    .await;
}

#[tokio::test]
async fn a_phone_that_is_spelled_another_way_gets_no_second_code_and_is_the_same_customer() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let (first, second) = (new_session(&gateway, &merchant).await, new_session(&gateway, &merchant).await);
        let asking = show(&gateway, &start(&gateway, &first, NUMBER).await).await;
        let mut url = String::new();
        for (code, number) in [("+6", "591234567"), ("+65", "(0)9123 4567"), ("+65", "091234567")] {
            let fields = [("method", "paynow"), ("email", EMAIL), ("phoneCode", code), ("phone", number)];
            gateway.send(act(&second, "start", &fields)).await.expect(303).header("location").clone_into(&mut url);
            let asking_again = show(&gateway, &url).await;
            assert_eq!(shown_code(&asking_again), shown_code(&asking));
            assert!(asking_again.contains("+65\u{a0}91234567"), "{asking_again}");
        }
        verify(&gateway, &second, &url, &shown_code(&asking)).await.expect(303);
        assert_eq!(charge_of(&gateway, &merchant, &second).await["customer"]["phone"], "+6591234567");
    })
    .await;
}

#[tokio::test]
async fn no_charge_is_made_without_the_proof_of_its_own_phone() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let (session, other) = (new_session(&gateway, &merchant).await, new_session(&gateway, &merchant).await);
        let url = start(&gateway, &session, NUMBER).await;
        let code = shown_code(&show(&gateway, &url).await);
        let theirs = start(&gateway, &other, "81234567").await;
        let their_code = shown_code(&show(&gateway, &theirs).await);
        let choice = choice_of(&url);
        // A code beside the chooser's fields is no proof: the page does not decide what is proved.
        let fields = [
            ("method", "paynow"),
            ("email", EMAIL),
            ("phoneCode", "+65"),
            ("phone", NUMBER),
            ("code", code.as_str()),
            ("verificationCode", "x"),
            ("phoneVerification", "false"),
        ];
        gateway.send(act(&session, "start", &fields)).await.expect(303);
        gateway.send(act(&session, "verify", &fields)).await.expect(400);
        let changed = if choice.ends_with('A') { "B" } else { "A" };
        for forged in [
            "",
            "x",
            &choice[..choice.len() - 2],
            &format!("{}{changed}", &choice[..choice.len() - 1]),
            &"A".repeat(5000),
        ] {
            let answer =
                gateway.send(act(&session, "verify", &[("choice", forged), ("code", &code)])).await.expect(400);
            expect_view(&answer.text(), "choose");
        }
        // Another session's choice is none here, and another phone's code proves nothing.
        gateway
            .send(act(&session, "verify", &[("choice", &choice_of(&theirs)), ("code", &their_code)]))
            .await
            .expect(400);
        if code != their_code {
            verify(&gateway, &session, &url, &their_code).await.expect(303);
        }
        for nonsense in ["", "12345", "1234567", "abcdef", "٠٤٢١٣٧", "' OR 1=1"] {
            let answer = verify(&gateway, &session, &url, nonsense).await.expect(400).text();
            expect_view(&answer, "verify");
            assert!(answer.contains("code-fault"), "{nonsense}: {answer}");
        }
        assert_eq!(charges(database).await, 0);
        // A forged choice in the address shows the chooser, not an error.
        expect_view(&show(&gateway, &format!("{}&choice=x", page(&session))).await, "choose");
        verify(&gateway, &session, &url, &code).await.expect(303);
        assert_eq!(charges(database).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_code_ends_after_five_minutes_five_guesses_or_the_next_one() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let session = new_session(&gateway, &merchant).await;
        let url = start(&gateway, &session, NUMBER).await;
        let first = shown_code(&show(&gateway, &url).await);
        // Reading the page again and choosing again send nothing.
        for _ in 0..3 {
            assert_eq!(shown_code(&show(&gateway, &start(&gateway, &session, NUMBER).await).await), first);
        }
        assert_eq!(row_counts(database).await["sandbox_messages"], 1);
        gateway.advance(Span::minutes(5));
        assert!(show(&gateway, &url).await.contains("The code has expired"));
        verify(&gateway, &session, &url, &first).await.expect(303);

        let again = act(&session, "code", &[("choice", &choice_of(&url))]);
        assert_eq!(gateway.send(again.clone()).await.expect(303).header("location"), url);
        let second = shown_code(&show(&gateway, &url).await);
        for left in (0..5).rev() {
            verify(&gateway, &session, &url, wrong(&second)).await.expect(303);
            if left > 0 {
                assert!(show(&gateway, &url).await.contains(&format!("Tries left: {left}.")));
            }
        }
        assert!(show(&gateway, &url).await.contains("entered wrongly too often"));
        verify(&gateway, &session, &url, &second).await.expect(303);
        assert_eq!(charges(database).await, 0);

        // Too early: nothing is sent, and the page says when.
        gateway.send(again.clone()).await.expect(303);
        assert!(show(&gateway, &url).await.contains("data-wait=\"60\""));
        gateway.advance(Span::seconds(60));
        gateway.send(again).await.expect(303);
        let third = shown_code(&show(&gateway, &url).await);
        if second != third {
            verify(&gateway, &session, &url, &second).await.expect(303);
            assert_eq!(charges(database).await, 0);
        }
        verify(&gateway, &session, &url, &third).await.expect(303);
        assert_eq!(charges(database).await, 1);
        assert_eq!(row_counts(database).await["sandbox_messages"], 3);
    })
    .await;
}

#[tokio::test]
async fn codes_are_sent_five_times_an_hour_to_a_phone_and_ten_times_for_a_session() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let session = new_session(&gateway, &merchant).await;
        let url = start(&gateway, &session, NUMBER).await;
        let again = act(&session, "code", &[("choice", &choice_of(&url))]);
        for _ in 0..6 {
            gateway.advance(Span::seconds(61));
            gateway.send(again.clone()).await.expect(303);
        }
        assert_eq!(row_counts(database).await["sandbox_messages"], 5);
        gateway.advance(Span::minutes(5));
        let page = show(&gateway, &url).await;
        assert!(page.contains("The code has expired") && page.contains(" minutes</span>"), "{page}");
        for n in 0..5 {
            start(&gateway, &session, &format!("8123456{n}")).await;
        }
        let refused = gateway.send(start_with(&session, "81234569")).await.expect(429);
        assert!(refused.text().contains("No more codes can be sent for this payment for now"), "{refused}");
        let wait: u32 = refused.header("retry-after").parse().unwrap();
        assert!(wait > 60 && wait <= 3600, "the limit is one of an hour: {wait}");
        assert_eq!(row_counts(database).await["sandbox_messages"], 10);
        // Other sessions of the shop go on.
        start(&gateway, &new_session(&gateway, &merchant).await, "81234569").await;
    })
    .await;
}

#[tokio::test]
async fn the_number_can_be_changed_and_everything_else_stays() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let session = new_session(&gateway, &merchant).await;
        let url = start(&gateway, &session, NUMBER).await;
        let chooser = show(&gateway, &format!("{url}&change=true")).await;
        expect_view(&chooser, "choose");
        for text in ["value=\"91234567\"", "value=\"+65\"", EMAIL] {
            assert!(chooser.contains(text), "{text} is missing: {chooser}");
        }
        let url = start(&gateway, &session, "81234567").await;
        let asking = show(&gateway, &url).await;
        assert!(asking.contains("81234567") && !asking.contains(NUMBER), "{asking}");
        verify(&gateway, &session, &url, &shown_code(&asking)).await.expect(303);
        assert_eq!(charge_of(&gateway, &merchant, &session).await["customer"]["phone"], "+6581234567");
    })
    .await;
}

#[tokio::test]
async fn in_live_without_a_way_to_send_the_page_says_so_and_nothing_is_made() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        gateway.account(Environment::Live, Method::Paynow, "+6587767191", "LIVE").await;
        let merchant = gateway.merchant("Real Goods", Environment::Live).await;
        gateway.switch(&merchant, |merchant| merchant.phone_verification = true).await;
        let session = new_session(&gateway, &merchant).await;
        let page = show(&gateway, &format!("/checkout/?sessionId={session}")).await;
        assert!(page.contains("numbers cannot be confirmed here at present") && !page.contains("/start\""), "{page}");
        let before = row_counts(database).await;
        let refused = gateway.send(start_with(&session, NUMBER)).await.expect(503);
        assert!(refused.text().contains("numbers cannot be confirmed here at present"), "{refused}");
        for verb in ["verify", "code"] {
            gateway.send(act(&session, verb, &[("choice", "x"), ("code", "123456")])).await.expect(503);
        }
        assert_eq!(row_counts(database).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_over_sends_no_codes_and_one_that_is_charged_shows_its_charge() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let session = new_session(&gateway, &merchant).await;
        let url = start(&gateway, &session, NUMBER).await;
        let code = shown_code(&show(&gateway, &url).await);
        // Pressed twice, and once more in a second tab with another choice.
        let second = start(&gateway, &session, "81234567").await;
        for _ in 0..2 {
            verify(&gateway, &session, &url, &code).await.expect(303);
        }
        let late = verify(&gateway, &session, &second, &code).await.expect(303);
        assert_eq!(late.header("location"), page(&session));
        assert_eq!(charges(database).await, 1);
        let sent = row_counts(database).await["sandbox_messages"];
        gateway.advance(Span::minutes(2));
        for call in [start_with(&session, "71234567"), act(&session, "code", &[("choice", &choice_of(&second))])] {
            assert_eq!(gateway.send(call).await.expect(303).header("location"), page(&session));
        }
        let cancelled = new_session(&gateway, &merchant).await;
        gateway.send(act(&cancelled, "cancel", &[])).await.expect(303);
        assert_eq!(start(&gateway, &cancelled, "71234567").await, page(&cancelled));
        assert_eq!(row_counts(database).await["sandbox_messages"], sent);
    })
    .await;
}

#[tokio::test]
async fn with_the_switch_off_the_phone_is_optional_and_nothing_is_sent() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let session = new_session(&gateway, &merchant).await;
        let url = start(&gateway, &session, NUMBER).await;
        gateway.switch(&merchant, |merchant| merchant.phone_verification = false).await;
        // Another node, which remembers nothing of the merchant.
        let gateway = Gateway::start(database).await;
        // What was typed is still there.
        let chooser = show(&gateway, &url).await;
        expect_view(&chooser, "choose");
        assert!(chooser.contains(NUMBER) && chooser.contains("(optional)"), "{chooser}");
        gateway.send(act(&session, "start", &[("method", "paynow"), ("email", EMAIL)])).await.expect(303);
        assert_eq!(charges(database).await, 1);
        assert_eq!(row_counts(database).await["sandbox_messages"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_at_once_count_like_guesses_one_by_one() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let session = new_session(&gateway, &merchant).await;
        let url = start(&gateway, &session, NUMBER).await;
        let code = shown_code(&show(&gateway, &url).await);
        at_once(&gateway, vec![verify_with(&session, &url, wrong(&code)); 20]).await;
        verify(&gateway, &session, &url, &code).await.expect(303);
        assert_eq!(charges(database).await, 0, "a sixth guess was taken");

        gateway.advance(Span::seconds(61));
        let url = gateway
            .send(act(&session, "code", &[("choice", &choice_of(&url))]))
            .await
            .expect(303)
            .header("location")
            .to_owned();
        let code = shown_code(&show(&gateway, &url).await);
        for answer in at_once(&gateway, vec![verify_with(&session, &url, &code); 20]).await {
            assert_eq!((answer.status, answer.header("location")), (303, page(&session).as_str()), "{answer}");
        }
        assert_eq!(charges(database).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_sends_ten_codes_also_when_fifty_are_asked_for_at_once() {
    on_both_databases(async |database| {
        let (gateway, merchant) = with_verification(database).await;
        let session = new_session(&gateway, &merchant).await;
        let calls = (0..50).map(|n| start_with(&session, &format!("812345{n:02}"))).collect();
        let answers = at_once(&gateway, calls).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 303).count(), 10);
        assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 40);
        assert_eq!(row_counts(database).await["sandbox_messages"], 10);
    })
    .await;
}

/// Sends all calls at the same moment.
async fn at_once(gateway: &Gateway, calls: Vec<Call>) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(calls.len()));
    let tasks: Vec<_> = calls
        .into_iter()
        .map(|call| {
            let (router, barrier) = (gateway.router.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                read(router.oneshot(call.into_request()).await.unwrap()).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}
