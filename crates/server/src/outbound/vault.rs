//! Secrets sealed for storage with AES-256-GCM under one master key.
//!
//! A sealed secret is bytes in the database:
//!
//! | Bytes | Meaning |
//! |---|---|
//! | 1 | the form's version, 1 |
//! | 4 | which key sealed it: the start of the key's SHA-256 |
//! | 12 | the nonce, random for every sealing |
//! | the rest | ciphertext and the 16 bytes of its tag |
//!
//! The purpose (a table, a column, an id) is authenticated but not stored: what was sealed for one place does not open
//! at another. Version and key are authenticated as well.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use xanpay_domain::id::to_hex;
use xanpay_domain::secret::Secret;

/// The length of the master key, in bytes.
pub const KEY_LENGTH: usize = 32;
/// The length of the nonce of one sealing, in bytes.
pub const NONCE_LENGTH: usize = 12;

const VERSION: u8 = 1;
const ID_LENGTH: usize = 4;
const TAG_LENGTH: usize = 16;
const TOKEN_LENGTH: usize = 16;

/// Which master key: the first four bytes of its SHA-256.
pub type KeyId = [u8; ID_LENGTH];

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Sealed with another master key than the one in use.
    #[error("the secret was sealed with master key {}, not with {}", to_hex(sealed_with), to_hex(in_use))]
    OtherKey {
        /// The key that opens it.
        sealed_with: KeyId,
        /// The key that was tried.
        in_use: KeyId,
    },
    /// Not the form this module writes.
    #[error("the sealed secret is damaged or of a later version")]
    Malformed,
    /// Changed since it was sealed, or sealed for another purpose.
    #[error("the sealed secret was changed or belongs elsewhere")]
    Tampered,
    /// The cryptographic library refused to seal.
    #[error("the secret could not be sealed")]
    Sealing,
    /// The text is not 64 hexadecimal digits.
    #[error("a master key is 64 hexadecimal digits")]
    KeyText,
    /// The key file is readable or writable by others than its owner.
    #[error("{} has mode {mode:03o}; a master key is its owner's only: chmod 600", path.display())]
    Permissions {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file cannot be read or created.
    #[error("the master key file {}: {source}", path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The key that all secrets in one database are sealed with.
pub struct MasterKey {
    key: LessSafeKey,
    /// What tokens are made with. It follows from the master key, which itself does nothing but seal.
    tokens: hmac::Key,
    id: KeyId,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKey {
    /// A key from its bytes.
    ///
    /// # Errors
    /// [`VaultError::KeyText`] if the cryptographic library refuses the key.
    pub fn from_bytes(bytes: &[u8; KEY_LENGTH]) -> Result<Self, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| VaultError::KeyText)?;
        let hash = digest::digest(&digest::SHA256, bytes);
        let id = *hash.as_ref().first_chunk().ok_or(VaultError::KeyText)?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"xanpay tokens");
        let tokens = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Ok(Self { key: LessSafeKey::new(key), tokens, id })
    }

    /// A key from 64 hexadecimal digits; blanks around them are ignored.
    ///
    /// # Errors
    /// [`VaultError::KeyText`] if it is anything else.
    pub fn from_hex(text: &str) -> Result<Self, VaultError> {
        let digits = text.trim_ascii().as_bytes();
        let mut bytes = [0; KEY_LENGTH];
        if digits.len() != 2 * KEY_LENGTH {
            return Err(VaultError::KeyText);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
                *byte = *byte << 4 | value.ok_or(VaultError::KeyText)?;
            }
        }
        Self::from_bytes(&bytes)
    }

    /// Reads the key file, or creates it with `fresh_key` and mode 0600 if there is none.
    ///
    /// Of several processes that start at once, one creates the file and all use its key. A file that exists is whole:
    /// it appears under its name only when its content is on the disk.
    ///
    /// # Errors
    /// [`VaultError::File`], [`VaultError::Permissions`], or [`VaultError::KeyText`] for a file with other content;
    /// nothing is ever overwritten.
    pub fn load_or_create(path: &Path, fresh_key: &[u8; KEY_LENGTH]) -> Result<Self, VaultError> {
        let at_path = |source| VaultError::File { path: path.to_owned(), source };
        match Self::load(path) {
            Err(VaultError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let fresh = Self::from_bytes(fresh_key)?;
        match create(path, &fresh.id, fresh_key) {
            Ok(()) => Ok(fresh),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(error) => Err(at_path(error)),
        }
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// As [`MasterKey::load_or_create`].
    pub fn load(path: &Path) -> Result<Self, VaultError> {
        let at_path = |source| VaultError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(at_path)?;
        let mode = file.metadata().map_err(at_path)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(VaultError::Permissions { path: path.to_owned(), mode });
        }
        let text = io::read_to_string(io::Read::take(file, 1024)).map_err(at_path)?;
        Self::from_hex(&text)
    }

    /// Which key this is. It tells nothing about the key that could help to guess it.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// A token for one purpose, the same whenever it is asked for: 32 hex characters, the first half of an HMAC-SHA256. It
    /// need not be stored, and nobody can make it without the key.
    pub fn token(&self, purpose: &str) -> Secret<String> {
        let tag = hmac::sign(&self.tokens, purpose.as_bytes());
        Secret::new(to_hex(&tag.as_ref()[..TOKEN_LENGTH]))
    }

    /// Seals a secret for one purpose. The nonce is random and never used twice.
    ///
    /// # Errors
    /// [`VaultError::Sealing`] if the cryptographic library refuses.
    pub fn seal(&self, purpose: &str, plaintext: &[u8], nonce: [u8; NONCE_LENGTH]) -> Result<Vec<u8>, VaultError> {
        let mut ciphertext = plaintext.to_vec();
        let aad = Aad::from(associated(self.id, purpose));
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut ciphertext)
            .map_err(|_| VaultError::Sealing)?;
        Ok([&[VERSION], self.id.as_slice(), nonce.as_slice(), ciphertext.as_slice(), tag.as_ref()].concat())
    }

    /// Opens what [`MasterKey::seal`] made for the same purpose.
    ///
    /// # Errors
    /// [`VaultError::OtherKey`], [`VaultError::Malformed`] or [`VaultError::Tampered`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let sealed_with = sealed_with(sealed)?;
        if sealed_with != self.id {
            return Err(VaultError::OtherKey { sealed_with, in_use: self.id });
        }
        let rest = sealed.get(1 + ID_LENGTH..).ok_or(VaultError::Malformed)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(VaultError::Malformed)?;
        let mut opened = ciphertext.to_vec();
        let aad = Aad::from(associated(self.id, purpose));
        let length = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut opened)
            .map_err(|_| VaultError::Tampered)?
            .len();
        opened.truncate(length);
        Ok(opened)
    }
}

/// Which master key sealed a secret: another one is named instead of failing as if the secret had been changed.
fn sealed_with(sealed: &[u8]) -> Result<KeyId, VaultError> {
    let least = 1 + ID_LENGTH + NONCE_LENGTH + TAG_LENGTH;
    match sealed.split_first() {
        Some((&VERSION, rest)) if sealed.len() >= least => rest.first_chunk().copied().ok_or(VaultError::Malformed),
        Some(_) | None => Err(VaultError::Malformed),
    }
}

/// What is authenticated besides the secret itself.
fn associated(id: KeyId, purpose: &str) -> Vec<u8> {
    [&[VERSION], id.as_slice(), purpose.as_bytes()].concat()
}

/// Writes a new key file, or fails with `AlreadyExists` without touching the file that is there.
fn create(path: &Path, id: &KeyId, key: &[u8; KEY_LENGTH]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}-{}.new", std::process::id(), to_hex(id)));
    let draft = PathBuf::from(draft);
    let written = write_draft(&draft, key)
        // A link, unlike a rename, never replaces a file that another process made meanwhile.
        .and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    written?;
    removed?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn write_draft(draft: &Path, key: &[u8; KEY_LENGTH]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    writeln!(file, "{}", to_hex(key))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; NONCE_LENGTH] = [5; NONCE_LENGTH];

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_bytes(&[byte; KEY_LENGTH]).unwrap()
    }

    /// A directory of its own, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xanpay-vault-{}-{name}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_purpose() {
        for plaintext in [b"".as_slice(), b"whsec_x", &[0; 5000]] {
            let sealed = key(1).seal("webhook secret 7", plaintext, NONCE).unwrap();
            assert_eq!(sealed.len(), plaintext.len() + 33);
            assert_eq!(key(1).open("webhook secret 7", &sealed).unwrap(), plaintext);
        }
    }

    /// AES-256-GCM by the test vectors of its submission to NIST (McGrew and Viega, case 14).
    #[test]
    fn the_cipher_is_aes_256_gcm() {
        let key = key(0);
        let mut text = [0; 16];
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = key.key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut text).unwrap();
        assert_eq!(to_hex(&text), "cea7403d4d606b6e074ec5d3baf39d18");
        assert_eq!(to_hex(tag.as_ref()), "d0d1c8a799996bf0265b98b5d48ab919");
    }

    #[test]
    fn the_plaintext_does_not_stand_in_what_is_sealed() {
        let sealed = key(1).seal("p", b"canary-canary-canary", NONCE).unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"canary"));
    }

    #[test]
    fn a_token_is_the_same_for_its_purpose_and_key_and_another_one_for_others() {
        let token = key(1).token("charge 7");
        assert_eq!((token.reveal().len(), &token), (32, &key(1).token("charge 7")));
        for other in [key(1).token("charge 8"), key(2).token("charge 7")] {
            assert_ne!(other, token);
        }
    }

    #[test]
    fn another_purpose_does_not_open_it() {
        let sealed = key(1).seal("webhook secret 7", b"x", NONCE).unwrap();
        for purpose in ["webhook secret 8", "", "webhook secret 7 "] {
            assert!(matches!(key(1).open(purpose, &sealed), Err(VaultError::Tampered)));
        }
    }

    #[test]
    fn another_key_is_named_instead_of_a_failed_decryption() {
        let sealed = key(1).seal("p", b"x", NONCE).unwrap();
        let error = key(2).open("p", &sealed).unwrap_err();
        let VaultError::OtherKey { sealed_with: with, in_use } = error else { panic!("{error}") };
        assert_eq!((with, in_use), (key(1).id(), key(2).id()));
        assert_eq!(sealed_with(&sealed).unwrap(), key(1).id());
        // SHA-256 of 32 bytes of 0x01 starts with 72cd6e84.
        assert!(VaultError::OtherKey { sealed_with: with, in_use }.to_string().contains("72cd6e84"));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let sealed = key(1).seal("p", b"secret", NONCE).unwrap();
        for at in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(key(1).open("p", &changed).is_err(), "bit {at}");
        }
        for length in 0..sealed.len() {
            assert!(key(1).open("p", &sealed[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn a_key_file_is_created_once_for_its_owner_only() {
        let scratch = Scratch::new("created");
        let path = scratch.0.join("master.key");
        let first = MasterKey::load_or_create(&path, &[1; KEY_LENGTH]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", "01".repeat(32)));
        let second = MasterKey::load_or_create(&path, &[2; KEY_LENGTH]).unwrap();
        assert_eq!((first.id(), second.id()), (key(1).id(), key(1).id()));
        assert_eq!(scratch.names(), ["master.key"]);
    }

    #[test]
    fn processes_that_start_at_once_agree_on_one_key() {
        let scratch = Scratch::new("race");
        let path = scratch.0.join("master.key");
        let ids: Vec<KeyId> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..16_u8)
                .map(|n| (scope, path.clone(), n))
                .map(|(scope, path, n)| {
                    scope.spawn(move || MasterKey::load_or_create(&path, &[n; KEY_LENGTH]).unwrap().id())
                })
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == MasterKey::load(&path).unwrap().id()));
        assert_eq!(scratch.names(), ["master.key"]);
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let scratch = Scratch::new("mode");
        let path = scratch.0.join("master.key");
        MasterKey::load_or_create(&path, &[1; KEY_LENGTH]).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = MasterKey::load_or_create(&path, &[2; KEY_LENGTH]).unwrap_err();
            assert!(matches!(error, VaultError::Permissions { mode: found, .. } if found == mode), "{error}");
        }
    }

    #[test]
    fn a_damaged_key_file_is_refused_and_left_as_it_is() {
        let scratch = Scratch::new("damaged");
        let path = scratch.0.join("master.key");
        MasterKey::load_or_create(&path, &[1; KEY_LENGTH]).unwrap();
        for text in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"ä".repeat(32)] {
            fs::write(&path, text).unwrap();
            assert!(matches!(MasterKey::load_or_create(&path, &[2; KEY_LENGTH]), Err(VaultError::KeyText)), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_key_file_in_a_missing_directory_is_an_error_that_names_it() {
        let scratch = Scratch::new("missing");
        let path = scratch.0.join("no").join("master.key");
        let error = MasterKey::load_or_create(&path, &[1; KEY_LENGTH]).unwrap_err();
        assert!(error.to_string().contains("no/master.key"), "{error}");
    }

    #[test]
    fn a_key_is_read_from_hexadecimal_text_in_either_case() {
        let text = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF";
        let bytes = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef";
        assert_eq!(
            MasterKey::from_hex(&format!(" {text}\r\n")).unwrap().id(),
            MasterKey::from_bytes(&bytes).unwrap().id()
        );
        assert!(MasterKey::from_hex(&format!("0x{text}")).is_err());
    }

    #[test]
    fn the_debug_form_and_the_errors_say_nothing_of_the_key() {
        assert_eq!(format!("{:?}", key(0xcd)), "MasterKey(..)");
        let sealed = key(1).seal("p", b"x", NONCE).unwrap();
        let error = key(0xcd).open("p", &sealed).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("cdcd"));
    }
}
