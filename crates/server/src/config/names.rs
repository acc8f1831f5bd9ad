//! The names of all settings, and what a misspelled one may have meant.

use super::{ConfigFault, METHOD_SETTINGS, SETTINGS};
use xanpay_domain::method::Method;

/// The table that holds a table of settings for each method.
pub(super) const METHODS: &str = "methods";
/// More wrong letters than this are another word, not a slip of the pen.
const SLIPS: usize = 2;

/// The full name of a method's setting, such as `methods.paynow.time_to_live`.
pub(super) fn method_setting(method: Method, key: &str) -> String {
    format!("{METHODS}.{method}.{key}")
}

/// Every setting's full name.
pub(super) fn names() -> impl Iterator<Item = String> {
    let of_method = |method| METHOD_SETTINGS.iter().map(move |setting| method_setting(method, setting.name));
    SETTINGS.iter().map(|setting| setting.name.to_owned()).chain(Method::ALL.into_iter().flat_map(of_method))
}

/// Whether there is a setting of this full name.
pub(super) fn known(name: &str) -> bool {
    names().any(|known| known == name)
}

/// The fault of a name that is no setting's; `candidates` are those that `given` may have meant.
pub(super) fn unknown<'a>(subject: &str, given: &str, candidates: impl Iterator<Item = &'a str>) -> ConfigFault {
    let measured = candidates.map(|candidate| (distance(given, candidate), candidate));
    let closest = measured.min().filter(|(distance, _)| *distance <= SLIPS);
    let hint = closest.map(|(_, meant)| format!("; did you mean {meant}?")).unwrap_or_default();
    ConfigFault::new(subject, format!("is no setting of this program{hint}"))
}

/// Letters to insert, leave out or replace to make one text of the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_inserted_left_out_and_replaced_are_counted() {
        for (from, to, expected) in
            [("", "abc", 3), ("listen", "listen", 0), ("listn", "listen", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(from, to), distance(to, from)), (expected, expected), "{from} {to}");
        }
    }

    #[test]
    fn no_two_settings_share_a_name_in_the_environment() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(names().all(|name| seen.insert(crate::config::Origin::Environment.spell(&name))));
        assert_eq!(seen.len(), SETTINGS.len() + Method::ALL.len() * METHOD_SETTINGS.len());
    }
}
