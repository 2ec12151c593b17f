//! Own writes, rows without a key, and runs.

use crate::db::connection::Session;
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::db::sql::owned::REJECTED_AGAIN;
use crate::ident::literal;
use crate::metadata::Direction;
use std::collections::HashMap;

/// The statement that records the current transaction as one of ours, and the
/// part of it since the last savepoint.
///
/// It must run in the transaction that writes the rows, under the same
/// savepoint: rows that are written under one carry an id of their own, which
/// only a row written there can tell. Such an id has 32 bits of the 64 and
/// comes after the transaction's.
///
/// Source: <https://www.postgresql.org/docs/current/transaction-id.html>
#[must_use]
pub fn record_own_write(run: &str) -> Sql {
    let run = literal(run);
    Sql::new(format!(
        "with whole as (insert into pgsync.own_writes (xid, run_id) \
         select pg_current_xact_id(), {run} \
         on conflict (xid) do update set run_id = excluded.run_id \
         returning xid::text::numeric as xid, xmin::text::numeric as part), \
         part as (select xid, div(xid, 4294967296) * 4294967296 + part as part from whole) \
         insert into pgsync.own_writes (xid, run_id) \
         select (case when part < xid then part + 4294967296 else part end)::text::xid8, {run} \
         from part where part <> xid on conflict do nothing"
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
        let Some(table) = session.branch().table_in(row.text(0)?) else { continue };
        keys.entry(table.to_owned()).or_default().push(row.text(1)?.to_owned());
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

/// Notes that a run has begun.
///
/// # Errors
/// When the server refuses.
pub async fn begin_run(session: &mut Session, run: &str, direction: Direction) -> Result<()> {
    let sql = Sql::new(format!(
        "insert into pgsync.runs (run_id, direction, desktop, version) values ({}, {}, {}, {})",
        literal(run),
        literal(direction.word()),
        literal(session.branch().name()),
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
