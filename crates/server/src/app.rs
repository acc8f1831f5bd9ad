//! What every flow needs, opened once.

use crate::clock::Clock;
use crate::directory::Directory;
use crate::outbound::address::AddressPolicy;
use crate::outbound::vault::{MasterKey, VaultError};
use crate::terms::Terms;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tokio::sync::{Notify, broadcast};
use xanpay_domain::environment::Environment;
use xanpay_domain::id::SessionId;
use xanpay_store::Store;

/// The gateway.
pub struct App {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// Keys, merchants, accounts and rates, remembered for half a second.
    pub directory: Directory,
    /// Which addresses may be called.
    pub addresses: Addresses,
    /// What banks and operators decide.
    pub terms: Terms,
    /// Seals secrets before they are stored.
    master_key: Arc<MasterKey>,
    /// Rung when deliveries may have become due.
    pub deliveries_due: Notify,
    /// Sessions whose page should look again.
    pub session_changes: SessionChanges,
}

/// Tells pages that their session has changed. One that falls behind polls, so nothing depends on it. The sessions are
/// spread over channels: each change would otherwise wake every page that is open.
pub struct SessionChanges {
    channels: [broadcast::Sender<SessionId>; 64],
    spread: RandomState,
}

impl SessionChanges {
    fn new() -> Self {
        Self { channels: std::array::from_fn(|_| broadcast::channel(64).0), spread: RandomState::new() }
    }

    fn channel(&self, session: SessionId) -> &broadcast::Sender<SessionId> {
        let place = self.spread.hash_one(session) as usize % self.channels.len();
        &self.channels[place]
    }

    /// What tells of a session's changes, and of those of others.
    pub fn listen(&self, session: SessionId) -> broadcast::Receiver<SessionId> {
        self.channel(session).subscribe()
    }

    /// Tells the pages of a session.
    pub fn tell(&self, session: SessionId) {
        // Nobody listening is no trouble.
        let _ = self.channel(session).send(session);
    }
}

/// Outbound rules per environment.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// For sandbox notices.
    pub sandbox: AddressPolicy,
    /// For live notices.
    pub live: AddressPolicy,
}

impl Addresses {
    /// The rules of an environment.
    #[must_use]
    pub fn of(&self, environment: Environment) -> &AddressPolicy {
        match environment {
            Environment::Sandbox => &self.sandbox,
            Environment::Live => &self.live,
        }
    }
}

impl App {
    /// The gateway over an open database.
    #[must_use]
    pub fn new(store: Store, clock: Clock, master_key: MasterKey, addresses: Addresses, terms: Terms) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            directory: Directory::default(),
            addresses,
            terms,
            master_key: Arc::new(master_key),
            deliveries_due: Notify::new(),
            session_changes: SessionChanges::new(),
        })
    }

    /// Seals a secret for storage. `purpose` ties it to its column.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.master_key.seal(purpose, secret, crate::entropy::bytes())
    }

    /// Opens a sealed secret.
    ///
    /// # Errors
    /// [`VaultError`] when it was sealed with another key or changed.
    pub fn unseal(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.master_key.open(purpose, sealed)
    }

    /// The key that secrets are sealed with and tokens are made with.
    #[must_use]
    pub fn master_key(&self) -> &Arc<MasterKey> {
        &self.master_key
    }
}

impl App {
    /// Tells whoever waits here that a charge has changed: pages look again, and notices may be due.
    pub fn announce(&self, charge: &xanpay_domain::charge::Charge) {
        self.deliveries_due.notify_one();
        if let Some(session) = charge.session_id {
            self.session_changes.tell(session);
        }
    }
}
