//! Chooses the mask of a QR code.
//!
//! The library weighs all eight masks module by module, which costs ten times what drawing costs. Here four masks are
//! weighed by the same four rules (ISO/IEC 18004, section 7.8.3), a row of modules at a time. Any mask is readable.

use qrcodegen::{DataTooLong, Mask, QrCode, QrCodeEcc, QrSegment, Version};

/// The masks that are tried.
const MASKS: [u8; 4] = [0, 1, 2, 3];

/// The longest side whose rows fit into an integer; larger codes are left to the library.
const MAX_SIDE: usize = 128;

/// Draws bytes with the best of four masks.
pub(crate) fn draw(bytes: &[u8], correction: QrCodeEcc) -> Result<QrCode, DataTooLong> {
    let segments = [QrSegment::make_bytes(bytes)];
    let encode = |mask| QrCode::encode_segments_advanced(&segments, correction, Version::MIN, Version::MAX, mask, true);
    let mut best: Option<(u32, QrCode)> = None;
    for mask in MASKS {
        let code = encode(Some(Mask::new(mask)))?;
        let Some(penalty) = penalty(&code) else { break };
        if best.as_ref().is_none_or(|(least, _)| penalty < *least) {
            best = Some((penalty, code));
        }
    }
    match best {
        Some((_, code)) => Ok(code),
        None => encode(None),
    }
}

/// The penalty of a code by the standard's four rules; `None` when its rows do not fit.
fn penalty(code: &QrCode) -> Option<u32> {
    let side = usize::try_from(code.size()).ok().filter(|side| *side <= MAX_SIDE)?;
    let (mut rows, mut columns) = (vec![0_u128; side], vec![0_u128; side]);
    for (row, y) in rows.iter_mut().zip(0..) {
        for (column, x) in columns.iter_mut().zip(0..) {
            let module = u128::from(code.get_module(x, y));
            *row = (*row << 1) | module;
            *column = (*column << 1) | module;
        }
    }
    let lines: u32 = rows.iter().chain(&columns).map(|line| runs(*line, side) + finders(*line, side)).sum();
    let blocks: u32 = rows
        .iter()
        .zip(rows.iter().skip(1))
        .map(|(upper, lower)| (equal(*upper, side) & equal(*lower, side) & !(upper ^ lower)).count_ones() * 3)
        .sum();
    Some(lines + blocks + balance(&rows, side))
}

/// Bits that equal their left neighbour.
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
    let fives = equal & (equal >> 1) & (equal >> 2) & (equal >> 3);
    let starts = fives & !(fives << 1);
    fives.count_ones() + 2 * starts.count_ones()
}

/// Forty points for what looks like a finder pattern: dark 1:1:3:1:1 with four light modules beside it.
fn finders(line: u128, side: usize) -> u32 {
    let matches = |pattern: u32| {
        let differing = (0..11).fold(0_u128, |differing, at| {
            let wanted = if (pattern >> at) & 1 == 1 { u128::MAX } else { 0 };
            differing | ((line >> at) ^ wanted)
        });
        (!differing & low(side.saturating_sub(10))).count_ones()
    };
    (matches(0b101_1101_0000) + matches(0b000_0101_1101)) * 40
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
        assert_eq!(finders(bits, 11), 40);
    }

    #[test]
    fn half_dark_weighs_nothing_and_all_dark_a_hundred() {
        assert_eq!(balance(&[0b1010, 0b0101, 0b1010, 0b0101], 4), 0);
        assert_eq!(balance(&[0b1111; 4], 4), 100);
    }

    #[test]
    fn the_chosen_mask_weighs_no_more_than_the_others_tried() {
        let bytes = b"00020101021126380009SG.PAYNOW010100211+6585867834";
        let chosen = draw(bytes, QrCodeEcc::Medium).ok().and_then(|code| penalty(&code));
        let segments = [QrSegment::make_bytes(bytes)];
        for mask in MASKS {
            let code = QrCode::encode_segments_advanced(
                &segments,
                QrCodeEcc::Medium,
                Version::MIN,
                Version::MAX,
                Some(Mask::new(mask)),
                true,
            );
            assert!(chosen <= code.ok().and_then(|code| penalty(&code)), "mask {mask}");
        }
    }
}
