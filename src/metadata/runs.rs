//! The history of runs, as it is read; `ledger` writes it.

use crate::db::connection::{Row, Session};
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::ident::literal;
use crate::metadata::Direction;

/// A run that has been.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    pub run: String,
    pub direction: Direction,
    /// Both in UTC to the second; `None`: still at work, or broken off.
    pub started: String,
    pub finished: Option<String>,
    pub seconds: Option<f64>,
    /// `ok`, `rejected`, `failed`, `interrupted`, or `running`.
    pub result: String,
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    pub rejected: u64,
    pub failed_tables: u64,
}

/// The newest runs of a direction, the newest first.
///
/// # Errors
/// When the server refuses.
pub async fn newest(
    session: &mut Session,
    direction: Direction,
    limit: u64,
) -> Result<Vec<PastRun>> {
    let (word, desktop) = (literal(direction.word()), literal(session.branch().name()));
    let sql = format!(
        "{NEWEST} where direction = {word} and desktop = {desktop} \
         order by started_at desc limit {limit}"
    );
    session.rows(&Sql::new(sql)).await?.iter().map(|row| past(direction, row)).collect()
}

const NEWEST: &str = "\
select run_id,
  to_char(started_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
  to_char(finished_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
  round(extract(epoch from finished_at - started_at)::numeric, 3),
  result, rows_inserted, rows_updated, rows_deleted, rows_rejected, tables_failed
from pgsync.runs";

fn past(direction: Direction, row: &Row) -> Result<PastRun> {
    Ok(PastRun {
        run: row.text(0)?.to_owned(),
        direction,
        started: row.text(1)?.to_owned(),
        finished: row.get(2).map(str::to_owned),
        seconds: row.get(3).map(|_| row.number(3)).transpose()?,
        result: row.text(4)?.to_owned(),
        inserted: row.number(5)?,
        updated: row.number(6)?,
        deleted: row.number(7)?,
        rejected: row.number(8)?,
        failed_tables: row.number(9)?,
    })
}

/// How the run before this one ended, of the same direction; `None`: this is
/// the first. An interruption says nothing, and is passed over.
///
/// # Errors
/// When the server refuses.
pub async fn result_before(
    session: &mut Session,
    direction: Direction,
    run: &str,
) -> Result<Option<String>> {
    let (word, run) = (literal(direction.word()), literal(run));
    let desktop = literal(session.branch().name());
    let rows = session
        .rows(&Sql::new(format!(
            "select result from pgsync.runs where direction = {word} and desktop = {desktop} \
             and run_id <> {run} and result <> 'interrupted' order by started_at desc limit 1"
        )))
        .await?;
    Ok(rows.first().and_then(|row| row.get(0)).map(str::to_owned))
}
