//! From settings to a gateway: database, master key, rules for outbound calls.

use crate::app::{Addresses, App};
use crate::clock::Clock;
use crate::config::{Config, KeySource, Storage};
use crate::entropy;
use crate::flows::{FlowError, refresh_sandbox_clock};
use crate::outbound::address::AddressPolicy;
use crate::outbound::vault::{MasterKey, VaultError};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xanpay_domain::id::to_hex;
use xanpay_store::{SchemaState, Store, StoreError};

/// The name under which a database keeps which master key is its own.
pub(crate) const KEY_ID_SETTING: &str = "master_key_id";

/// Why the gateway cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory of the data cannot be made or read.
    #[error("{path}: {source}", path = path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another server works on the same data.
    #[error("another server is running on {}; it holds {}", data.display(), lock.display())]
    Running {
        /// The directory of the data.
        data: PathBuf,
        /// The file that is locked.
        lock: PathBuf,
    },
    /// A server works on a database whose schema this program would have to change under it.
    #[error("the database needs an upgrade for this program, and a server is running on {}; stop the server first", data.display())]
    Outdated {
        /// The directory of the data.
        data: PathBuf,
    },
    /// The master key cannot be read or made.
    #[error("the master key: {0}")]
    Vault(#[from] VaultError),
    /// The database's secrets were sealed with another key.
    #[error(
        "the database was made with master key {expected}, not with {found} from {origin}; give it the key it was made with"
    )]
    OtherKey {
        /// Id of the key that the database was made with.
        expected: String,
        /// Id of the key that was found.
        found: String,
        /// Where it was found.
        origin: String,
    },
    /// The database has secrets, and the key that sealed them is not there.
    #[error("the database was made with master key {expected}, and there is no key in {path}; put it back or name it with --master-key-file", path = path.display())]
    KeyMissing {
        /// Id of the key that the database was made with.
        expected: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Neither the settings nor the user's environment say where the key is.
    #[error("there is no home directory to keep the master key in; name one with --master-key-file")]
    NoHome,
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database cannot be read.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

/// Opens the gateway. A schema of PostgreSQL that needs an upgrade gets it only with `upgrade`; one of an embedded database
/// while no other server runs, which a server knows by its `lock`.
///
/// # Errors
/// [`OpenError`].
pub async fn open(config: &Config, upgrade: bool, lock: Option<&File>) -> Result<Arc<App>, OpenError> {
    let store = open_store(&config.storage, upgrade, lock).await?;
    let master_key = open_master_key(&store, config).await?;
    let app = App::new(store, Clock::system(), master_key, addresses(config), config.terms.clone());
    refresh_sandbox_clock(&app).await?;
    Ok(app)
}

/// Which addresses may be called.
fn addresses(config: &Config) -> Addresses {
    let networks = &config.allow_private_networks;
    Addresses {
        sandbox: AddressPolicy {
            allow_loopback: config.allow_sandbox_loopback,
            allowed: networks.clone(),
            ..AddressPolicy::sandbox()
        },
        live: AddressPolicy {
            allow_loopback: false,
            allowed: networks.clone(),
            allow_plain_http: config.allow_plain_http,
        },
    }
}

/// Opens the database, creating and migrating it as its kind allows.
///
/// # Errors
/// [`OpenError`].
pub async fn open_store(storage: &Storage, upgrade: bool, lock: Option<&File>) -> Result<Store, OpenError> {
    match storage {
        Storage::Directory(data) => {
            make_directory(data)?;
            let file = database_file(data);
            make_database_file(&file)?;
            // Held until the schema is this program's.
            let _lock = match lock {
                Some(_) => None,
                None => lock_for_upgrade(storage, Store::examine_sqlite(&file)?)?,
            };
            Ok(Store::open_sqlite(&file)?)
        }
        Storage::Postgres(url) => Ok(Store::open_postgres(url, upgrade).await?),
    }
}

/// Whether a directory holds an embedded database.
#[must_use]
pub fn has_database(data: &Path) -> bool {
    database_file(data).exists()
}

fn database_file(data: &Path) -> PathBuf {
    data.join("xanpay.db")
}

/// Makes an empty database that only its owner can read, as SQLite itself asks the umask. The log's files get the mode of
/// the database; one that is there stays as it is.
fn make_database_file(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(OpenError::Directory { path: path.to_owned(), source })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The files of an embedded database that others than their owner can read, as far as their directory lets them in.
#[must_use]
pub(crate) fn readable_by_others(data: &Path) -> Vec<PathBuf> {
    let mode = |path: &Path| path.metadata().map_or(0, |metadata| metadata.permissions().mode());
    // The group's and the others' right to enter stands two bits below their right to read.
    let lets_in = (mode(data) & 0o011) << 2;
    let files = ["xanpay.db", "xanpay.db-wal", "xanpay.db-shm"].map(|name| data.join(name));
    files.into_iter().filter(|file| mode(file) & lets_in != 0).collect()
}

/// Keeps a second server off the same embedded database for as long as the file lives. PostgreSQL takes any number.
///
/// # Errors
/// [`OpenError::Running`] when there is one.
pub fn lock_for_serving(storage: &Storage) -> Result<Option<File>, OpenError> {
    let Storage::Directory(data) = storage else { return Ok(None) };
    make_directory(data)?;
    let path = data.join("serve.lock");
    let at_path = |source| OpenError::Directory { path: path.clone(), source };
    let file = File::options().create(true).append(true).open(&path).map_err(at_path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Running { data: data.clone(), lock: path }),
        Err(TryLockError::Error(source)) => Err(at_path(source)),
    }
}

/// Keeps servers off a schema that is about to change: an older one would go on with statements for its own.
fn lock_for_upgrade(storage: &Storage, schema: SchemaState) -> Result<Option<File>, OpenError> {
    if !schema.is_outdated() {
        return Ok(None);
    }
    lock_for_serving(storage)
        .map_err(|error| if let OpenError::Running { data, .. } = error { OpenError::Outdated { data } } else { error })
}

/// Makes a directory that only its owner can enter; one that is there stays as it is.
///
/// # Errors
/// [`OpenError::Directory`].
pub fn make_directory(path: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| {
        // "File exists" does not say what is wrong with that.
        let in_the_way = source.kind() == io::ErrorKind::AlreadyExists;
        let source = if in_the_way { io::ErrorKind::NotADirectory.into() } else { source };
        OpenError::Directory { path: path.to_owned(), source }
    })
}

/// The key, which must be the one that the database was made with. A database that has none yet gets one.
async fn open_master_key(store: &Store, config: &Config) -> Result<MasterKey, OpenError> {
    let expected = store.reader().find_setting(KEY_ID_SETTING).await?;
    let (key, origin) = match &config.master_key {
        KeySource::Text(text) => (MasterKey::from_hex(text)?, "the settings".to_owned()),
        KeySource::File(path) => (key_file(path, expected.as_deref())?, path.display().to_string()),
        KeySource::Default => {
            let path = default_key_file(&config.storage)?;
            (key_file(&path, expected.as_deref())?, path.display().to_string())
        }
    };
    let found = to_hex(&key.id());
    let expected = match expected {
        Some(expected) => expected,
        None => remember_key(store, found.clone()).await?,
    };
    if expected == found { Ok(key) } else { Err(OpenError::OtherKey { expected, found, origin }) }
}

/// Reads the key file, or makes one for a database that has no secrets yet.
fn key_file(path: &Path, expected: Option<&str>) -> Result<MasterKey, OpenError> {
    let Some(expected) = expected else {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            make_directory(directory)?;
        }
        return Ok(MasterKey::load_or_create(path, &entropy::bytes())?);
    };
    match MasterKey::load(path) {
        Err(VaultError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Err(OpenError::KeyMissing { expected: expected.to_owned(), path: path.to_owned() })
        }
        loaded => Ok(loaded?),
    }
}

/// Beside an embedded database; for PostgreSQL in the user's own directory, so that every process of the user finds the
/// same key wherever it is started.
fn default_key_file(storage: &Storage) -> Result<PathBuf, OpenError> {
    match storage {
        Storage::Directory(data) => Ok(data.join("master.key")),
        Storage::Postgres(_) => {
            let directory = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
            let home = || directory("HOME").map(|home| home.join(".local/share"));
            let base = directory("XDG_DATA_HOME").or_else(home).ok_or(OpenError::NoHome)?;
            Ok(base.join("xanpay").join("master.key"))
        }
    }
}

/// Of several processes that open a new database at once, the first one's key stands.
async fn remember_key(store: &Store, id: String) -> Result<String, StoreError> {
    store.write_with(id, |tx, id| async move { tx.insert_setting(KEY_ID_SETTING, &id).await }).await
}

/// Lets the writer finish and closes the database, when nobody else uses the gateway any more.
pub fn close(app: Arc<App>) {
    match Arc::try_unwrap(app) {
        Ok(app) => app.store.close(),
        Err(app) => {
            tracing::debug!(users = Arc::strong_count(&app), "the database is closed by the end of the process")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xanpay_testkit::Database;

    #[test]
    fn a_schema_is_not_upgraded_under_a_running_server() {
        let database = Database::sqlite();
        let storage = Storage::Directory(database.path().parent().unwrap().to_owned());
        let (current, outdated) = (SchemaState { applied: 2, pending: 0 }, SchemaState { applied: 1, pending: 1 });
        let server = lock_for_serving(&storage).unwrap();
        assert!(lock_for_upgrade(&storage, current).unwrap().is_none());
        let refusal = lock_for_upgrade(&storage, outdated).unwrap_err();
        assert!(refusal.to_string().contains("stop the server first"), "{refusal}");
        drop(server);
        assert!(lock_for_upgrade(&storage, outdated).unwrap().is_some());
    }
}
