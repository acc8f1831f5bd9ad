//! Characters that change how the text around them is shown.

/// Whether a character is one of the explicit directional formatting characters and marks, or of the deprecated format
/// characters beside them: it turns the direction of writing around itself and is not seen.
#[must_use]
pub fn is_directional(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}')
}
