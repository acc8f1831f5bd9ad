//! Bugs that the fault tests must catch, chosen by the environment variable `XANPAY_PLANTED`. They exist only with the
//! feature `planted-faults`, which no release has; without it every question here is answered with a constant no.

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Callers are answered a moment before their commit begins.
    EarlyAnswer,
    /// Every statement is a transaction of its own.
    NoTransaction,
    /// SQLite leaves it to the system when a commit reaches the disk.
    NormalSync,
    /// What the storage refuses counts as done.
    Deaf,
}

/// How long after its answer a commit begins.
pub(crate) const DELAY: std::time::Duration = std::time::Duration::from_millis(20);

/// Whether a bug is planted.
#[cfg(not(feature = "planted-faults"))]
pub(crate) const fn has(_: Fault) -> bool {
    false
}

/// Whether a bug is planted.
#[cfg(feature = "planted-faults")]
pub(crate) fn has(fault: Fault) -> bool {
    use std::sync::LazyLock;
    static PLANTED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("XANPAY_PLANTED").ok());
    let name = match fault {
        Fault::EarlyAnswer => "early-answer",
        Fault::NoTransaction => "no-transaction",
        Fault::NormalSync => "normal-sync",
        Fault::Deaf => "deaf",
    };
    PLANTED.as_deref() == Some(name)
}
