//! Checkpoints: what the write-ahead log holds goes into the database file.
//!
//! While the writer goes on, a connection of its own copies what has been committed. So hardly anything is left when the
//! log is long enough to begin anew, for which the writer itself must find the log copied to its end: it pauses for a
//! moment and not for as long as writing and syncing all of it takes.

use super::writeback;
use super::{SharedConnection, driver_error, stop};
use crate::error::StoreError;
use crate::planted::{self, Fault};
use rusqlite::ErrorCode;
use rusqlite::hooks::Wal;
use std::cell::Cell;
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pages in the log after which there is a checkpoint in the background: 16 MiB. A page that many commits have changed is
/// written once.
const CHECKPOINT_EVERY: i32 = 4096;
/// Pages from which on it comes in smaller pieces, so that hardly anything is left for the writer.
const CHECKPOINT_OFTEN: i32 = 8 * CHECKPOINT_EVERY;
/// Such a piece: 1 MiB.
const PIECE: i32 = 256;
/// Pages in the log from which on the writer copies the rest, so that the log begins anew: 132 MiB. A start after a crash
/// reads that much.
const BEGIN_ANEW: i32 = CHECKPOINT_OFTEN + 1024;

thread_local! {
    /// Pages in the log after this thread's last commit.
    static LOGGED: Cell<i32> = const { Cell::new(0) };
}

/// Notes the log's length after a commit. As a hook it replaces SQLite's own automatic checkpoint, which keeps a failed
/// write or sync to itself.
pub(super) fn note_length(_: &mut Wal, pages: i32) -> rusqlite::Result<()> {
    LOGGED.set(pages);
    Ok(())
}

/// The thread that makes checkpoints, as its writer sees it.
pub(super) struct Checkpointer {
    bell: SyncSender<()>,
    thread: JoinHandle<()>,
    /// The log's length when the bell was last rung.
    rung_at: i32,
}

impl Checkpointer {
    /// Starts the thread on a connection of its own to the file at `path`.
    pub(super) fn start(connection: SharedConnection, path: &Path) -> std::io::Result<Self> {
        // Never closed: that would drop the locks which this process's connections hold on the file.
        let file: &File = Box::leak(Box::new(File::open(path)?));
        let (bell, rung) = sync_channel(1);
        let thread = std::thread::Builder::new().name("sqlite-checkpoint".into()).spawn(move || {
            while rung.recv().is_ok() {
                checkpoint(&connection, "PRAGMA wal_checkpoint(PASSIVE)");
                // SQLite syncs the file when the log is copied to its end; what is on the disk by then costs nothing. A
                // sync here would do as well, but each makes commits wait for 5 to 12 ms.
                if !writeback::write_back(file)
                    && let Err(error) = file.sync_data()
                {
                    end_on(&StoreError::Driver(error.to_string()));
                }
            }
        })?;
        Ok(Self { bell, thread, rung_at: 0 })
    }

    /// To be called by the writer when it has committed and answered.
    pub(super) fn after_commit(&mut self, writer: &SharedConnection) {
        let pages = LOGGED.get();
        if pages >= BEGIN_ANEW {
            // While the thread is at it, this returns at once, and the next commit tries.
            checkpoint(writer, "PRAGMA wal_checkpoint(PASSIVE)");
        }
        if pages < self.rung_at {
            // The log has begun anew.
            self.rung_at = 0;
        }
        if pages - self.rung_at >= if pages < CHECKPOINT_OFTEN { CHECKPOINT_EVERY } else { PIECE } {
            self.rung_at = pages;
            // A bell that has been rung and not heard need not be rung again.
            let _ = self.bell.try_send(());
        }
    }

    /// The last words: all of the log is copied, so that a backup of the file alone is whole. A command beside a running
    /// server leaves to it what cannot be had at once: waiting for readers would hold the write lock meanwhile.
    pub(super) fn end(self, writer: &SharedConnection) {
        drop(self.bell);
        // A panic there has nothing to say to this thread.
        let _ = self.thread.join();
        // Most of it goes without the write lock, which the truncation then holds for a moment only.
        checkpoint(writer, "PRAGMA wal_checkpoint(PASSIVE)");
        if writer.lock().busy_timeout(Duration::ZERO).is_ok() {
            checkpoint(writer, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }
}

fn checkpoint(connection: &SharedConnection, pragma: &str) {
    let connection = connection.lock();
    // SQLite would try to write a file that it has opened for reading, if only the log may be written.
    if connection.is_readonly(rusqlite::MAIN_DB) == Ok(true) {
        return;
    }
    let made = connection.prepare_cached(pragma).and_then(|mut statement| statement.query_row([], |_| Ok(())));
    let Err(error) = made else { return };
    match error.sqlite_error_code() {
        // A reader is in the way, the disk is full, or the log is read-only: it keeps what the file has not, and the next
        // one tries.
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull | ErrorCode::ReadOnly) => {}
        _ => end_on(&driver_error(error)),
    }
}

fn end_on(error: &StoreError) {
    if !planted::has(Fault::Deaf) {
        stop(error);
    }
}

#[cfg(test)]
mod tests {
    use super::super::connect;
    use super::*;
    use xanpay_testkit::Database;

    #[test]
    fn a_log_is_copied_while_it_is_written_and_begins_anew() {
        let database = Database::sqlite();
        let writer = connect(&database.path()).unwrap();
        writer.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)").unwrap();
        let mut checkpointer = Checkpointer::start(connect(&database.path()).unwrap(), &database.path()).unwrap();
        let rows = "INSERT INTO t (text) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) \
            SELECT hex(zeroblob(2000)) FROM n";
        let longest = (0..100).map(|_| {
            writer.batch(rows).unwrap();
            checkpointer.after_commit(&writer);
            LOGGED.get()
        });
        let longest = longest.max().unwrap();
        assert!((CHECKPOINT_EVERY..2 * BEGIN_ANEW).contains(&longest), "{longest}");
        assert!(LOGGED.get() < longest, "it has begun anew");
        checkpointer.end(&writer);
        let log = std::fs::metadata(database.path().with_extension("db-wal")).map_or(0, |log| log.len());
        assert_eq!(log, 0);
    }

    #[test]
    fn the_last_words_wait_for_nobody_who_reads_or_writes() {
        let database = Database::sqlite();
        let [leaving, reading, writing] = std::array::from_fn(|_| connect(&database.path()).unwrap());
        leaving.batch("CREATE TABLE t (id INTEGER PRIMARY KEY)").unwrap();
        reading.batch("BEGIN; SELECT * FROM t").unwrap();
        leaving.batch("INSERT INTO t VALUES (1)").unwrap();
        let checkpointer = Checkpointer::start(connect(&database.path()).unwrap(), &database.path()).unwrap();
        let began = std::time::Instant::now();
        checkpointer.end(&leaving);
        writing.batch("BEGIN IMMEDIATE").unwrap();
        Checkpointer::start(connect(&database.path()).unwrap(), &database.path()).unwrap().end(&leaving);
        assert!(began.elapsed() < super::super::BUSY_TIMEOUT, "{:?}", began.elapsed());
    }
}
