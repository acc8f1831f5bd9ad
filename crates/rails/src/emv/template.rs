//! Template mode: the static code that a bank or acquirer issued gets the amount of one charge, and nothing else of it
//! changes but tag 01 and the checksum.

use crate::account::AccountFault;
use crate::emv::crc::crc16;
use crate::emv::reader::{Object, find, whole_objects};
use crate::emv::writer::Writer;
use crate::encode::EncodeError;
use crate::rail::Alphabet;
use crate::text;
use xanpay_domain::method::Method;

/// A static code of a rail, checked.
#[derive(Debug, Clone)]
pub(crate) struct Issued<'a> {
    text: &'a str,
    objects: Vec<Object<'a>>,
}

impl<'a> Issued<'a> {
    /// Checks that a text is a static code of `method` whose payee is named in a template with one of `guids`.
    pub(crate) fn read(text: &'a str, method: Method, guids: &[&str]) -> Result<Self, AccountFault> {
        let text = text.trim();
        let fault = |code, message: String| AccountFault::new("template", code, message);
        let objects = whole_objects(text).map_err(|broken| {
            fault("template_broken", format!("is no EMV code: tag {} {}", broken.tag, broken.message))
        })?;
        if objects.first().is_none_or(|first| first.tag != "00") {
            return Err(fault("template_broken", "is no EMV code: it must begin with tag 00".to_owned()));
        }
        check_crc(text, &objects)?;
        for (at, object) in objects.iter().enumerate() {
            if objects.iter().take(at).any(|earlier| earlier.tag == object.tag) {
                return Err(fault("template_broken", format!("has tag {} twice", object.tag)));
            }
        }
        let issued = Self { text, objects };
        if issued.payee(guids).is_none() {
            return Err(fault("template_other_rail", format!("is not a {} code", method.display_name())));
        }
        let currency = method.currency();
        if issued.find("53") != Some(format!("{:03}", currency.numeric()).as_str()) {
            return Err(fault("template_currency", format!("must be in {currency}")));
        }
        if issued.find("58") != Some(method.country()) {
            return Err(fault("template_country", format!("must be of the country {}", method.country())));
        }
        if issued.find("01") == Some("12") || issued.find("54").is_some() {
            return Err(fault(
                "template_not_static",
                "is a code for one payment (tag 01 is 12, or it has an amount); use the static code".to_owned(),
            ));
        }
        Ok(issued)
    }

    /// The value of a root tag.
    pub(crate) fn find(&self, tag: &str) -> Option<&'a str> {
        find(&self.objects, tag)
    }

    /// The objects of the account template whose globally unique id is one of `guids`.
    pub(crate) fn payee(&self, guids: &[&str]) -> Option<Vec<Object<'a>>> {
        self.objects
            .iter()
            .filter(|object| ("26"..="51").contains(&object.tag))
            .filter_map(|object| whole_objects(object.value).ok())
            .find(|inner| {
                find(inner, "00").is_some_and(|guid| guids.iter().any(|known| guid.eq_ignore_ascii_case(known)))
            })
    }

    /// The code as it was issued.
    pub(crate) fn as_issued(&self) -> String {
        self.text.to_owned()
    }

    /// The code of one payment: 01 becomes 12, 54 goes before the first higher tag, 62-05 takes the reference.
    pub(crate) fn with_amount(&self, amount: &str, reference: Option<&str>) -> Result<String, EncodeError> {
        let bill = reference.map(|reference| self.bill_with(reference)).transpose()?;
        let mut code = Writer::new();
        let mut pending = vec![("01", "12"), ("54", amount)];
        if let Some(bill) = &bill {
            pending.push(("62", bill.as_str()));
        }
        for object in &self.objects {
            // Tags above 64 may precede lower ones in codes of the wild; the checksum always ends the row.
            let due = pending.iter().take_while(|(tag, _)| *tag < object.tag || object.tag == "63").count();
            for (tag, value) in pending.drain(..due) {
                code.put("template", tag, value)?;
            }
            match pending.iter().position(|(tag, _)| *tag == object.tag) {
                Some(at) => {
                    let (tag, value) = pending.remove(at);
                    code.put("template", tag, value)?;
                }
                None if object.tag == "63" => {}
                None => {
                    code.put("template", object.tag, object.value)?;
                }
            }
        }
        code.finish()
    }

    /// Whether the reference can be put into tag 62 without touching what the issuer wrote there.
    pub(crate) fn takes_reference(&self, reference: &str) -> bool {
        self.bill_with(reference).is_ok()
    }

    /// The inside of tag 62 with a reference at 05.
    fn bill_with(&self, reference: &str) -> Result<String, EncodeError> {
        let reference = text::exact("reference", reference, 25, Alphabet::PrintableAscii)?;
        let inner = whole_objects(self.find("62").unwrap_or_default()).map_err(|_| {
            EncodeError::new("reference", "cannot be added: tag 62 of the issued code is not a template")
        })?;
        let mut bill = Writer::new();
        let mut written = false;
        for object in inner {
            if object.tag == "05" && object.value != "***" {
                return Err(EncodeError::new("reference", "cannot be added: the issued code has its own in tag 62-05"));
            }
            if !written && object.tag >= "05" {
                bill.put("reference", "05", reference)?;
                written = true;
            }
            if object.tag != "05" {
                bill.put("reference", object.tag, object.value)?;
            }
        }
        if !written {
            bill.put("reference", "05", reference)?;
        }
        if bill.as_str().chars().count() > 99 {
            return Err(EncodeError::new("reference", "does not fit: tag 62 of the issued code is nearly full"));
        }
        Ok(bill.as_str().to_owned())
    }
}

fn check_crc(text: &str, objects: &[Object<'_>]) -> Result<(), AccountFault> {
    let fault = |code, message: String| AccountFault::new("template", code, message);
    let Some(last) = objects.last().filter(|last| last.tag == "63" && last.value.len() == 4) else {
        return Err(fault("template_broken", "is no EMV code: it must end with the checksum in tag 63".to_owned()));
    };
    let body = text.len().saturating_sub(4);
    let right = format!("{:04X}", crc16(text.as_bytes().get(..body).unwrap_or_default()));
    if !last.value.eq_ignore_ascii_case(&right) {
        return Err(fault(
            "template_crc",
            format!("has the checksum {} where {right} is right: a character was lost or changed", last.value),
        ));
    }
    Ok(())
}
