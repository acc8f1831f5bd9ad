//! Writing a file's changed pages to the disk a little at a time.
//!
//! A sync hands the disk all changed pages at once, and the file system its journal. Whoever syncs another file
//! meanwhile, as a commit does with the log, waits until the disk has worked through its queue. Piece by piece the queue
//! stays short, and the sync that follows finds hardly anything left to write.

use std::fs::File;

/// The most pieces of a file, so that walking through a large one costs little. Its changed pages are spread over it.
const MOST_PIECES: u64 = 1024;
/// The least length of a piece.
const LEAST_LENGTH: u64 = 256 * 1024;

/// Begins and lengths of a file's pieces.
fn pieces(length: u64) -> impl Iterator<Item = (u64, u64)> {
    let step = length.div_ceil(MOST_PIECES).max(LEAST_LENGTH);
    (0..length.div_ceil(step)).map(move |number| (number * step, step))
}

/// Has what was written to a file so far brought to the disk, and waits for it. That keeps nothing: the sync that must
/// follow does, and it tells of what failed here. Says whether the system can do it.
pub(super) fn write_back(file: &File) -> bool {
    let length = file.metadata().map_or(0, |file| file.len());
    pieces(length).all(|(begin, length)| write_piece(file, begin, length))
}

/// Writes a piece. Says whether that worked.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no library has a safe form of this call")]
fn write_piece(file: &File, begin: u64, length: u64) -> bool {
    use std::os::fd::AsRawFd;
    let (Ok(begin), Ok(length)) = (begin.try_into(), length.try_into()) else { return false };
    let and_wait = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    // SAFETY: the call takes four numbers and no address, and the borrowed file stays open meanwhile.
    unsafe { libc::sync_file_range(file.as_raw_fd(), begin, length, and_wait) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn write_piece(_: &File, _: u64, _: u64) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use xanpay_testkit::Database;

    #[test]
    fn pieces_cover_a_file_without_gaps_and_are_few() {
        for length in [0, 1, LEAST_LENGTH - 1, LEAST_LENGTH, LEAST_LENGTH + 1, 1 << 28, (1 << 28) + 1, 1 << 40] {
            let (mut end, mut count) = (0, 0);
            for (begin, length) in pieces(length) {
                assert_eq!(begin, end);
                (end, count) = (begin + length, count + 1);
            }
            assert!(end >= length && count <= MOST_PIECES, "{length}: {count} to {end}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_is_written_back_and_what_is_no_file_is_refused() {
        let database = Database::sqlite();
        let mut file = File::create(database.path()).unwrap();
        file.write_all(&[7; 300_000]).unwrap();
        assert!(pieces(300_000).all(|(begin, length)| write_piece(&file, begin, length)));
        let (pipe, _) = std::io::pipe().unwrap();
        assert!(!write_piece(&File::from(std::os::fd::OwnedFd::from(pipe)), 0, 1));
    }
}
