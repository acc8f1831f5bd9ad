//! Reading: statements for many gather on one connection, whatever else is read has others.
//!
//! The more rows a statement brings, the less each of them costs the server and the gateway. So all who want a row of
//! their own are served by one connection, on which more of them meet than on several. A list or a search takes its time,
//! and nobody who wants a row should stand behind it.

use super::many::{self, Asks, Desk};
use super::server::Server;
use super::session::{Session, connect_reader};
use crate::engine::{MAX_BATCH, Sql};
use crate::error::StoreError;
use crate::value::{Row, Value};
use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::Mutex as AsyncMutex;

/// Connections for lists and searches. Each carries any number of queries at once.
const OTHERS: usize = 2;

/// What a statement brings.
type Rows = Result<Vec<Row>, StoreError>;

/// Reads the last committed state, statement by statement.
#[derive(Clone)]
pub(crate) struct Reader(Arc<Shared>);

struct Shared {
    server: Server,
    gathering: Slot<Gathering>,
    others: [Slot<Arc<Session>>; OTHERS],
    turn: AtomicUsize,
}

/// The connection on which statements gather.
struct Gathering {
    session: Arc<Session>,
    desk: Desk,
}

impl Reader {
    /// Connects once to see that it works.
    pub(super) async fn open(server: Server) -> Result<Self, StoreError> {
        let others = array::from_fn(|_| Slot::default());
        let shared = Shared { server, gathering: Slot::default(), others, turn: AtomicUsize::new(0) };
        shared.gathering.with(&shared.server, |_| ()).await?;
        Ok(Self(Arc::new(shared)))
    }

    pub(crate) async fn query(&self, sql: Sql, params: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let (session, answer) = self.ask(sql, params).await?;
        if answer.is_err() && session.heard().is_ok() && session.has_ended() {
            // Servers end connections when they restart, and networks when they are idle. Reading once more does no harm.
            return self.ask(sql, params).await?.1;
        }
        answer
    }

    /// The answer to a statement, and the connection that it was asked on.
    async fn ask(&self, sql: Sql, params: &[Value<'_>]) -> Result<(Arc<Session>, Rows), StoreError> {
        if !sql.for_many {
            let session = self.0.session().await?;
            let rows = Box::pin(session.query(sql, params)).await;
            return Ok((session, rows));
        }
        let Shared { server, gathering, .. } = &*self.0;
        let ask = |gathering: &Gathering| (Arc::clone(&gathering.session), gathering.desk.ask(sql, params));
        let (session, answer) = gathering.with(server, ask).await?;
        Ok((session, answer.await.map(|answer| answer.rows)))
    }

    pub(crate) async fn execute(&self, sql: Sql, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let session = self.0.session().await?;
        Box::pin(session.execute(sql, params)).await
    }
}

impl Shared {
    /// The connection whose turn it is.
    async fn session(&self) -> Result<Arc<Session>, StoreError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % OTHERS;
        self.others[turn].with(&self.server, Arc::clone).await
    }
}

/// What a slot holds.
trait Connected: Sized {
    async fn connect(server: &Server) -> Result<Self, StoreError>;
    fn is_closed(&self) -> bool;
}

impl Connected for Arc<Session> {
    async fn connect(server: &Server) -> Result<Self, StoreError> {
        connect_reader(server).await.map(Arc::new)
    }

    fn is_closed(&self) -> bool {
        Session::is_closed(self)
    }
}

impl Connected for Gathering {
    /// Connects, and starts to answer what is left at the desk.
    async fn connect(server: &Server) -> Result<Self, StoreError> {
        let session = <Arc<Session>>::connect(server).await?;
        let (desk, asks) = Desk::new();
        tokio::spawn(answer_asks(Arc::clone(&session), asks));
        Ok(Self { session, desk })
    }

    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }
}

/// While it waits for answers, the next statements gather.
async fn answer_asks(session: Arc<Session>, mut asks: Asks) {
    while let Some(first) = asks.recv().await {
        // Whoever is ready may still leave a statement that goes out with this one.
        tokio::task::yield_now().await;
        let waiting = std::iter::from_fn(|| asks.try_recv().ok());
        let batch = std::iter::once(first).chain(waiting).take(MAX_BATCH).collect();
        many::answer(&session, batch).await;
    }
}

/// A connection that is opened when it is needed, and replaced when it is lost.
struct Slot<C>(AsyncMutex<Place<C>>);

struct Place<C> {
    open: Option<C>,
    /// When the last attempt to connect failed, and why.
    failed: Option<(Instant, StoreError)>,
}

impl<C> Default for Slot<C> {
    fn default() -> Self {
        Self(AsyncMutex::new(Place { open: None, failed: None }))
    }
}

impl<C: Connected> Slot<C> {
    /// Does something at once with the connection, if need be a new one.
    async fn with<T>(&self, server: &Server, act: impl FnOnce(&C) -> T) -> Result<T, StoreError> {
        let mut place = match self.0.try_lock() {
            Ok(place) => place,
            Err(_) => {
                let since = Instant::now();
                let place = self.0.lock().await;
                match &place.failed {
                    // The attempt that this caller has waited for: one after the other would wait for its own.
                    Some((at, error)) if *at >= since => return Err(error.clone()),
                    Some(_) | None => place,
                }
            }
        };
        let open = match place.open.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => match C::connect(server).await {
                Ok(new) => new,
                Err(error) => {
                    place.failed = Some((Instant::now(), error.clone()));
                    return Err(error);
                }
            },
        };
        Ok(act(place.open.insert(open)))
    }
}
