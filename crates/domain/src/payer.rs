//! What two feeds say about a payer: whether the names can be one person's.
//!
//! Banks put titles before names, cut them, turn family and given name round, write them in Latin letters here and in the
//! country's own there, mask them, or fill in a placeholder. All that may be the same payer. Names contradict each other
//! only when both are written in one script and have nothing in common.

use crate::linking::squeezed;
use alloc::string::String;
use alloc::vec::Vec;

/// What a fact says about two reports being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    For,
    Silent,
    Against,
}

/// The fewest letters that a name must have to be known by when the other one is longer.
const TELLING_LETTERS: usize = 8;
/// The fewest letters of a word in Latin script, and in others, that are the same word inside a longer one.
const SAME_WORD_LETTERS: (usize, usize) = (3, 2);

/// Words that stand before, behind or instead of a payer's name.
const NO_NAMES: [&str; 43] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "mdm",
    "mdme",
    "madam",
    "dr",
    "prof",
    "sir",
    "nai",
    "nang",
    "nangsao",
    "khun",
    "encik",
    "puan",
    "bapak",
    "ibu",
    "bin",
    "binti",
    "bt",
    "bte",
    "pte",
    "ltd",
    "co",
    "from",
    "by",
    "bank",
    "scb",
    "kbank",
    "ktb",
    "bbl",
    "bay",
    "ttb",
    "gsb",
    "transfer",
    "account",
    "paynow",
    "promptpay",
    "instapay",
    "duitnow",
    "fps",
    "fast",
];

/// What banks' systems write where they have no name, in the spelling of its letters alone. `NA`, `NONE` and `NULL` are
/// left out: they are names, too.
const PLACEHOLDERS: [&str; 7] =
    ["nonref", "notprovided", "notavailable", "notapplicable", "noref", "noreference", "unknown"];

/// How a name is written; names in two scripts cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    /// The letters a to z.
    Latin,
    Hangul,
    Thai,
    Han,
    /// Others, and mixtures: accents, for example, come and go.
    Other,
}

/// Compares two payers' names.
pub(crate) fn payers(a: Option<&str>, b: Option<&str>) -> Agreement {
    let (a, b) = (words(a.unwrap_or_default()), words(b.unwrap_or_default()));
    let (short, long) = if letters(&a) <= letters(&b) { (a, b) } else { (b, a) };
    if short.is_empty() {
        return Agreement::Silent;
    }
    let all = short.iter().all(|word| long.iter().any(|other| other.starts_with(word.as_str())));
    let equal = letters(&short) == letters(&long);
    let glued = long.concat().starts_with(&short.concat());
    if (all || glued) && (equal || letters(&short) >= TELLING_LETTERS) {
        return Agreement::For;
    }
    let scripts = (script(&short), script(&long));
    let common = short.iter().any(|word| long.iter().any(|other| is_common(word, other, scripts.0)));
    if common || scripts.0 != scripts.1 || scripts.0 == Script::Other { Agreement::Silent } else { Agreement::Against }
}

/// The words of a name in small letters, without titles, words of banks and what is masked or a number. A placeholder has
/// none.
fn words(name: &str) -> Vec<String> {
    if PLACEHOLDERS.contains(&squeezed(name).as_str()) {
        return Vec::new();
    }
    let is_gap = |c: char| c.is_whitespace() || matches!(c, '.' | ',' | '/' | '-' | '(' | ')' | ':' | ';' | '&');
    let is_name = |word: &&str| word.chars().all(|c| c.is_alphabetic() || is_mark(c));
    let small = name
        .split(is_gap)
        .filter(is_name)
        .map(|word| word.chars().filter(|c| !is_mark(*c)).flat_map(char::to_lowercase).collect::<String>());
    small.filter(|word| !word.chars().all(|c| c == 'x') && !NO_NAMES.contains(&word.as_str())).collect()
}

/// Marks that are no letters of their own: accents that follow their letter, Thai tones, apostrophes.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\'' | '’' | '`')
}

fn letters(words: &[String]) -> usize {
    words.iter().map(|word| word.chars().count()).sum()
}

fn script(words: &[String]) -> Script {
    let of = |c: char| match c {
        'a'..='z' => Script::Latin,
        '\u{ac00}'..='\u{d7a3}' => Script::Hangul,
        '\u{e01}'..='\u{e4e}' => Script::Thai,
        '\u{4e00}'..='\u{9fff}' => Script::Han,
        _ => Script::Other,
    };
    let mut scripts = words.iter().flat_map(|word| word.chars()).map(of);
    let first = scripts.next().unwrap_or(Script::Other);
    if scripts.all(|other| other == first) { first } else { Script::Other }
}

/// Whether two words can be the same one. Han names differ by a character in simplified and traditional form.
fn is_common(a: &str, b: &str, script: Script) -> bool {
    let (short, long) = if a.chars().count() <= b.chars().count() { (a, b) } else { (b, a) };
    let fewest = if script == Script::Latin { SAME_WORD_LETTERS.0 } else { SAME_WORD_LETTERS.1 };
    match script {
        Script::Han => short.chars().any(|c| long.contains(c)),
        Script::Latin | Script::Hangul | Script::Thai | Script::Other => {
            (short == long && short.chars().count() > 1) || (short.chars().count() >= fewest && long.contains(short))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, expected: Agreement) {
        assert_eq!(payers(Some(a), Some(b)), expected, "{a:?} {b:?}");
        assert_eq!(payers(Some(b), Some(a)), expected, "{b:?} {a:?}");
    }

    #[test]
    fn one_payer_is_known_under_titles_order_cuts_and_gluing() {
        for (a, b) in [
            ("TAN AH KOW", "Tan Ah Kow"),
            ("MR SOMCHAI JAIDEE", "SOMCHAI JAIDEE"),
            ("JAIDEE SOMCHAI", "SOMCHAI JAIDEE"),
            ("SOMCHAI J.", "SOMCHAI JAIDEE"),
            ("MOHAMED ABDUL RA", "MOHAMED ABDUL RAHMAN BIN ALI"),
            ("SOMCHAIJAIDEE", "SOMCHAI JAIDEE"),
            ("Nguyễn Thị Hoa Mai", "NGUYỄN THỊ HOA MAI"),
            ("홍길동", "홍길동"),
        ] {
            check(a, b, Agreement::For);
        }
    }

    #[test]
    fn names_that_may_be_one_persons_say_nothing() {
        for (a, b) in [
            ("", "TAN"),
            ("HONG GILDONG", "홍길동"),
            ("SCB x1234 SOMCHAI", "SOMCHAI JAIDEE"),
            ("SOMCHAI JAIDEE", "SOMCHAI BOONMEE"),
            ("TRẦN VĂN AN", "TRAN VAN AN"),
            ("Nguyễn Thị Hoa", "Nguyen Thi Hoa"),
            ("홍*동", "홍길동"),
            ("SOMCH*** J***", "ANAN BOONMEE"),
            ("XXXX", "TAN AH KOW"),
            ("นายสมชาย", "สมชาย ใจดี"),
            ("陈大文", "陳大文"),
            ("KBANK", "ANAN BOONMEE"),
            ("NONREF", "CHUA WEN LI"),
            ("Not Provided", "CHUA WEN LI"),
            ("NONREF", "NONREF"),
            ("UNKNOWN", "NOTPROVIDED"),
            ("TAN", "TAN AH KOW"),
        ] {
            check(a, b, Agreement::Silent);
        }
        assert_eq!(payers(None, Some("TAN")), Agreement::Silent);
    }

    #[test]
    fn names_in_one_script_without_a_common_word_are_two_payers() {
        for (a, b) in [
            ("TAN AH KOW", "LIM BEE HWA"),
            ("ANNA", "BERT"),
            ("김철수", "홍길동"),
            ("สมชาย ใจดี", "อนันต์ บุญมี"),
            ("李小龙", "陳大文"),
            ("MR TAN", "MR LIM"),
            ("ALI BIN ABU", "OMAR BIN SAID"),
            // Names that other banks' placeholders are spelled like.
            ("NA", "LIM BEE HWA"),
            ("UNKNOWN SOLDIERS LTD", "LIM BEE HWA"),
        ] {
            check(a, b, Agreement::Against);
        }
    }
}
