//! What one client asks for, step by step, and what must be true of it afterwards.

use crate::client::{Answer, Ask, Client};
use crate::gateway::{ACCOUNT, Gateway};

/// One request of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `POST /sessions`.
    CreateSession,
    /// The customer chooses PayNow on the checkout page.
    StartCheckout,
    /// The customer leaves the checkout page for good.
    LeaveCheckout,
    /// `POST /charges`.
    CreateCharge,
    /// `PATCH /charges/{id}/cancel`.
    CancelCharge,
    /// `POST /sandbox/transfers` by the merchant.
    PaySandbox,
    /// `POST /transfers` by the operator.
    PayOperator,
}

/// What happens in a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plot {
    /// A session.
    Session,
    /// A session that is cancelled.
    Left,
    /// A session whose charge is made by the customer and paid.
    Checkout,
    /// A charge.
    Charge,
    /// A charge that is cancelled.
    Cancelled,
    /// A charge that is paid.
    Paid,
    /// A charge that a bank statement pays; the importing is not the story's.
    Imported,
}

impl Plot {
    /// The plot of the story with a number: all come in turn.
    pub fn of(number: u64) -> Self {
        const TURNS: [Plot; 6] = [Plot::Checkout, Plot::Charge, Plot::Cancelled, Plot::Paid, Plot::Session, Plot::Left];
        TURNS[usize::try_from(number % 6).unwrap_or(0)]
    }

    /// Its requests.
    pub fn steps(self) -> &'static [Step] {
        match self {
            Self::Session => &[Step::CreateSession],
            Self::Left => &[Step::CreateSession, Step::LeaveCheckout],
            Self::Checkout => &[Step::CreateSession, Step::StartCheckout, Step::PayOperator],
            Self::Charge | Self::Imported => &[Step::CreateCharge],
            Self::Cancelled => &[Step::CreateCharge, Step::CancelCharge],
            Self::Paid => &[Step::CreateCharge, Step::PaySandbox],
        }
    }

    /// Whether it has a session.
    pub fn has_session(self) -> bool {
        self.steps().contains(&Step::CreateSession)
    }

    /// Whether it has a charge.
    pub fn has_charge(self) -> bool {
        self == Self::Checkout || !self.has_session()
    }

    /// Whether its charge is paid in the end.
    pub fn is_paid(self) -> bool {
        matches!(self, Self::Checkout | Self::Paid | Self::Imported)
    }
}

impl Step {
    /// Whether it carries an idempotency key.
    pub fn is_keyed(self) -> bool {
        matches!(self, Self::CreateSession | Self::CreateCharge | Self::PaySandbox | Self::PayOperator)
    }

    fn name(self) -> &'static str {
        match self {
            Self::CreateSession => "session",
            Self::StartCheckout => "start",
            Self::LeaveCheckout => "leave",
            Self::CreateCharge => "charge",
            Self::CancelCharge => "cancel",
            Self::PaySandbox => "sandbox",
            Self::PayOperator => "transfer",
        }
    }
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Went {
    /// A success was answered, and read to its end.
    Done,
    /// Something else was answered.
    Refused(Answer),
    /// There was no whole answer.
    Silent,
}

/// A story as far as it was answered.
#[derive(Debug, Clone)]
pub struct Story {
    /// Its number, in its keys and notices.
    pub number: u64,
    /// What happens.
    pub plot: Plot,
    /// The bodies of the answers to its steps.
    pub done: Vec<String>,
    /// The session's id, once answered.
    pub session: String,
    /// The charge's id, once answered.
    pub charge: String,
    /// The charge's nonce, once answered.
    pub nonce: String,
    /// Whether a statement with its payment was imported, and the import said so.
    pub imported: bool,
}

impl Story {
    /// A story that has not begun.
    pub fn new(number: u64, plot: Plot) -> Self {
        let none = String::new;
        Self { number, plot, done: Vec::new(), session: none(), charge: none(), nonce: none(), imported: false }
    }

    /// The step that has not been answered yet.
    pub fn next(&self) -> Option<Step> {
        self.plot.steps().get(self.done.len()).copied()
    }

    /// Whether a step was answered.
    pub fn has_done(&self, step: Step) -> bool {
        self.plot.steps().iter().take(self.done.len()).any(|done| *done == step)
    }

    /// The bank's reference of the payment.
    pub fn bank_reference(&self) -> String {
        format!("B{}", self.number)
    }

    /// Takes the next step.
    pub async fn go_on(&mut self, client: &mut Client, gateway: &Gateway) -> Went {
        let Some(step) = self.next() else { return Went::Done };
        if step == Step::PayOperator && !self.find_charge(client, gateway).await {
            return Went::Silent;
        }
        let Some(answer) = self.ask(step, client, gateway).await else { return Went::Silent };
        let wanted = if matches!(step, Step::StartCheckout | Step::LeaveCheckout) { 303 } else { 200 };
        if answer.status != wanted {
            return Went::Refused(answer);
        }
        let json = answer.json();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        match step {
            Step::CreateSession => self.session = text(&json["id"]),
            Step::CreateCharge => {
                (self.charge, self.nonce) = (text(&json["id"]), text(&json["destination"]["nonce"]));
            }
            Step::StartCheckout | Step::LeaveCheckout | Step::CancelCharge | Step::PaySandbox | Step::PayOperator => {}
        }
        self.done.push(answer.body);
        Went::Done
    }

    /// Sends a step's request.
    pub async fn ask(&self, step: Step, client: &mut Client, gateway: &Gateway) -> Option<Answer> {
        let number = self.number;
        let key = if step.is_keyed() { format!("{}-{number}", step.name()) } else { String::new() };
        let (path, body) = match step {
            Step::CreateSession => {
                ("/sessions".into(), format!(r#"{{"amount":35,"currency":"SGD","notifyPayload":"{number}"}}"#))
            }
            Step::StartCheckout => (
                format!("/checkout/sessions/{}/start", self.session),
                format!("method=paynow&email=c{number}%40example.com"),
            ),
            Step::LeaveCheckout => (format!("/checkout/sessions/{}/cancel", self.session), String::new()),
            Step::CreateCharge => (
                "/charges".into(),
                format!(
                    r#"{{"merchantAmount":35,"merchantCurrency":"SGD","method":"paynow","email":"c@example.com","notifyPayload":"{number}"}}"#
                ),
            ),
            Step::CancelCharge => (format!("/charges/{}/cancel", self.charge), String::new()),
            Step::PaySandbox | Step::PayOperator => (
                if step == Step::PaySandbox { "/sandbox/transfers" } else { "/transfers" }.into(),
                format!(
                    r#"{{"account":"{ACCOUNT}","amount":35,"currency":"SGD","reference":"{}","bankReference":"{}"}}"#,
                    self.nonce,
                    self.bank_reference()
                ),
            ),
        };
        let by = match step {
            Step::StartCheckout | Step::LeaveCheckout => "",
            Step::PayOperator => &gateway.operator,
            Step::CreateSession | Step::CreateCharge | Step::CancelCharge | Step::PaySandbox => &gateway.by,
        };
        let method = if step == Step::CancelCharge { "PATCH" } else { "POST" };
        client.send(Ask { method, path: &path, by, key: &key, body: &body }).await
    }

    /// Learns which charge the session's checkout has made.
    async fn find_charge(&mut self, client: &mut Client, gateway: &Gateway) -> bool {
        let path = format!("/sessions/{}/charge", self.session);
        let Some(answer) = get(client, &gateway.by, &path).await else { return false };
        let charge = answer.json();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        (self.charge, self.nonce) = (text(&charge["id"]), text(&charge["destination"]["nonce"]));
        true
    }

    /// What was answered and does not read back with at least the answered state; nothing when there was no answer.
    pub async fn lost(&self, client: &mut Client, by: &str) -> Option<Vec<String>> {
        let mut lost = Vec::new();
        if self.has_done(Step::CreateSession) {
            let path = format!("/sessions/{}", self.session);
            let answer = get(client, by, &path).await?;
            let status = answer.json()["status"].clone();
            let as_left = match self.plot {
                Plot::Left => !self.has_done(Step::LeaveCheckout) || status == "cancelled",
                Plot::Checkout => !self.has_done(Step::StartCheckout) || status == "charged",
                Plot::Session | Plot::Charge | Plot::Cancelled | Plot::Paid | Plot::Imported => true,
            };
            if answer.status != 200 || !as_left {
                lost.push(format!("story {}: {path} now says {} {status}", self.number, answer.status));
            }
        }
        if self.has_done(Step::StartCheckout) {
            let path = format!("/sessions/{}/charge", self.session);
            lost.extend(self.look_at_charge(&path, &get(client, by, &path).await?));
        }
        if self.has_done(Step::CreateCharge) {
            let path = format!("/charges/{}", self.charge);
            lost.extend(self.look_at_charge(&path, &get(client, by, &path).await?));
        }
        Some(lost)
    }

    fn look_at_charge(&self, path: &str, answer: &Answer) -> Option<String> {
        let charge = answer.json();
        let is_same = self.charge.is_empty()
            || (charge["id"] == self.charge.as_str() && charge["destination"]["nonce"] == self.nonce.as_str());
        let is_as_left = match self.plot {
            Plot::Cancelled => !self.has_done(Step::CancelCharge) || charge["status"] == "cancelled",
            Plot::Paid => !self.has_done(Step::PaySandbox) || charge["status"] == "completed",
            Plot::Checkout => !self.has_done(Step::PayOperator) || charge["status"] == "completed",
            Plot::Imported => !self.imported || charge["status"] == "completed",
            Plot::Session | Plot::Left | Plot::Charge => true,
        };
        let good = answer.status == 200 && is_same && is_as_left;
        let status = answer.status;
        (!good).then(|| format!("story {}: {path} now says {status} {}", self.number, charge["status"]))
    }

    /// Repeats the requests with keys: nothing when one was not answered, else those that were answered otherwise.
    pub async fn answered_otherwise(&self, client: &mut Client, gateway: &Gateway) -> Option<Vec<String>> {
        let mut different = Vec::new();
        for (step, before) in self.plot.steps().iter().zip(&self.done).filter(|(step, _)| step.is_keyed()) {
            let now = self.ask(*step, client, gateway).await?;
            if now.status != 200 || now.body != *before {
                different.push(format!("story {}: {step:?} repeated says {} {}", self.number, now.status, now.body));
            }
        }
        Some(different)
    }
}

/// GET.
pub async fn get(client: &mut Client, by: &str, path: &str) -> Option<Answer> {
    client.send(Ask { method: "GET", path, by, ..Ask::default() }).await
}
