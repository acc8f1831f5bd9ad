//! `xanpay demo --once`: one payment from beginning to end.

use super::client::{Client, Content};
use super::setup::Sandbox;
use super::shop::{Channel, Shop};
use crate::app::App;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, line};
use crate::flows::{ImportOptions, ImportedFile, import_statement};
use http::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use xanpay_domain::environment::Environment;
use xanpay_domain::matching::Outcome;
use xanpay_domain::money::Money;
use xanpay_domain::time::Timestamp;
use xanpay_statements::Date;
use xanpay_statements::sample::{Booking, camt054};

/// How long the shop waits for its notices.
const NOTICES_TIMEOUT: Duration = Duration::from_secs(8);

/// The story's screen; with `--json` only the end is printed.
struct Screen {
    output: Output,
    step: usize,
}

impl Screen {
    /// The next step's heading.
    fn step(&mut self, heading: &str) -> Result<(), Failure> {
        self.step += 1;
        if self.output.json { Ok(()) } else { line(&format!("\n{:>2}. {heading}", self.step)) }
    }

    /// What came of it.
    fn tell(&self, text: &str) -> Result<(), Failure> {
        if self.output.json { Ok(()) } else { line(&format!("    {text}")) }
    }
}

/// Plays the story. Succeeds only if the charge was paid by the statement and every notice verified.
pub(super) async fn play(
    app: &Arc<App>,
    client: &Client,
    sandbox: &Sandbox,
    shop: &mut Shop,
    scratch: &Path,
    output: Output,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut screen = Screen { output, step: 0 };
    if !output.json {
        line("One payment from beginning to end: shop, customer, bank, shop.")?;
    }
    let session_id = check_out(client, sandbox, &mut screen).await?;
    let charge = pending_charge(client, &session_id, &mut screen).await?;
    let charge_id = text(&charge, &["id"])?;
    let file = write_statement(app, &charge, scratch)?;
    screen.step("The operator's bank reports the transfer in a statement")?;
    screen.tell(&format!("wrote {} (camt.054), as the bank would send it", file.display()))?;
    let first = import(app, &file).await?;
    screen.tell(&summary(&first))?;
    if (first.new, first.outcome(Outcome::Matched)) != (1, 1) {
        return Err(failed("the statement did not pay the charge"));
    }
    screen.step("The gateway tells the shop")?;
    let deliveries = wait_for_notices(shop, &charge_id, &screen).await?;
    screen.step("The same statement comes once more")?;
    let second = import(app, &file).await?;
    screen.tell(&summary(&second))?;
    if (second.new, second.duplicates) != (0, 1) {
        return Err(failed("the same statement counted twice"));
    }
    screen.step("The shop asks for the charge")?;
    let found = client.api(Method::GET, &format!("/charges/{charge_id}"), Content::None).await?;
    let status = text(&found, &["status"])?;
    screen.tell(&format!("GET /charges/{charge_id} -> {status}"))?;
    if status != "completed" {
        return Err(failed(format!("the charge is {status}, not completed")));
    }
    let elapsed = began.elapsed().as_millis();
    let value = json!({
        "sessionId": session_id,
        "chargeId": charge_id,
        "status": status,
        "webhookDeliveries": deliveries,
        "elapsedMs": u64::try_from(elapsed).unwrap_or(u64::MAX),
    });
    output.result(&value, &format!("\nPaid, matched, told and verified in {elapsed} ms. Play yourself: xanpay demo"))
}

fn failed(message: impl Into<String>) -> Failure {
    Failure::new("demo_failed", message)
}

/// A text inside a JSON answer.
fn text(value: &Value, path: &[&str]) -> Result<String, Failure> {
    let found = path.iter().try_fold(value, |value, name| value.get(name));
    match found {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => {
            Err(failed(format!("an answer has no {}", path.join("."))))
        }
    }
}

/// The shop makes a session, the customer opens its page and chooses PayNow.
async fn check_out(client: &Client, sandbox: &Sandbox, screen: &mut Screen) -> Result<String, Failure> {
    screen.step("The shop creates a session over 35 SGD")?;
    let body = json!({
        "amount": "35",
        "currency": "SGD",
        "redirectUrl": sandbox.shop_url,
        "notifyUrl": sandbox.notify_url(),
        "notifyPayload": "eyJvcmRlcklkIjogIjI1MSJ9",
        "orders": [{ "id": "58109ds9a01", "name": "iPhone case", "quantity": 1, "amount": 35 }],
        "customer": { "email": "customer@gmail.com", "phone": { "code": "+65", "phone": "12345678901" } },
    });
    let session = client.api(Method::POST, "/sessions/", Content::Json(body.to_string())).await?;
    let id = text(&session, &["id"])?;
    screen.tell(&format!("POST /sessions/ -> {id}"))?;

    screen.step("The customer opens the checkout page")?;
    let page = format!("/?sessionId={id}&isSandbox=true");
    let answer = client.browse(Method::GET, &page, Content::None).await?;
    if !answer.status.is_success() || !answer.body.contains("Demo Shop") {
        return Err(failed(format!("GET {page} answered {} without the checkout", answer.status)));
    }
    screen.tell(&format!("GET {page} -> {}, {} bytes", answer.status, answer.body.len()))?;

    screen.step("The customer chooses PayNow")?;
    screen.tell(&choose_paynow(client, &id).await?)?;
    Ok(id)
}

/// What the checkout's page sends when its customer chooses PayNow; tells what came of it.
pub(super) async fn choose_paynow(client: &Client, session_id: &str) -> Result<String, Failure> {
    let fields = [
        ("method", "paynow"),
        ("email", "customer@gmail.com"),
        ("phoneCode", "+65"),
        ("phone", "12345678901"),
        ("isSandbox", "true"),
    ];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let path = format!("/checkout/sessions/{session_id}/start");
    let answer = client.browse(Method::POST, &path, Content::Form(form)).await?;
    let told = format!("POST {path} -> {}", answer.status);
    if answer.status.is_success() || answer.status.is_redirection() { Ok(told) } else { Err(failed(told)) }
}

/// The charge that the customer has made, with what to pay.
async fn pending_charge(client: &Client, session_id: &str, screen: &mut Screen) -> Result<Value, Failure> {
    let charge = client.api(Method::GET, &format!("/sessions/{session_id}/charge"), Content::None).await?;
    screen.step("The customer pays with a banking app")?;
    screen.tell(&format!(
        "{} {} to {}, reference {}",
        text(&charge, &["customerAmount"])?,
        text(&charge, &["customerCurrency"])?,
        text(&charge, &["destination", "account"])?,
        text(&charge, &["destination", "nonce"])?,
    ))?;
    screen.tell(&format!("QR {}", text(&charge, &["destination", "qrCode"])?))?;
    Ok(charge)
}

/// What the bank would send about the customer's transfer.
fn write_statement(app: &App, charge: &Value, scratch: &Path) -> Result<std::path::PathBuf, Failure> {
    let currency = text(charge, &["customerCurrency"])?.parse().map_err(|_| failed("the currency is unknown"))?;
    let amount = text(charge, &["customerAmount"])?;
    let now = app.clock.now(Environment::Sandbox);
    let booking = Booking {
        amount: Money::parse(&amount, currency).map_err(|error| failed(format!("the amount {error}")))?,
        reference: text(charge, &["destination", "nonce"])?,
        payer: "JOHN APPLESEED".to_owned(),
        bank_reference: format!("DEMO{}", now.as_millis()),
        date: day(now)?,
    };
    let file = camt054(&text(charge, &["destination", "account"])?, "DEMO-1", now, &[booking]);
    let path = scratch.join("statement.xml");
    std::fs::write(&path, file)
        .map_err(|error| Failure::new("file_unwritable", format!("{}: {error}", path.display())))?;
    Ok(path)
}

fn day(now: Timestamp) -> Result<Date, Failure> {
    let stamp = jiff::Timestamp::from_millisecond(now.as_millis()).map_err(|error| failed(error.to_string()))?;
    Ok(stamp.to_zoned(jiff::tz::TimeZone::UTC).date())
}

async fn import(app: &Arc<App>, path: &Path) -> Result<ImportedFile, Failure> {
    let options = ImportOptions::new(Environment::Sandbox);
    let bytes =
        std::fs::read(path).map_err(|error| Failure::new("file_unreadable", format!("{}: {error}", path.display())))?;
    Ok(import_statement(app, "statement.xml", &bytes, &options).await?)
}

fn summary(file: &ImportedFile) -> String {
    format!(
        "imported: {} entry, {} new, {} known, {} matched",
        file.entries,
        file.new,
        file.duplicates,
        file.outcome(Outcome::Matched)
    )
}

/// Waits until the shop has heard of the payment both ways; returns how many notices came. One bad signature ends it.
async fn wait_for_notices(shop: &mut Shop, charge_id: &str, screen: &Screen) -> Result<usize, Failure> {
    let all = async {
        let mut arrived: Vec<Channel> = Vec::new();
        while !(arrived.contains(&Channel::Webhook) && arrived.contains(&Channel::Callback)) {
            let notice = shop.next().await?;
            screen.tell(&notice.in_words())?;
            match &notice.fault {
                Some(fault) => return Err(failed(format!("a notice does not verify: {fault}"))),
                None if notice.charge_id == charge_id && notice.status == "completed" => arrived.push(notice.channel),
                None => {}
            }
        }
        Ok(arrived.len())
    };
    let late = || failed(format!("the notices did not arrive within {} s", NOTICES_TIMEOUT.as_secs()));
    tokio::time::timeout(NOTICES_TIMEOUT, all).await.map_err(|_| late())?
}
