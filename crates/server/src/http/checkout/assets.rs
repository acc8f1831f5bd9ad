//! Style sheet, scripts and mark, embedded in the binary and served under names that carry their hash.
//!
//! A name changes with its content, so browsers may keep an asset for ever: answer with [`CACHE_CONTROL`].

use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use xanpay_domain::id::to_hex;

/// For the `Cache-Control` header of every asset.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// Where assets are served.
pub const PREFIX: &str = "/assets/";

/// The modules that `checkout.js` imports; pages ask for them ahead.
pub const MODULES: [&str; 6] = ["page.js", "copy.js", "countdown.js", "live.js", "choose.js", "qr.js"];

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, content type and text. A module stands before those that import it, whose import lines are then rewritten to
/// the hashed name.
const SOURCES: [(&str, &str, &str); 11] = [
    ("checkout.css", "text/css; charset=utf-8", include_str!("../../../assets/checkout.css")),
    ("docs.css", "text/css; charset=utf-8", include_str!("../../../assets/docs.css")),
    ("mark.svg", "image/svg+xml", include_str!("../../../assets/mark.svg")),
    ("early.js", SCRIPT, include_str!("../../../assets/early.js")),
    ("page.js", SCRIPT, include_str!("../../../assets/page.js")),
    ("copy.js", SCRIPT, include_str!("../../../assets/copy.js")),
    ("countdown.js", SCRIPT, include_str!("../../../assets/countdown.js")),
    ("live.js", SCRIPT, include_str!("../../../assets/live.js")),
    ("choose.js", SCRIPT, include_str!("../../../assets/choose.js")),
    ("qr.js", SCRIPT, include_str!("../../../assets/qr.js")),
    ("checkout.js", SCRIPT, include_str!("../../../assets/checkout.js")),
];

/// An embedded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// For the `Content-Type` header.
    pub content_type: &'static str,
    /// The content.
    pub bytes: &'static [u8],
}

struct Served {
    name: &'static str,
    url: String,
    content_type: &'static str,
    text: String,
}

static SERVED: LazyLock<Vec<Served>> = LazyLock::new(|| {
    let mut served: Vec<Served> = Vec::with_capacity(SOURCES.len());
    for (name, content_type, source) in SOURCES {
        let mut text = compact(source);
        for earlier in &served {
            let hashed = earlier.url.trim_start_matches(PREFIX);
            text = text.replace(&format!("\"./{}\"", earlier.name), &format!("\"./{hashed}\""));
        }
        served.push(Served { name, url: hashed_url(name, &text), content_type, text });
    }
    served
});

/// Leaves out indentation, empty lines, comments that fill whole lines and line breaks behind what ends a part of either
/// language: a quarter of what a phone would load.
///
/// Made for our own sources: they hold no text that runs over several lines, start every long comment on its line, and
/// have none behind code.
fn compact(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut is_comment = false;
    for line in source.lines().map(str::trim) {
        if is_comment || line.starts_with("/*") {
            is_comment = !line.ends_with("*/");
        } else if !line.is_empty() && !line.starts_with("//") {
            kept.push_str(line);
            if !line.ends_with([';', ',', '{']) {
                kept.push('\n');
            }
        }
    }
    kept
}

/// `/assets/<stem>.<first 12 hex digits of the SHA-256>.<ending>`.
fn hashed_url(name: &str, text: &str) -> String {
    let hex = to_hex(&Sha256::digest(text)[..6]);
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "bin"));
    format!("{PREFIX}{stem}.{hex}.{ending}")
}

/// The asset served at `path` (the request's path as it came, `/assets/` included); `None` is a 404.
///
/// Paths are compared whole with the known ones, so no spelling of a path reaches any file.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    let served = SERVED.iter().find(|served| served.url == path)?;
    Some(Asset { content_type: served.content_type, bytes: served.text.as_bytes() })
}

/// The address of an asset by its plain name, as `checkout.css`. A name that is not embedded gives an address that is
/// not served.
#[must_use]
pub fn url(name: &str) -> &'static str {
    SERVED.iter().find(|served| served.name == name).map_or("/assets/unknown", |served| served.url.as_str())
}

/// All addresses, for tools that lay the pages out as files.
pub fn urls() -> impl Iterator<Item = &'static str> {
    SERVED.iter().map(|served| served.url.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_served_under_its_hash() {
        for url in urls() {
            let asset = asset(url).unwrap();
            let digest: String = Sha256::digest(asset.bytes).iter().take(6).map(|b| format!("{b:02x}")).collect();
            assert_eq!(url.split('.').nth(1), Some(digest.as_str()), "{url}");
        }
    }

    #[test]
    fn unknown_paths_and_spellings_find_nothing() {
        let known = url("checkout.css");
        for path in [
            "/assets/checkout.css",
            "/assets/",
            "/assets/..%2f..%2fconfig.toml",
            "/assets//checkout.css",
            &known.to_uppercase(),
            &format!("{known}/"),
            known.trim_start_matches('/'),
        ] {
            assert_eq!(asset(path), None, "{path}");
        }
    }

    #[test]
    fn every_import_names_a_served_module() {
        for url in urls() {
            let text = std::str::from_utf8(asset(url).unwrap().bytes).unwrap();
            for (_, after) in text.match_indices("from \"./").map(|(at, found)| text.split_at(at + found.len())) {
                let target = format!("{PREFIX}{}", after.split('"').next().unwrap());
                assert!(asset(&target).is_some(), "{url} imports {target}");
            }
        }
    }

    #[test]
    fn the_modules_fetched_ahead_exist() {
        for name in MODULES.into_iter().chain(["early.js", "checkout.js", "checkout.css", "docs.css", "mark.svg"]) {
            assert!(asset(url(name)).is_some(), "{name}");
        }
    }
}
