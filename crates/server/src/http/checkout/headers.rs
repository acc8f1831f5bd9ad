//! The response headers of every checkout page.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY as CSP, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

/// What the page may load and do: its own scripts, styles and connections, and nothing else. Scripts, styles and event
/// handlers inside the page's text never run, so merchant text that escaped the escaping would still be inert.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// Browser features that the page gives up, except writing to the clipboard.
const PERMISSIONS_POLICY: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
    magnetometer=(), microphone=(), payment=(), usb=(), clipboard-read=(), clipboard-write=(self)";

/// Headers for every checkout page, error pages included.
///
/// The page's address is a bearer secret (it names the session), so it is never sent on as a referrer and the page is
/// kept out of every cache.
#[must_use]
pub fn security_headers() -> [(HeaderName, HeaderValue); 8] {
    [
        (CSP, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS_POLICY)),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_no_inline_code_and_no_foreign_origin() {
        assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
        assert!(!CONTENT_SECURITY_POLICY.contains("http"));
        assert!(!CONTENT_SECURITY_POLICY.contains("  "));
        for directive in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(CONTENT_SECURITY_POLICY.split("; ").any(|part| part == directive), "{directive}");
        }
    }

    #[test]
    fn every_header_is_named_once() {
        let headers = security_headers();
        for (index, (name, _)) in headers.iter().enumerate() {
            assert!(headers.iter().skip(index + 1).all(|(other, _)| other != name), "{name}");
        }
    }
}
