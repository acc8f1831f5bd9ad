//! The preloaded library of `disk.c`: built here, told from here which call is to fail.

use crate::image::Image;
use crate::scratch::Scratch;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::process::Command;

const SOURCE: &str = include_str!("../disk.c");

/// What is to go wrong; the numbers are those of `disk.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A write fails once with EIO.
    WriteFails = 1,
    /// From some write on there is no room.
    Full = 2,
    /// A sync fails once with EIO, and what it should have kept is lost.
    SyncFails = 3,
    /// SIGKILL before a write or sync.
    Killed = 4,
    /// SIGKILL before a write to the database file, as a checkpoint does.
    KilledInCheckpoint = 5,
}

/// The library, compiled once.
#[derive(Debug, Clone)]
pub struct Library(PathBuf);

impl Library {
    /// Compiles it into the folder.
    pub async fn build(scratch: &Scratch) -> Result<Self, String> {
        let (source, library) = (scratch.join("disk.c"), scratch.join("disk.so"));
        std::fs::write(&source, SOURCE).map_err(|error| error.to_string())?;
        let built = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .await
            .map_err(|error| format!("cc: {error}"))?;
        if !built.status.success() {
            return Err(format!("cc: {}", String::from_utf8_lossy(&built.stderr)));
        }
        Ok(Self(library))
    }
}

/// One folder's disk.
#[derive(Debug, Clone)]
pub struct Disk {
    library: Library,
    /// The files it watches are in here.
    folder: PathBuf,
    control: PathBuf,
    log: Option<PathBuf>,
}

impl Disk {
    /// A sound disk for `folder`; `name` keeps it apart from others of the scratch folder.
    pub fn new(library: &Library, scratch: &Scratch, name: &str, folder: &Path) -> Result<Self, String> {
        let disk = Self {
            library: library.clone(),
            folder: folder.to_owned(),
            control: scratch.join(&format!("{name}.control")),
            log: None,
        };
        std::fs::write(&disk.control, [0; 12]).map_err(|error| error.to_string())?;
        // A database server runs as another user.
        std::fs::set_permissions(&disk.control, std::fs::Permissions::from_mode(0o666))
            .map_err(|error| error.to_string())?;
        Ok(disk)
    }

    /// The disk with a note of everything that it is asked to keep.
    pub fn with_log(mut self, scratch: &Scratch) -> Self {
        self.log = Some(scratch.join("disk.log"));
        self
    }

    /// What a power cut would leave now.
    pub fn image(&self) -> Result<Image, String> {
        Image::read(self.log.as_deref().ok_or("the disk has no log")?)
    }

    /// What a process needs in its environment to run on this disk.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let fixed = [
            ("LD_PRELOAD", &self.library.0),
            ("XANPAY_DISK_FOLDER", &self.folder),
            ("XANPAY_DISK_CONTROL", &self.control),
        ];
        let log = self.log.as_ref().map(|log| ("XANPAY_DISK_LOG", log));
        fixed.into_iter().chain(log).map(|(name, path)| (name, path.as_path()))
    }

    /// Makes the `nth` call from now on go wrong.
    pub fn arm(&self, fault: Fault, nth: u32) -> Result<(), String> {
        let mut words = Vec::new();
        for word in [fault as u32, nth, 0] {
            words.extend(word.to_ne_bytes());
        }
        // The countdown must stand before the fault does.
        self.set(&words[4..], 4)?;
        self.set(&words[..4], 0)
    }

    /// Nothing goes wrong any more.
    pub fn mend(&self) -> Result<(), String> {
        self.set(&[0; 4], 0)
    }

    fn set(&self, words: &[u8], offset: u64) -> Result<(), String> {
        let file = std::fs::File::options().write(true).open(&self.control).map_err(|error| error.to_string())?;
        file.write_all_at(words, offset).map_err(|error| error.to_string())
    }

    /// How many calls have gone wrong since the fault was armed.
    pub fn hits(&self) -> u32 {
        self.word(8)
    }

    /// How many calls there are until the fault.
    pub fn countdown(&self) -> u32 {
        self.word(4)
    }

    fn word(&self, from: usize) -> u32 {
        let bytes = std::fs::read(&self.control).unwrap_or_default();
        bytes.get(from..from + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_ne_bytes)
    }
}
