//! What a rail adds to the rules of every EMVCo code.

use crate::emv::reader::{Object, find};
use crate::lint::Findings;
use crate::rail::{Form, rail};
use xanpay_domain::method::Method;

/// The rules of one payment system's codes; a rail may have several.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The rail that the payment system belongs to.
    pub(crate) method: Method,
    /// The ids at 00 of the payee template, compared without case.
    pub(crate) guids: &'static [&'static str],
    /// The numeric currencies that the rail pays in.
    pub(crate) currencies: &'static [&'static str],
    /// Names of the template's tags.
    pub(crate) tags: &'static [(&'static str, &'static str)],
    /// The rail's own checks.
    pub(crate) lint: fn(&Payee<'_>, &mut Findings),
    /// Whether the payee is the one that the sandbox writes.
    pub(crate) is_sandbox: fn(&Payee<'_>) -> bool,
    /// What a template's value says.
    pub(crate) meaning: fn(&str, &str) -> Option<String>,
}

impl Profile {
    /// Whether a globally unique id is the rail's.
    pub(crate) fn owns(&self, guid: &str) -> bool {
        self.guids.iter().any(|known| known.eq_ignore_ascii_case(guid))
    }

    /// The name of a tag in the payee template.
    pub(crate) fn tag_name(&self, tag: &str) -> &'static str {
        self.tags.iter().find(|(known, _)| *known == tag).map_or("unknown", |(_, name)| *name)
    }
}

/// A payee template within its code.
pub(crate) struct Payee<'a> {
    /// The template's root tag.
    pub(crate) root: &'a str,
    /// The template's objects.
    pub(crate) inner: Vec<Object<'a>>,
    /// The code's objects.
    pub(crate) code: &'a [Object<'a>],
}

impl<'a> Payee<'a> {
    /// The value of a tag in the template.
    pub(crate) fn get(&self, tag: &str) -> Option<&'a str> {
        find(&self.inner, tag)
    }

    /// The path of a tag in the template.
    pub(crate) fn path(&self, tag: &str) -> String {
        format!("{}.{tag}", self.root)
    }

    /// The value of a root tag.
    pub(crate) fn of_code(&self, tag: &str) -> Option<&'a str> {
        find(self.code, tag)
    }

    /// The value of a tag inside 62.
    pub(crate) fn of_additional(&self, tag: &str) -> Option<&'a str> {
        let (inner, _) = crate::emv::reader::objects(self.of_code("62")?);
        find(&inner, tag)
    }

    /// Says an error about a tag that must be there, and gives it if it is.
    pub(crate) fn require(&self, tag: &str, name: &str, findings: &mut Findings) -> Option<&'a str> {
        let value = self.get(tag);
        if value.is_none() {
            findings.error(self.path(tag), "missing", format!("{name} is missing"));
        }
        value
    }

    /// Says an error about a tag that is not digits or longer than the rail allows; shorter ones are seen in the wild
    /// and only warned about.
    pub(crate) fn digits(&self, tag: &str, lengths: std::ops::RangeInclusive<usize>, findings: &mut Findings) {
        let Some(value) = self.get(tag) else { return };
        let (least, most) = (lengths.start(), lengths.end());
        let wanted = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        if !crate::text::is_digits(value) || value.len() > *most {
            findings.error(self.path(tag), "form", format!("must be {wanted} digits"));
        } else if value.len() < *least {
            findings.warn(self.path(tag), "short", format!("should be {wanted} digits"));
        }
    }

    /// Says an error about a tag that is longer than it may be.
    pub(crate) fn at_most(&self, tag: &str, most: usize, findings: &mut Findings) {
        if self.get(tag).is_some_and(|value| value.chars().count() > most) {
            findings.error(self.path(tag), "too_long", format!("must be at most {most} characters"));
        }
    }
}

/// The profile that owns a globally unique id.
pub(crate) fn owner(guid: &str) -> Option<&'static Profile> {
    let profiles = Method::ALL.into_iter().filter_map(|method| match rail(method).payloads.as_ref()?.form {
        Form::Emv(profiles) => Some(profiles),
        Form::Link { .. } => None,
    });
    profiles.flatten().copied().find(|profile| profile.owns(guid))
}
