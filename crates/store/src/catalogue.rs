//! Every statement of the program, tried on both databases before anything runs it.

use crate::engine::Sql;
use crate::rows::catalogue;
use std::collections::BTreeSet;
use tokio_postgres::types::Type;
use xanpay_testkit::Database;

/// Tables that grow with business. The others hold what an operator has set up.
const BIG: [&str; 9] = [
    "sessions",
    "charges",
    "customers",
    "transfers",
    "events",
    "deliveries",
    "delivery_attempts",
    "idempotency_keys",
    "verifications",
];

/// Statements that may read a whole index, and why their cost is bounded all the same.
const SCANS: [(&str, &str); 2] = [
    // A partial index of waiting deliveries only, read up to the limit that the statement carries.
    ("COUNT_WAITING", "deliveries"),
    // The same index, when an operator takes an endpoint out of use.
    ("END_DELIVERIES", "deliveries"),
];

/// The parameters of a text in the order in which each is met first.
fn parameters(text: &str) -> Vec<u32> {
    let mut met = Vec::new();
    for after in text.split('$').skip(1) {
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        let number = digits.parse().unwrap();
        if !met.contains(&number) {
            met.push(number);
        }
    }
    met
}

/// What a table is called in a statement: by its name, and by its alias.
fn names_of(table: &str, text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split([' ', '(', ')', ',']).filter(|word| !word.is_empty()).collect();
    let mut names = vec![table.to_owned()];
    for pair in words.windows(2) {
        let keyword = pair[1].chars().all(|c| c.is_ascii_uppercase() || c == '_');
        if pair[0] == table && !keyword {
            names.push(pair[1].to_owned());
        }
    }
    names
}

/// The table that a step of a plan reads whole: by a scan, or to make an index of its own for this one statement.
fn scanned_by(step: &str) -> Option<String> {
    let (kind, rest) = step.split_once(' ')?;
    let whole = kind == "SCAN" || (kind == "SEARCH" && rest.contains("USING AUTOMATIC"));
    whole.then(|| rest.split(' ').next().unwrap_or(rest).to_owned())
}

/// The big tables that SQLite would read from end to end.
fn full_scans(connection: &rusqlite::Connection, sql: Sql) -> BTreeSet<&'static str> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text)).unwrap();
    let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
    let steps = statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>("detail")).unwrap();
    let scanned: Vec<String> = steps.filter_map(|step| scanned_by(&step.unwrap())).collect();
    BIG.into_iter().filter(|table| names_of(table, sql.text).iter().any(|name| scanned.contains(name))).collect()
}

#[test]
fn parameters_stand_in_the_order_of_their_numbers() {
    // SQLite numbers `$n` by first appearance, PostgreSQL by n.
    for (name, sql) in catalogue() {
        let met = parameters(sql.text);
        assert_eq!(met, (1..=met.len() as u32).collect::<Vec<_>>(), "{name}");
    }
    assert_eq!(parameters("SELECT $2 WHERE $1 = $2"), [2, 1], "the control is noticed");
}

#[tokio::test]
async fn every_statement_prepares_on_sqlite_and_scans_no_big_table() {
    let database = Database::sqlite();
    crate::Store::open_sqlite(&database.path()).unwrap().close();
    let connection = rusqlite::Connection::open(database.path()).unwrap();
    for (name, sql) in catalogue() {
        let scans = full_scans(&connection, sql);
        let allowed = SCANS.iter().filter(|(statement, _)| *statement == name).map(|(_, table)| *table).collect();
        assert_eq!(scans, allowed, "{name}: {}", sql.text);
    }
}

#[test]
fn a_scan_is_noticed_under_the_tables_name_and_under_its_alias() {
    let database = Database::sqlite();
    crate::Store::open_sqlite(&database.path()).unwrap().close();
    let connection = rusqlite::Connection::open(database.path()).unwrap();
    for text in [
        "SELECT id FROM charges WHERE notify_payload = $1",
        "UPDATE charges SET version = 1 WHERE notify_payload = $1",
        "SELECT c.id FROM charges c WHERE c.notify_payload = $1",
        "SELECT 1 FROM merchants m JOIN charges c ON c.notify_payload = m.name",
    ] {
        assert_eq!(full_scans(&connection, Sql::new("charges", text)), BTreeSet::from(["charges"]), "{text}");
    }
}

/// Whether SQLite builds a table in memory whenever it runs a statement.
fn builds_a_table(connection: &rusqlite::Connection, text: &str) -> bool {
    let mut statement = connection.prepare(&format!("EXPLAIN {text}")).unwrap();
    let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
    let steps = statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>("opcode")).unwrap();
    steps.map(Result::unwrap).any(|opcode| opcode == "OpenEphemeral")
}

#[test]
fn no_row_is_checked_by_way_of_a_table_on_sqlite() {
    let database = Database::sqlite();
    crate::Store::open_sqlite(&database.path()).unwrap().close();
    let connection = rusqlite::Connection::open(database.path()).unwrap();
    // What is returned from an UPDATE waits in a table; what a subselect finds, too.
    let plain = |text: &str| !text.contains("RETURNING") && !text.contains("IN (SELECT");
    let writing = |text: &str| text.starts_with("INSERT") || text.starts_with("UPDATE");
    let statements: Vec<_> = catalogue().into_iter().filter(|(_, sql)| writing(sql.text) && plain(sql.text)).collect();
    assert!(statements.len() > 20, "{statements:?}");
    for (name, sql) in statements {
        assert!(!builds_a_table(&connection, sql.text), "{name}: {}", sql.text);
    }
    connection.execute_batch("CREATE TABLE t (a CHECK (a IN ('x', 'y', 'z')))").unwrap();
    assert!(builds_a_table(&connection, "INSERT INTO t VALUES ('x')"), "the control is noticed");
}

#[tokio::test]
async fn every_statement_prepares_on_postgresql_with_the_three_types_only() {
    let database = Database::postgres().await;
    let store = crate::Store::open_postgres(&database.url(), false).await.unwrap();
    let client = database.client().await;
    let known = [Type::INT8, Type::TEXT, Type::BYTEA];
    for (name, sql) in catalogue() {
        let statement =
            client.prepare(&crate::engine::dialect(sql)).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        for ty in statement.params() {
            assert!(known.contains(ty), "{name} takes {ty}");
        }
        for column in statement.columns() {
            let constant = column.name() == "?column?";
            assert!(constant || known.contains(column.type_()), "{name} returns {} {}", column.name(), column.type_());
        }
    }
    store.close();
}

/// The big tables of which PostgreSQL would read the whole or a whole index, with the gateway's settings and whatever
/// parameters. `types` are those of the parameters, or empty where PostgreSQL can tell.
async fn full_scans_on_postgres(client: &tokio_postgres::Client, text: &str, types: &[Type]) -> BTreeSet<&'static str> {
    let nulls = vec!["NULL"; parameters(text).len()].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let types: Vec<&str> = types.iter().map(Type::name).collect();
    let types = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
    client.batch_execute(&format!("PREPARE tried{types} AS {text}")).await.unwrap();
    let steps = client.query(&format!("EXPLAIN EXECUTE tried{arguments}"), &[]).await.unwrap();
    client.batch_execute("DEALLOCATE tried").await.unwrap();
    let steps: Vec<String> = steps.iter().map(|row| row.get(0)).collect();
    let reads_all = |place: usize, table: &str| {
        let step = &steps[place];
        let condition = steps.get(place + 1).is_some_and(|next| next.contains("Index Cond: "));
        let (on, of_index) = (format!(" on {table} "), format!("Bitmap Index Scan on {table}_"));
        (step.contains("Seq Scan") && step.contains(&on))
            || (!condition && step.contains("Index") && step.contains("Scan using") && step.contains(&on))
            || (!condition && step.contains(&of_index))
    };
    BIG.into_iter().filter(|table| (0..steps.len()).any(|place| reads_all(place, table))).collect()
}

#[tokio::test]
async fn no_statement_scans_a_big_table_on_postgresql() {
    let database = Database::postgres().await;
    crate::Store::open_postgres(&database.url(), false).await.unwrap().close();
    let client = database.client_with(crate::engine::SETTINGS).await;
    for (name, sql) in catalogue() {
        let scans = full_scans_on_postgres(&client, &crate::engine::dialect(sql), &[]).await;
        let allowed = SCANS.iter().filter(|(statement, _)| *statement == name).map(|(_, table)| *table).collect();
        assert_eq!(scans, allowed, "{name}: {}", sql.text);
    }
    for (what, text) in [
        ("a table", "SELECT id FROM charges WHERE notify_payload = $1"),
        ("an index", "SELECT id FROM charges WHERE notify_payload = $1 ORDER BY id"),
        ("a part of an index", "SELECT id FROM charges WHERE status = 'pending' ORDER BY account_id, expires_at"),
    ] {
        assert_eq!(full_scans_on_postgres(&client, text, &[]).await, BTreeSet::from(["charges"]), "{what} is noticed");
    }
}

#[tokio::test]
async fn every_statement_for_many_prepares_on_postgresql_and_scans_no_big_table() {
    let database = Database::postgres().await;
    crate::Store::open_postgres(&database.url(), false).await.unwrap().close();
    let client = database.client_with(crate::engine::SETTINGS).await;
    let for_many: Vec<_> = catalogue().into_iter().filter(|(_, sql)| sql.for_many).collect();
    assert!(for_many.len() > 5, "{for_many:?}");
    for (name, sql) in for_many {
        let plain = client.prepare(sql.text).await.unwrap();
        let types: Vec<Type> = plain.params().iter().map(|ty| crate::engine::array_of(ty).unwrap()).collect();
        let form = crate::engine::for_many(sql.text, types.len()).unwrap_or_else(|| panic!("{name} has no form"));
        let (text, types) = (form.text, if form.columns.is_some() { Vec::new() } else { types });
        assert_eq!(full_scans_on_postgres(&client, &text, &types).await, BTreeSet::new(), "{name}: {text}");
        let statement = client.prepare_typed(&text, &types).await.unwrap();
        let columns: Vec<_> = statement.columns().iter().map(|column| (column.name(), column.type_())).collect();
        if sql.text.starts_with("INSERT") {
            assert!(columns.is_empty() || columns[0].1 == &Type::TEXT, "{name} names its rows by {columns:?}");
            assert!(sql.text.contains("VALUES ($1, "), "{name}: the first parameter is the first column");
        } else {
            assert_eq!(columns[0], ("place", &Type::INT8), "{name}");
            assert!(!sql.text.contains(" LIMIT ") && !sql.text.contains(" ORDER "), "{name}");
        }
    }
}

#[test]
fn the_catalogue_names_each_statement_with_its_table() {
    let names: BTreeSet<&str> = catalogue().iter().map(|(name, _)| *name).collect();
    assert!(names.len() > 50, "{}", names.len());
    for (name, sql) in catalogue() {
        assert!(sql.text.contains(sql.table), "{name}");
    }
}
