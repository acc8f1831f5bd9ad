//! A throwaway PostgreSQL cluster that is as durable as a fresh installation: every commit waits for the disk.

use crate::Failure;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The script that starts and stops clusters.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/postgres");
/// What the script switches off for tests, switched on again.
const DURABLE: [&str; 6] = ["-c", "fsync=on", "-c", "full_page_writes=on", "-c", "synchronous_commit=on"];

/// A running cluster, stopped and removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    directory: PathBuf,
    /// The URL of its database `postgres`.
    pub(crate) url: String,
}

impl Cluster {
    /// Makes a cluster in a directory of its own.
    pub(crate) fn start(directory: &Path) -> Result<Self, Failure> {
        let output = Command::new(SCRIPT).arg("start").arg(directory).args(DURABLE).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned().into());
        }
        let url = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Self { directory: directory.to_owned(), url })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing can be done about a cluster that does not stop.
        let _ = Command::new(SCRIPT).arg("stop").arg(&self.directory).output();
    }
}
