//! The picture of a payload: modules for a terminal or a bitmap, and an SVG for pages.

use crate::mask::{self, Modules};
use qrcodegen::DataTooLong;

/// Light modules around the code, as ISO/IEC 18004 asks.
const QUIET_ZONE: usize = 4;

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
    modules: Modules,
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
        u32::try_from(self.modules.side).unwrap_or_default()
    }

    /// Whether the module at column `x` and row `y` is dark; modules outside the code are light.
    #[must_use]
    pub fn dark(&self, x: u32, y: u32) -> bool {
        let (x, y) = (x as usize, y as usize);
        x < self.modules.side && self.modules.dark.get(y * self.modules.side + x).copied().unwrap_or_default()
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
    match mask::draw(text.as_bytes()) {
        Ok(modules) => Ok(QrMatrix { modules }),
        Err(DataTooLong::SegmentTooLong | DataTooLong::DataOverCapacity(..)) => Err(QrError::TooLong),
    }
}

/// Draws a text as an SVG element: black on white whatever the page's colours, one path, no style and no script, so
/// that it may stand inside a page with a strict content security policy.
///
/// # Errors
/// [`QrError`] when the text is empty or too long.
pub fn qr_svg(text: &str) -> Result<String, QrError> {
    let Modules { side: modules, dark } = qr_modules(text)?.modules;
    let side = modules + 2 * QUIET_ZONE;
    // About every second module begins a stretch of dark ones, and a stretch takes 16 characters.
    let mut svg = String::with_capacity(modules * modules * 5);
    svg.push_str(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" \
         aria-label=\"QR code\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path fill=\"#000\" d=\""
    ));
    // Every piece of the path occurs many times; spelling each once makes the picture four times as fast.
    let starts: Vec<String> = (QUIET_ZONE..side).map(|x| format!("M{x} ")).collect();
    let stretches: Vec<String> = (0..=modules).map(|length| format!("h{length}v1h-{length}z")).collect();
    for (row, y) in dark.chunks_exact(modules).zip(QUIET_ZONE..) {
        let y = y.to_string();
        let mut x = 0;
        for stretch in row.chunk_by(|left, right| left == right) {
            if stretch.first() == Some(&true) {
                for piece in [starts.get(x), Some(&y), stretches.get(stretch.len())] {
                    svg.push_str(piece.map_or("", String::as_str));
                }
            }
            x += stretch.len();
        }
    }
    svg.push_str("\"/></svg>");
    Ok(svg)
}
