//! The namespace of the `Document` element, which alone says the message version.

use quick_xml::events::BytesStart;

/// The start of a message's name, which ends its namespace: `urn:iso:std:iso:20022:tech:xsd:camt.053.001.08`.
const MESSAGE: &str = "camt.";
/// The longest message name kept; the names of the schemas have 15 characters.
const MAX_MESSAGE: usize = 35;

/// The namespaces declared on the way down to the document.
#[derive(Default)]
pub(super) struct Namespaces {
    /// Depth of the declaring element, prefix (empty for the default namespace), message version or empty.
    declared: Vec<(usize, String, String)>,
}

impl Namespaces {
    /// Notes the declarations of a start tag at `depth`.
    pub(super) fn open(&mut self, depth: usize, tag: &BytesStart<'_>) {
        for attribute in tag.attributes().with_checks(false).flatten() {
            let prefix = match attribute.key.into_inner().strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) => rest.strip_prefix(':').unwrap_or_default(),
                None => continue,
            };
            let namespace = attribute.value.trim();
            let message = namespace.rfind(MESSAGE).and_then(|at| namespace.get(at..)).unwrap_or_default();
            let message = if message.len() <= MAX_MESSAGE { message } else { "" };
            self.declared.push((depth, prefix.to_owned(), message.to_owned()));
        }
    }

    /// Forgets the declarations of the element at `depth`.
    pub(super) fn close(&mut self, depth: usize) {
        while self.declared.last().is_some_and(|(declared, _, _)| *declared >= depth) {
            self.declared.pop();
        }
    }

    /// The message version of an element's namespace: `camt.053.001.08`.
    pub(super) fn version(&self, qualified_name: &str) -> Option<String> {
        let prefix = qualified_name.split_once(':').map_or("", |(prefix, _)| prefix);
        let (_, _, message) = self.declared.iter().rev().find(|(_, declared, _)| declared == prefix)?;
        (!message.is_empty()).then(|| message.clone())
    }
}
