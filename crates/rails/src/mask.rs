//! Draws a QR code and chooses its mask.
//!
//! The library would compute the error correction of a code once and then weigh all eight masks module by module, which
//! costs ten times what drawing costs. Here it draws one mask; the others follow from that one by the rules of ISO/IEC
//! 18004 (sections 7.8 and 7.9), and all are weighed a line of modules at a time.

use qrcodegen::{DataTooLong, Mask, QrCode, QrCodeEcc, QrSegment, Version};

/// The longest side whose lines fit into an integer; larger codes are left to the library.
const MAX_SIDE: usize = 128;

/// Every mask repeats itself after so many modules, across and down.
const PERIOD: usize = 12;

/// The modules of a code, row by row.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Modules {
    pub(crate) side: usize,
    pub(crate) dark: Vec<bool>,
}

/// Draws bytes with medium error correction, or more where it takes no more room, and the mask that the standard
/// prefers.
pub(crate) fn draw(bytes: &[u8]) -> Result<Modules, DataTooLong> {
    let drawn = encode(bytes, Some(Mask::new(0)))?;
    let side = usize::try_from(drawn.size()).unwrap_or_default();
    if side > MAX_SIDE {
        return Ok(modules(&encode(bytes, None)?, side));
    }
    let plain = Grid::of(&drawn, side);
    let best = (0..PATTERNS.len()).map(|mask| plain.masked(mask)).min_by_key(Grid::penalty).unwrap_or(plain);
    let mut dark = Vec::with_capacity(side * side);
    for row in best.rows {
        dark.extend((0..side).map(|x| row >> x & 1 == 1));
    }
    Ok(Modules { side, dark })
}

fn encode(bytes: &[u8], mask: Option<Mask>) -> Result<QrCode, DataTooLong> {
    let segments = [QrSegment::make_bytes(bytes)];
    QrCode::encode_segments_advanced(&segments, QrCodeEcc::Medium, Version::MIN, Version::MAX, mask, true)
}

fn modules(code: &QrCode, side: usize) -> Modules {
    let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| code.get_module(x, y))).collect();
    Modules { side, dark }
}

/// A code of at most 128 modules a side. Bit `x` of a row is its module in column `x`.
#[derive(Clone)]
struct Grid {
    side: usize,
    correction: QrCodeEcc,
    rows: Vec<u128>,
    columns: Vec<u128>,
    /// The modules that hold data, which is what a mask changes. The fixed patterns mirror each other across the
    /// diagonal, so that rows and columns have the same.
    data: Vec<u128>,
}

impl Grid {
    /// The code without the mask 0 with which it was drawn.
    fn of(drawn: &QrCode, side: usize) -> Self {
        let (mut rows, mut columns) = (vec![0_u128; side], vec![0_u128; side]);
        for (row, y) in rows.iter_mut().zip(0_i32..) {
            for (column, x) in columns.iter_mut().zip(0_i32..) {
                let module = u128::from(drawn.get_module(x, y));
                *row |= module << x;
                *column |= module << y;
            }
        }
        let correction = drawn.error_correction_level();
        let mut grid = Self { side, correction, rows, columns, data: data(side) };
        grid.apply(0);
        grid
    }

    /// The code with a mask and the format information that says so.
    fn masked(&self, mask: usize) -> Self {
        let mut grid = self.clone();
        grid.apply(mask);
        let format = format(self.correction, mask);
        for (bit, places) in format_places(self.side).into_iter().enumerate() {
            for (x, y) in places {
                set(&mut grid.rows, x, y, format >> bit & 1 == 1);
                set(&mut grid.columns, y, x, format >> bit & 1 == 1);
            }
        }
        grid
    }

    /// Changes the data modules that a mask changes; a second time, back again.
    fn apply(&mut self, mask: usize) {
        let Some([across, down]) = PATTERNS.get(mask) else { return };
        for (lines, patterns) in [(&mut self.rows, across), (&mut self.columns, down)] {
            for ((line, data), pattern) in lines.iter_mut().zip(&self.data).zip(patterns.iter().cycle()) {
                *line ^= data & pattern;
            }
        }
    }

    /// The penalty of a code by the standard's four rules.
    fn penalty(&self) -> u32 {
        let lines = self.rows.iter().chain(&self.columns);
        let lines: u32 = lines.map(|line| runs(*line, self.side) + finders(*line, self.side)).sum();
        let pairs = self.rows.iter().zip(self.rows.iter().skip(1));
        let blocks: u32 = pairs
            .map(|(upper, lower)| {
                (equal(*upper, self.side) & equal(*lower, self.side) & !(upper ^ lower)).count_ones() * 3
            })
            .sum();
        lines + blocks + balance(&self.rows, self.side)
    }
}

/// The eight masks of the standard: what each changes in the rows, and in the columns.
const PATTERNS: [[[u128; PERIOD]; 2]; 8] = patterns();

const fn patterns() -> [[[u128; PERIOD]; 2]; 8] {
    let mut patterns = [[[0; PERIOD]; 2]; 8];
    let mut mask = 0;
    while mask < 8 {
        let mut line = 0;
        while line < PERIOD {
            let mut at = 0;
            while at < MAX_SIDE {
                patterns[mask][0][line] |= (inverts(mask, at, line) as u128) << at;
                patterns[mask][1][line] |= (inverts(mask, line, at) as u128) << at;
                at += 1;
            }
            line += 1;
        }
        mask += 1;
    }
    patterns
}

/// Whether a mask changes the data module in column `x` and row `y`.
const fn inverts(mask: usize, x: usize, y: usize) -> bool {
    let rest = match mask {
        0 => (x + y) % 2,
        1 => y % 2,
        2 => x % 3,
        3 => (x + y) % 3,
        4 => (x / 3 + y / 2) % 2,
        5 => x * y % 2 + x * y % 3,
        6 => (x * y % 2 + x * y % 3) % 2,
        _ => ((x + y) % 2 + x * y % 3) % 2,
    };
    rest == 0
}

/// The modules that hold data: all but finders with their borders and format bits, timing, alignment and version.
fn data(side: usize) -> Vec<u128> {
    let mut data = vec![low(side); side];
    let mut reserve = |columns: std::ops::Range<usize>, rows: std::ops::Range<usize>| {
        let taken = low(columns.end) & !low(columns.start);
        for row in data.iter_mut().take(rows.end).skip(rows.start) {
            *row &= !taken;
        }
    };
    for (columns, rows) in [(0..9, 0..9), (side - 8..side, 0..9), (0..9, side - 8..side)] {
        reserve(columns, rows);
    }
    reserve(6..7, 0..side);
    reserve(0..side, 6..7);
    let centres = alignment(side);
    for x in &centres {
        for y in &centres {
            let in_corner = |a: usize, b: usize| a == 6 && (b == 6 || b == side - 7);
            if !in_corner(*x, *y) && !in_corner(*y, *x) {
                reserve(x - 2..x + 3, y - 2..y + 3);
            }
        }
    }
    // Versions from 7 on say so in two blocks of 18 modules.
    if side >= 45 {
        reserve(side - 11..side - 8, 0..6);
        reserve(0..6, side - 11..side - 8);
    }
    data
}

/// The columns, which are also the rows, in which alignment patterns have their centres.
fn alignment(side: usize) -> Vec<usize> {
    let version = (side - 17) / 4;
    if version == 1 {
        return Vec::new();
    }
    let count = version / 7 + 2;
    let step = (version * 4 + count * 2 + 1) / (count * 2 - 2) * 2;
    std::iter::once(6).chain((0..count - 1).rev().map(|at| side - 7 - at * step)).collect()
}

/// The format information: two bits of level and three of mask, ten of their own correction, and a fixed pattern over
/// all.
fn format(correction: QrCodeEcc, mask: usize) -> u32 {
    let level = match correction {
        QrCodeEcc::Low => 1,
        QrCodeEcc::Medium => 0,
        QrCodeEcc::Quartile => 3,
        QrCodeEcc::High => 2,
    };
    let data = level << 3 | mask as u32;
    let rest = (0..10).fold(data, |rest, _| (rest << 1) ^ ((rest >> 9) * 0x537));
    (data << 10 | rest) ^ 0x5412
}

/// Where each bit of the format information stands, from the lowest on, as column and row.
fn format_places(side: usize) -> [[(usize, usize); 2]; 15] {
    std::array::from_fn(|bit| {
        let beside_first_finder = match bit {
            0..=5 => (8, bit),
            6 => (8, 7),
            7 => (8, 8),
            8 => (7, 8),
            _ => (14 - bit, 8),
        };
        [beside_first_finder, if bit < 8 { (side - 1 - bit, 8) } else { (8, side - 15 + bit) }]
    })
}

fn set(lines: &mut [u128], at: usize, line: usize, dark: bool) {
    if let Some(line) = lines.get_mut(line) {
        *line = *line & !(1 << at) | u128::from(dark) << at;
    }
}

/// Bits that equal the next higher one.
fn equal(line: u128, side: usize) -> u128 {
    !(line ^ (line >> 1)) & low(side - 1)
}

/// The lowest `count` bits; `count` is below 128.
fn low(count: usize) -> u128 {
    (1_u128 << count) - 1
}

/// Three points for five modules of one colour in a row, one for each further.
fn runs(line: u128, side: usize) -> u32 {
    let equal = equal(line, side);
    let pairs = equal & (equal >> 1);
    let fives = pairs & (pairs >> 2);
    let starts = fives & !(fives << 1);
    fives.count_ones() + 2 * starts.count_ones()
}

/// Forty points for what looks like a finder pattern: dark 1:1:3:1:1 with four light modules beside it.
fn finders(line: u128, side: usize) -> u32 {
    let light = !line & low(side);
    let light_pairs = light & (light >> 1);
    let margins = light_pairs & (light_pairs >> 2);
    let dark_pairs = line & (line >> 1);
    let cores = line & (light >> 1) & (dark_pairs >> 2) & (line >> 4) & (light >> 5) & (line >> 6);
    ((cores & (margins >> 7)).count_ones() + ((cores >> 4) & margins).count_ones()) * 40
}

/// Ten points for every twentieth by which the dark share is away from one half.
fn balance(rows: &[u128], side: usize) -> u32 {
    let dark: u32 = rows.iter().map(|row| row.count_ones()).sum();
    let total = u32::try_from(side * side).unwrap_or(u32::MAX);
    (dark * 20).abs_diff(total * 10) / total * 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The standard's rules one and three, module by module.
    fn naive(line: &[bool]) -> u32 {
        let mut points = 0;
        for run in line.chunk_by(|a, b| a == b).filter(|run| run.len() >= 5) {
            points += 3 + u32::try_from(run.len() - 5).unwrap_or(0);
        }
        let finder = [true, false, true, true, true, false, true, false, false, false, false];
        for window in line.windows(11) {
            let backwards = window.iter().rev().eq(&finder);
            points += 40 * (u32::from(window == finder) + u32::from(backwards));
        }
        points
    }

    proptest! {
        #[test]
        fn a_line_weighs_what_the_standard_says(line in proptest::collection::vec(any::<bool>(), 21..=125), calm in 0..20_usize) {
            // Stretches of one colour are rare among random modules, so some are painted.
            let line: Vec<bool> = line.iter().enumerate().map(|(at, dark)| *dark || at % 20 < calm).collect();
            let bits = line.iter().fold(0_u128, |bits, dark| (bits << 1) | u128::from(*dark));
            prop_assert_eq!(runs(bits, line.len()) + finders(bits, line.len()), naive(&line));
        }
    }

    #[test]
    fn a_finder_pattern_weighs_forty_points() {
        let finder = [true, false, true, true, true, false, true, false, false, false, false];
        let bits = finder.iter().fold(0_u128, |bits, dark| (bits << 1) | u128::from(*dark));
        assert_eq!((finders(bits, 11), finders(bits.reverse_bits() >> 117, 11)), (40, 40));
    }

    #[test]
    fn half_dark_weighs_nothing_and_all_dark_a_hundred() {
        assert_eq!(balance(&[0b1010, 0b0101, 0b1010, 0b0101], 4), 0);
        assert_eq!(balance(&[0b1111; 4], 4), 100);
    }

    /// Texts that fill the codes of every version from 1 to 27, the largest whose lines fit.
    fn texts() -> impl Iterator<Item = Vec<u8>> {
        (0..27_usize).map(|step| (0..10 + step * 41).map(|at| b'!' + (at * 7 % 90) as u8).collect())
    }

    #[test]
    fn every_mask_of_every_version_gives_the_code_that_the_library_draws() {
        let mut sides = std::collections::BTreeSet::new();
        for text in texts() {
            let drawn = encode(&text, Some(Mask::new(0))).unwrap();
            let side = usize::try_from(drawn.size()).unwrap();
            sides.insert(side);
            let plain = Grid::of(&drawn, side);
            for mask in 0..8 {
                let grid = plain.masked(mask);
                let library = Grid::of(&encode(&text, Some(Mask::new(mask as u8))).unwrap(), side);
                // Reading takes the mask 0 away from the data, whichever mask was drawn.
                let mut own = grid.clone();
                own.apply(0);
                assert_eq!((own.rows, own.columns), (library.rows, library.columns), "side {side}, mask {mask}");
            }
        }
        assert!(sides.len() >= 20, "{sides:?}");
    }

    #[test]
    fn the_chosen_mask_weighs_no_more_than_the_others() {
        for text in texts() {
            let drawn = encode(&text, Some(Mask::new(0))).unwrap();
            let side = usize::try_from(drawn.size()).unwrap();
            let plain = Grid::of(&drawn, side);
            let chosen = draw(&text).unwrap();
            let is_chosen = |grid: &Grid| {
                let dark = grid.rows.iter().flat_map(|row| (0..side).map(move |x| row >> x & 1 == 1));
                dark.eq(chosen.dark.iter().copied())
            };
            let masked: Vec<Grid> = (0..8).map(|mask| plain.masked(mask)).collect();
            let least = masked.iter().map(Grid::penalty).min().unwrap();
            assert_eq!(masked.iter().find(|grid| is_chosen(grid)).unwrap().penalty(), least);
        }
    }

    #[test]
    fn a_code_too_large_for_the_lines_is_drawn_all_the_same() {
        let large = draw(&[b'A'; 1_500]).unwrap();
        assert!(large.side > MAX_SIDE && large.dark.len() == large.side * large.side);
    }
}
