//! A server that crashes, closes connections or gives up its standby, on clusters of the tests' own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed set-up is a failed test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use xanpay_domain::id::SessionId;
use xanpay_store::{Durability, Store, StoreError};
use xanpay_testkit::{Cluster, Database, World, commit};

async fn insert(store: &Store, world: &World) -> (SessionId, Result<(), StoreError>) {
    let session = world.session();
    let id = session.id;
    (id, commit!(store, |tx, session| tx.insert_session(&session).await?))
}

async fn is_there(store: &Store, id: SessionId) -> bool {
    store.reader().find_session(id).await.unwrap().is_some()
}

/// Ends every connection to the database but the asking one.
const END_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_and_reads_go_on_after_the_server_closed_every_idle_connection() {
    let database = Database::postgres().await;
    let store = database.open().await;
    let world = World::stored(&store, 1).await;
    for _ in 0..5 {
        // All connections are in use once, so that none is lost before the write.
        database.client().await.query(END_OTHERS, &[]).await.unwrap();
        for _ in 0..8 {
            let (id, answer) = insert(&store, &world).await;
            assert_eq!(answer, Ok(()));
            assert!(is_there(&store, id).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_whose_connection_the_server_ends_is_answered_all_the_same() {
    const END_WAITING: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let database = Database::postgres().await;
    let store = Arc::new(database.open().await);
    let id = World::stored(&store, 1).await.session().id;
    let (lock, other) = (database.client().await, database.client().await);
    for table in ["sessions", "rates"] {
        lock.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
        let reader = store.reader();
        // A row is read on the connection for many, a list on another one.
        let read = tokio::spawn(async move {
            match table {
                "sessions" => reader.find_session(id).await.map(drop),
                _ => reader.list_rates().await.map(drop),
            }
        });
        while other.query(END_WAITING, &[]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        lock.batch_execute("COMMIT").await.unwrap();
        assert_eq!(read.await.unwrap(), Ok(()), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_before_a_crash_is_there_after_it() {
    let cluster = Arc::new(Cluster::start(&["-c", "fsync=on", "-c", "full_page_writes=on"]));
    let database = Database::postgres_at(cluster.url()).await;
    let store = Arc::new(database.open().await);
    let world = World::stored(&store, 2).await;
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (store, world, over) = (Arc::clone(&store), world.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    answers.push(insert(&store, &world).await);
                }
                answers
            })
        })
        .collect();
    for _ in 0..2 {
        // So much gets through between two crashes that some of it is in flight.
        for _ in 0..20 {
            let _ = insert(&store, &world).await;
        }
        let cluster = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || cluster.restart()).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut refused) = (0, 0);
    for client in clients {
        for (id, answer) in client.await.unwrap() {
            match answer {
                Ok(()) => {
                    acknowledged += 1;
                    assert!(is_there(&store, id).await, "an acknowledged session is lost");
                }
                // Nobody can say, and nobody claims to.
                Err(StoreError::Unknown(_)) => refused += 1,
                Err(StoreError::Unavailable(_)) => {
                    refused += 1;
                    assert!(!is_there(&store, id).await, "a session that is said not to be stored is there");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(acknowledged > 100 && refused > 0, "{acknowledged} acknowledged, {refused} refused");
    assert_eq!(insert(&store, &world).await.1, Ok(()));
}

/// Waits for the commit that waits for a standby, and calls off its wait.
async fn cancel_the_wait(database: &Database) {
    let client = database.client().await;
    let waiting = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    while client.query(waiting, &[]).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_whose_standby_did_not_answer_is_unknown_and_not_a_success() {
    let cluster = Cluster::start(&[]);
    let database = Database::postgres_at(cluster.url()).await;
    let store = database.open().await;
    let world = World::stored(&store, 3).await;
    let client = database.client().await;
    client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    while client.query_one("SHOW synchronous_standby_names", &[]).await.unwrap().get::<_, String>(0) != "nobody" {
        tokio::task::yield_now().await;
    }
    let ((id, answer), ()) = tokio::join!(insert(&store, &world), cancel_the_wait(&database));
    assert!(matches!(answer, Err(StoreError::Unknown(_))), "{answer:?}");
    assert!(is_there(&store, id).await, "here it is stored, which the standby may never learn");

    client.batch_execute("ALTER SYSTEM RESET synchronous_standby_names").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    while !client.query_one("SHOW synchronous_standby_names", &[]).await.unwrap().get::<_, String>(0).is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(insert(&store, &world).await.1, Ok(()));
}

/// An authority's certificate, and a server's certificate and key that it has signed.
fn certificates() -> [String; 3] {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&issuer_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server_pem = server.signed_by(&key, &Issuer::new(authority, issuer_key)).unwrap().pem();
    [authority_pem, server_pem, key.serialize_pem()]
}

#[tokio::test]
async fn a_server_with_a_private_authority_is_trusted_by_who_names_it_only() {
    let cluster = Cluster::start(&[]);
    let database = Database::postgres_at(cluster.url()).await;
    let client = database.client().await;
    let [authority, certificate, key] = certificates();
    for (text, file) in [(certificate, "server.crt"), (key, "server.key")] {
        // Its owner writes them where the server looks for them.
        let lines = format!("SELECT unnest(string_to_array('{}', E'\\n'))", text.trim());
        client.batch_execute(&format!("COPY ({lines}) TO PROGRAM 'umask 077; cat > {file}'")).await.unwrap();
    }
    client.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    while client.query_one("SHOW ssl", &[]).await.unwrap().get::<_, String>(0) != "on" {
        tokio::task::yield_now().await;
    }
    let beside = Database::sqlite();
    let file = beside.path().with_file_name("authority.pem");
    std::fs::write(&file, authority).unwrap();
    let named = format!("{}?sslmode=verify-full&sslrootcert={}", database.url(), file.display());
    let store = Store::open_postgres(&named, false).await.unwrap();
    let world = World::stored(&store, 6).await;
    assert_eq!(insert(&store, &world).await.1, Ok(()));
    let encrypted = "SELECT COUNT(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
        WHERE datname = current_database() AND application_name = 'xanpay' AND ssl";
    assert!(client.query_one(encrypted, &[]).await.unwrap().get::<_, i64>(0) > 0);
    let unnamed = format!("{}?sslmode=require", database.url());
    let refusal = Store::open_postgres(&unnamed, false).await.err().unwrap();
    assert!(matches!(&refusal, StoreError::Unavailable(reason) if reason.contains("certificate")), "{refusal}");
}

#[tokio::test]
async fn a_server_tells_what_keeps_its_commits() {
    let durability = async |database: &Database| database.open().await.durability().await.unwrap();
    assert_eq!(durability(&Database::sqlite()).await, None);
    assert_eq!(durability(&Database::postgres_at(Cluster::start(&[]).url()).await).await, Some(Durability::Memory));
    let cluster = Cluster::start(&["-c", "fsync=on"]);
    let database = Database::postgres_at(cluster.url()).await;
    assert_eq!(durability(&database).await, Some(Durability::Disk));
    // For the next connections: that of a database which is set up already writes nothing, and waits for nobody.
    let client = database.client().await;
    client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    while client.query_one("SHOW synchronous_standby_names", &[]).await.unwrap().get::<_, String>(0) != "nobody" {
        tokio::task::yield_now().await;
    }
    assert_eq!(durability(&database).await, Some(Durability::Standby));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_postgresql_refuses_is_answered_so_and_spares_the_rest_of_its_batch() {
    let database = Database::postgres().await;
    let store = Arc::new(database.open().await);
    let world = World::stored(&store, 4).await;
    database
        .client()
        .await
        .batch_execute(
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RAISE EXCEPTION ''planted''; END'; \
             CREATE CONSTRAINT TRIGGER poison AFTER INSERT ON sessions DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW WHEN (NEW.notify_payload = 'poison') EXECUTE FUNCTION poison()",
        )
        .await
        .unwrap();
    let clients: Vec<_> = (0..64)
        .map(|number| {
            let (store, mut session) = (Arc::clone(&store), world.session());
            session.notify_payload = (number % 8 == 0).then(|| "poison".into());
            tokio::spawn(
                async move { (session.clone(), commit!(store, |tx, session| tx.insert_session(&session).await?)) },
            )
        })
        .collect();
    for client in clients {
        let (session, answer) = client.await.unwrap();
        assert_eq!(answer.is_ok(), session.notify_payload.is_none(), "{answer:?}");
        assert_eq!(is_there(&store, session.id).await, answer.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_is_durable_and_committed_reads_are_read_whatever_the_database_and_the_url_prefer() {
    let database = Database::postgres().await;
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    let client = database.client().await;
    for setting in
        ["synchronous_commit = off", "default_transaction_isolation = 'repeatable read'", "client_min_messages = error"]
    {
        client.batch_execute(&format!("ALTER DATABASE {name} SET {setting}")).await.unwrap();
    }
    let url =
        database.url() + "?target_session_attrs=read-write&options=-c%20client_min_messages=error%20-c%20work_mem=5MB";
    let store = Store::open_postgres(&url, false).await.unwrap();
    let world = World::stored(&store, 5).await;
    client
        .batch_execute(
            "CREATE TABLE seen (setting TEXT); \
         CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO seen VALUES \
         (concat_ws('', '', current_setting(''synchronous_commit''), current_setting(''transaction_isolation''), \
         current_setting(''client_min_messages''), current_setting(''work_mem''))); RETURN NULL; END'; \
         CREATE TRIGGER look AFTER INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION look()",
        )
        .await
        .unwrap();
    insert(&store, &world).await.1.unwrap();
    let seen: String = client.query_one("SELECT setting FROM seen", &[]).await.unwrap().get(0);
    assert_eq!(seen, "on, read committed, warning, 5MB");
}

/// Starts a connection as the client asks, but for the server's options.
async fn start_without_options(client: &mut TcpStream, server: &mut TcpStream) {
    let mut message = vec![0; client.read_u32().await.unwrap() as usize - 4];
    client.read_exact(&mut message).await.unwrap();
    let (version, parameters) = message.split_at(4);
    let words: Vec<&[u8]> = parameters.split(|byte| *byte == 0).collect();
    let kept = words.chunks(2).filter(|pair| pair[0] != b"options").collect::<Vec<_>>().concat().join(&0);
    server.write_u32(8 + kept.len() as u32).await.unwrap();
    server.write_all(&[version, &kept].concat()).await.unwrap();
}

#[tokio::test]
async fn a_pooler_that_withholds_the_settings_is_refused() {
    let database = Database::postgres().await;
    let url = database.url();
    let (user, server) = url.split_once('@').unwrap();
    let (server, name) = server.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{user}@{}/{name}", listener.local_addr().unwrap());
    let server = server.to_owned();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(server).await.unwrap();
        start_without_options(&mut client, &mut server).await;
        // It ends as the client wishes.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    });
    let refusal = Store::open_postgres(&url, false).await.err().unwrap();
    assert!(matches!(&refusal, StoreError::Schema(reason) if reason.contains("withholds")), "{refusal}");
}

/// What a line does with what it is given.
#[derive(Clone, Copy, PartialEq)]
enum Carries {
    /// It carries everything.
    All,
    /// The same, until somebody sends this word; then it does the other.
    Until(&'static str, Then),
    /// What fails has failed.
    Nothing(Then),
}

/// How a line fails. In both ways new connections are taken, and nothing is said on them.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// Its connections are closed.
    Cut,
    /// Its connections stay open, and no answer comes back.
    Silent,
}

/// A way to the server that can fail.
struct Line {
    address: SocketAddr,
    carries: watch::Sender<Carries>,
    /// Connections that were taken since it failed.
    unanswered: Arc<AtomicUsize>,
}

impl Line {
    /// A line to the server of a database, and the store at its end. An attempt to connect takes a second at most.
    async fn to(database: &Database) -> (Self, Arc<Store>) {
        let url = database.url();
        let (user, server) = url.split_once('@').unwrap();
        let (server, name) = server.split_once('/').unwrap();
        let line = Self::to_server(server.to_owned()).await;
        let url = format!("{user}@{}/{name}?connect_timeout=1", line.address);
        (line, Arc::new(Store::open_postgres(&url, false).await.unwrap()))
    }

    async fn to_server(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, unanswered) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let carries = watch::Sender::new(Carries::All);
        let (counter, state) = (Arc::clone(&unanswered), carries.clone());
        tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if let Carries::Nothing(_) = *state.borrow() {
                    counter.fetch_add(1, Ordering::SeqCst);
                    silent.push(client);
                    continue;
                }
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, state.clone()));
            }
        });
        Self { address, carries, unanswered }
    }

    /// Waits until it has failed.
    async fn failed(&self) {
        failure(&self.carries).await;
    }
}

/// Waits until a line has failed, and tells how.
async fn failure(line: &watch::Sender<Carries>) -> Then {
    let mut state = line.subscribe();
    loop {
        if let Carries::Nothing(then) = *state.borrow_and_update() {
            return then;
        }
        state.changed().await.unwrap();
    }
}

async fn carry(client: TcpStream, server: TcpStream, state: watch::Sender<Carries>) {
    let (mut requests, mut to_client) = client.into_split();
    let (mut answers, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = [0; 8192];
        loop {
            let read = requests.read(&mut buffer).await.unwrap_or(0);
            let given = *state.borrow();
            if let Carries::Until(word, then) = given
                && buffer[..read].windows(word.len()).any(|bytes| bytes == word.as_bytes())
            {
                state.send_replace(Carries::Nothing(then));
            }
            if read == 0 || to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    let down = async {
        tokio::select! {
            // First, so that no answer slips through.
            biased;
            then = failure(&state) => if then == Then::Silent {
                // Closed when the line is mended: who has not given it up by then need not wait any longer.
                let mended = |carries: &Carries| !matches!(carries, Carries::Nothing(_));
                let _ = state.subscribe().wait_for(mended).await;
            },
            _ = tokio::io::copy(&mut answers, &mut to_client) => {}
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_of_a_server_that_has_fallen_silent_share_one_attempt_to_reach_it() {
    const READERS: usize = 8;
    let database = Database::postgres().await;
    let (line, store) = Line::to(&database).await;
    let id = World::stored(&store, 1).await.session().id;
    assert_eq!(store.reader().find_session(id).await, Ok(None));

    line.carries.send_replace(Carries::Nothing(Then::Cut));
    let readers = (0..READERS).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            // Those that were under way when the line was cut are told so; the next ones try to reach the server.
            let under_way = store.reader().find_session(id).await;
            [under_way, store.reader().find_session(id).await]
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        for answer in reader.await.unwrap() {
            assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        }
    }
    let attempts = line.unanswered.load(Ordering::SeqCst);
    assert!(attempts < READERS, "{attempts} attempts for {READERS} readers");
}

/// Starts to write a session.
fn start_to_insert(store: &Arc<Store>, world: &World) -> JoinHandle<(SessionId, Result<(), StoreError>)> {
    let (store, world) = (Arc::clone(store), world.clone());
    tokio::spawn(async move { insert(&store, &world).await })
}

#[tokio::test]
async fn writers_whose_connection_breaks_share_one_attempt_to_reach_the_server_again() {
    const WRITES: usize = 8;
    let database = Database::postgres().await;
    let (line, store) = Line::to(&database).await;
    let world = World::stored(&store, 1).await;
    line.carries.send_replace(Carries::Until("INSERT INTO sessions", Then::Cut));
    let writes: Vec<_> = (0..WRITES).map(|_| start_to_insert(&store, &world)).collect();
    line.failed().await;
    for write in writes {
        let (_, answer) = write.await.unwrap();
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    let attempts = line.unanswered.load(Ordering::SeqCst);
    assert!(attempts < WRITES, "{attempts} attempts for {WRITES} writes");
}

#[tokio::test]
async fn a_commit_about_which_the_server_keeps_silent_is_unknown_and_the_next_one_has_a_new_connection() {
    let database = Database::postgres().await;
    let (line, store) = Line::to(&database).await;
    let world = World::stored(&store, 1).await;
    line.carries.send_replace(Carries::Until("COMMIT\0", Then::Silent));
    let commit = start_to_insert(&store, &world);
    line.failed().await;
    // Nothing will come any more, and whoever waits for it need not do so in real time.
    tokio::time::pause();
    let (id, answer) = commit.await.unwrap();
    assert!(matches!(answer, Err(StoreError::Unknown(_))), "{answer:?}");
    let (_, answer) = insert(&store, &world).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");

    tokio::time::resume();
    line.carries.send_replace(Carries::All);
    assert_eq!(insert(&store, &world).await.1, Ok(()));
    assert!(is_there(&database.open().await, id).await, "here it is stored");
}

#[tokio::test]
async fn whoever_reads_or_writes_is_refused_when_the_server_keeps_silent() {
    let database = Database::postgres().await;
    let (line, store) = Line::to(&database).await;
    let world = World::stored(&store, 1).await;
    let (reader, id) = (store.reader(), world.session().id);
    // A row, and a list on each of the two connections for lists.
    let read = async || tokio::join!(reader.find_session(id), reader.list_rates(), reader.list_rates());
    assert_eq!(read().await, (Ok(None), Ok(Vec::new()), Ok(Vec::new())));

    line.carries.send_replace(Carries::Nothing(Then::Silent));
    tokio::time::pause();
    let ((row, one, other), (_, write)) = tokio::join!(read(), insert(&store, &world));
    for refusal in [row.err(), one.err(), other.err(), write.err()] {
        assert!(matches!(refusal, Some(StoreError::Unavailable(_))), "{refusal:?}");
    }

    tokio::time::resume();
    line.carries.send_replace(Carries::All);
    assert_eq!(insert(&store, &world).await.1, Ok(()));
    assert_eq!(read().await, (Ok(None), Ok(Vec::new()), Ok(Vec::new())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_wants_a_row_does_not_stand_behind_a_list_on_postgresql() {
    let database = Database::postgres().await;
    let store = Arc::new(database.open().await);
    let id = World::stored(&store, 1).await.session().id;
    let lock = database.client().await;
    lock.batch_execute("BEGIN; LOCK TABLE rates IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let lists: Vec<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.reader().list_rates().await })
        })
        .collect();
    // Until the server says that one stands before the lock.
    let watch = database.client().await;
    let waiting =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while watch.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.reader().find_session(id).await, Ok(None));
    assert!(lists.iter().all(|list| !list.is_finished()), "the row came after the lists");
    lock.batch_execute("COMMIT").await.unwrap();
    for list in lists {
        assert_eq!(list.await.unwrap(), Ok(Vec::new()));
    }
}
