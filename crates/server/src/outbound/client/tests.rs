//! The client against receivers that a test writes byte by byte.

use super::*;
use crate::outbound::connector::{LOOKUPS_AT_ONCE, Resolving};
use http::header::ACCEPT_ENCODING;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn client(policy: AddressPolicy) -> WebhookClient {
    WebhookClient::new(policy, &ClientSettings::default()).unwrap()
}

/// A limit that a stalling receiver reaches soon.
fn impatient(limit_ms: u64) -> WebhookClient {
    let limit = Duration::from_millis(limit_ms);
    let settings = ClientSettings { connect_timeout: limit, total_timeout: limit, ..ClientSettings::default() };
    WebhookClient::new(AddressPolicy::sandbox(), &settings).unwrap()
}

/// http is allowed so that nothing but the address can be the reason for a refusal.
fn strict() -> AddressPolicy {
    AddressPolicy { allow_plain_http: true, ..AddressPolicy::default() }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

async fn post(client: &WebhookClient, to: &str) -> Result<Answer, SendError> {
    client.post(&url(to), HeaderMap::new(), Bytes::from_static(b"{}")).await
}

async fn kind(client: &WebhookClient, to: &str) -> SendErrorKind {
    post(client, to).await.expect_err(to).kind
}

/// Reads one request and gives it back as text.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return text;
        }
    }
}

/// A receiver on loopback that gives every request the same bytes.
struct Sink {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What a [`Sink`] does after its bytes.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Keep,
    Close,
    Reset,
    Stall,
}

impl Sink {
    async fn start(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink =
            Self { port: listener.local_addr().unwrap().port(), connections: Arc::default(), requests: Arc::default() };
        let (connections, requests) = (Arc::clone(&sink.connections), Arc::clone(&sink.requests));
        let answer: Arc<[u8]> = answer.into().into();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, answer) = (Arc::clone(&requests), Arc::clone(&answer));
                tokio::spawn(async move {
                    loop {
                        let request = read_request(&mut stream).await;
                        if request.is_empty() {
                            return;
                        }
                        requests.lock().unwrap().push(request);
                        let _ = stream.write_all(&answer).await;
                        match then {
                            Then::Keep => {}
                            Then::Close => return,
                            Then::Reset => return stream.set_zero_linger().unwrap(),
                            Then::Stall => std::future::pending().await,
                        }
                    }
                });
            }
        });
        sink
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A listener that no call may reach.
struct Canary(TcpListener);

impl Canary {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Connections are accepted in the order they came: if the test's own, made last, comes out first, there was no
    /// other.
    async fn assert_untouched(self) {
        let mark = TcpStream::connect(self.0.local_addr().unwrap()).await.unwrap();
        let (_, first) = self.0.accept().await.unwrap();
        assert_eq!(first, mark.local_addr().unwrap(), "somebody else connected");
    }
}

/// A resolver that gives its answers in turn, the last one for ever.
struct Scripted {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|list| list.iter().map(|text| text.parse().unwrap()).collect()).collect();
        Arc::new(Self { answers, asked: AtomicUsize::new(0) })
    }
}

impl Resolve for Scripted {
    fn resolve(&self, _: &str) -> Resolving {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        Box::pin(std::future::ready(Ok(self.answers[turn].clone())))
    }
}

fn scripted(policy: AddressPolicy, answers: &[&[&str]]) -> WebhookClient {
    WebhookClient::with_resolver(policy, &ClientSettings::default(), Scripted::new(answers)).unwrap()
}

#[tokio::test]
async fn a_post_carries_the_body_and_headers_as_given() {
    let sink = Sink::start(OK, Then::Keep).await;
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", HeaderValue::from_static("abc"));
    let target = url(&format!("http://127.0.0.1:{}/a%20b?c=d#part", sink.port));
    let answer =
        client(AddressPolicy::sandbox()).post(&target, headers, Bytes::from_static(b"{\"a\":1}")).await.unwrap();
    assert_eq!((answer.status, answer.excerpt.as_str()), (200, "ok"));
    let request = sink.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "{\"a\":1}");
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines[0], "POST /a%20b?c=d HTTP/1.1");
    for line in [
        "webhook-id: abc",
        "content-type: application/json",
        "content-length: 7",
        &format!("host: 127.0.0.1:{}", sink.port),
    ] {
        assert!(lines.contains(&line), "{line} in {head}");
    }
    assert!(head.contains("user-agent: XanPay/"));
}

#[tokio::test]
async fn headers_that_frame_the_message_are_replaced() {
    let sink = Sink::start(OK, Then::Keep).await;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "evil.example"),
        ("content-length", "9999"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    client(AddressPolicy::sandbox()).post(&url(&sink.url()), headers, Bytes::from_static(b"{}")).await.unwrap();
    let request = sink.requests().remove(0);
    for gone in ["evil.example", "9999", "chunked", "upgrade"] {
        assert!(!request.contains(gone), "{gone} in {request}");
    }
    assert!(request.contains("content-length: 2\r\n"));
}

#[tokio::test]
async fn one_connection_serves_many_posts() {
    let sink = Sink::start(OK, Then::Keep).await;
    let client = client(AddressPolicy::sandbox());
    for _ in 0..20 {
        assert_eq!(post(&client, &sink.url()).await.unwrap().status, 200);
    }
    assert_eq!((sink.connections(), sink.requests().len()), (1, 20));
}

#[tokio::test]
async fn two_clients_never_share_a_connection() {
    let sink = Sink::start(OK, Then::Keep).await;
    let clients = [client(AddressPolicy::sandbox()), client(AddressPolicy { allow_loopback: true, ..strict() })];
    for _ in 0..3 {
        for client in &clients {
            post(client, &sink.url()).await.unwrap();
        }
    }
    assert_eq!(sink.connections(), 2);
}

#[tokio::test]
async fn a_refused_literal_is_never_connected_to_in_any_spelling() {
    let canary = Canary::start().await;
    let client = client(strict());
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "127.0.0.1.",
    ] {
        let to = format!("http://{host}:{}/", canary.port());
        assert_eq!(kind(&client, &to).await, SendErrorKind::Blocked, "{to}");
    }
    canary.assert_untouched().await;
}

/// The URL parser folds these spellings before the connector sees them; the connector holds by itself.
#[tokio::test]
async fn the_connector_refuses_spellings_that_only_the_system_understands() {
    use tower_service::Service;
    let canary = Canary::start().await;
    let lookups = Lookups::new(Arc::new(SystemResolver));
    let mut connector = CheckedConnector::new(Arc::new(strict()), lookups, Duration::from_secs(5));
    for host in ["127.1", "0x7f.1", "2130706433", "localhost", "[::ffff:127.0.0.1]", "0"] {
        let uri: Uri = format!("http://{host}:{}/", canary.port()).parse().unwrap();
        let fault = connector.call(uri).await.err().unwrap();
        assert!(matches!(fault.kind, SendErrorKind::Blocked | SendErrorKind::Dns), "{host}: {fault}");
    }
    canary.assert_untouched().await;
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_never_connected_to() {
    let canary = Canary::start().await;
    let client = client(strict());
    let error = post(&client, &format!("http://localhost:{}/", canary.port())).await.unwrap_err();
    assert_eq!((error.kind, error.kind.code()), (SendErrorKind::Blocked, "blocked_address"));
    assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    canary.assert_untouched().await;
}

#[tokio::test]
async fn one_refused_address_among_public_ones_refuses_the_call() {
    let canary = Canary::start().await;
    for answer in [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700:4700::1111", "::1"]] {
        let client = scripted(strict(), &[&answer]);
        assert_eq!(kind(&client, &format!("http://shop.example:{}/", canary.port())).await, SendErrorKind::Blocked);
    }
    canary.assert_untouched().await;
}

/// Row W-036 of the catalogue of bad inputs: the answer changes between two questions. Loopback by its range stands for
/// the public address, another loopback address for the private one.
#[tokio::test]
async fn a_name_is_resolved_once_per_connection_and_the_checked_address_is_the_one_used() {
    let sink = Sink::start(OK, Then::Close).await;
    let allowed = AddressPolicy { allowed: vec!["127.0.0.1/32".parse().unwrap()], ..strict() };
    let resolver = Scripted::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let client =
        WebhookClient::with_resolver(allowed, &ClientSettings::default(), Arc::clone(&resolver) as Arc<dyn Resolve>)
            .unwrap();
    let to = format!("http://shop.example:{}/", sink.port);
    assert_eq!(post(&client, &to).await.unwrap().status, 200);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    assert_eq!(kind(&client, &to).await, SendErrorKind::Blocked);
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let canary = Canary::start().await;
    for status in [301, 302, 303, 307, 308] {
        let head = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
            canary.port()
        );
        let sink = Sink::start(head, Then::Keep).await;
        let answer = post(&client(AddressPolicy::sandbox()), &sink.url()).await.unwrap();
        assert_eq!(answer.status, status);
    }
    canary.assert_untouched().await;
}

#[tokio::test]
async fn plain_http_is_called_only_where_the_policy_allows_it_and_other_schemes_never() {
    let canary = Canary::start().await;
    let no_http = AddressPolicy { allow_loopback: true, ..AddressPolicy::default() };
    assert_eq!(kind(&client(no_http), &format!("http://127.0.0.1:{}/", canary.port())).await, SendErrorKind::Blocked);
    for scheme in ["ftp", "gopher", "ws"] {
        let to = format!("{scheme}://127.0.0.1:{}/", canary.port());
        assert_eq!(kind(&client(AddressPolicy::sandbox()), &to).await, SendErrorKind::Blocked);
    }
    canary.assert_untouched().await;
}

/// Row W-046 of the catalogue of bad inputs.
#[tokio::test]
async fn a_connection_that_ends_before_the_answer_is_a_reset() {
    for (answer, then) in [
        ("", Then::Close),
        ("", Then::Reset),
        ("HTTP/1.1 200 O", Then::Close),
        ("HTTP/1.1 200 OK\r\ncontent-le", Then::Reset),
    ] {
        let sink = Sink::start(answer, then).await;
        assert_eq!(kind(&client(AddressPolicy::sandbox()), &sink.url()).await, SendErrorKind::Reset, "{answer:?}");
        assert_eq!(sink.requests().len(), 1, "sent once only");
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_a_timeout() {
    for answer in ["", "HTTP/1.1 200", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let sink = Sink::start(answer, Then::Stall).await;
        assert_eq!(kind(&impatient(40), &sink.url()).await, SendErrorKind::Timeout, "{answer:?}");
    }
}

#[tokio::test]
async fn a_handshake_or_a_lookup_that_stalls_is_a_timeout() {
    let canary = Canary::start().await;
    assert_eq!(kind(&impatient(40), &format!("https://127.0.0.1:{}/", canary.port())).await, SendErrorKind::Timeout);
    struct Silent;
    impl Resolve for Silent {
        fn resolve(&self, _: &str) -> Resolving {
            Box::pin(std::future::pending())
        }
    }
    let settings = ClientSettings { connect_timeout: Duration::from_millis(40), ..ClientSettings::default() };
    let client = WebhookClient::with_resolver(AddressPolicy::sandbox(), &settings, Arc::new(Silent)).unwrap();
    assert_eq!(kind(&client, "http://shop.example/").await, SendErrorKind::Timeout);
}

/// A resolver that answers nothing for names under `dead.example` until it is told to, and loopback for all others.
struct HalfDead {
    asked: AtomicUsize,
    revived: watch::Receiver<bool>,
}

impl HalfDead {
    fn client() -> (WebhookClient, Arc<Self>, watch::Sender<bool>) {
        let (revive, revived) = watch::channel(false);
        let resolver = Arc::new(Self { asked: AtomicUsize::new(0), revived });
        let settings = ClientSettings { connect_timeout: Duration::from_millis(500), ..ClientSettings::default() };
        let client = WebhookClient::with_resolver(AddressPolicy::sandbox(), &settings, Arc::clone(&resolver) as _);
        (client.unwrap(), resolver, revive)
    }
}

impl Resolve for HalfDead {
    fn resolve(&self, host: &str) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let (is_dead, mut revived) = (host.ends_with("dead.example"), self.revived.clone());
        Box::pin(async move {
            if is_dead {
                let _ = revived.wait_for(|revived| *revived).await;
            }
            Ok(vec!["127.0.0.1".parse().unwrap()])
        })
    }
}

/// Posts to all of them at once.
async fn kinds(client: &WebhookClient, targets: impl Iterator<Item = String>) -> Vec<SendErrorKind> {
    let calls = targets.map(|to| {
        let client = client.clone();
        async move { kind(&client, &to).await }
    });
    calls.collect::<JoinSet<_>>().join_all().await
}

#[tokio::test]
async fn a_name_that_is_not_found_for_long_is_looked_up_once_and_other_names_are_found() {
    let sink = Sink::start(OK, Then::Keep).await;
    let (client, resolver, revive) = HalfDead::client();
    let dead = format!("http://dead.example:{}/", sink.port);
    let all = kinds(&client, std::iter::repeat_n(dead.clone(), LOOKUPS_AT_ONCE * 2)).await;
    assert!(all.iter().all(|kind| *kind == SendErrorKind::Timeout));
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    assert_eq!(post(&client, &format!("http://shop.example:{}/", sink.port)).await.unwrap().status, 200);
    revive.send(true).unwrap();
    client.settled(&url(&dead)).await;
    assert_eq!(post(&client, &dead).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_call_for_whose_name_no_lookup_is_free_is_unsent_and_says_so() {
    let sink = Sink::start(OK, Then::Keep).await;
    let (client, resolver, revive) = HalfDead::client();
    let dead = |n: usize| format!("http://n{n}.dead.example/");
    let all = kinds(&client, (0..LOOKUPS_AT_ONCE).map(dead)).await;
    assert!(all.iter().all(|kind| *kind == SendErrorKind::Timeout), "{all:?}");
    let shop = format!("http://shop.example:{}/", sink.port);
    assert_eq!(kind(&client, &shop).await, SendErrorKind::Unsent);
    // The calls have ended, their lookups have not; one of them may still be joined.
    assert_eq!(kind(&client, &dead(0)).await, SendErrorKind::Timeout);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), LOOKUPS_AT_ONCE);
    revive.send(true).unwrap();
    for n in 0..LOOKUPS_AT_ONCE {
        client.settled(&url(&dead(n))).await;
    }
    assert_eq!(post(&client, &shop).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_call_is_not_settled_before_its_lookup_is() {
    let (client, _, revive) = HalfDead::client();
    let dead = url("http://dead.example/");
    assert_eq!(kind(&client, dead.as_str()).await, SendErrorKind::Timeout);
    let mut settled = std::pin::pin!(client.settled(&dead));
    assert!(look(settled.as_mut()).is_pending());
    revive.send(true).unwrap();
    settled.await;
    client.settled(&url("http://another.example/")).await;
}

/// Looks once whether something is ready.
fn look(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> std::task::Poll<()> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

#[tokio::test]
async fn a_status_whose_body_stalls_or_breaks_is_still_an_answer() {
    let start = "HTTP/1.1 204 OK\r\n\r\n";
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    // The head must arrive within the limit, on a busy machine as well.
    let patience = impatient(1_000);
    for (answer, then, status, excerpt) in
        [(half, Then::Stall, 200, "half"), (half, Then::Close, 200, "half"), (start, Then::Keep, 204, "")]
    {
        let sink = Sink::start(answer, then).await;
        let answer = post(&patience, &sink.url()).await.unwrap();
        assert_eq!((answer.status, answer.excerpt.as_str()), (status, excerpt));
    }
}

#[tokio::test]
async fn nobody_listening_and_nobody_found_are_told_apart() {
    let free = Canary::start().await.port();
    let client = client(AddressPolicy::sandbox());
    assert_eq!(kind(&client, &format!("http://127.0.0.1:{free}/")).await, SendErrorKind::Connect);
    assert_eq!(kind(&scripted(AddressPolicy::sandbox(), &[&[]]), "http://shop.example/").await, SendErrorKind::Dns);
    struct Failing;
    impl Resolve for Failing {
        fn resolve(&self, _: &str) -> Resolving {
            Box::pin(std::future::ready(Err(io::Error::other("no such host"))))
        }
    }
    let client =
        WebhookClient::with_resolver(AddressPolicy::sandbox(), &ClientSettings::default(), Arc::new(Failing)).unwrap();
    assert_eq!(kind(&client, "http://shop.example/").await, SendErrorKind::Dns);
}

#[tokio::test]
async fn a_second_address_is_tried_when_the_first_does_not_answer() {
    let sink = Sink::start(OK, Then::Keep).await;
    let client = scripted(AddressPolicy::sandbox(), &[&["::1", "127.0.0.1"]]);
    assert_eq!(post(&client, &format!("http://shop.example:{}/", sink.port)).await.unwrap().status, 200);
}

#[tokio::test]
async fn what_is_not_http_is_an_invalid_answer() {
    let long_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(HEAD_LIMIT * 2));
    for answer in [
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 999999 ?\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        &long_head,
    ] {
        let sink = Sink::start(answer, Then::Keep).await;
        let error = post(&client(AddressPolicy::sandbox()), &sink.url()).await.unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Answer, "{error}");
    }
}

#[tokio::test]
async fn an_endless_body_is_read_to_the_limit_and_dropped() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}/", listener.local_addr().unwrap());
    let sender = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n").await.unwrap();
        // Far more than the system buffers between the two ends.
        for _ in 0..16_384 {
            if stream.write_all(&[b'a'; 4096]).await.is_err() {
                return "closed by the client";
            }
        }
        "everything taken"
    });
    let answer = post(&client(AddressPolicy::sandbox()), &to).await.unwrap();
    assert_eq!((answer.status, answer.excerpt), (200, "a".repeat(EXCERPT_LIMIT)));
    assert_eq!(sender.await.unwrap(), "closed by the client");
}

#[tokio::test]
async fn a_body_within_the_limit_leaves_the_connection_usable() {
    let body = "b".repeat(BODY_LIMIT);
    let sink = Sink::start(format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY_LIMIT}\r\n\r\n{body}"), Then::Keep).await;
    let client = client(AddressPolicy::sandbox());
    for _ in 0..3 {
        assert_eq!(post(&client, &sink.url()).await.unwrap().excerpt.len(), EXCERPT_LIMIT);
    }
    assert_eq!(sink.connections(), 1);
}

/// Row W-045 of the catalogue of bad inputs.
#[tokio::test]
async fn a_compressed_body_stays_compressed() {
    // What `printf hello | gzip -n` writes.
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", gzip.len());
    let sink = Sink::start([head.as_bytes(), gzip].concat(), Then::Keep).await;
    let answer = post(&client(AddressPolicy::sandbox()), &sink.url()).await.unwrap();
    assert_eq!(answer.excerpt, excerpt(gzip));
    assert!(!answer.excerpt.contains("hello"));
    assert!(!sink.requests()[0].to_lowercase().contains(ACCEPT_ENCODING.as_str()));
}

#[test]
fn an_excerpt_is_text_that_changes_nothing_where_it_is_shown() {
    for (start, text) in [
        (b"".as_slice(), ""),
        (b"{\"ok\":true}", "{\"ok\":true}"),
        (b"a\r\nb\tc\x1b[31md\0e", "a  b c [31md e"),
        ("caf\u{e9} \u{202e}x\u{2066}y\u{85}z".as_bytes(), "caf\u{e9}  x y z"),
        ("a\u{61c}b\u{200f}c\u{2028}d".as_bytes(), "a b c d"),
        (b"\xff\xfea", "\u{fffd}\u{fffd}a"),
        // The limit cut the last character in two.
        (b"ab\xe8\x8c", "ab"),
    ] {
        assert_eq!(excerpt(start), text);
    }
}

/// Rows W-040 and W-041 of the catalogue of bad inputs.
#[test]
fn retry_after_is_honoured_within_a_day_and_ignored_when_it_is_not_one() {
    let cases: &[(&str, Option<&str>, Option<u64>)] = &[
        ("0", None, Some(0)),
        ("120", None, Some(120)),
        (" 7 ", None, Some(7)),
        ("86400", None, Some(86_400)),
        ("86401", None, Some(86_400)),
        ("99999999999999999999999", None, Some(86_400)),
        ("-1", None, None),
        ("+5", None, None),
        ("1.5", None, None),
        ("1e99", None, None),
        ("tomorrow", None, None),
        ("", None, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", Some("Wed, 21 Oct 2015 07:26:00 GMT"), Some(120)),
        ("Fri, 23 Oct 2015 07:28:00 GMT", Some("Wed, 21 Oct 2015 07:26:00 GMT"), Some(86_400)),
        ("Wed, 21 Oct 2015 07:25:00 GMT", Some("Wed, 21 Oct 2015 07:26:00 GMT"), None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", Some("now"), None),
    ];
    for (value, date, expected) in cases {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        assert_eq!(retry_after(&headers).map(|wait| wait.as_secs()), *expected, "{value:?}");
    }
    assert_eq!(retry_after(&HeaderMap::new()), None);
}

#[tokio::test]
async fn an_answer_carries_the_wait_it_asks_for() {
    let sink = Sink::start("HTTP/1.1 429 Too Many\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n", Then::Keep).await;
    let answer = post(&client(AddressPolicy::sandbox()), &sink.url()).await.unwrap();
    assert_eq!((answer.status, answer.retry_after), (429, Some(Duration::from_secs(30))));
}

/// A TLS receiver for one connection with a certificate of its own, and that certificate.
fn tls_sink(name: &str) -> (u16, CertificateDer<'static>) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let der = certificate.der().clone();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], private)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let session = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut tls = rustls::StreamOwned::new(session, stream);
        let mut request = [0; 4096];
        if io::Read::read(&mut tls, &mut request).is_ok() {
            let _ = tls.write_all(OK).and_then(|()| tls.flush());
        }
    });
    (port, der)
}

#[tokio::test]
async fn https_works_with_a_root_that_the_operator_added() {
    for (certified, host) in [("localhost", "localhost"), ("127.0.0.1", "127.0.0.1")] {
        let (port, root) = tls_sink(certified);
        let settings = ClientSettings { extra_roots: vec![root], ..ClientSettings::default() };
        let client =
            WebhookClient::with_resolver(AddressPolicy::sandbox(), &settings, Scripted::new(&[&["127.0.0.1"]]))
                .unwrap();
        let answer = post(&client, &format!("https://{host}:{port}/")).await.unwrap();
        assert_eq!((answer.status, answer.excerpt.as_str()), (200, "ok"));
    }
}

#[tokio::test]
async fn a_certificate_of_nobodys_or_of_another_name_is_refused() {
    let (port, root) = tls_sink("localhost");
    let plain = client(AddressPolicy::sandbox());
    assert_eq!(kind(&plain, &format!("https://127.0.0.1:{port}/")).await, SendErrorKind::Tls);
    let (other_port, _) = tls_sink("elsewhere.example");
    let settings = ClientSettings { extra_roots: vec![root], ..ClientSettings::default() };
    let client = WebhookClient::new(AddressPolicy::sandbox(), &settings).unwrap();
    assert_eq!(kind(&client, &format!("https://127.0.0.1:{other_port}/")).await, SendErrorKind::Tls);
}

#[tokio::test]
async fn plain_http_behind_https_is_a_tls_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("https://{}/", listener.local_addr().unwrap());
    let receiver = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        // Holds the connection until the client gives it up.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    assert_eq!(kind(&client(AddressPolicy::sandbox()), &to).await, SendErrorKind::Tls);
    receiver.await.unwrap();
}
