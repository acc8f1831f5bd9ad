//! The checkout as a customer's browser sees it, without a browser.

use crate::support::{Answer, Call, Caller, Gateway};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::method::Method;
use xanpay_domain::time::Span;
use xanpay_server::flows;
use xanpay_testkit::{on_both_databases, row_counts};

fn page(session: &str) -> Call {
    Call::get(format!("/?sessionId={session}&isSandbox=true"))
}

fn act(session: &str, act: &str) -> Call {
    Call::post(format!("/checkout/sessions/{session}/{act}"))
}

#[track_caller]
fn view(answer: &Answer) -> String {
    let text = answer.text();
    let start = text.split_once("data-view=\"").unwrap_or_else(|| panic!("no view: {text}")).1;
    start.split_once('"').unwrap().0.to_owned()
}

async fn new_session(gateway: &Gateway, merchant: &Caller, more: Value) -> String {
    gateway.session(merchant, &more).await["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_customer_chooses_pays_and_gets_a_receipt() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let customer = json!({"email": "customer@gmail.com", "phone": {"code": "+65", "phone": "12345678901"}});
        let more = json!({"customer": customer, "redirectUrl": "https://shop.example/done"});
        let id = new_session(&gateway, &merchant, more).await;
        let choose = gateway.send(page(&id)).await.expect(200);
        assert_eq!(view(&choose), "choose");
        for text in ["Lantern Books", "35.00", "customer@gmail.com", "12345678901", "value=\"paynow\"", "TEST"] {
            assert!(choose.text().contains(text), "{text} is missing");
        }
        // Only what can be paid is offered: there is no rate for ringgit or Hong Kong dollars.
        assert!(!choose.text().contains("value=\"duit-now\"") && !choose.text().contains("value=\"fps\""));

        let faulty = [("method", "cash"), ("email", "no <at>"), ("phoneCode", "65"), ("phone", "12a")];
        let again = gateway.send(act(&id, "start").form(&faulty)).await.expect(400);
        assert_eq!(view(&again), "choose");
        for text in ["methods-fault", "email-fault", "phone-fault", "value=\"no &#60;at&#62;\"", "value=\"12a\""] {
            assert!(again.text().contains(text), "{text} is missing: {}", again.text());
        }
        assert_eq!(row_counts(database).await["charges"], 0);

        let form = [("method", "paynow"), ("email", "customer@gmail.com")];
        let started = gateway.send(act(&id, "start").form(&form)).await.expect(303);
        let place = format!("/checkout/?sessionId={id}&isSandbox=true");
        assert_eq!(started.header("location"), place);
        let pay = gateway.send(Call::get(&place)).await.expect(200);
        assert_eq!(view(&pay), "pay");
        let charge = gateway.send(Call::get(format!("/sessions/{id}/charge")).by(&merchant)).await.expect(200).json();
        let to = &charge["destination"];
        for text in [to["nonce"].as_str().unwrap(), to["account"].as_str().unwrap(), "simulate"] {
            assert!(pay.text().contains(text), "{text} is missing");
        }
        let svg = gateway.send(Call::get(format!("/checkout/sessions/{id}/qr.svg"))).await.expect(200);
        assert_eq!(svg.header("content-type"), "image/svg+xml");
        assert_eq!(svg.text(), xanpay_rails::qr_svg(to["qrCode"].as_str().unwrap()).unwrap());
        assert!(pay.text().contains(&svg.text()), "the page shows another QR than the API");

        for _ in 0..2 {
            gateway.send(act(&id, "simulate")).await.expect(303);
        }
        assert_eq!(row_counts(database).await["transfers"], 1);
        let receipt = gateway.send(page(&id)).await.expect(200);
        assert_eq!(view(&receipt), "completed");
        for text in [charge["id"].as_str().unwrap(), "https://shop.example/done", "shop.example", "35.00"] {
            assert!(receipt.text().contains(text), "{text} is missing");
        }
        // Giving up comes too late.
        gateway.send(act(&id, "cancel")).await.expect(303);
        assert_eq!(view(&gateway.send(page(&id)).await), "completed");
    })
    .await;
}

#[tokio::test]
async fn cancelling_closes_the_page_before_and_after_the_choice() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for is_chosen in [false, true] {
            let id = new_session(&gateway, &merchant, json!({"redirectUrl": "https://shop.example/done"})).await;
            if is_chosen {
                gateway.checkout(&merchant, &id).await;
            }
            gateway.send(act(&id, "cancel")).await.expect(303);
            let closed = gateway.send(page(&id)).await.expect(200);
            assert_eq!(view(&closed), "cancelled");
            assert!(closed.text().contains("https://shop.example/done"));
            let status = gateway.send(Call::get(format!("/checkout/sessions/{id}/status"))).await.expect(200).json();
            let expected = if is_chosen { json!("cancelled") } else { Value::Null };
            assert_eq!(status["chargeStatus"], expected);
            // A form that was open in another tab leads back to what is true, also when it was not filled in.
            gateway.send(act(&id, "start")).await.expect(303);
        }
    })
    .await;
}

#[tokio::test]
async fn a_part_payment_shows_what_is_received_and_what_is_missing() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let id = new_session(&gateway, &merchant, json!({})).await;
        let charge = gateway.checkout(&merchant, &id).await;
        gateway.pay(&merchant, &charge, "12.34").await;
        let pay = gateway.send(page(&id)).await.expect(200);
        assert_eq!(view(&pay), "pay");
        assert!(pay.text().contains("12.34") && pay.text().contains("22.66"), "{}", pay.text());
        assert!(pay.text().contains("qr-card"));
        gateway.send(act(&id, "simulate")).await.expect(303);
        assert_eq!(view(&gateway.send(page(&id)).await), "completed");
        assert_eq!(gateway.get_charge(&merchant, charge["id"].as_str().unwrap()).await["status"], "completed");
    })
    .await;
}

#[tokio::test]
async fn a_session_of_the_other_world_and_an_unknown_one_look_the_same() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.account(Environment::Live, Method::Paynow, "+6587767191", "LIVE").await;
        let live = gateway.merchant("Real Goods", Environment::Live).await;
        let (sandbox_id, live_id) =
            (new_session(&gateway, &merchant, json!({})).await, new_session(&gateway, &live, json!({})).await);
        let absent = gateway.send(page("62b586f2313ba00012c75e7d")).await.expect(404);
        for path in [
            "/".to_owned(),
            "/checkout".to_owned(),
            "/?sessionId=".to_owned(),
            "/?sessionId=%00".to_owned(),
            "/?sessionId[$ne]=1".to_owned(),
            format!("/?sessionId={sandbox_id}"),
            format!("/?sessionId={sandbox_id}&isSandbox=false"),
            format!("/?sessionId={}&isSandbox=true", sandbox_id.to_uppercase()),
            format!("/?sessionId={live_id}&isSandbox=true"),
        ] {
            let answer = gateway.send(Call::get(&path)).await.expect(404);
            assert_eq!(answer.text(), absent.text(), "{path}");
        }
        assert_eq!(view(&gateway.send(Call::get(format!("/?sessionId={live_id}"))).await.expect(200)), "choose");
        let form = [("method", "paynow"), ("email", "a@example.com")];
        gateway.send(act(&live_id, "start").form(&form)).await.expect(303);
        let pay = gateway.send(Call::get(format!("/checkout/?sessionId={live_id}"))).await.expect(200);
        assert_eq!(view(&pay), "pay");
        assert!(!pay.text().contains("simulate"), "a live page offers no play money");
        gateway.send(act(&live_id, "simulate")).await.expect(404);
        assert_eq!(row_counts(database).await["transfers"], 0);
    })
    .await;
}

#[tokio::test]
async fn looking_at_a_page_uses_nothing_up() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let id = new_session(&gateway, &merchant, json!({})).await;
        let before = gateway.stored_session(&id).await;
        for method in ["GET", "HEAD"] {
            for path in ["/", "/checkout", "/checkout/"] {
                let call = Call::new(method, format!("{path}?sessionId={id}&isSandbox=true"));
                gateway.send(call.header("sec-purpose", "prefetch")).await.expect(200);
            }
            gateway.send(Call::new(method, format!("/checkout/sessions/{id}/status"))).await.expect(200);
        }
        // None of these acts by a GET.
        gateway.send(Call::get(format!("/checkout/sessions/{id}/initiate"))).await.expect(405);
        for method in ["GET", "HEAD"] {
            for name in ["start", "verify", "code", "cancel", "simulate"] {
                let answer =
                    gateway.send(Call::new(method, format!("/checkout/sessions/{id}/{name}"))).await.expect(303);
                assert_eq!(answer.header("location"), format!("/checkout/?sessionId={id}&isSandbox=true"), "{name}");
            }
        }
        assert_eq!(gateway.stored_session(&id).await, before);
        gateway.send(act(&id, "initiate")).await.expect(204);
        assert_eq!(
            gateway.send(Call::get(format!("/sessions/{id}")).by(&merchant)).await.json()["status"],
            "initiated"
        );
    })
    .await;
}

#[tokio::test]
async fn what_merchants_write_stays_text_on_every_page() {
    on_both_databases(async |database| {
        let gateway = Gateway::start(database).await;
        let (gateway, _) = gateway.furnished().await;
        let evil = "</script><img src=x onerror=alert(1)>\"'`{{1237*7919}}${1237*7919}<%= 1237*7919 %>";
        let merchant = gateway.merchant(evil, Environment::Sandbox).await;
        let more = json!({
            "orders": [{"id": evil, "name": evil, "quantity": 1, "amount": 35}, {"name": "a\u{202e}b\u{2066}c"}],
            "customer": {"email": "\"<script>\"@example.com"},
        });
        let mut body = json!({"amount": 35, "currency": "SGD"});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let answer = gateway.send(Call::post("/sessions").by(&merchant).json(&body)).await;
        if answer.status == 400 {
            assert_eq!(answer.fields(), ["customer.email"]);
            body.as_object_mut().unwrap().remove("customer");
        }
        let session = gateway.send(Call::post("/sessions").by(&merchant).json(&body)).await.expect(200).json();
        let id = session["id"].as_str().unwrap();
        let check = |answer: &Answer| {
            let text = answer.text();
            assert!(!text.contains("<img src=x") && !text.contains("onerror=alert(1)>"), "{text}");
            assert!(text.contains("&#60;img src=x"), "the name is not shown at all: {text}");
            assert!(!text.contains("9795803"), "something was evaluated: {text}");
            assert!(!text.contains('\u{202e}') && !text.contains('\u{2066}'), "direction can be turned: {text}");
        };
        check(&gateway.send(page(id)).await.expect(200));
        gateway.checkout(&merchant, id).await;
        let pay = gateway.send(page(id)).await.expect(200).text();
        assert!(!pay.contains("<img src=x") && !pay.contains('\u{202e}'), "{pay}");
        gateway.send(act(id, "simulate")).await.expect(303);
        let receipt = gateway.send(page(id)).await.expect(200).text();
        assert!(!receipt.contains("<img src=x") && !receipt.contains('\u{202e}'), "{receipt}");
    })
    .await;
}

#[tokio::test]
async fn a_method_that_was_switched_off_is_neither_offered_nor_charged_on_an_open_session() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.rate(Currency::SGD, Currency::HKD, "5.7").await;
        let id = new_session(&gateway, &merchant, json!({"methods": ["paynow", "fps"]})).await;
        gateway.switch(&merchant, |merchant| merchant.methods.retain(|method| *method != Method::Fps)).await;
        // A process that has remembered nothing.
        let gateway = Gateway::start(database).await;
        let choose = gateway.send(page(&id)).await.expect(200).text();
        assert!(choose.contains("value=\"paynow\"") && !choose.contains("value=\"fps\""), "{choose}");
        let form = [("method", "fps"), ("email", "a@example.com")];
        let refused = gateway.send(act(&id, "start").form(&form)).await.expect(400);
        assert!(refused.text().contains("methods-fault"), "{refused}");
        assert_eq!(row_counts(database).await["charges"], 0);
        gateway.checkout(&merchant, &id).await;
    })
    .await;
}

#[tokio::test]
async fn a_form_that_is_sent_again_leads_to_its_charge_although_the_method_can_take_no_more() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let id = new_session(&gateway, &merchant, json!({})).await;
        gateway.checkout(&merchant, &id).await;
        for account in gateway.app.store.reader().list_accounts(Environment::Sandbox).await.unwrap() {
            flows::disable_account(&gateway.app, account.unwrap().id, Environment::Sandbox).await.unwrap();
        }
        let gateway = Gateway::start(database).await;
        let form = [("method", "paynow"), ("email", "customer@gmail.com")];
        for name in ["start", "verify", "code"] {
            let answer = gateway.send(act(&id, name).form(&form)).await.expect(303);
            assert_eq!(answer.header("location"), format!("/checkout/?sessionId={id}&isSandbox=true"), "{name}");
        }
        assert_eq!(view(&gateway.send(page(&id)).await.expect(200)), "pay");
    })
    .await;
}

#[tokio::test]
async fn a_charges_page_tells_of_its_own_price_whatever_the_merchant_changes_later() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        gateway.rate(Currency::HKD, Currency::SGD, "0.174933").await;
        for (markup_bp, later_bp, rate) in
            [(0, 1000, "1 HKD = 0.174933 SGD</span>"), (250, 0, "1 HKD = 0.174933 SGD, plus SGD\u{a0}0.66</span>")]
        {
            gateway.switch(&merchant, |merchant| merchant.markup_bp = markup_bp).await;
            let gateway = Gateway::start(database).await;
            let id = new_session(&gateway, &merchant, json!({"amount": 150, "currency": "HKD"})).await;
            gateway.checkout(&merchant, &id).await;
            gateway.switch(&merchant, |merchant| merchant.markup_bp = later_bp).await;
            let gateway = Gateway::start(database).await;
            let pay = gateway.send(page(&id)).await.expect(200).text();
            assert!(pay.contains(rate), "{pay}");
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_was_told_how_to_pay_hears_what_to_do_after_paying_when_the_payment_is_over() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        for (over, advice) in [("expired", "Then do not pay again."), ("cancelled", "before you pay again")] {
            let (charged, bare) =
                (new_session(&gateway, &merchant, json!({})).await, new_session(&gateway, &merchant, json!({})).await);
            gateway.checkout(&merchant, &charged).await;
            match over {
                "expired" => gateway.advance(Span::days(8)),
                _ => {
                    for id in [&charged, &bare] {
                        gateway.send(act(id, "cancel")).await.expect(303);
                    }
                }
            }
            let (charged, bare) = (gateway.send(page(&charged)).await, gateway.send(page(&bare)).await);
            assert_eq!((view(&charged), view(&bare)), (over.to_owned(), over.to_owned()));
            assert!(charged.text().contains("Have you already paid?") && charged.text().contains(advice), "{charged}");
            assert!(!bare.text().contains("already paid"), "nobody can have paid: {bare}");
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_guesses_session_ids_is_stopped_after_sixty_misses() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let id = new_session(&gateway, &merchant, json!({})).await;
        let guess = |n: u32| format!("62b586f2313ba00012c7{n:04x}");
        for n in 0..60 {
            gateway.send(page(&guess(n)).from([203, 0, 113, 7])).await.expect(404);
        }
        for name in ["status", "events", "qr.svg"] {
            let call = Call::get(format!("/checkout/sessions/{id}/{name}")).from([203, 0, 113, 7]);
            let refused = gateway.send(call).await.expect_problem(429, "rate_limited");
            assert_eq!(refused.header("retry-after"), "60");
        }
        let call = act(&id, "initiate").from([203, 0, 113, 7]);
        gateway.send(call).await.expect_problem(429, "rate_limited");
        for call in [page(&guess(61)), page(&id), act(&id, "start")] {
            let refused = gateway.send(call.from([203, 0, 113, 7])).await.expect(429);
            assert_eq!(refused.header("retry-after"), "60");
        }
        // Somebody else is not in the way.
        gateway.send(page(&id).from([203, 0, 113, 8])).await.expect(200);
    })
    .await;
}

/// The next event of a stream.
async fn next_event(body: &mut axum::body::Body) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.expect("no event came");
    let data = frame.expect("the stream has ended").unwrap().into_data().unwrap();
    String::from_utf8(data.to_vec()).unwrap()
}

#[tokio::test]
async fn an_open_page_hears_of_the_payment_by_itself() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let id = new_session(&gateway, &merchant, json!({})).await;
        let charge = gateway.checkout(&merchant, &id).await;
        let response = gateway.open(Call::get(format!("/checkout/sessions/{id}/events"))).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        // Without it nginx would keep every event until the stream ends.
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut body = response.into_body();
        let first = next_event(&mut body).await;
        assert!(first.starts_with("event: status\ndata: {") && first.ends_with("}\n\n"), "{first}");
        assert!(first.contains("\"chargeStatus\":\"pending\""), "{first}");
        gateway.pay(&merchant, &charge, "35").await;
        let mut changed = next_event(&mut body).await;
        while changed.starts_with(':') {
            changed = next_event(&mut body).await;
        }
        assert!(changed.contains("\"chargeStatus\":\"completed\""), "{changed}");
        let polled = gateway.send(Call::get(format!("/checkout/sessions/{id}/status"))).await.expect(200).text();
        assert!(changed.contains(&polled), "{changed} {polled}");
        assert!(body.frame().await.is_none(), "what is paid does not change any more");
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_when_the_gateway_stops() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let id = new_session(&gateway, &merchant, json!({})).await;
        let mut body = gateway.open(Call::get(format!("/checkout/sessions/{id}/events"))).await.into_body();
        next_event(&mut body).await;
        gateway.stop_streams();
        while body.frame().await.is_some_and(|frame| frame.is_ok()) {}
    })
    .await;
}

#[tokio::test]
async fn the_stream_of_a_closed_session_tells_its_state_and_ends() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let id = new_session(&gateway, &merchant, json!({})).await;
        gateway.send(act(&id, "cancel")).await.expect(303);
        let answer = gateway.send(Call::get(format!("/checkout/sessions/{id}/events"))).await.expect(200);
        assert!(answer.text().contains("\"status\":\"cancelled\""), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_session_has_sixteen_streams_and_the_next_one_is_told_to_poll() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let id = new_session(&gateway, &merchant, json!({})).await;
        let events = || Call::get(format!("/checkout/sessions/{id}/events"));
        let mut open = Vec::new();
        for _ in 0..16 {
            let response = gateway.open(events()).await;
            assert_eq!(response.status(), 200);
            open.push(response);
        }
        gateway.send(events()).await.expect_problem(429, "rate_limited");
        gateway.send(Call::get(format!("/checkout/sessions/{id}/status"))).await.expect(200);
        let other = new_session(&gateway, &merchant, json!({})).await;
        let response = gateway.open(Call::get(format!("/checkout/sessions/{other}/events"))).await;
        assert_eq!(response.status(), 200, "another session is not in the way");
    })
    .await;
}

#[tokio::test]
async fn assets_are_named_by_their_content_and_cached_for_ever() {
    on_both_databases(async |database| {
        let (gateway, merchant) = Gateway::with_merchant(database).await;
        let id = new_session(&gateway, &merchant, json!({})).await;
        let text = gateway.send(page(&id)).await.expect(200).text();
        let assets: Vec<_> = text.split('"').filter(|part| part.starts_with("/assets/")).collect();
        assert!(assets.len() >= 3, "{assets:?}");
        for asset in assets {
            let answer = gateway.send(Call::get(asset)).await.expect(200);
            assert!(answer.header("cache-control").contains("immutable"), "{asset}: {answer}");
        }
        gateway.send(Call::get("/assets/checkout-00000000.css")).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn browsers_are_told_to_stay_with_https_where_the_gateway_is_reached_by_it() {
    on_both_databases(async |database| {
        let (gateway, _) = Gateway::with_merchant(database).await;
        let calls = || [Call::get("/"), Call::get("/healthz"), Call::get("/nothing"), Call::post("/sessions")];
        for call in calls() {
            assert_eq!(gateway.send(call).await.header("strict-transport-security"), "");
        }
        let gateway = gateway.reached_at("https://pay.example");
        for call in calls() {
            assert_eq!(gateway.send(call).await.header("strict-transport-security"), "max-age=31536000");
        }
    })
    .await;
}
