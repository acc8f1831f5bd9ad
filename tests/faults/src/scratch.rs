//! A folder that goes away.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of its own, removed when it is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one that others may look into.
    pub fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(unique_name());
        std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        let scratch = Self(path);
        std::fs::set_permissions(&scratch.0, std::fs::Permissions::from_mode(0o755))
            .map_err(|error| error.to_string())?;
        Ok(scratch)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path inside.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A name that no other run uses, fit for a folder and for a database.
pub fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let noise = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), count);
    format!("xanpay_faults_{}_{noise:016x}", std::process::id())
}
