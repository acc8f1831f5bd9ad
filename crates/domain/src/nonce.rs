//! Nonces: the unique word that a customer attaches to a payment.
//!
//! A nonce is a codeword, so its safety is arithmetic and not a search. It alternates consonants and vowels, which makes
//! it pronounceable and means that a lost, added or swapped letter never gives another well-formed word. The letters
//! are read as numbers modulo 17 and must satisfy two parity equations (those of a Reed-Solomon code), which puts at
//! least three substitutions between any two nonces. Together: **any two nonces of one length are at true
//! Damerau-Levenshtein distance 3 or more**, whoever drew them and on whichever node, without looking at the others.
//!
//! Two further equations are tied to the amount. Nonces of one amount satisfy four equations with the same right-hand
//! side and differ in at least five letters: distance 4 or more where a mistake would cost most. When that small space
//! fills up ([`Strength::Plain`]), nonces fall back to the first two equations and still keep distance 3.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The modulus: as many consonants as there are residues.
const P: u32 = 17;
/// No `l` (reads as 1 or I), no `q`, `x`, `y`.
const CONSONANTS: &[u8; 17] = b"bcdfghjkmnprstvwz";
const VOWELS: &[u8; 5] = b"aeiou";
/// Syllables that no customer should be asked to type: insults and obscenities of the languages of the rails and of
/// Europe, as far as consonants and vowels take turns in them. Checked anywhere in the word. In order, and none begins
/// another, which is what [`is_rude`] relies on.
const RUDE: &[&str] = &[
    "anus", "babi", "baka", "bego", "bitu", "bobo", "bodo", "bugin", "burit", "caca", "cag", "cazo", "cipa", "coc",
    "coka", "cono", "cum", "cunu", "dago", "dic", "dik", "dit", "fag", "fan", "fuc", "fuk", "fut", "gago", "gipo",
    "harami", "homo", "huj", "jap", "jihad", "jiz", "jode", "jubur", "kafi", "kak", "kike", "kimak", "kok", "kuk",
    "kurac", "kuso", "kut", "mamon", "memek", "mofo", "moron", "mudak", "nazi", "neg", "nig", "nud", "paki", "pedo",
    "pene", "penis", "pepek", "pido", "pis", "poke", "pube", "puk", "put", "rape", "rapi", "semen", "sodo", "suka",
    "sut", "teta", "tetek", "tit", "tosa", "vagi", "wog", "zob",
];

/// A well-formed nonce in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(String);

/// How far a nonce is kept from the others of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Distance 4 or more from every nonce of the same amount, 3 from all.
    PerAmount,
    /// Distance 3 or more from all.
    Plain,
}

/// The length of nonces of one rail, in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonceLength(usize);

impl NonceLength {
    /// Nine letters: three million nonces per account within the cool-down.
    pub const DEFAULT: Self = Self(9);
    /// The longest that the public API allows.
    pub const LONGEST: Self = Self(10);
    /// The shortest: Korean depositor names end after seven letters at some banks.
    pub const SHORTEST: Self = Self(7);

    /// A length between 7 and 10.
    #[must_use]
    pub const fn new(letters: usize) -> Option<Self> {
        if Self::SHORTEST.0 <= letters && letters <= Self::LONGEST.0 { Some(Self(letters)) } else { None }
    }

    /// The number of letters.
    #[must_use]
    pub fn letters(self) -> usize {
        self.0
    }
}

impl Nonce {
    /// Draws a nonce from 16 random bytes, or nothing when the draw spells something rude: draw again.
    ///
    /// `amount_minor` is the amount that the customer will pay; it selects the subset of [`Strength::PerAmount`].
    #[must_use]
    pub fn draw(entropy: [u8; 16], length: NonceLength, amount_minor: i64, strength: Strength) -> Option<Self> {
        let mut dice = u128::from_be_bytes(entropy);
        let mut roll = |sides: u32| {
            let face = (dice % u128::from(sides)) as u32;
            dice /= u128::from(sides);
            face
        };
        let targets = targets(length, amount_minor);
        let equations = match strength {
            Strength::PerAmount => 4,
            Strength::Plain => 2,
        };
        let free: Vec<usize> = (0..length.0).filter(|place| place % 2 == 1 || place / 2 >= equations).collect();
        let mut values = [0_u32; 10];
        for place in free {
            values[place] = roll(if place % 2 == 1 { VOWELS.len() as u32 } else { P });
        }
        solve(&mut values, length.0, &targets[..equations]);
        let word: String = (0..length.0).map(|place| char::from(letter(place, values[place]))).collect();
        (!is_rude(&word)).then_some(Self(word))
    }

    /// Reads a nonce in any case; only a word that [`Nonce::draw`] could have made is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let length = NonceLength::new(text.len())?;
        let mut values = [0_u32; 10];
        for (place, byte) in text.bytes().enumerate() {
            values[place] = value(place, byte.to_ascii_lowercase())?;
        }
        let targets = targets(length, 0);
        (0..2)
            .all(|equation| syndrome(&values, length.0, equation) == targets[equation])
            .then(|| Self(text.to_ascii_lowercase()))
    }

    /// The nonces that a word is or can be meant for: a letter lost, added or changed, or two neighbours swapped. One per
    /// length at the most, as nonces are further apart.
    #[must_use]
    pub fn near(word: &str) -> Vec<Self> {
        let shortest = NonceLength::SHORTEST.0 - 1;
        if !word.is_ascii() || !(shortest..=NonceLength::LONGEST.0 + 1).contains(&word.len()) {
            return Vec::new();
        }
        let letters = || CONSONANTS.iter().chain(VOWELS).map(|letter| char::from(*letter));
        let mut found: Vec<Self> = Vec::new();
        let mut look = |range: core::ops::Range<usize>, instead: &str| {
            let mut meant = String::from(word);
            meant.replace_range(range, instead);
            found.extend(Self::parse(&meant));
        };
        for place in 0..=word.len() {
            letters().for_each(|letter| look(place..place, letter.encode_utf8(&mut [0; 4])));
            if let Some(letter) = word.get(place..place + 1) {
                look(place..place + 1, "");
                letters().for_each(|other| look(place..place + 1, other.encode_utf8(&mut [0; 4])));
                if let Some(next) = word.get(place + 1..place + 2) {
                    look(place..place + 2, &[next, letter].concat());
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The word in lower case, as the API shows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Right-hand sides of the four parity equations. The first two do not depend on the amount, so that a word can be
/// recognised without knowing it. The first steps by 6 with the length: a vowel more or less at the end changes it by
/// 4 at most, so that no nonce is another one cut or continued by a letter. The others spread the amounts over 289
/// classes.
fn targets(length: NonceLength, amount_minor: i64) -> [u32; 4] {
    let mixed = (amount_minor as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    [length.0 as u32 * 6 % P, 0, (mixed % 17) as u32, (mixed / 17 % 17) as u32]
}

/// The weight of a place in an equation: powers of pairwise different residues (a Vandermonde matrix), so that any
/// `r` columns of the first `r` equations are independent.
fn weight(place: usize, equation: usize) -> u32 {
    (0..equation).fold(1, |power, _| power * (place as u32 + 1) % P)
}

fn syndrome(values: &[u32; 10], length: usize, equation: usize) -> u32 {
    (0..length).map(|place| values[place] * weight(place, equation)).sum::<u32>() % P
}

/// Whether one of [`RUDE`] is anywhere in a word. What comes between a syllable and a text that it begins is begun by it
/// too, so that only the last syllable that is not behind the rest of the word can begin that rest.
fn is_rude(word: &str) -> bool {
    (0..word.len()).any(|place| {
        let rest = &word[place..];
        let behind = RUDE.partition_point(|rude| *rude <= rest);
        behind > 0 && rest.starts_with(RUDE[behind - 1])
    })
}

/// Sets the first consonants so that every equation holds: Gaussian elimination modulo 17 on at most four unknowns.
fn solve(values: &mut [u32; 10], length: usize, targets: &[u32]) {
    let unknowns = targets.len();
    let mut rows = [[0_u32; 5]; 4];
    for (equation, row) in rows.iter_mut().enumerate().take(unknowns) {
        for (column, cell) in row.iter_mut().enumerate().take(unknowns) {
            *cell = weight(column * 2, equation);
        }
        row[4] = (targets[equation] + P - syndrome(values, length, equation)) % P;
    }
    for pivot in 0..unknowns {
        if let Some(found) = (pivot..unknowns).find(|row| rows[*row][pivot] != 0) {
            rows.swap(pivot, found);
        }
        let inverse = inverse(rows[pivot][pivot]);
        rows[pivot] = rows[pivot].map(|cell| cell * inverse % P);
        for row in (0..unknowns).filter(|row| *row != pivot) {
            let factor = P - rows[row][pivot];
            let base = rows[pivot];
            for (cell, add) in rows[row].iter_mut().zip(base) {
                *cell = (*cell + factor * add) % P;
            }
        }
    }
    for (unknown, row) in rows.iter().enumerate().take(unknowns) {
        values[unknown * 2] = row[4];
    }
}

/// The inverse modulo 17 by Fermat: `a^15`.
fn inverse(value: u32) -> u32 {
    (0..15).fold(1, |power, _| power * value % P)
}

fn letter(place: usize, value: u32) -> u8 {
    let letters: &[u8] = if place % 2 == 1 { VOWELS } else { CONSONANTS };
    letters[value as usize % letters.len()]
}

fn value(place: usize, byte: u8) -> Option<u32> {
    let letters: &[u8] = if place % 2 == 1 { VOWELS } else { CONSONANTS };
    letters.iter().position(|letter| *letter == byte).map(|index| index as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// True Damerau-Levenshtein distance (Lowrance and Wagner): insertions, deletions, substitutions and transpositions
    /// of adjacent letters, with edits allowed between transposed letters.
    fn distance(a: &str, b: &str) -> usize {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        let infinity = a.len() + b.len();
        let mut last_row = [0_usize; 256];
        let mut table = std::vec![std::vec![infinity; b.len() + 2]; a.len() + 2];
        for i in 0..=a.len() {
            table[i + 1][1] = i;
        }
        for j in 0..=b.len() {
            table[1][j + 1] = j;
        }
        for i in 1..=a.len() {
            let mut last_column = 0;
            for j in 1..=b.len() {
                let (row, column) = (last_row[usize::from(b[j - 1])], last_column);
                let cost = usize::from(a[i - 1] != b[j - 1]);
                if cost == 0 {
                    last_column = j;
                }
                table[i + 1][j + 1] = (table[i][j] + cost)
                    .min(table[i + 1][j] + 1)
                    .min(table[i][j + 1] + 1)
                    .min(table[row][column] + (i - row - 1) + 1 + (j - column - 1));
            }
            last_row[usize::from(a[i - 1])] = i;
        }
        table[a.len() + 1][b.len() + 1]
    }

    fn entropy(seed: u64) -> [u8; 16] {
        let mix = |salt: u64| {
            let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&mix(1).to_be_bytes());
        bytes[8..].copy_from_slice(&mix(2).to_be_bytes());
        bytes
    }

    fn draw_many(count: usize, length: NonceLength, amount: i64, strength: Strength) -> BTreeSet<Nonce> {
        let mut seen = BTreeSet::new();
        let mut seed = 0;
        while seen.len() < count {
            seen.extend(Nonce::draw(entropy(seed), length, amount, strength));
            seed += 1;
        }
        seen
    }

    #[test]
    fn the_judge_of_these_tests_knows_the_textbook_distances() {
        for (a, b, expected) in [("ca", "abc", 2), ("abcd", "acbd", 1), ("kitten", "sitting", 3), ("same", "same", 0)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_thousand_nonces_of_one_amount_are_four_edits_apart() {
        let words: Vec<_> = draw_many(1000, NonceLength::DEFAULT, 3500, Strength::PerAmount).into_iter().collect();
        for (index, a) in words.iter().enumerate() {
            for b in &words[index + 1..] {
                assert!(distance(a.as_str(), b.as_str()) >= 4, "{a} {b}");
            }
        }
    }

    #[test]
    fn nonces_of_any_amounts_and_strengths_are_three_edits_apart() {
        for length in [7, 8, 9, 10] {
            let length = NonceLength::new(length).unwrap();
            let mut words = draw_many(250, length, 3500, Strength::Plain);
            for amount in 1..200 {
                words.extend(draw_many(1, length, amount, Strength::PerAmount));
            }
            let words: Vec<_> = words.into_iter().collect();
            for (index, a) in words.iter().enumerate() {
                for b in &words[index + 1..] {
                    assert!(distance(a.as_str(), b.as_str()) >= 3, "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn no_single_mistyping_of_a_nonce_is_well_formed_and_each_is_near_its_own() {
        let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
        for (turn, nonce) in draw_many(300, NonceLength::DEFAULT, 3500, Strength::Plain).into_iter().enumerate() {
            let word = nonce.as_str().as_bytes();
            let mut mistyped: BTreeSet<Vec<u8>> = BTreeSet::new();
            for place in 0..=word.len() {
                for letter in alphabet {
                    let mut inserted = word.to_vec();
                    inserted.insert(place, *letter);
                    mistyped.insert(inserted);
                    if place < word.len() {
                        let mut replaced = word.to_vec();
                        replaced[place] = *letter;
                        mistyped.insert(replaced);
                    }
                }
                if place < word.len() {
                    let mut deleted = word.to_vec();
                    deleted.remove(place);
                    mistyped.insert(deleted);
                }
                if place + 1 < word.len() {
                    let mut swapped = word.to_vec();
                    swapped.swap(place, place + 1);
                    mistyped.insert(swapped);
                }
            }
            mistyped.remove(word);
            for wrong in mistyped {
                let wrong = core::str::from_utf8(&wrong).unwrap();
                assert_eq!(Nonce::parse(wrong), None, "{nonce}");
                assert!(turn > 2 || Nonce::near(wrong).contains(&nonce), "{nonce} is not seen in {wrong}");
            }
        }
    }

    #[test]
    fn upper_case_reads_as_the_same_nonce() {
        let nonce = draw_many(1, NonceLength::DEFAULT, 1, Strength::Plain).pop_first().unwrap();
        assert_eq!(Nonce::parse(&nonce.as_str().to_uppercase()), Some(nonce));
    }

    #[test]
    fn a_rude_word_is_seen_wherever_it_stands() {
        assert!(RUDE.is_sorted());
        for rude in RUDE {
            assert!(RUDE.iter().all(|other| other == rude || !other.starts_with(rude)), "{rude} begins another");
            for (before, after) in [("", ""), ("", "aa"), ("", "zz"), ("wa", ""), ("bo", "za"), ("mi", "a")] {
                assert!(is_rude(&alloc::format!("{before}{rude}{after}")), "{before}{rude}{after}");
            }
        }
        for word in ["", "z", "wavezu", "pe", "kas", "cantaloupe"] {
            assert!(!is_rude(word), "{word}");
        }
    }

    #[test]
    fn every_rude_word_could_occur_and_none_does() {
        for rude in RUDE {
            let from = |start: usize| rude.bytes().enumerate().all(|(at, byte)| value(start + at, byte).is_some());
            assert!(from(0) || from(1), "{rude} is filtered for nothing");
        }
        for nonce in draw_many(5_000, NonceLength::LONGEST, 3500, Strength::Plain) {
            assert!(!RUDE.iter().any(|rude| nonce.as_str().contains(rude)), "{nonce}");
        }
    }

    #[test]
    fn one_amount_has_thousands_of_strong_nonces() {
        assert_eq!(draw_many(5000, NonceLength::DEFAULT, 999, Strength::PerAmount).len(), 5000);
    }

    proptest! {
        #[test]
        fn every_draw_reads_back(bytes in any::<[u8; 16]>(), amount in 1..i64::MAX, letters in 7_usize..=10) {
            for strength in [Strength::PerAmount, Strength::Plain] {
                if let Some(nonce) = Nonce::draw(bytes, NonceLength::new(letters).unwrap(), amount, strength) {
                    prop_assert_eq!(Nonce::parse(nonce.as_str()), Some(nonce.clone()));
                    prop_assert_eq!(nonce.as_str().len(), letters);
                }
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,16}") {
            let _ = (Nonce::parse(&text), Nonce::near(&text));
        }
    }
}
