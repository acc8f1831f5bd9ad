//! The ECB's XML: `Envelope/Cube/Cube@time/Cube{@currency,@rate}`, whatever the namespace prefixes.

use super::{Found, malformed};
use crate::camt::{MAX_DEPTH, broken, check_attributes, doctype, limit, not_well_formed};
use crate::error::ReadError;
use crate::lines::LineCounter;
use jiff::civil::Date;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

pub(super) fn read(text: &str, found: &mut Found) -> Result<(), ReadError> {
    let text = text.trim_end();
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut lines = LineCounter::new(text);
    let mut walk = Walk::default();
    loop {
        let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event().map_err(|error| not_well_formed(&error, lines.at(start)))? {
            Event::Start(tag) => {
                let line = lines.at(start);
                if walk.depth >= MAX_DEPTH {
                    return Err(limit(format!("elements are nested more than {MAX_DEPTH} deep"), line));
                }
                check_attributes(&tag).map_err(|error| error.at(line))?;
                let name_start = start.saturating_add(1);
                let name = text.get(name_start..name_start.saturating_add(tag.name().into_inner().len()));
                walk.enter(local(name.unwrap_or_default()), &tag, line, found)?;
            }
            Event::End(_) => walk.leave(),
            Event::DocType(_) => return Err(doctype(lines.at(start))),
            Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::Empty(_) => {}
            Event::Eof if walk.depth > 0 => {
                return Err(broken("ends in the middle of the document", lines.at(start)));
            }
            Event::Eof => return Ok(()),
        }
    }
}

/// Where in the document the reader stands.
#[derive(Default)]
struct Walk {
    /// How many elements are open.
    depth: usize,
    /// The day of the open `Cube@time`, and how many elements were open when it began.
    day: Option<(Date, usize)>,
}

impl Walk {
    fn enter(&mut self, name: &str, tag: &BytesStart<'_>, line: usize, found: &mut Found) -> Result<(), ReadError> {
        if self.depth == 0 && name != "Envelope" {
            let message = "the XML document is no ECB rate file: its first element is not Envelope";
            return Err(ReadError::new(ReadError::FORMAT_UNKNOWN, message));
        }
        if name == "Cube" {
            if let Some(time) = attribute(tag, "time") {
                let day = crate::date::iso_date(&time).ok_or_else(|| malformed("has a day that is none", line))?;
                self.day = Some((day, self.depth));
            }
            match (attribute(tag, "currency"), attribute(tag, "rate"), self.day) {
                (Some(code), Some(rate), Some((day, _))) => found.add_reference(day, &code, &rate, line)?,
                (None, None, _) => {}
                _ => return Err(malformed("has a rate without its currency, value or day", line)),
            }
        }
        self.depth += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.day.is_some_and(|(_, depth)| depth == self.depth) {
            self.day = None;
        }
    }
}

/// The name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    Some(attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.trim().to_owned())
}
