//! Every error code with its cause and its cure. `docs/errors.md` and the page `/docs/errors` are made from this table.

/// One code.
pub struct Entry {
    /// The stable code.
    pub code: &'static str,
    /// The status that it comes with.
    pub status: u16,
    /// Why it happens.
    pub cause: &'static str,
    /// What to do.
    pub cure: &'static str,
}

const fn entry(code: &'static str, status: u16, cause: &'static str, cure: &'static str) -> Entry {
    Entry { code, status, cause, cure }
}

/// The codes, by status and name.
pub const CATALOGUE: &[Entry] = &[
    entry(
        "amount_invalid",
        400,
        "An amount is not plain decimal digits, is zero, or has more decimals than its currency.",
        "Send a number or a string such as 35 or \"26.24\".",
    ),
    entry(
        "amount_out_of_range",
        400,
        "The method cannot carry this amount.",
        "Offer another method or split the payment.",
    ),
    entry(
        "account_unknown",
        400,
        "The receiving account of a transfer or statement is not configured.",
        "Add it with `xanpay account add`, or name the right one.",
    ),
    entry(
        "account_ambiguous",
        400,
        "The text names several receiving accounts that are not names of one bank account.",
        "Send the method, or name the account as it was added.",
    ),
    entry(
        "body_unreadable",
        400,
        "The body broke off, or its chunks are not what HTTP asks for.",
        "Send it whole; a client library frames it for you.",
    ),
    entry("currency_unsupported", 400, "The currency is no ISO 4217 code in upper case.", "Send a code such as SGD."),
    entry("field_too_long", 400, "A text is longer than its field allows.", "Shorten it."),
    entry(
        "hash_mismatch",
        400,
        "The hash does not belong to this amount, currency and orders.",
        "Compute it with `POST /charges/hash` over the very same values.",
    ),
    entry(
        "host_invalid",
        400,
        "The request names no host, several, or one that is none.",
        "Send one Host header, as HTTP/1.1 asks; a client library does.",
    ),
    entry(
        "idempotency_key_invalid",
        400,
        "The Idempotency-Key is empty, too long, repeated or not visible ASCII.",
        "Send one value of 1 to 255 visible ASCII characters.",
    ),
    entry("invalid_body", 400, "The body is JSON but no object.", "Send a JSON object."),
    entry("invalid_field", 400, "A field has the wrong type or form.", "See the field's message."),
    entry("invalid_header", 400, "A header stands twice that may stand once.", "Send it once."),
    entry("invalid_json", 400, "The body is not JSON.", "Send JSON in UTF-8."),
    entry("invalid_request", 400, "Several fields are wrong in different ways.", "See `errors`."),
    entry(
        "method_not_enabled",
        400,
        "The merchant, or the session, does not accept this method.",
        "Enable it, or choose another one.",
    ),
    entry(
        "method_unavailable",
        400,
        "The method has no receiving account that can take this charge, or no fresh exchange rate.",
        "Add a receiving account, or set the rate.",
    ),
    entry(
        "method_unknown",
        400,
        "The name is none of the payment methods.",
        "Use a name of the public list, such as paynow.",
    ),
    entry("missing_field", 400, "A required field is missing or null.", "Send it."),
    entry(
        "phone_not_allowed",
        400,
        "No code is sent to this number: its country code is not a country's, it is premium, or it has too many digits.",
        "Use an ordinary mobile number.",
    ),
    entry("too_many_items", 400, "A list is longer than allowed.", "Shorten it."),
    entry(
        "transfer_coding_unsupported",
        400,
        "The body is sent in a transfer coding other than chunked.",
        "Send it with its length, or in chunks.",
    ),
    entry("url_invalid", 400, "A URL cannot be read.", "Send an absolute URL without spaces or control characters."),
    entry(
        "url_not_allowed",
        400,
        "The URL's scheme, credentials or address must not be called.",
        "Send a public http or https URL without user name.",
    ),
    entry("verification_code_invalid", 400, "The code is wrong, too old or used.", "Verify the phone again."),
    entry(
        "unauthorized",
        401,
        "Key and secret are missing, wrong or revoked.",
        "Send HTTP Basic with an API key that is not revoked, and its secret.",
    ),
    entry(
        "permission_denied",
        403,
        "The operator has closed this part of the API to the merchant.",
        "Ask the operator.",
    ),
    entry("charge_not_found", 404, "The session has no charge yet.", "Wait until the customer has chosen a method."),
    entry(
        "not_found",
        404,
        "There is no such object, or it is not yours.",
        "Check the id, the key and the environment.",
    ),
    entry("method_not_allowed", 405, "The path does not take this HTTP method.", "See the Allow header."),
    entry("request_timeout", 408, "The body did not arrive in time.", "Send it again."),
    entry(
        "idempotency_in_flight",
        409,
        "The first request with this key is still being worked on.",
        "Repeat it in a moment.",
    ),
    entry("session_cancelled", 409, "The session was cancelled.", "Create another session."),
    entry("session_expired", 409, "The session's time is over.", "Create another session."),
    entry("body_too_large", 413, "The body is larger than 64 KiB.", "Send less."),
    entry(
        "content_coding_unsupported",
        415,
        "The body is compressed or coded otherwise (Content-Encoding).",
        "Send it as it is.",
    ),
    entry("idempotency_key_reused", 422, "The key was used with another request.", "Use a new key for a new request."),
    entry(
        "rate_limited",
        429,
        "Too many unknown sessions were asked for from one address, or too many live streams of pages are open.",
        "Wait as long as Retry-After says.",
    ),
    entry(
        "too_many_codes",
        429,
        "Too many one-time passwords were asked for this phone, or a thousand within an hour by the merchant.",
        "Wait as long as Retry-After says.",
    ),
    entry("header_too_large", 431, "Path and headers are larger than 64 KiB.", "Send less."),
    entry("internal_error", 500, "Something failed on our side.", "Report the request id to the operator."),
    entry("accounts_full", 503, "Every receiving account of the method is full.", "Add receiving accounts."),
    entry("busy", 503, "Too much happened at once.", "Repeat the request."),
    entry(
        "outcome_unknown",
        503,
        "The connection to the database was lost while committing, or a standby that must confirm is silent.",
        "Repeat the request with the same Idempotency-Key.",
    ),
    entry(
        "rate_unavailable",
        503,
        "No fresh exchange rate is known for the pair.",
        "Set one with `xanpay rate set` or `xanpay rate import`.",
    ),
    entry("sms_unavailable", 503, "No SMS provider is configured.", "Use the sandbox, whose inbox keeps the messages."),
    entry("storage_unavailable", 503, "The database cannot be reached; nothing was done.", "Repeat the request."),
];

/// The catalogue as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Errors\n\nProblem documents (RFC 9457): `type`, `title`, `status`, `detail`, `code`, `errors` (one per field) and \
         `requestId`.\nMade from `crates/server/src/http/catalogue.rs`; do not edit.\n\n| Code | Status | Cause | Cure |\n|---|---|---|---|\n",
    );
    for entry in CATALOGUE {
        text.push_str(&format!("| `{}` | {} | {} | {} |\n", entry.code, entry.status, entry.cause, entry.cure));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_domain::matching::{Outcome, Reason};

    #[test]
    fn the_document_is_what_the_catalogue_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        if std::env::var_os("XANPAY_UPDATE").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), markdown(), "run with XANPAY_UPDATE=1 to write it");
    }

    #[test]
    fn every_outcome_and_reason_of_a_transfer_is_explained() {
        let text = include_str!("../../../../docs/api.md");
        let outcomes = Outcome::ALL.map(Outcome::as_str);
        for name in outcomes.into_iter().chain(Reason::ALL.map(Reason::as_str)) {
            assert!(text.contains(&format!("\n| `{name}` |")), "{name}");
        }
    }

    #[test]
    fn codes_are_listed_once_by_status() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(CATALOGUE.iter().all(|entry| seen.insert(entry.code)));
        assert!(CATALOGUE.windows(2).all(|pair| pair[0].status <= pair[1].status));
    }
}
