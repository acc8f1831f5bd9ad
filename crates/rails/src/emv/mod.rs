//! EMVCo merchant-presented QR codes: tag, two-digit length in characters, value. Source: EMV QRCPS Merchant-Presented
//! Mode v1.1.

pub(crate) mod crc;
pub(crate) mod lint;
pub(crate) mod profile;
pub(crate) mod reader;
pub(crate) mod template;
pub(crate) mod words;
pub(crate) mod writer;
