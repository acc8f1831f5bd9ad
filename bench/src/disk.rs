//! What one durable write costs on this disk: no commit takes less, and its worst are among everybody's worst.

use crate::Failure;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

/// A page as databases append it to their logs.
const PAGE: [u8; 8192] = [7; 8192];
/// Pages written and synced one after the other.
const WRITES: usize = 1000;

/// Time of a durable write, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disk {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Writes pages to a file whose room is there already, as in a log that is used again, and syncs after each.
pub(crate) fn measure(directory: &Path) -> Result<Disk, Failure> {
    std::fs::create_dir_all(directory)?;
    let mut file = std::fs::File::create(directory.join("log"))?;
    (0..WRITES).try_for_each(|_| file.write_all(&[0; PAGE.len()]))?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let begun = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(Disk { p50_ms: times[WRITES / 2], p99_ms: times[WRITES * 99 / 100] })
}
