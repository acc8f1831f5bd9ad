//! Why a whole file cannot be read.

use std::borrow::Cow;

/// A file as a whole cannot be read: nothing of it may be booked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// One of the constants of this type: stable, for programs.
    pub code: &'static str,
    /// A sentence for the operator. Holds no text of the file beyond names of elements and columns.
    pub message: Cow<'static, str>,
}

impl ReadError {
    /// The file, a row or the number of rows is larger than what is read.
    pub const PAYLOAD_TOO_LARGE: &'static str = "payload_too_large";
    /// The file's bytes are not text in the encoding that it declares, or it declares one that is not read.
    pub const ENCODING_INVALID: &'static str = "encoding_invalid";
    /// The file is none of the formats read here.
    pub const FORMAT_UNKNOWN: &'static str = "format_unknown";
    /// The file is broken: an XML document that is cut off or not well-formed.
    pub const FORMAT_MALFORMED: &'static str = "format_malformed";
    /// The XML file has a document type definition. Entities could be defined there, so it is never read.
    pub const XML_DTD_FORBIDDEN: &'static str = "xml_dtd_forbidden";
    /// The XML file is nested too deeply or has a tag with too many attributes.
    pub const XML_LIMIT: &'static str = "xml_limit";
    /// The CSV file does not fit its profile, or the profile is not known.
    pub const CSV_MAPPING: &'static str = "csv_mapping";

    /// A rate file has a rate that is zero, negative or no plain decimal.
    pub const RATE_INVALID: &'static str = "rate_invalid";

    pub(crate) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}
