//! A PostgreSQL cluster of a test's own, for tests that stop it or change its settings.

use crate::database::unique_directory;
use std::path::PathBuf;
use std::process::Command;

/// The script that starts and stops clusters.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/postgres");

/// A running cluster, stopped and removed when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    directory: PathBuf,
    url: String,
}

impl Cluster {
    /// Starts a cluster with further server options, such as `["-c", "fsync=on"]`.
    #[must_use]
    pub fn start(options: &[&str]) -> Self {
        let directory = unique_directory("cluster");
        let url = run("start", &directory, options);
        Self { directory, url }
    }

    /// The URL of its database `postgres`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it as a crash would and starts it again at the same URL.
    pub fn restart(&self) {
        run("restart", &self.directory, &[]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nothing can be done about a cluster that does not stop.
        let _ = Command::new(SCRIPT).arg("stop").arg(&self.directory).output();
    }
}

fn run(command: &str, directory: &PathBuf, options: &[&str]) -> String {
    let output = Command::new(SCRIPT).arg(command).arg(directory).args(options).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tests/postgres {command}: {errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
