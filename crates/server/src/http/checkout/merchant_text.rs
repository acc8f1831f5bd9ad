//! Text that a merchant wrote, made safe to stand beside our own words.

use std::fmt;
use xanpay_domain::text::is_directional;

/// Merchant text without the characters that could rearrange what stands around it.
///
/// Escaping for HTML is the template's work; this type takes away what escaping leaves alone: directional controls
/// (UAX #9), which can make a name read backwards, line and paragraph separators, and control characters. The stored
/// text is not touched: the API returns it byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantText(String);

impl MerchantText {
    /// Neutralises `text`: directional controls vanish, other control characters and separators become a space.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let kept = text.chars().filter(|c| !is_directional(*c)).map(|c| if is_breaking(c) { ' ' } else { c });
        Self(kept.collect())
    }

    /// The neutralised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first letter or digit in upper case, for the round mark beside the merchant's name.
    #[must_use]
    pub fn initial(&self) -> String {
        self.0.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().collect()).unwrap_or_default()
    }
}

impl fmt::Display for MerchantText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters that end a line or carry no glyph.
fn is_breaking(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directional_controls_vanish_and_other_text_stays() {
        assert_eq!(MerchantText::new("Café ☕ 茶 🇸🇬 \u{202E}abc").as_str(), "Café ☕ 茶 🇸🇬 abc");
        for control in ['\u{061C}', '\u{200E}', '\u{200F}', '\u{202A}', '\u{202C}', '\u{2066}', '\u{2069}'] {
            assert_eq!(MerchantText::new(&format!("a{control}b")).as_str(), "ab", "{control:?}");
        }
        assert_eq!(MerchantText::new("👩‍👩‍👧 ไทย עברית").as_str(), "👩‍👩‍👧 ไทย עברית");
    }

    #[test]
    fn line_breaks_and_control_characters_become_spaces() {
        assert_eq!(MerchantText::new("a\nb\u{2028}c\u{0}d").as_str(), "a b c d");
    }

    #[test]
    fn the_initial_skips_signs_and_may_be_absent() {
        assert_eq!(MerchantText::new("  “kopi”").initial(), "K");
        assert_eq!(MerchantText::new("☕").initial(), "");
    }
}
