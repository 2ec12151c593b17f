//! Rows that a target refused, until their cause is mended.
//!
//! Which rows are refused is for `engine::apply` to find out; here they are
//! counted, listed and forgotten.

use crate::branch::Branch;
use crate::db::connection::{Row, Session};
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::ident::{array_literal, literal};
use crate::metadata::Direction;
use std::collections::HashMap;

/// A reject as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    pub direction: Direction,
    pub table: String,
    /// The text of a JSON array, e.g. `["4711"]`.
    pub key: String,
    /// Why it stayed out, in a word or two.
    pub reason: String,
    /// `None` where pgsync itself kept the row back.
    pub sqlstate: Option<String>,
    pub message: String,
    /// Both in UTC to the second.
    pub first_seen: String,
    pub last_seen: String,
    pub attempts: u64,
    /// The row that was to come, as JSON.
    pub row: Option<String>,
    /// The row that stands in its place, as JSON.
    pub standing: Option<String>,
}

/// The statement that forgets the rejects of a pair that this run has not met
/// again: their cause is mended, or their row is gone.
#[must_use]
pub fn forget_healed(direction: Direction, table: &str, run: &str) -> Sql {
    Sql::new(format!(
        "delete from pgsync.rejects where {} and run_id <> {}",
        of_table(direction, table),
        literal(run)
    ))
}

fn of_table(direction: Direction, table: &str) -> String {
    format!("direction = {} and table_name = {}", literal(direction.word()), literal(table))
}

/// Rejects of a pair that a summary names.
pub const NAMED: u64 = 3;

/// Asks how many rejects a pair has, and for the first of them, a line each.
#[must_use]
pub fn count(direction: Direction, table: &str) -> Sql {
    let of_table = of_table(direction, table);
    Sql::new(format!(
        "select count(*), (select string_agg(key || ': ' || message \
         || coalesce(' (SQLSTATE ' || sqlstate || ')', ''), e'\\n' order by key) \
         from (select key, translate(message, e'\\n\\r', '  ') as message, sqlstate \
         from pgsync.rejects where {of_table} order by key limit {NAMED}) as named) \
         from pgsync.rejects where {of_table}"
    ))
}

/// The rejects of a direction, of one table or of all.
///
/// # Errors
/// When the server refuses.
pub async fn list(
    session: &mut Session,
    direction: Direction,
    table: Option<&str>,
) -> Result<Vec<Reject>> {
    let condition = table.map_or("true".to_owned(), |name| {
        format!("table_name = {}", literal(&session.branch().ledger(name)))
    });
    list_where(session, direction, &condition).await
}

async fn list_where(
    session: &mut Session,
    direction: Direction,
    condition: &str,
) -> Result<Vec<Reject>> {
    let sql = Sql::new(format!(
        "select table_name, key, reason, sqlstate, message, \
         to_char(first_seen at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), \
         to_char(last_seen at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), attempts, \
         source_row::text, target_row::text from pgsync.rejects \
         where direction = {} and {condition} order by table_name, key, row_hash",
        literal(direction.word())
    ));
    let rows = session.rows(&sql).await?;
    let rejects = rows.iter().map(|row| reject(direction, session.branch(), row));
    rejects.filter_map(Result::transpose).collect()
}

/// How many rejects of a direction there are, by table and key.
pub type Counts = HashMap<String, HashMap<String, u64>>;

/// Counts the rejects of a direction, by table and key.
///
/// # Errors
/// When the server refuses.
pub async fn by_key(session: &mut Session, direction: Direction) -> Result<Counts> {
    let sql = Sql::new(format!(
        "select table_name, key, count(*) from pgsync.rejects where direction = {} group by 1, 2",
        literal(direction.word())
    ));
    let mut counts = Counts::new();
    for row in session.rows(&sql).await? {
        let Some(table) = session.branch().table_in(row.text(0)?) else { continue };
        let keys = counts.entry(table.to_owned()).or_default();
        keys.insert(row.text(1)?.to_owned(), row.number(2)?);
    }
    Ok(counts)
}

/// The rejects of a table with one of these keys.
///
/// # Errors
/// When the server refuses.
pub async fn with_keys(
    session: &mut Session,
    direction: Direction,
    table: &str,
    keys: &[&str],
) -> Result<Vec<Reject>> {
    let keys = array_literal(keys.iter().copied().map(Some));
    let table = literal(&session.branch().ledger(table));
    let condition = format!("table_name = {table} and key = any ({keys}::text[])");
    list_where(session, direction, &condition).await
}

/// `None`: another desktop's.
fn reject(direction: Direction, branch: &Branch, row: &Row) -> Result<Option<Reject>> {
    let optional = |index| row.get(index).map(str::to_owned);
    let Some(table) = branch.table_in(row.text(0)?) else { return Ok(None) };
    Ok(Some(Reject {
        direction,
        table: table.to_owned(),
        key: row.text(1)?.to_owned(),
        reason: row.text(2)?.to_owned(),
        sqlstate: optional(3),
        message: row.text(4)?.to_owned(),
        first_seen: row.text(5)?.to_owned(),
        last_seen: row.text(6)?.to_owned(),
        attempts: row.number(7)?,
        row: optional(8),
        standing: optional(9),
    }))
}

/// Forgets the rejects of a table with this key; returns how many.
///
/// # Errors
/// When the server refuses.
pub async fn forget(
    session: &mut Session,
    direction: Direction,
    table: &str,
    key: &str,
) -> Result<u64> {
    let sql = Sql::new(format!(
        "with gone as (delete from pgsync.rejects where {} and key = {} returning 1) \
         select count(*) from gone",
        of_table(direction, &session.branch().ledger(table)),
        literal(key)
    ));
    session.row(&sql).await?.number(0)
}
