//! The shop's back end: receives webhooks and callbacks and verifies them as the documentation tells a merchant to.

use crate::cli::failure::Failure;
use crate::clock::Clock;
use crate::outbound::signature::{
    RsaVerifier, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, WebhookSecret, XANPAY_KEY_ID, XANPAY_SIGNATURE,
    XANPAY_TIMESTAMP, fresh_timestamp, verify,
};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Where webhooks arrive.
pub(super) const WEBHOOK_PATH: &str = "/webhook";
/// Where callbacks arrive.
pub(super) const CALLBACK_PATH: &str = "/notify";
/// The largest notice that is read.
const MAX_NOTICE: usize = 256 * 1024;
/// Notices that may wait to be looked at.
const QUEUE: usize = 256;

/// What a notice is verified with.
pub(super) struct Secrets {
    /// The webhook endpoint's secret.
    pub(super) webhook: WebhookSecret,
    /// What the endpoint's `Authorization` header must be.
    pub(super) authorization: String,
    /// The merchant's secret, which signs callbacks.
    pub(super) callback: WebhookSecret,
    /// The merchant's certificate, whose key signs callbacks too.
    pub(super) certificate: RsaVerifier,
    /// The shop's clock, against which signatures must be fresh.
    pub(super) clock: Clock,
}

/// Which way a notice came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Webhook,
    Callback,
}

/// A notice that has arrived.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    pub(super) channel: Channel,
    pub(super) charge_id: String,
    pub(super) status: String,
    /// What is wrong with it; nothing when every signature holds.
    pub(super) fault: Option<String>,
}

impl Notice {
    /// The notice as a line for people.
    pub(super) fn in_words(&self) -> String {
        let (way, signatures) = match self.channel {
            Channel::Webhook => ("webhook ", "password and signature hold"),
            Channel::Callback => ("callback", "both signatures hold"),
        };
        let verdict = self.fault.as_ref().map_or_else(|| signatures.to_owned(), |fault| format!("REFUSED: {fault}"));
        format!("{way} charge {} is {}; {verdict}", self.charge_id, self.status)
    }
}

/// The shop, listening.
pub(super) struct Shop {
    notices: mpsc::Receiver<Notice>,
}

impl Shop {
    /// Begins to receive on a loopback port that is listened on already. Ends with the runtime.
    pub(super) fn open(listener: TcpListener, secrets: Secrets) -> Self {
        let (sender, notices) = mpsc::channel(QUEUE);
        let secrets = Arc::new(secrets);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&secrets), sender.clone()));
            }
        });
        Self { notices }
    }

    /// Waits for the next notice.
    pub(super) async fn next(&mut self) -> Result<Notice, Failure> {
        let closed = || Failure::new("demo_failed", "the shop has stopped listening");
        self.notices.recv().await.ok_or_else(closed)
    }
}

/// Listens on a free loopback port.
pub(super) async fn listen() -> Result<(TcpListener, SocketAddr), Failure> {
    crate::cli::serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await
}

async fn serve(stream: TcpStream, secrets: Arc<Secrets>, notices: mpsc::Sender<Notice>) {
    let service = service_fn(|request| {
        let (secrets, notices) = (Arc::clone(&secrets), notices.clone());
        async move { Ok::<_, Infallible>(answer(receive(request, &secrets, &notices).await)) }
    });
    if let Err(error) = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
    {
        tracing::debug!(%error, "a connection to the demo's shop broke");
    }
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

async fn receive(request: Request<Incoming>, secrets: &Secrets, notices: &mpsc::Sender<Notice>) -> StatusCode {
    let channel = match request.uri().path() {
        WEBHOOK_PATH => Channel::Webhook,
        CALLBACK_PATH => Channel::Callback,
        _ => return StatusCode::NOT_FOUND,
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_NOTICE).collect().await else { return StatusCode::PAYLOAD_TOO_LARGE };
    let body = body.to_bytes();
    let fault = secrets.check(channel, &parts.headers, &body).err();
    let status = if fault.is_none() { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    let notice: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| notice["payload"][name].as_str().unwrap_or("?").to_owned();
    let notice = Notice { channel, charge_id: text("chargeId"), status: text("status"), fault };
    // Whoever no longer listens does not want to know.
    let _ = notices.send(notice).await;
    status
}

impl Secrets {
    fn check(&self, channel: Channel, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
        let text = |name: &str| match headers.get(name).map(|value| value.to_str()) {
            Some(Ok(text)) => Ok(text),
            Some(Err(_)) | None => Err(format!("the header {name} is missing")),
        };
        let now = self.clock.real_now().as_millis() / 1000;
        let secret = match channel {
            Channel::Webhook => &self.webhook,
            Channel::Callback => &self.callback,
        };
        verify(secret, text(WEBHOOK_ID)?, text(WEBHOOK_TIMESTAMP)?, text(WEBHOOK_SIGNATURE)?, body, now)
            .map_err(|error| format!("the webhook signature: {error}"))?;
        match channel {
            Channel::Webhook if text(header::AUTHORIZATION.as_str())? != self.authorization => {
                Err("the user name or password is wrong".to_owned())
            }
            Channel::Webhook => Ok(()),
            Channel::Callback => {
                if text(XANPAY_KEY_ID)? != self.certificate.key_id() {
                    return Err("the signature is of another certificate".to_owned());
                }
                let rsa = |error| format!("the RSA signature: {error}");
                let signed_at = fresh_timestamp(text(XANPAY_TIMESTAMP)?, now).map_err(rsa)?;
                self.certificate.verify(signed_at, body, text(XANPAY_SIGNATURE)?).map_err(rsa)
            }
        }
    }
}
