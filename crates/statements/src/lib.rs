//! Bank statement files to entries: the bytes of a file go in; statements, their entries and the lines that could not
//! be read come out. Nothing here opens a file, asks the time or keeps state.
//!
//! Read today: ISO 20022 camt.052 (intraday report), camt.053 (statement) and camt.054 (notification) in the versions
//! .01 to .14, and the CSV exports named by [`profiles`]. Every `Ntry` of a camt file and every row of a CSV table is
//! either an [`Entry`] or a [`Refused`] line: nothing disappears. Files of exchange rates are read by [`read_rates`].
//!
//! ```
//! use xanpay_statements::{Options, read};
//!
//! let file = b"Account Details For:,POSB Savings Account 123-45678-9\n\
//!     Transaction Date,Reference,Debit Amount,Credit Amount,Transaction Ref1,Transaction Ref2,Transaction Ref3\n\
//!     07 Mar 2026,ICT,,35.00,Incoming PayNow Ref 5425794,From: CHUA WEN LI,OTHR ztt1\n";
//! let read = read(file, &Options::default())?;
//! assert_eq!(read.profile, Some("dbs-classic"));
//! let payments = read.statements[0].entries[0].payments();
//! assert_eq!(payments[0].amount.to_decimal(), "35.00");
//! assert_eq!(payments[0].texts[2], "OTHR ztt1");
//! # Ok::<(), xanpay_statements::ReadError>(())
//! ```

mod camt;
mod csv;
mod date;
mod encoding;
mod error;
mod lines;
mod model;
mod payments;
mod rates;
pub mod sample;
mod text;

pub use crate::csv::{ProfileInfo, profiles};
pub use crate::date::midnight;
pub use crate::error::ReadError;
pub use crate::model::{Detail, Direction, Entry, File, Format, Refused, Statement, Status};
pub use crate::payments::Payment;
pub use crate::rates::{RateFile, RateFormat, read_rates};
pub use crate::text::reference;
pub use jiff::civil::Date;

use xanpay_domain::currency::Currency;

/// The largest file read when [`Options::max_bytes`] is not set otherwise: 32 MiB, some 30,000 camt entries with all
/// their details or 300,000 CSV rows.
pub const DEFAULT_MAX_BYTES: usize = 32 * 1024 * 1024;

/// Which reader takes the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FormatChoice {
    /// The file's own first characters decide.
    #[default]
    Auto,
    /// ISO 20022 camt.052, .053 or .054; the file says which.
    Camt,
    /// A CSV export.
    Csv,
}

/// How to read a file.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// Which reader takes it.
    pub format: FormatChoice,
    /// The name of the CSV profile, one of [`profiles`]. Without it the table's header decides.
    pub profile: Option<&'a str>,
    /// The currency of a CSV file that names none. A currency column or a preamble in the file comes before it, the
    /// profile's own currency after it. Camt files always name theirs.
    pub currency: Option<Currency>,
    /// The largest file accepted, in bytes as uploaded.
    pub max_bytes: usize,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { format: FormatChoice::Auto, profile: None, currency: None, max_bytes: DEFAULT_MAX_BYTES }
    }
}

/// Reads one bank file.
///
/// A file that is whole and readable but holds no statement gives a [`File`] without statements; the caller decides
/// what that means. Lines that cannot be read are in [`File::refused`] and do not stop the others.
///
/// # Errors
/// [`ReadError`], when the file as a whole cannot be read; its code says why.
pub fn read(bytes: &[u8], options: &Options<'_>) -> Result<File, ReadError> {
    if bytes.len() > options.max_bytes {
        let message = format!("the file has {} bytes; at most {} are read", bytes.len(), options.max_bytes);
        return Err(ReadError::new(ReadError::PAYLOAD_TOO_LARGE, message));
    }
    let is_xml = match options.format {
        FormatChoice::Auto => encoding::looks_like_xml(bytes),
        FormatChoice::Camt => true,
        FormatChoice::Csv => false,
    };
    if is_xml {
        return camt::read(&encoding::decode_xml(bytes)?);
    }
    csv::read(&encoding::decode_text(bytes)?, options)
}
