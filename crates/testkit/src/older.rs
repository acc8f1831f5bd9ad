//! Databases as an older program would have left them.

use crate::database::{Database, Engine};
use std::collections::BTreeMap;
use std::path::Path;

/// The tables of a database with their columns, without those of the migrations' own bookkeeping.
pub type Columns = BTreeMap<String, Vec<String>>;

/// What remembers the steps of the schema.
const BOOKKEEPING: &str = "schema_migrations";

/// The steps of the schema, in their order, as a database takes them.
#[must_use]
pub fn schema_steps(engine: Engine) -> Vec<String> {
    let (int, blob, strict, sqlite, postgres) = match engine {
        Engine::Sqlite => ("INTEGER", "BLOB", " STRICT", "", "--"),
        Engine::Postgres => ("BIGINT", "BYTEA", "", "--", ""),
    };
    let [refuse, refused] = match engine {
        Engine::Sqlite => ["BEGIN SELECT RAISE(ABORT, ", "); END"],
        Engine::Postgres => ["EXECUTE FUNCTION refuse(", ")"],
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |file| std::fs::read_to_string(file).unwrap();
    let render = |text: String| {
        let text = text.replace("{int}", int).replace("{blob}", blob);
        let text = text.replace("{strict}", strict).replace("{sqlite}", sqlite).replace("{postgres}", postgres);
        text.replace("{refuse(", refuse).replace(")}", refused)
    };
    files.iter().map(read).map(render).collect()
}

/// A database of the same kind with the schema as it was after `steps` steps, and with the rows of `newest` as far as
/// that schema has room for them.
pub async fn older_copy(newest: &Database, steps: usize) -> Database {
    let older = match newest.engine() {
        Engine::Sqlite => Database::sqlite(),
        Engine::Postgres => Database::postgres().await,
    };
    // The rows come in the order of their tables' names, not in that of their references.
    let mut script = match newest.engine() {
        Engine::Sqlite => "PRAGMA foreign_keys = OFF;".to_owned(),
        Engine::Postgres => "SET session_replication_role = replica;".to_owned(),
    };
    script.extend(schema_steps(newest.engine()).into_iter().take(steps));
    run(&older, &script).await;
    script.drain(script.find(';').unwrap() + 1..);
    let all = columns(&older).await;
    let kept = shared(&all, &columns(newest).await);
    for (table, rows) in rows(newest, &kept).await {
        // A step may have put rows of its own in.
        script.push_str(&format!("DELETE FROM {table};"));
        // A later step has dropped the rest, of which nothing is known any more.
        let dropped = all[&table].iter().filter(|name| !kept[&table].contains(name));
        let names = kept[&table].iter().chain(dropped.clone()).map(String::as_str).collect::<Vec<_>>().join(", ");
        let unknown = ", ''".repeat(dropped.count());
        script.extend(rows.iter().map(|row| format!("INSERT INTO {table} ({names}) VALUES ({row}{unknown});")));
    }
    let remembered = BTreeMap::from([(BOOKKEEPING.to_owned(), vec!["number".to_owned(), "checksum".to_owned()])]);
    let (int, text) = match newest.engine() {
        Engine::Sqlite => ("INTEGER", "TEXT NOT NULL) STRICT"),
        Engine::Postgres => ("BIGINT", "TEXT NOT NULL)"),
    };
    script.push_str(&format!("CREATE TABLE {BOOKKEEPING} (number {int} NOT NULL PRIMARY KEY, checksum {text};"));
    for row in &rows(newest, &remembered).await[BOOKKEEPING] {
        script.push_str(&format!("INSERT INTO {BOOKKEEPING} VALUES ({row});"));
    }
    let first = format!("SELECT number FROM {BOOKKEEPING} ORDER BY number LIMIT {steps}");
    script.push_str(&format!("DELETE FROM {BOOKKEEPING} WHERE number NOT IN ({first});"));
    run(&older, &script).await;
    older
}

/// Every table and column.
pub async fn columns(database: &Database) -> Columns {
    let pairs = match database.engine() {
        Engine::Sqlite => {
            let sql = "SELECT t.name || ' ' || c.name FROM sqlite_master t, pragma_table_info(t.name) c \
                WHERE t.type = 'table' ORDER BY c.cid";
            texts(database, sql).await
        }
        Engine::Postgres => {
            let sql = "SELECT CAST(table_name || ' ' || column_name AS TEXT) FROM information_schema.columns \
                WHERE table_schema = 'public' ORDER BY ordinal_position";
            texts(database, sql).await
        }
    };
    let mut columns = Columns::new();
    for (table, column) in pairs.iter().filter_map(|pair| pair.split_once(' ')).filter(|pair| pair.0 != BOOKKEEPING) {
        columns.entry(table.to_owned()).or_default().push(column.to_owned());
    }
    columns
}

/// Of these columns the ones that are among others, too.
#[must_use]
pub fn shared(columns: &Columns, others: &Columns) -> Columns {
    let shared = |(table, names): (&String, &Vec<String>)| {
        let is_shared = |name: &&String| others.get(table).is_some_and(|others| others.contains(name));
        (table.clone(), names.iter().filter(is_shared).cloned().collect())
    };
    columns.iter().map(shared).collect()
}

/// Every row of these tables, by the table's name and sorted, as the values of an INSERT.
pub async fn rows(database: &Database, columns: &Columns) -> BTreeMap<String, Vec<String>> {
    let quote = match database.engine() {
        Engine::Sqlite => "quote",
        Engine::Postgres => "quote_nullable",
    };
    let mut all = BTreeMap::new();
    for (table, names) in columns {
        let values: Vec<_> = names.iter().map(|name| format!("{quote}({name})")).collect();
        let mut rows = texts(database, &format!("SELECT {} FROM {table}", values.join(" || ', ' || "))).await;
        rows.sort();
        all.insert(table.clone(), rows);
    }
    all
}

async fn texts(database: &Database, sql: &str) -> Vec<String> {
    match database.engine() {
        Engine::Sqlite => {
            let connection = rusqlite::Connection::open(database.path()).unwrap();
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        }
        Engine::Postgres => {
            database.client().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
        }
    }
}

async fn run(database: &Database, script: &str) {
    match database.engine() {
        Engine::Sqlite => rusqlite::Connection::open(database.path()).unwrap().execute_batch(script).unwrap(),
        Engine::Postgres => database.client().await.batch_execute(script).await.unwrap(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{World, on_both_databases};

    #[tokio::test]
    async fn a_copy_at_the_newest_step_is_a_database_with_the_same_rows() {
        on_both_databases(async |database| {
            let store = database.open().await;
            World::stored(&store, 1).await;
            store.close();
            let copy = older_copy(database, schema_steps(database.engine()).len()).await;
            copy.open().await.close();
            let columns = columns(database).await;
            let expected = rows(database, &columns).await;
            assert_eq!((rows(&copy, &columns).await, expected["merchants"].len()), (expected, 1));
        })
        .await;
    }
}
