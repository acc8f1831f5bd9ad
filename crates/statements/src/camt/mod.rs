//! ISO 20022 camt.052, .053 and .054: one pass over the document, one entry in memory at a time.
//!
//! Elements are told apart by their local name and their place, so that a namespace prefix, no namespace at all and
//! an envelope around the document make no difference. Elements that are not needed are walked over.
//!
//! Source: the XML schemas camt.052.001.01 to .14, camt.053.001.01 to .14 and camt.054.001.01 to .14 of ISO 20022.

mod code;
mod entry;
mod walk;

use crate::error::ReadError;
use crate::lines::LineCounter;
use crate::model::File;
use quick_xml::Reader;
use quick_xml::errors::{Error, SyntaxError};
use quick_xml::events::{BytesRef, BytesStart, Event};
use walk::Walk;

/// The deepest nesting read. The deepest path of the schemas has 20 elements.
pub(crate) const MAX_DEPTH: usize = 100;
/// The most attributes of one tag. The schemas have tags with one; envelopes declare a dozen namespaces.
const MAX_ATTRIBUTES: usize = 64;
/// The most entries and transactions of a file together. They may be empty elements of seven bytes that take hundreds
/// in memory.
const MAX_BOOKINGS: usize = 500_000;

/// Reads a decoded document.
pub(crate) fn read(text: &str) -> Result<File, ReadError> {
    // Files that passed through old transfer systems end in padding.
    let text = text.trim_end_matches(|letter: char| letter.is_whitespace() || matches!(letter, '\0' | '\u{1a}'));
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut lines = LineCounter::new(text);
    let mut walk = Walk::default();
    loop {
        let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event().map_err(|error| not_well_formed(&error, lines.at(start)))? {
            Event::Start(tag) => {
                if walk.depth() >= MAX_DEPTH {
                    return Err(limit(format!("elements are nested more than {MAX_DEPTH} deep"), lines.at(start)));
                }
                check_attributes(&tag).map_err(|error| error.at(lines.at(start)))?;
                let name_start = start.saturating_add(1);
                let name = text.get(name_start..name_start.saturating_add(tag.name().into_inner().len()));
                walk.open(name.unwrap_or_default(), &tag, || lines.at(start));
            }
            Event::End(_) => walk.close(),
            Event::Text(content) => check_text(walk.text(&content), &walk, || lines.at(start))?,
            Event::CData(content) => check_text(walk.text(&content), &walk, || lines.at(start))?,
            Event::GeneralRef(reference) => match resolve(&reference) {
                Some(letter) => {
                    let is_inside = walk.text(letter.encode_utf8(&mut [0; 4]));
                    check_text(is_inside, &walk, || lines.at(start))?;
                }
                None => {
                    return Err(broken(
                        "has a reference to a character or entity that does not exist",
                        lines.at(start),
                    ));
                }
            },
            Event::DocType(_) => return Err(doctype(lines.at(start))),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Empty(_) => {}
            Event::Eof if walk.depth() > 0 => {
                return Err(broken("ends in the middle of the document", lines.at(start)));
            }
            Event::Eof => return walk.finish(),
        }
        if walk.bookings() > MAX_BOOKINGS {
            let message = format!("the file has more than {MAX_BOOKINGS} entries and transactions");
            return Err(ReadError::new(ReadError::PAYLOAD_TOO_LARGE, message));
        }
        if walk.has_second_root() {
            return Err(broken("goes on after its document", lines.at(start)));
        }
    }
}

/// Refuses text that stands outside the document.
fn check_text(is_inside: bool, walk: &Walk<'_>, line: impl FnOnce() -> usize) -> Result<(), ReadError> {
    if is_inside {
        return Ok(());
    }
    if walk.has_root() {
        return Err(broken("goes on after its document", line()));
    }
    Err(ReadError::new(ReadError::FORMAT_UNKNOWN, "the file does not begin as an XML document does"))
}

/// A fault of a start tag, without its place.
pub(crate) enum TagFault {
    TooMany,
    Broken,
}

impl TagFault {
    pub(crate) fn at(self, line: usize) -> ReadError {
        match self {
            Self::TooMany => limit(format!("a tag has more than {MAX_ATTRIBUTES} attributes"), line),
            Self::Broken => broken("has a tag with broken attributes", line),
        }
    }
}

/// Counts the attributes of a tag without looking at more than the limit, and has their grammar checked.
pub(crate) fn check_attributes(tag: &BytesStart<'_>) -> Result<(), TagFault> {
    if tag.attributes_raw().trim_ascii().is_empty() {
        return Ok(());
    }
    for (count, attribute) in tag.attributes().enumerate() {
        if count >= MAX_ATTRIBUTES {
            return Err(TagFault::TooMany);
        }
        attribute.map_err(|_| TagFault::Broken)?;
    }
    Ok(())
}

/// The character of a character reference or of one of the five entities that XML itself defines.
fn resolve(reference: &BytesRef<'_>) -> Option<char> {
    match &**reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}

pub(crate) fn not_well_formed(error: &Error, line: usize) -> ReadError {
    if let Error::Syntax(SyntaxError::UnclosedDoctype) = error {
        return doctype(line);
    }
    broken("is not well-formed XML", line)
}

pub(crate) fn broken(what: &str, line: usize) -> ReadError {
    ReadError::new(ReadError::FORMAT_MALFORMED, format!("the file {what} (line {line})"))
}

pub(crate) fn limit(what: String, line: usize) -> ReadError {
    ReadError::new(ReadError::XML_LIMIT, format!("{what} (line {line})"))
}

pub(crate) fn doctype(line: usize) -> ReadError {
    ReadError::new(
        ReadError::XML_DTD_FORBIDDEN,
        format!("the file has a document type definition (line {line}); no bank file needs one"),
    )
}
