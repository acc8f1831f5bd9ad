//! Small bank files that this crate reads: what a bank sends for a list of incoming transfers. For demonstrations and
//! tests.

use crate::model::Format;
use jiff::civil::Date;
use quick_xml::escape::escape;
use std::fmt::Write;
use xanpay_domain::currency::Currency;
use xanpay_domain::money::{Money, MoneyError};
use xanpay_domain::time::Timestamp;

/// An incoming transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// What came in.
    pub amount: Money,
    /// What the payer wrote.
    pub reference: String,
    /// The payer's name.
    pub payer: String,
    /// The bank's unique reference.
    pub bank_reference: String,
    /// The day of the booking and its value.
    pub date: Date,
}

/// The lengths that the schema allows, in characters.
const MAX_REFERENCE: usize = 35;
const MAX_TEXT: usize = 140;
const MAX_ACCOUNT: usize = 34;

/// A camt.054 notification, version .08, with one booked credit entry per booking.
///
/// Texts longer than the schema allows are split over several `Ustrd` elements; names and references are cut. The
/// result is valid by the schema, unless `account` or `message_id` is empty.
#[must_use]
pub fn camt054(account: &str, message_id: &str, created_at: Timestamp, bookings: &[Booking]) -> String {
    let created = date_time(created_at);
    let message_id = xml(&cut(message_id, MAX_REFERENCE));
    let mut file = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{}.001.08\">\n\
         \x20<BkToCstmrDbtCdtNtfctn>\n\
         \x20 <GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{created}</CreDtTm></GrpHdr>\n\
         \x20 <Ntfctn>\n\
         \x20  <Id>{message_id}</Id>\n\
         \x20  <CreDtTm>{created}</CreDtTm>\n\
         \x20  <Acct><Id>{}</Id></Acct>\n",
        Format::Camt054,
        account_id(account),
    );
    for booking in bookings {
        file.push_str(&ntry(booking));
    }
    file.push_str("  </Ntfctn>\n </BkToCstmrDbtCdtNtfctn>\n</Document>\n");
    file
}

/// One `Ntry` with one `TxDtls`.
fn ntry(booking: &Booking) -> String {
    let (date, amount) = (booking.date, booking.amount);
    let money = format!("<Amt Ccy=\"{}\">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>", amount.currency(), amount.to_decimal());
    let bank_reference = element("AcctSvcrRef", &cut(&booking.bank_reference, MAX_REFERENCE));
    let payer = element("Nm", &cut(&booking.payer, MAX_TEXT));
    let letters: Vec<char> = booking.reference.chars().collect();
    let remittance: String =
        letters.chunks(MAX_TEXT).map(|piece| element("Ustrd", &piece.iter().collect::<String>())).collect();
    format!(
        "   <Ntry>\n\
         \x20   {money}\n\
         \x20   <Sts><Cd>BOOK</Cd></Sts>\n\
         \x20   <BookgDt><Dt>{date}</Dt></BookgDt>\n\
         \x20   <ValDt><Dt>{date}</Dt></ValDt>\n\
         \x20   {bank_reference}\n\
         \x20   <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RRCT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>\n\
         \x20   <NtryDtls><TxDtls>\n\
         \x20    <Refs>{bank_reference}<EndToEndId>NOTPROVIDED</EndToEndId></Refs>\n\
         \x20    {money}\n\
         \x20    <RltdPties><Dbtr><Pty>{payer}</Pty></Dbtr></RltdPties>\n\
         \x20    <RmtInf>{remittance}</RmtInf>\n\
         \x20   </TxDtls></NtryDtls>\n\
         \x20  </Ntry>\n"
    )
}

/// A CSV export of the profile `dbs-classic`. The bank reference stands in the first reference column, as a PayNow
/// reference does.
///
/// # Errors
/// [`MoneyError::CurrencyMismatch`] when the bookings are not all of one currency.
pub fn dbs_classic(account: &str, as_at: Date, bookings: &[Booking]) -> Result<String, MoneyError> {
    let currency = bookings.first().map_or(Currency::SGD, |booking| booking.amount.currency());
    let mut total = Money::zero(currency);
    let mut table = String::new();
    for booking in bookings {
        total = total.checked_add(booking.amount)?;
        let fields = [
            bank_day(booking.date),
            "ICT".to_owned(),
            String::new(),
            booking.amount.to_decimal(),
            format!("Incoming PayNow Ref {}", booking.bank_reference),
            format!("From: {}", booking.payer),
            format!("OTHR {}", booking.reference),
        ];
        table.push_str(&fields.map(|field| quoted(&field)).join(","));
        table.push_str("\r\n");
    }
    let mut file = format!("Account Details For:,{}\r\n", quoted(&format!("POSB Savings Account {account}")));
    let _ = write!(file, "Statement as at:,{}\r\n", bank_day(as_at));
    if currency != Currency::SGD {
        let _ = write!(file, "Currency:,{currency}\r\n");
    }
    let _ = write!(file, "Available Balance:,{0}\r\nLedger Balance:,{0}\r\n\r\n", total.to_decimal());
    file.push_str("Transaction Date,Reference,Debit Amount,Credit Amount,");
    file.push_str("Transaction Ref1,Transaction Ref2,Transaction Ref3\r\n");
    file.push_str(&table);
    Ok(file)
}

/// `07 Mar 2026`.
fn bank_day(date: Date) -> String {
    date.strftime("%d %b %Y").to_string()
}

/// An `xs:dateTime` in UTC, of whole seconds; the epoch when the calendar does not reach so far.
fn date_time(instant: Timestamp) -> String {
    let instant =
        jiff::Timestamp::from_second(instant.as_millis().div_euclid(1000)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `IBAN` for what has the form of one, else `Othr/Id`.
fn account_id(account: &str) -> String {
    let bytes = account.as_bytes();
    let is_iban = (15..=MAX_ACCOUNT).contains(&bytes.len())
        && bytes.iter().take(2).all(u8::is_ascii_uppercase)
        && bytes.iter().skip(2).take(2).all(u8::is_ascii_digit)
        && bytes.iter().all(u8::is_ascii_alphanumeric);
    let account = xml(&cut(account, MAX_ACCOUNT));
    if is_iban { format!("<IBAN>{account}</IBAN>") } else { format!("<Othr><Id>{account}</Id></Othr>") }
}

/// An element around a text; nothing when the text is empty, as the schema has no empty texts.
fn element(name: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("<{name}>{}</{name}>", xml(text)) }
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

/// Text as XML content; characters that XML has no way to write become spaces.
fn xml(text: &str) -> String {
    let writable: String = text
        .chars()
        .map(|letter| if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') { ' ' } else { letter })
        .collect();
    escape(writable).into_owned()
}

/// A CSV field on one line, in quotation marks when it needs them.
fn quoted(field: &str) -> String {
    let field = field.replace(char::is_control, " ");
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}
