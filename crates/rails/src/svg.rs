//! The picture of a payload: modules for a terminal or a bitmap, and an SVG for pages.

use crate::mask;
use qrcodegen::{DataTooLong, QrCode, QrCodeEcc};

/// Light modules around the code, as ISO/IEC 18004 asks.
const QUIET_ZONE: i32 = 4;

/// The text cannot be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// There is nothing to draw.
    #[error("an empty text has no QR code")]
    Empty,
    /// More than a QR code of version 40 holds.
    #[error("the text is too long for a QR code")]
    TooLong,
}

/// The modules of a QR code, without quiet zone.
#[derive(Clone, PartialEq, Eq)]
pub struct QrMatrix {
    code: QrCode,
}

impl std::fmt::Debug for QrMatrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QrMatrix").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl QrMatrix {
    /// Modules per side.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.code.size().unsigned_abs()
    }

    /// Whether the module at column `x` and row `y` is dark; modules outside the code are light.
    #[must_use]
    pub fn dark(&self, x: u32, y: u32) -> bool {
        match (i32::try_from(x), i32::try_from(y)) {
            (Ok(x), Ok(y)) => self.code.get_module(x, y),
            _ => false,
        }
    }
}

/// Draws a text as a QR code with medium error correction.
///
/// # Errors
/// [`QrError`] when the text is empty or too long.
pub fn qr_modules(text: &str) -> Result<QrMatrix, QrError> {
    if text.is_empty() {
        return Err(QrError::Empty);
    }
    match mask::draw(text.as_bytes(), QrCodeEcc::Medium) {
        Ok(code) => Ok(QrMatrix { code }),
        Err(DataTooLong::SegmentTooLong | DataTooLong::DataOverCapacity(..)) => Err(QrError::TooLong),
    }
}

/// Draws a text as an SVG element: black on white whatever the page's colours, one path, no style and no script, so
/// that it may stand inside a page with a strict content security policy.
///
/// # Errors
/// [`QrError`] when the text is empty or too long.
pub fn qr_svg(text: &str) -> Result<String, QrError> {
    let code = qr_modules(text)?.code;
    let side = code.size() + 2 * QUIET_ZONE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" \
         aria-label=\"QR code\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path fill=\"#000\" d=\""
    );
    // Every coordinate and length is at most the side; spelling them once makes the picture four times as fast.
    let numbers: Vec<String> = (0..=side).map(|number| number.to_string()).collect();
    let number = |value: i32| usize::try_from(value).ok().and_then(|at| numbers.get(at)).map_or("", String::as_str);
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let start = x;
            while code.get_module(x, y) {
                x += 1;
            }
            if x > start {
                let run = number(x - start);
                for part in ["M", number(start + QUIET_ZONE), " ", number(y + QUIET_ZONE), "h", run, "v1h-", run, "z"] {
                    svg.push_str(part);
                }
            }
            x += 1;
        }
    }
    svg.push_str("\"/></svg>");
    Ok(svg)
}
