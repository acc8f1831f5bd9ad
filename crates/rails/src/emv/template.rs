//! Template mode: the static code that a bank or acquirer issued gets the amount of one charge, and nothing else of it
//! changes but tag 01 and the checksum.

use crate::account::AccountFault;
use crate::emv::lint::lint;
use crate::emv::reader::{Object, find, whole_objects};
use crate::emv::writer::Writer;
use crate::encode::EncodeError;
use crate::lint::Recognised;
use crate::rail::Alphabet;
use crate::text;
use xanpay_domain::method::Method;

/// What the payer pays on top of the amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fee<'a> {
    /// An amount in the code's currency.
    Fixed(&'a str),
    /// A percentage of the amount.
    Percent(&'a str),
}

/// A static code of a rail, checked.
#[derive(Debug, Clone)]
pub(crate) struct Issued<'a> {
    text: &'a str,
    objects: Vec<Object<'a>>,
}

impl<'a> Issued<'a> {
    /// Checks that a text is a static code of `method`: one that a strict reader accepts.
    pub(crate) fn read(text: &'a str, method: Method) -> Result<Self, AccountFault> {
        let text = text.trim();
        let fault = |code, message: String| AccountFault::new("template", code, message);
        let report = lint(text);
        if report.rail.is_some_and(|rail| rail != Recognised::Rail(method)) {
            return Err(fault("template_other_rail", format!("is not a {} code", method.display_name())));
        }
        if let Some(error) = report.errors.first() {
            let code = if error.code == "crc_wrong" { "template_crc" } else { "template_broken" };
            let place = if error.tag.is_empty() { String::new() } else { format!("tag {}: ", error.tag) };
            return Err(fault(code, format!("is no code that apps accept: {place}{}", error.message)));
        }
        let issued = Self::reread(text)?;
        if issued.find("01") == Some("12") || issued.find("54").is_some() {
            return Err(fault(
                "template_not_static",
                "is a code for one payment (tag 01 is 12, or it has an amount); use the static code".to_owned(),
            ));
        }
        // Room for the longest amount must be left, or every charge would fail.
        if issued.with_amount("1234567890.12", None).is_err() {
            return Err(fault("template_full", "is so long that no amount can be added".to_owned()));
        }
        Ok(issued)
    }

    /// Reads a code that was checked when its account was set up.
    pub(crate) fn reread(text: &'a str) -> Result<Self, AccountFault> {
        let text = text.trim();
        let objects = whole_objects(text).map_err(|broken| {
            AccountFault::new(
                "template",
                "template_broken",
                format!("is no EMV code: tag {} {}", broken.tag, broken.message),
            )
        })?;
        Ok(Self { text, objects })
    }

    /// The value of a root tag.
    pub(crate) fn find(&self, tag: &str) -> Option<&'a str> {
        find(&self.objects, tag)
    }

    /// The value of a tag inside the template with one of these ids.
    pub(crate) fn find_within(&self, guids: &[&str], tag: &str) -> Option<&'a str> {
        let inner = self.objects.iter().filter_map(|object| whole_objects(object.value).ok());
        let template = inner.into_iter().find(|inner| find(inner, "00").is_some_and(|guid| guids.contains(&guid)))?;
        find(&template, tag)
    }

    /// Whether a text is the payee's name or an id inside a template, whatever the case of its letters.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let is_it = |object: &Object<'_>| object.value.eq_ignore_ascii_case(text);
        let within = |object: &Object<'_>| whole_objects(object.value).is_ok_and(|inner| inner.iter().any(is_it));
        self.objects.iter().any(|object| object.tag == "59" && is_it(object) || within(object))
    }

    /// The code as it was issued.
    pub(crate) fn as_issued(&self) -> String {
        self.text.to_owned()
    }

    /// The code of one payment: 01 becomes 12, 54 goes before the first higher tag, 62-05 takes the reference.
    pub(crate) fn with_amount(&self, amount: &str, reference: Option<&str>) -> Result<String, EncodeError> {
        self.with_amount_and_fee(amount, None, reference)
    }

    /// The same, with a fee on top that the payer sees: tags 55 and 56 or 57.
    pub(crate) fn with_amount_and_fee(
        &self,
        amount: &str,
        fee: Option<Fee<'_>>,
        reference: Option<&str>,
    ) -> Result<String, EncodeError> {
        let bill = reference.map(|reference| self.bill_with(reference)).transpose()?;
        let mut changed = vec![("01", "12"), ("54", amount)];
        match fee {
            Some(Fee::Fixed(fee)) => changed.extend([("55", "02"), ("56", fee)]),
            Some(Fee::Percent(fee)) => changed.extend([("55", "03"), ("57", fee)]),
            None => {}
        }
        changed.extend(bill.as_deref().map(|bill| ("62", bill)));
        // What the issuer wrote keeps its place, wherever that is; what is new goes before the first higher tag, or
        // before the checksum, which ends the row.
        let (replaced, mut added): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|(tag, _)| self.find(tag).is_some());
        let mut code = Writer::new();
        for object in &self.objects {
            let due = added.iter().take_while(|(tag, _)| *tag < object.tag || object.tag == "63").count();
            for (tag, value) in added.drain(..due) {
                code.put("template", tag, value)?;
            }
            if object.tag != "63" {
                let value =
                    replaced.iter().find(|(tag, _)| *tag == object.tag).map_or(object.value, |(_, value)| value);
                code.put("template", object.tag, value)?;
            }
        }
        code.finish()
    }

    /// The same, without the reference where the issuer's own tag 62 leaves no room for it.
    pub(crate) fn with_amount_and_room(&self, amount: &str, reference: &str) -> Result<String, EncodeError> {
        self.with_amount(amount, Some(reference)).or_else(|_| self.with_amount(amount, None))
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
