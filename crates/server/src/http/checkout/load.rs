//! Loading what a checkout page is about, and its plain answers.

use super::text::ENGLISH;
use super::view::{Frame, MessageKind, MessagePage};
use super::{security_headers, view};
use crate::flows::{self, FlowError};
use crate::http::error::ApiError;
use crate::http::request::{Arrival, RequestId};
use crate::http::router::Web;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use xanpay_domain::charge::{Charge, ChargeStatus};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::SessionId;
use xanpay_domain::session::{Session, SessionState};
use xanpay_domain::time::Timestamp;
use xanpay_store::Merchant;

/// Bytes that a page seldom exceeds; the template's own estimate leaves out what is put into it, the QR for one.
const USUAL_PAGE: usize = 20 * 1024;
/// When it is worth trying again.
const RETRY_AFTER_S: u32 = 60;

/// A session with everything that its page shows.
pub(super) struct Checkout {
    pub(super) session: Session,
    pub(super) charge: Option<Charge>,
    pub(super) merchant: Arc<Merchant>,
    /// The time in the session's environment.
    pub(super) now: Timestamp,
}

/// Why there is no page.
pub(super) enum NoPage {
    NotFound,
    /// Too many unknown sessions were asked for.
    TooMany,
    /// The session, or the address, has had its share of one-time passwords.
    NoMoreCodes {
        retry_after_s: u32,
        page_url: String,
    },
    Failed(FlowError),
}

impl<E: Into<FlowError>> From<E> for NoPage {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Who asks.
pub struct Visitor {
    address: IpAddr,
    request_id: RequestId,
    /// It is a program that asks for JSON, and no browser.
    wants_json: bool,
}

impl Visitor {
    /// The address that limits count by.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let arrival = Arrival::from_request_parts(parts, state).await?;
        let address = arrival.client.map_or(IpAddr::from([0, 0, 0, 0]), |client| client.ip());
        let mut accepted = parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let wants_json = accepted.any(|types| types.contains("application/json"));
        Ok(Self { address, request_id: arrival.id, wants_json })
    }
}

impl Checkout {
    /// Loads a session by the id of its link. `sandbox` is what the link says, when it matters: it must be true.
    pub(super) async fn load(web: &Web, visitor: &Visitor, id: &str, sandbox: Option<bool>) -> Result<Self, NoPage> {
        if web.misses.is_full(&visitor.address) {
            return Err(NoPage::TooMany);
        }
        let found = Self::find(web, id).await?;
        let fits = |checkout: &Self| {
            sandbox.is_none_or(|sandbox| sandbox == (checkout.session.environment == Environment::Sandbox))
        };
        found.filter(fits).ok_or_else(|| {
            // One more that is refused is told so before the next search.
            let _ = web.misses.take(visitor.address);
            NoPage::NotFound
        })
    }

    async fn find(web: &Web, id: &str) -> Result<Option<Self>, FlowError> {
        let Ok(id) = SessionId::parse(id) else { return Ok(None) };
        let tx = web.app.store.reader();
        let Some(mut session) = tx.find_session(id).await? else { return Ok(None) };
        let now = web.app.clock.now(session.environment);
        flows::judge_session(&web.app, &mut session, now).await?;
        let charge = match session.state {
            SessionState::Charged { charge_id } => tx.find_charge(charge_id).await?,
            SessionState::Created { .. }
            | SessionState::Initiated { .. }
            | SessionState::Cancelled
            | SessionState::Expired => None,
        };
        let merchant =
            web.app.directory.find_merchant(&web.app.store, session.merchant_id, session.environment).await?;
        let Some(merchant) = merchant else { return Ok(None) };
        Ok(Some(Self { session, charge, merchant, now }))
    }

    /// Whether the customer can still choose.
    pub(super) fn is_open(&self) -> bool {
        match self.session.state_at(self.now) {
            SessionState::Created { .. } | SessionState::Initiated { .. } => true,
            SessionState::Charged { .. } | SessionState::Cancelled | SessionState::Expired => false,
        }
    }

    /// Whether the page shows what cannot change any more. An expired or cancelled charge may still hear of money.
    pub(super) fn is_final(&self) -> bool {
        match &self.charge {
            Some(charge) => charge.status_at(self.now) == ChargeStatus::Completed,
            None => !self.is_open(),
        }
    }

    /// The address of the page.
    pub(super) fn page_url(&self) -> String {
        page_url(self.session.id, self.session.environment)
    }

    /// The address of the page that asks for the code of a sealed choice.
    pub(super) fn code_url(&self, sealed: &str) -> String {
        format!("{}&choice={sealed}", self.page_url())
    }

    /// The address of the chooser that is filled in with a sealed choice.
    pub(super) fn change_url(&self, sealed: &str) -> String {
        format!("{}&change=true", self.code_url(sealed))
    }

    /// Changes with everything that the page shows. What the customer has typed stays while it does not change.
    pub(super) fn version(&self) -> String {
        match &self.charge {
            Some(charge) => format!("{}-{}", charge.status_at(self.now).as_str(), charge.received.minor()),
            None if self.is_open() => "open".to_owned(),
            None => self.session.state_at(self.now).as_str().to_owned(),
        }
    }
}

/// The address of a session's page on this host.
pub(super) fn page_url(id: SessionId, environment: Environment) -> String {
    let sandbox = match environment {
        Environment::Sandbox => "&isSandbox=true",
        Environment::Live => "",
    };
    format!("/checkout/?sessionId={id}{sandbox}")
}

/// Back to the page after a form.
pub(super) fn see_page(checkout: &Checkout) -> Response {
    see(&checkout.page_url())
}

/// Where a form leads whose session takes none any more: to the page, which says what has become of it. A program is told
/// that the session ended without a charge.
pub(super) fn over(checkout: &Checkout, visitor: &Visitor) -> Response {
    let refusal = match checkout.session.state_at(checkout.now) {
        SessionState::Cancelled => flows::session_cancelled(),
        SessionState::Expired => flows::session_expired(),
        SessionState::Created { .. } | SessionState::Initiated { .. } | SessionState::Charged { .. } => {
            return see_page(checkout);
        }
    };
    if visitor.wants_json { ApiError::from(refusal).into_response() } else { see_page(checkout) }
}

/// On to a page of ours after a form.
pub(super) fn see(url: &str) -> Response {
    let mut response = (StatusCode::SEE_OTHER, security_headers()).into_response();
    if let Ok(location) = HeaderValue::from_str(url) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A rendered page.
pub(in crate::http) fn html(status: StatusCode, page: &impl Template) -> Response {
    let mut text = String::with_capacity(USUAL_PAGE);
    match page.render_into(&mut text) {
        Ok(()) => {
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
            (status, security_headers(), kind, text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The page that says why there is no page.
pub(super) fn message(no_page: NoPage, visitor: &Visitor) -> Response {
    let (status, kind, retry_after_s, page_url) = match no_page {
        NoPage::NotFound => (StatusCode::NOT_FOUND, MessageKind::NotFound, None, None),
        NoPage::TooMany => (StatusCode::TOO_MANY_REQUESTS, MessageKind::TooManyRequests, Some(RETRY_AFTER_S), None),
        NoPage::NoMoreCodes { retry_after_s, page_url } => {
            (StatusCode::TOO_MANY_REQUESTS, MessageKind::NoMoreCodes, Some(retry_after_s), Some(page_url))
        }
        NoPage::Failed(error) => {
            tracing::error!(request_id = visitor.request_id.as_str(), %error, "a checkout page failed");
            (StatusCode::SERVICE_UNAVAILABLE, MessageKind::Failed, Some(RETRY_AFTER_S), None)
        }
    };
    let request_id = (kind == MessageKind::Failed).then(|| visitor.request_id.as_str().to_owned());
    let frame = Frame { strings: &ENGLISH, merchant: None, is_sandbox: false };
    let mut response = html(status, &MessagePage { frame, kind, request_id, page_url });
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The same for programs: the page's own scripts, and whoever saves its picture.
pub(super) fn problem(no_page: NoPage) -> Response {
    let error = match no_page {
        NoPage::NotFound => ApiError::not_found(),
        NoPage::TooMany => {
            let detail = "too many unknown sessions were asked for from this address";
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).retry_after(RETRY_AFTER_S)
        }
        NoPage::NoMoreCodes { retry_after_s, .. } => {
            let detail = "no more codes can be sent for now";
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_codes", detail).retry_after(retry_after_s)
        }
        NoPage::Failed(error) => error.into(),
    };
    error.into_response()
}

/// The frame around a session's page.
pub(super) fn frame(checkout: &Checkout) -> view::Frame {
    view::Frame {
        strings: &ENGLISH,
        merchant: Some(super::merchant_text::MerchantText::new(&checkout.merchant.name)),
        is_sandbox: checkout.session.environment == Environment::Sandbox,
    }
}
