//! A gateway without a network.

use super::{Answer, Call};
use axum::Router;
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;
use tower::ServiceExt;
use xanpay_domain::currency::Currency;
use xanpay_domain::environment::Environment;
use xanpay_domain::exchange::{Rate, RateEntry};
use xanpay_domain::id::{ChargeId, MerchantId, SessionId};
use xanpay_domain::method::Method;
use xanpay_domain::session::Session;
use xanpay_domain::time::{Span, Timestamp};
use xanpay_server::app::{Addresses, App};
use xanpay_server::clock::Clock;
use xanpay_server::flows::{self, FlowError, NewAccount, NewMerchant, NewWebhook};
use xanpay_server::http::{Settings, Web, router};
use xanpay_server::outbound::address::AddressPolicy;
use xanpay_server::outbound::vault::MasterKey;
use xanpay_server::terms::Terms;
use xanpay_server::workers;
use xanpay_store::{DeliveryReport, Merchant, MerchantChanges, PairRate};
use xanpay_testkit::Database;

/// A Friday in 2022, when the documents' session was created.
pub const START: Timestamp = Timestamp::from_millis(1_656_064_577_522);

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The merchant; nothing for an operator.
    pub merchant: Option<MerchantId>,
    /// The API key.
    pub key: String,
    /// The API secret.
    pub secret: String,
    /// The environment of the key.
    pub environment: Environment,
}

impl Caller {
    /// The merchant's id.
    pub fn id(&self) -> MerchantId {
        self.merchant.expect("an operator has no merchant id")
    }
}

/// The gateway under test.
pub struct Gateway {
    /// Its inside.
    pub app: Arc<App>,
    /// Its outside.
    pub router: Router,
    stop: watch::Sender<bool>,
}

impl Gateway {
    /// A gateway process on a database, whose clock stands.
    pub async fn start(database: &Database) -> Self {
        Self::start_with(database, Clock::by_hand(START), AddressPolicy::sandbox()).await
    }

    /// A gateway process with another clock or other addresses that sandbox notices may call.
    pub async fn start_with(database: &Database, clock: Clock, sandbox: AddressPolicy) -> Self {
        Self::start_under(database, clock, sandbox, Terms::default()).await
    }

    /// A gateway process whose operator has set its own terms.
    pub async fn start_under(database: &Database, clock: Clock, sandbox: AddressPolicy, terms: Terms) -> Self {
        Self::start_calling(database, clock, Addresses { sandbox, live: AddressPolicy::default() }, terms).await
    }

    /// A gateway process with other addresses that notices of either environment may call.
    pub async fn start_calling(database: &Database, clock: Clock, addresses: Addresses, terms: Terms) -> Self {
        let master_key = MasterKey::from_bytes(&[7; 32]).unwrap();
        let app = App::new(database.open().await, clock, master_key, addresses, terms);
        let (stop, stopping) = watch::channel(false);
        let router = router(Web::new(Arc::clone(&app), settings("http://127.0.0.1:8080"), stopping));
        Self { app, router, stop }
    }

    /// A gateway with an account for each of the sandbox's methods that tests use, and a merchant in Singapore dollars.
    pub async fn with_merchant(database: &Database) -> (Self, Caller) {
        Self::start(database).await.furnished().await
    }

    /// This gateway with accounts and a merchant.
    pub async fn furnished(self) -> (Self, Caller) {
        let gateway = self;
        for (method, account, name) in [(Method::Paynow, "+6585867834", "DN"), (Method::Fps, "166366543", "DN")] {
            gateway.account(Environment::Sandbox, method, account, name).await;
        }
        let merchant = gateway.merchant("Lantern Books", Environment::Sandbox).await;
        (gateway, merchant)
    }

    /// Runs the workers until the returned guard is stopped.
    pub fn workers(&self) -> Workers {
        let (stop, stopping) = watch::channel(false);
        Workers { stop, set: workers::start(Arc::clone(&self.app), stopping) }
    }

    /// Ends streams, as a gateway that stops does.
    pub fn stop_streams(&self) {
        let _ = self.stop.send(true);
    }

    /// The same gateway where customers reach it elsewhere.
    pub fn reached_at(self, public_url: &str) -> Self {
        let web = Web::new(Arc::clone(&self.app), settings(public_url), self.stop.subscribe());
        Self { router: router(web), ..self }
    }

    /// Moves the clock.
    pub fn advance(&self, span: Span) {
        self.app.clock.advance(span);
        self.app.deliveries_due.notify_one();
    }

    /// Adds a merchant that takes paynow, duit-now and fps, as the documents' merchant does.
    pub async fn merchant(&self, name: &str, environment: Environment) -> Caller {
        let new = NewMerchant {
            name: name.into(),
            currency: Currency::SGD,
            methods: vec![Method::Paynow, Method::DuitNow, Method::Fps],
            environment,
            phone_verification: false,
        };
        let made = flows::create_merchant(&self.app, new).await.unwrap();
        Caller { merchant: Some(made.id), key: made.key.api_key, secret: made.key.api_secret, environment }
    }

    /// Makes an operator's key.
    pub async fn operator(&self, environment: Environment) -> Caller {
        let made = flows::create_key(&self.app, None, environment).await.unwrap();
        Caller { merchant: None, key: made.api_key, secret: made.api_secret, environment }
    }

    /// Adds a receiving account.
    pub async fn account(&self, environment: Environment, method: Method, account: &str, name: &str) {
        let new = NewAccount {
            environment,
            method,
            account: account.into(),
            name: Some(name.into()),
            bank: None,
            template_qr: None,
            template_as_issued: false,
            policy: None,
            statement_account: None,
            merchant: None,
        };
        flows::add_account(&self.app, new).await.unwrap();
    }

    /// Sets a rate as the operator does.
    pub async fn rate(&self, base: Currency, quote: Currency, rate: &str) {
        let as_of = self.app.clock.real_now();
        let rate = Rate::parse(rate).unwrap();
        let pair = PairRate { base, quote, entry: RateEntry { source: "operator".into(), rate, as_of } };
        let saved = self.app.store.write(move |tx| {
            let pair = pair.clone();
            async move { Ok::<_, FlowError>(tx.save_rate(&pair, Timestamp::from_millis(i64::MAX)).await?) }
        });
        assert!(saved.await.unwrap(), "a newer rate is known");
    }

    /// Changes a merchant's switches.
    pub async fn switch(&self, caller: &Caller, change: impl FnOnce(&mut Merchant)) {
        let reader = self.app.store.reader();
        let mut merchant = reader.find_merchant(caller.id(), caller.environment).await.unwrap().unwrap();
        change(&mut merchant);
        let (id, environment) = (merchant.id, merchant.environment);
        let changes = MerchantChanges {
            methods: Some(merchant.methods),
            permissions: Some(merchant.permissions),
            phone_verification: Some(merchant.phone_verification),
            secure_mode: Some(merchant.secure_mode),
            markup_bp: Some(merchant.markup_bp),
        };
        let saved = self.app.store.write(move |tx| {
            let changes = changes.clone();
            async move { Ok::<_, FlowError>(tx.save_merchant_switches(id, environment, &changes).await?) }
        });
        assert!(saved.await.unwrap());
    }

    /// Adds a webhook endpoint; returns its secret.
    pub async fn webhook(&self, caller: &Caller, url: &str, basic: Option<(&str, &str)>) -> String {
        let basic = basic.map(|(name, password)| (name.to_owned(), password.to_owned()));
        let new = NewWebhook { environment: caller.environment, merchant: caller.id(), url: url.into(), basic };
        flows::add_webhook(&self.app, new).await.unwrap().secret
    }

    /// Sends a request and reads the whole answer, which must keep the manners of every answer.
    pub async fn send(&self, call: Call) -> Answer {
        let title = call.title();
        let answer = read(self.open(call).await).await;
        check_manners(&title, &answer);
        answer
    }

    /// Sends a request and leaves the body of the answer to the test.
    pub async fn open(&self, call: Call) -> Response {
        self.router.clone().oneshot(call.into_request()).await.unwrap()
    }

    /// Creates a session of 35 SGD with further members; returns its object.
    pub async fn session(&self, caller: &Caller, more: &Value) -> Value {
        let mut body = json!({"amount": 35, "currency": "SGD"});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.send(Call::post("/sessions").by(caller).json(&body)).await.expect(200).json()
    }

    /// Creates a charge of 35 SGD by PayNow with further members; returns its object.
    pub async fn charge(&self, caller: &Caller, more: &Value) -> Value {
        let mut body =
            json!({"merchantAmount": 35, "merchantCurrency": "SGD", "method": "paynow", "email": "a@example.com"});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.send(Call::post("/charges").by(caller).json(&body)).await.expect(200).json()
    }

    /// Shows a charge.
    pub async fn get_charge(&self, caller: &Caller, id: &str) -> Value {
        self.send(Call::get(format!("/charges/{id}")).by(caller)).await.expect(200).json()
    }

    /// Starts a session's checkout by PayNow and returns its charge.
    pub async fn checkout(&self, caller: &Caller, session: &str) -> Value {
        let form = [("method", "paynow"), ("email", "customer@gmail.com")];
        self.send(Call::post(format!("/checkout/sessions/{session}/start")).form(&form)).await.expect(303);
        self.send(Call::get(format!("/sessions/{session}/charge")).by(caller)).await.expect(200).json()
    }

    /// Plays the customer's bank for a charge of the classic view; returns the recorded transfer.
    pub async fn pay(&self, caller: &Caller, charge: &Value, amount: &str) -> Value {
        let body = json!({
            "account": charge["destination"]["account"], "amount": amount, "currency": charge["customerCurrency"],
            "reference": charge["destination"]["nonce"],
        });
        self.send(Call::post("/sandbox/transfers").by(caller).json(&body)).await.expect(200).json()
    }

    /// The stored session.
    pub async fn stored_session(&self, id: &str) -> Session {
        let reader = self.app.store.reader();
        reader.find_session(SessionId::parse(id).unwrap()).await.unwrap().unwrap()
    }

    /// The deliveries of a charge, in their order.
    pub async fn deliveries(&self, charge: &Value) -> Vec<DeliveryReport> {
        let id = ChargeId::parse(charge["id"].as_str().unwrap()).unwrap();
        self.app.store.reader().list_deliveries(id).await.unwrap()
    }
}

/// What the HTTP side is told, by default but for the address.
fn settings(public_url: &str) -> Settings {
    let loopback = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    Settings {
        public_url: public_url.to_owned(),
        max_connections: 10_000,
        metrics_allowed: loopback.clone(),
        trusted_proxies: loopback,
    }
}

/// Running workers.
pub struct Workers {
    stop: watch::Sender<bool>,
    set: tokio::task::JoinSet<()>,
}

impl Workers {
    /// Lets the workers finish what they have begun. Nothing may be left that could have been delivered.
    pub async fn finish(self, gateway: &Gateway) {
        self.stop.send(true).unwrap();
        self.set.join_all().await;
        let reader = gateway.app.store.reader();
        assert_eq!(reader.count_waiting_deliveries(1000).await.unwrap(), 0, "deliveries are left over");
    }

    /// Lets the workers finish what they have begun, where a test leaves deliveries on purpose.
    pub async fn finish_with_leftovers(self) {
        self.stop.send(true).unwrap();
        self.set.join_all().await;
    }
}

/// Reads an answer whole.
pub async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// What every answer must have, whatever was asked.
fn check_manners(title: &str, answer: &Answer) {
    assert!(answer.status < 500 || answer.status == 503, "{title}: {answer}");
    let id = answer.header("x-request-id");
    assert_eq!(id.len(), 16, "{title}: {answer}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{title}: {answer}");
    assert!(!answer.header("cache-control").is_empty(), "{title}: {answer}");
    if answer.status == 401 {
        assert!(answer.header("www-authenticate").starts_with("Basic "), "{title}: {answer}");
    }
    if [429, 503].contains(&answer.status) {
        assert!(answer.header("retry-after").parse::<u32>().is_ok(), "{title}: {answer}");
    }
    let is_page = answer.header("content-type").starts_with("text/html");
    if answer.status >= 400 && !is_page {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{title}: {answer}");
        let json = answer.json();
        for member in ["type", "title", "status", "detail", "code", "requestId"] {
            assert!(!json[member].is_null(), "{title}: no {member}: {answer}");
        }
        assert_eq!((json["status"].as_u64(), json["requestId"].as_str()), (Some(answer.status.into()), Some(id)));
    }
    if is_page {
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{title}: {policy}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{title}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{title}");
        assert_eq!(answer.header("cache-control"), "no-store", "{title}");
    }
}
