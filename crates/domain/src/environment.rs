//! Sandbox and live: two environments that never touch.

use core::fmt;
use core::str::FromStr;

/// What a key belongs to, and everything made with that key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// Play money: QR codes that no bank can pay, transfers that are simulated.
    Sandbox,
    /// Real money.
    Live,
}

/// The text names neither environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be sandbox or live")]
pub struct UnknownEnvironment;

impl Environment {
    /// Both environments.
    pub const ALL: [Self; 2] = [Self::Sandbox, Self::Live];

    /// The name in commands and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Live => "live",
        }
    }
}

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|environment| environment.as_str() == text).ok_or(UnknownEnvironment)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
