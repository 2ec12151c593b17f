//! Own writes, rejects and runs.

use crate::db::connection::Session;
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::db::sql::owned::REJECTED_AGAIN;
use crate::ident::literal;
use crate::metadata::Direction;
use std::collections::HashMap;

/// The statement that records the current transaction as one of ours.
///
/// It must run in the transaction that writes the rows. Rows carry this id
/// because none of them is written under a savepoint.
#[must_use]
pub fn record_own_write(run: &str) -> Sql {
    Sql::new(format!(
        "insert into pgsync.own_writes (xid, run_id) \
         select pg_current_xact_id(), {} on conflict do nothing",
        literal(run)
    ))
}

const PRUNE: &str = "\
delete from pgsync.own_writes
where xid::text::numeric
  < pg_snapshot_xmin(pg_current_snapshot())::text::numeric - 1073741824 - 1000000";

/// The keys of the rejects of a direction, by table.
///
/// # Errors
/// When the server refuses.
pub async fn rejected_keys(
    session: &mut Session,
    direction: Direction,
) -> Result<HashMap<String, Vec<String>>> {
    let sql = Sql::new(format!(
        "select distinct table_name, key from pgsync.rejects where direction = {} order by 1, 2",
        literal(direction.word())
    ));
    let mut keys: HashMap<String, Vec<String>> = HashMap::new();
    for row in session.rows(&sql).await? {
        keys.entry(row.text(0)?.to_owned()).or_default().push(row.text(1)?.to_owned());
    }
    Ok(keys)
}

/// A source row that has no whole key, so that nobody can tell whether the
/// target has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyless {
    /// The key as far as it goes, e.g. `[null]`.
    pub key: String,
    /// The whole row as JSON.
    pub row: String,
}

/// The statement that keeps rows without a whole key as rejects.
#[must_use]
pub fn record_keyless(direction: Direction, table: &str, run: &str, rows: &[Keyless]) -> Sql {
    let values: Vec<String> = rows
        .iter()
        .map(|Keyless { key, row }| {
            let (key, row) = (literal(key), literal(row));
            let (direction, table) = (literal(direction.word()), literal(table));
            let run = literal(run);
            format!(
                "({direction}, {table}, {key}, md5({row}), 'no key', \
                 'a column of the key is NULL', {row}::jsonb, {run})"
            )
        })
        .collect();
    // Two equal rows share key and hash, and `on conflict do update` must not
    // meet the same reject twice.
    Sql::new(format!(
        "insert into pgsync.rejects as known \
         (direction, table_name, key, row_hash, reason, message, source_row, run_id) \
         select distinct on (3, 4) * from (values {}) as v (a, b, c, d, e, f, g, h) {REJECTED_AGAIN}",
        values.join(", ")
    ))
}

/// The statement that forgets the rejects of a pair that this run has not met
/// again: their cause is mended, or their row is gone.
#[must_use]
pub fn forget_healed(direction: Direction, table: &str, run: &str) -> Sql {
    Sql::new(format!(
        "delete from pgsync.rejects where direction = {} and table_name = {} and run_id <> {}",
        literal(direction.word()),
        literal(table),
        literal(run)
    ))
}

/// Asks how many rejects a pair has.
#[must_use]
pub fn count_rejects(direction: Direction, table: &str) -> Sql {
    Sql::new(format!(
        "select count(*) from pgsync.rejects where direction = {} and table_name = {}",
        literal(direction.word()),
        literal(table)
    ))
}

/// Notes that a run has begun.
///
/// # Errors
/// When the server refuses.
pub async fn begin_run(session: &mut Session, run: &str, direction: Direction) -> Result<()> {
    let sql = Sql::new(format!(
        "insert into pgsync.runs (run_id, direction, version) values ({}, {}, {})",
        literal(run),
        literal(direction.word()),
        literal(env!("CARGO_PKG_VERSION")),
    ));
    session.execute(&sql).await
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub struct RunEnd<'a> {
    pub result: &'a str,
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    pub rejected: u64,
    pub failed_tables: usize,
}

/// Notes how a run ended, and forgets own writes that no horizon reaches any
/// more: past 2^30 transactions a pair is reconciled.
///
/// # Errors
/// When the server refuses.
pub async fn end_run(session: &mut Session, run: &str, end: RunEnd<'_>) -> Result<()> {
    let sql = Sql::new(format!(
        "update pgsync.runs set finished_at = clock_timestamp(), result = {}, \
         rows_inserted = {}, rows_updated = {}, rows_deleted = {}, rows_rejected = {}, \
         tables_failed = {} where run_id = {};\n{PRUNE}",
        literal(end.result),
        end.inserted,
        end.updated,
        end.deleted,
        end.rejected,
        end.failed_tables,
        literal(run)
    ));
    session.execute(&sql).await
}
