//! Where in the document the reader is, and what it has collected there.

use super::entry::{EntryDraft, Place};
use crate::error::ReadError;
use crate::model::{Entry, File, Format, Refused, Statement};
use crate::text;
use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use xanpay_domain::currency::Currency;

/// The state of one pass over a document. Names on the stack are slices of the document.
#[derive(Default)]
pub(super) struct Walk<'a> {
    /// Local names of the open elements.
    stack: Vec<&'a str>,
    root: Option<&'a str>,
    second_root: bool,
    /// The first message container's kind, which is the file's format.
    format: Option<Format>,
    /// The container that is open: its kind and its place on the stack.
    container: Option<(Format, usize)>,
    /// Whether the text of an element is a message of its own.
    holds_message: bool,
    statement: Option<StatementDraft>,
    entry: Option<EntryDraft>,
    /// Depth of the open entry's element.
    entry_depth: usize,
    /// Text since the last tag; an element's value when it has no children.
    value: String,
    is_leaf: bool,
    /// The `Ccy` attribute of the innermost element.
    currency: Option<String>,
    /// How many `Ntry` and `TxDtls` elements have been opened.
    bookings: usize,
    statements: Vec<Statement>,
    refused: Vec<Refused>,
}

/// A statement while its element is open.
#[derive(Default)]
struct StatementDraft {
    iban: Option<String>,
    other: Option<String>,
    currency: Option<Currency>,
    entries: Vec<Entry>,
}

/// What the names of all message containers begin with.
const CONTAINERS: &str = "BkToCstmr";

/// The element of a container that holds entries.
fn statement_name(format: Format) -> &'static str {
    match format {
        Format::Camt052 => "Rpt",
        Format::Camt053 => "Stmt",
        Format::Camt054 => "Ntfctn",
        Format::Csv => "",
    }
}

/// The kind of a message container. Version .01 has its version in the name: `BkToCstmrStmtV01`.
fn container_format(name: &str) -> Option<Format> {
    let bare = match name.rsplit_once('V') {
        Some((bare, version)) if version.len() == 2 && version.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => name,
    };
    match bare {
        "BkToCstmrAcctRpt" => Some(Format::Camt052),
        "BkToCstmrStmt" => Some(Format::Camt053),
        "BkToCstmrDbtCdtNtfctn" => Some(Format::Camt054),
        _ => None,
    }
}

impl<'a> Walk<'a> {
    pub(super) fn depth(&self) -> usize {
        self.stack.len()
    }

    pub(super) fn bookings(&self) -> usize {
        self.bookings
    }

    pub(super) fn has_second_root(&self) -> bool {
        self.second_root
    }

    /// A start tag with its qualified name. `line` is asked only where it is needed.
    pub(super) fn open(&mut self, name: &'a str, tag: &BytesStart<'_>, line: impl FnOnce() -> usize) {
        let local = name.split_once(':').map_or(name, |(_, local)| local);
        if self.stack.is_empty() {
            self.second_root = self.root.is_some();
            self.root = Some(local);
        }
        self.stack.push(local);
        self.bookings += usize::from(matches!(local, "Ntry" | "TxDtls"));
        self.value.clear();
        self.is_leaf = true;
        if self.container.is_none() {
            self.open_outside(local);
        } else if self.entry.is_some() {
            self.currency = currency_attribute(local, tag);
            let (place, entry) = (self.stack.get(self.entry_depth..), self.entry.as_mut());
            if let (Some(place), Some(entry)) = (place, entry) {
                entry.open(place);
            }
        } else {
            self.open_inside(local, line);
        }
    }

    /// A start tag outside any message container.
    fn open_outside(&mut self, local: &str) {
        if let Some(format) = container_format(local) {
            self.container = Some((format, self.stack.len()));
            self.format = self.format.or(Some(format));
        }
    }

    /// A start tag inside a container but outside any entry.
    fn open_inside(&mut self, local: &str, line: impl FnOnce() -> usize) {
        let Some((format, container_depth)) = self.container else { return };
        let below = self.stack.len().saturating_sub(container_depth);
        if below == 1 && local == statement_name(format) {
            self.statement = Some(StatementDraft::default());
        } else if local == "Ntry" {
            if below == 2 && self.statement.is_some() {
                self.entry = Some(EntryDraft::new(line()));
                self.entry_depth = self.stack.len();
            } else {
                let reason = "the entry stands outside a statement".to_owned();
                self.refused.push(Refused { line: line(), reason });
            }
        }
    }

    pub(super) fn has_root(&self) -> bool {
        self.root.is_some()
    }

    /// Character data. `false` when it is more than white space and stands outside the document.
    pub(super) fn text(&mut self, content: &str) -> bool {
        if self.stack.is_empty() {
            return content.trim().is_empty();
        }
        if self.is_leaf {
            self.value.push_str(content);
        }
        true
    }

    /// An end tag. The parser has checked that it closes the innermost element.
    pub(super) fn close(&mut self) {
        let depth = self.stack.len();
        if self.is_leaf {
            self.leaf();
        }
        self.is_leaf = false;
        self.value.clear();
        if self.entry.is_some() && depth == self.entry_depth {
            self.close_entry();
        } else if let Some((_, container_depth)) = self.container {
            if depth == container_depth {
                self.container = None;
            } else if depth == container_depth + 1 {
                self.close_statement();
            }
        }
        self.stack.pop();
    }

    /// The end of an element without children.
    fn leaf(&mut self) {
        if let Some(entry) = &mut self.entry {
            if let Some(place) = self.stack.get(self.entry_depth..) {
                entry.leaf(place, Place { value: &self.value, currency: self.currency.as_deref() });
            }
            return;
        }
        self.holds_message |= self.container.is_none() && self.value.contains('<') && self.value.contains(CONTAINERS);
        let (Some(statement), Some((_, container_depth))) = (&mut self.statement, self.container) else { return };
        match self.stack.get(container_depth + 1..) {
            Some(["Acct", "Id", "IBAN"]) => statement.iban = text::account(&self.value, true),
            Some(["Acct", "Id", "Othr" | "PrtryAcct", "Id"] | ["Acct", "Id", "BBAN" | "UPIC"]) => {
                statement.other = text::account(&self.value, false);
            }
            Some(["Acct", "Ccy"]) => statement.currency = self.value.trim().parse().ok(),
            Some(_) | None => {}
        }
    }

    fn close_entry(&mut self) {
        let (Some(draft), Some(statement), Some((format, _))) =
            (self.entry.take(), &mut self.statement, self.container)
        else {
            return;
        };
        match draft.finish(format) {
            Ok(entry) => statement.entries.push(entry),
            Err(refused) => self.refused.push(refused),
        }
    }

    /// The end of a statement. Its account's currency may stand behind its entries in files that break the schema's
    /// order, so it is compared only here.
    fn close_statement(&mut self) {
        let Some(draft) = self.statement.take() else { return };
        let mut entries = draft.entries;
        if let Some(currency) = draft.currency {
            entries.retain(|entry| {
                let agrees = entry.amount.currency() == currency;
                if !agrees {
                    let reason = format!("the amount is in {}, the account in {currency}", entry.amount.currency());
                    self.refused.push(Refused { line: entry.line, reason });
                }
                agrees
            });
        }
        self.statements.push(Statement { account: draft.iban.or(draft.other), currency: draft.currency, entries });
    }

    /// The end of the document.
    pub(super) fn finish(mut self) -> Result<File, ReadError> {
        if self.holds_message {
            let message = "the file holds a message as the text of an element, such as a CDATA section; take it out into a \
                           file of its own";
            return Err(ReadError::new(ReadError::FORMAT_UNKNOWN, message));
        }
        let Some(format) = self.format else {
            let message = match self.root {
                Some(root) if root.len() <= 64 => {
                    format!("the XML document `{root}` holds no camt.052, camt.053 or camt.054 message")
                }
                Some(_) => "the XML document holds no camt.052, camt.053 or camt.054 message".to_owned(),
                None => "the file holds no XML document".to_owned(),
            };
            return Err(ReadError::new(ReadError::FORMAT_UNKNOWN, message));
        };
        self.refused.sort_by_key(|refused| refused.line);
        Ok(File { format, profile: None, statements: self.statements, refused: self.refused })
    }
}

/// The `Ccy` attribute of an amount.
fn currency_attribute(local: &str, tag: &BytesStart<'_>) -> Option<String> {
    if !matches!(local, "Amt" | "TtlChrgsAndTaxAmt") {
        return None;
    }
    let attribute = tag.try_get_attribute("Ccy").ok()??;
    Some(attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.trim().to_owned())
}
