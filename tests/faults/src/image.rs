//! What a power cut leaves: worked out from the log of `disk.c`, for a disk that keeps what was synced and, of the rest,
//! nothing or any part in any order.

use crate::dice::Dice;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Disks write whole sectors.
const SECTOR: usize = 512;
/// What, inode, offset, length.
const HEAD: usize = 21;

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Debug, Clone)]
enum Rename {
    Add(PathBuf, u64),
    Remove(PathBuf),
}

#[derive(Debug, Clone, Default)]
struct Content {
    synced: Vec<u8>,
    pending: Vec<Change>,
}

/// The files of a folder as a disk would have them.
#[derive(Debug, Default)]
pub struct Image {
    contents: HashMap<u64, Content>,
    names: HashMap<PathBuf, u64>,
    pending: Vec<Rename>,
}

impl Image {
    /// Reads a log to its end, which is where the power goes.
    pub fn read(log: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut image = Self::default();
        let mut rest = bytes.as_slice();
        while let Some((head, tail)) = rest.split_first_chunk::<HEAD>() {
            let number = |from: usize| head[from..from + 8].try_into().map_or(0, u64::from_ne_bytes);
            let length = head[17..].try_into().map_or(0, u32::from_ne_bytes) as usize;
            let Some((data, tail)) = tail.split_at_checked(length) else { break };
            let offset = usize::try_from(number(9)).map_err(|error| error.to_string())?;
            image.take(head[0], number(1), offset, data);
            rest = tail;
        }
        Ok(image)
    }

    fn take(&mut self, what: u8, inode: u64, offset: usize, data: &[u8]) {
        let path = || PathBuf::from(String::from_utf8_lossy(data).into_owned());
        match what {
            b'C' => {
                self.contents.insert(inode, Content::default());
                self.pending.push(Rename::Add(path(), inode));
            }
            b'L' => self.pending.push(Rename::Add(path(), inode)),
            b'U' => self.pending.push(Rename::Remove(path())),
            b'D' => {
                for rename in std::mem::take(&mut self.pending) {
                    apply_name(&mut self.names, rename);
                }
            }
            b'W' => self.change(inode, Change::Write(offset, data.to_vec())),
            b'T' => self.change(inode, Change::Truncate(offset)),
            b'S' => {
                let content = self.contents.entry(inode).or_default();
                for change in std::mem::take(&mut content.pending) {
                    apply(&mut content.synced, change);
                }
            }
            // The system reports a failed sync once and forgets what it could not keep.
            b'F' => self.contents.entry(inode).or_default().pending.clear(),
            _ => {}
        }
    }

    fn change(&mut self, inode: u64, change: Change) {
        self.contents.entry(inode).or_default().pending.push(change);
    }

    /// Puts the files into an empty folder: only what was synced, or with `dice` also any part of the rest.
    pub fn lay_out(&self, from: &Path, to: &Path, mut dice: Option<&mut Dice>) -> Result<(), String> {
        std::fs::create_dir_all(to).map_err(|error| error.to_string())?;
        let mut names = self.names.clone();
        if let Some(dice) = &mut dice {
            for rename in self.pending.iter().filter(|_| dice.below(2) == 0) {
                apply_name(&mut names, rename.clone());
            }
        }
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort();
        for (path, inode) in names {
            let Ok(name) = path.strip_prefix(from) else { continue };
            let mut content = self.contents.get(&inode).cloned().unwrap_or_default();
            if let Some(dice) = &mut dice {
                content.pending.into_iter().for_each(|change| apply_part(&mut content.synced, change, dice));
            }
            let path = to.join(name);
            std::fs::write(&path, content.synced).map_err(|error| error.to_string())?;
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

fn apply_name(names: &mut HashMap<PathBuf, u64>, rename: Rename) {
    match rename {
        Rename::Add(path, inode) => drop(names.insert(path, inode)),
        Rename::Remove(path) => drop(names.remove(&path)),
    }
}

fn apply(content: &mut Vec<u8>, change: Change) {
    match change {
        Change::Write(offset, data) => {
            if content.len() < offset + data.len() {
                content.resize(offset + data.len(), 0);
            }
            content[offset..offset + data.len()].copy_from_slice(&data);
        }
        Change::Truncate(length) => content.resize(length, 0),
    }
}

/// Applies a change, or not, or some of its sectors.
fn apply_part(content: &mut Vec<u8>, change: Change, dice: &mut Dice) {
    match (change, dice.below(3)) {
        (change, 0) => apply(content, change),
        (Change::Write(offset, data), 1) => {
            for (index, sector) in data.chunks(SECTOR).enumerate().filter(|_| dice.below(2) == 0) {
                apply(content, Change::Write(offset + index * SECTOR, sector.to_vec()));
            }
        }
        _ => {}
    }
}
