//! QR codes as text and as bitmap.

use crate::cli::failure::Failure;
use xanpay_rails::QrMatrix;

/// Light modules around the code, as ISO/IEC 18004 asks.
const QUIET_ZONE: u32 = 4;
/// Pixels per module of a bitmap: large enough to print, small enough to mail.
const SCALE: u32 = 8;

/// Dark modules as light in the terminal's eyes: `dark` counts from outside the quiet zone.
fn dark(code: &QrMatrix, x: u32, y: u32) -> bool {
    match (x.checked_sub(QUIET_ZONE), y.checked_sub(QUIET_ZONE)) {
        (Some(x), Some(y)) => code.dark(x, y),
        (Some(_) | None, _) => false,
    }
}

/// Two rows of modules per line of text. In a terminal the colours are set to black on white, so that the code reads
/// whatever the terminal's own colours are; elsewhere light modules are drawn as blocks, as most terminals are dark.
pub(super) fn blocks(code: &QrMatrix, coloured: bool) -> String {
    let side = code.size() + 2 * QUIET_ZONE;
    let mut text = String::new();
    for y in (0..side).step_by(2) {
        if coloured {
            text.push_str("\u{1b}[30;107m");
        }
        for x in 0..side {
            let (upper, lower) = (dark(code, x, y), dark(code, x, y + 1));
            // Below the last row there is nothing to draw.
            let (upper, lower) = if coloured { (upper, lower) } else { (!upper, !lower && y + 1 < side) };
            text.push(match (upper, lower) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        text.push_str(if coloured { "\u{1b}[0m\n" } else { "\n" });
    }
    text
}

/// A black and white bitmap.
pub(super) fn png(code: &QrMatrix) -> Result<Vec<u8>, Failure> {
    let side = (code.size() + 2 * QUIET_ZONE) * SCALE;
    let mut rows = Vec::new();
    for y in 0..side {
        // Eight pixels per byte, the leftmost in the highest bit; 1 is white. The side is a multiple of 8.
        rows.extend((0..side / 8).map(|byte| {
            (0..8).fold(0_u8, |bits, bit| bits << 1 | u8::from(!dark(code, (byte * 8 + bit) / SCALE, y / SCALE)))
        }));
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let failed = |error: png::EncodingError| Failure::new("png_failed", error.to_string());
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&rows).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first QR code printed in the seeds.
    const PAYLOAD: &str = "00020101021126380009SG.PAYNOW010100211+658586783403010520400005303702540535.005802SG5902NA6009Singapore62080104ztt16304CE6D";

    /// Reads a picture of one character per pixel as a phone's camera would.
    fn read(width: usize, height: usize, light: impl Fn(usize, usize) -> bool) -> String {
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width * 4, height * 4, |x, y| {
            if light(x / 4, y / 4) { 255 } else { 0 }
        });
        image.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn the_blocks_read_back() {
        let code = xanpay_rails::qr_modules(PAYLOAD).unwrap();
        let text = blocks(&code, false);
        let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        let light = |x: usize, y: usize| match (lines[y / 2][x], y % 2) {
            ('█', _) | ('▀', 0) | ('▄', 1) => true,
            (_, _) => false,
        };
        let side = lines[0].len();
        assert_eq!(read(side, side, light), PAYLOAD);
    }

    #[test]
    fn the_bitmap_reads_back() {
        let code = xanpay_rails::qr_modules(PAYLOAD).unwrap();
        let file = png(&code).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let (side, stride) = (info.width as usize, info.line_size);
        let light = |x: usize, y: usize| pixels[y * stride + x / 8] >> (7 - x % 8) & 1 == 1;
        assert_eq!(read(side, side, light), PAYLOAD);
    }
}
