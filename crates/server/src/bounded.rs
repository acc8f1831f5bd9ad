//! Reading what others may have made endless: the size is checked while reading, so that a device or a mistaken file
//! costs no more than a right one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The bytes of a file.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] when there are more than `most`, and whatever the system says.
pub(crate) fn read_file(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let bytes = read_past(File::open(path)?, most)?;
    if bytes.len() > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("has more than {most} bytes")));
    }
    Ok(bytes)
}

/// All of an input, or one byte more than `most`, by which the caller knows that there is too much.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn read_past(input: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_too_large_at_once() {
        let refused = read_file(Path::new("/dev/zero"), 1000).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn an_input_of_the_limit_is_whole_and_a_longer_one_is_cut_a_byte_behind_it() {
        assert_eq!(read_past([1, 2, 3].as_slice(), 3).unwrap(), [1, 2, 3]);
        assert_eq!(read_past([1, 2, 3, 4, 5].as_slice(), 3).unwrap(), [1, 2, 3, 4]);
    }
}
