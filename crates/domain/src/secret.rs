//! What lets its holder do something, and therefore must not reach a log.

use core::fmt;
use subtle::ConstantTimeEq;

/// A secret: `{:?}` does not show it, and how long `==` takes does not tell where two of them differ.
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Keeps a value secret.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for those whom it is meant for.
    #[must_use]
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<T: AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().ct_eq(other.0.as_ref()).into()
    }
}

impl<T: AsRef<[u8]>> Eq for Secret<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_secret_is_revealed_to_those_who_ask_and_to_nobody_else() {
        let secret = Secret::new("3e1f");
        assert_eq!(*secret.reveal(), "3e1f");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "Secret(..) Some(\n    Secret(..),\n)");
    }

    #[test]
    fn secrets_are_equal_when_their_bytes_are() {
        assert_eq!(Secret::new("3e1f"), Secret::new("3e1f"));
        for other in ["3e1e", "2e1f", "3e1", "3e1f0", ""] {
            assert_ne!(Secret::new("3e1f"), Secret::new(other));
        }
    }
}
