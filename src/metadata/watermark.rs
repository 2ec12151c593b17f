//! How far each pair has come, and the figures of its last run.
//!
//! A watermark is a time for people and a horizon for the program, written
//! together with the rows. Both travel as text, so that no precision is lost.

use crate::db::connection::{Row, Session};
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::ident::literal;
use crate::metadata::Direction;
use std::collections::HashMap;

/// A pair's watermark as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watermark {
    /// `last_sync_timestamp`, in UTC with microseconds.
    pub timestamp: String,
    /// Whether `timestamp` is not after 1970-01-01: everything is asked for.
    pub is_epoch: bool,
    pub horizon: Option<Horizon>,
    /// Whether there was a horizon, and [`reset`] took it away.
    pub was_reset: bool,
    pub standing: Option<Standing>,
}

/// How both sides stood when a mirror last made them equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The oldest transaction that was unfinished on the target.
    pub target_xid: u64,
    /// The target that it belongs to.
    pub target_identity: String,
    pub source_rows: u64,
    pub target_rows: u64,
}

/// What stands behind the time, as pgsync wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Horizon {
    /// The oldest transaction unfinished at the read point.
    pub xid: u64,
    /// The time that was written with it.
    pub timestamp: String,
    /// The source that it belongs to.
    pub identity: String,
    /// Columns, key and filter that it belongs to.
    pub mapping: String,
}

/// The watermarks of a direction, by table name.
pub type Watermarks = HashMap<String, Watermark>;

/// Reads every watermark of a direction.
///
/// # Errors
/// When the server refuses.
pub async fn read(session: &mut Session, direction: Direction) -> Result<Watermarks> {
    let rows = session.rows(&Sql::new(format!("{READ} {}", direction.watermark_table()))).await?;
    let ours = |row: &Row| {
        let table = session.branch().table_in(row.text(0)?).map(str::to_owned);
        table.map(|table| Ok((table, watermark(row)?))).transpose()
    };
    rows.iter().filter_map(|row| ours(row).transpose()).collect()
}

const READ: &str = "\
select table_name,
  coalesce(to_char(last_sync_timestamp::timestamptz at time zone 'UTC',
    'YYYY-MM-DD HH24:MI:SS.US+00'), '1970-01-01 00:00:00.000000+00'),
  coalesce(last_sync_timestamp, '1970-01-01')::timestamptz
    <= timestamptz '1970-01-01 00:00:00+00' + interval '1 day',
  horizon,
  to_char(horizon_timestamp at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00'),
  source_identity,
  mapping,
  target_horizon,
  source_rows,
  target_rows,
  target_identity
from";

fn watermark(row: &Row) -> Result<Watermark> {
    let horizon = match (row.get(3), row.get(4), row.get(5), row.get(6)) {
        (Some(_), Some(timestamp), Some(identity), Some(mapping)) => Some(Horizon {
            xid: row.number(3)?,
            timestamp: timestamp.to_owned(),
            identity: identity.to_owned(),
            mapping: mapping.to_owned(),
        }),
        _ => None,
    };
    let standing = match (row.get(7), row.get(8), row.get(9), row.get(10)) {
        (Some(_), Some(_), Some(_), Some(identity)) => Some(Standing {
            target_xid: row.number(7)?,
            target_identity: identity.to_owned(),
            source_rows: row.number(8)?,
            target_rows: row.number(9)?,
        }),
        _ => None,
    };
    Ok(Watermark {
        timestamp: row.text(1)?.to_owned(),
        is_epoch: row.flag(2),
        was_reset: row.get(3).is_none() && row.get(6).is_some(),
        horizon,
        standing,
    })
}

/// What a finished pair writes.
#[derive(Debug, Clone)]
pub struct Advance<'a> {
    pub table: &'a str,
    pub horizon: &'a Horizon,
    pub standing: Option<Standing>,
    pub figures: Figures<'a>,
}

/// What the last run did with a pair.
#[derive(Debug, Clone, Copy)]
pub struct Figures<'a> {
    pub run: &'a str,
    pub how: &'a str,
    pub checked: u64,
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    pub protected: u64,
    pub rejected: u64,
    pub seconds: f64,
}

/// The statement that moves a pair's watermark and keeps its figures.
///
/// Update first, then insert what was not there: an adopted table may lack
/// the primary key that `on conflict` needs. One run at a time writes it.
#[must_use]
pub fn advance(direction: Direction, advance: &Advance<'_>) -> Sql {
    let horizon = advance.horizon;
    let values = [
        ("last_sync_timestamp", stamp(&horizon.timestamp)),
        ("horizon", format!("'{}'::xid8", horizon.xid)),
        ("horizon_timestamp", stamp(&horizon.timestamp)),
        ("source_identity", literal(&horizon.identity)),
        ("mapping", literal(&horizon.mapping)),
        ("last_result", "'ok'".to_owned()),
        ("last_error", "null".to_owned()),
    ];
    let mut values = values.to_vec();
    values.extend(standing(advance.standing.as_ref()));
    values.extend(figures(&advance.figures));
    upsert(direction, advance.table, &values)
}

/// The statement that keeps a pair's failure and leaves its watermark alone.
#[must_use]
pub fn fail(direction: Direction, table: &str, figures_of: &Figures<'_>, error: &str) -> Sql {
    let mut values = vec![("last_result", "'failed'".to_owned()), ("last_error", literal(error))];
    values.extend(figures(figures_of));
    upsert(direction, table, &values)
}

fn standing(standing: Option<&Standing>) -> [(&'static str, String); 4] {
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
    [
        (
            "target_horizon",
            or_null(standing.map(|standing| format!("'{}'::xid8", standing.target_xid))),
        ),
        ("target_identity", or_null(standing.map(|standing| literal(&standing.target_identity)))),
        ("source_rows", or_null(standing.map(|standing| standing.source_rows.to_string()))),
        ("target_rows", or_null(standing.map(|standing| standing.target_rows.to_string()))),
    ]
}

fn figures(figures: &Figures<'_>) -> [(&'static str, String); 10] {
    [
        ("last_run_id", literal(figures.run)),
        ("last_run_at", "clock_timestamp()".to_owned()),
        ("last_run_how", literal(figures.how)),
        ("rows_checked", figures.checked.to_string()),
        ("rows_inserted", figures.inserted.to_string()),
        ("rows_updated", figures.updated.to_string()),
        ("rows_deleted", figures.deleted.to_string()),
        ("rows_protected", figures.protected.to_string()),
        ("rows_rejected", figures.rejected.to_string()),
        ("seconds", figures.seconds.to_string()),
    ]
}

fn stamp(text: &str) -> String {
    format!("{}::timestamptz", literal(text))
}

fn upsert(direction: Direction, table: &str, values: &[(&str, String)]) -> Sql {
    let (metadata, name) = (direction.watermark_table(), literal(table));
    let sets: Vec<String> =
        values.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    Sql::new(format!(
        "{};\nupdate {metadata} set {}, updated_at = now() where table_name = {name}",
        seed(direction, table),
        sets.join(", "),
    ))
}

/// The statement that gives a pair its row, if it has none.
#[must_use]
pub fn seed(direction: Direction, table: &str) -> Sql {
    let (metadata, name) = (direction.watermark_table(), literal(table));
    Sql::new(format!(
        "insert into {metadata} (table_name, last_sync_timestamp) \
         select {name}, '1970-01-01 00:00:00+00' \
         where not exists (select from {metadata} where table_name = {name})"
    ))
}

/// Gives a pair its row; says whether it was new.
///
/// # Errors
/// When the server refuses.
pub async fn ensure(session: &mut Session, direction: Direction, table: &str) -> Result<bool> {
    let table = session.branch().ledger(table);
    let seed = Sql::new(format!("{} returning 1", seed(direction, &table)));
    Ok(!session.rows(&seed).await?.is_empty())
}

/// Forgets how far a pair has come, so that the next run compares in full.
/// What was delivered stays known, and so does the mapping: it shows that this
/// was no first run.
///
/// # Errors
/// When the server refuses.
pub async fn reset(session: &mut Session, direction: Direction, table: &str) -> Result<()> {
    let reset = Sql::new(format!(
        "update {} set last_sync_timestamp = '1970-01-01 00:00:00+00', horizon = null, \
         horizon_timestamp = null, updated_at = now() where table_name = {}",
        direction.watermark_table(),
        literal(&session.branch().ledger(table))
    ));
    session.execute(&reset).await
}

/// A line of `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    pub table: String,
    /// When it ended, in UTC to the second; `None`: never ran.
    pub at: Option<String>,
    /// `last_sync_timestamp` in UTC to the second; `None`: not synced yet.
    pub synced_up_to: Option<String>,
    /// Seconds between then and the server's clock now.
    pub age_seconds: Option<i64>,
    pub inserted: Option<u64>,
    pub updated: Option<u64>,
    pub deleted: Option<u64>,
    /// Rows that were left alone because the target owns them.
    pub protected: Option<u64>,
    pub rejected: Option<u64>,
    pub result: Option<String>,
    pub error: Option<String>,
}

/// Reads what the last run of each table did.
///
/// # Errors
/// When the server refuses.
pub async fn last_runs(session: &mut Session, direction: Direction) -> Result<Vec<LastRun>> {
    let sql = format!("{LAST_RUNS} {} order by table_name", direction.watermark_table());
    let mut runs: Vec<LastRun> =
        session.rows(&Sql::new(sql)).await?.iter().map(last_run).collect::<Result<_>>()?;
    runs.retain_mut(|run| match session.branch().table_in(&run.table) {
        Some(table) => {
            run.table = table.to_owned();
            true
        }
        None => false,
    });
    Ok(runs)
}

const LAST_RUNS: &str = "\
select table_name,
  to_char(last_run_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
  case when last_sync_timestamp > timestamptz '1970-01-02 00:00:00+00'
    then to_char(last_sync_timestamp::timestamptz at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') end,
  case when last_sync_timestamp > timestamptz '1970-01-02 00:00:00+00'
    then floor(extract(epoch from clock_timestamp() - last_sync_timestamp))::bigint end,
  rows_inserted, rows_updated, rows_deleted, rows_protected, rows_rejected, last_result, last_error
from";

fn last_run(row: &Row) -> Result<LastRun> {
    let text = |index| row.get(index).map(str::to_owned);
    let optional = |index| row.get(index).map(|_| row.number(index)).transpose();
    Ok(LastRun {
        table: row.text(0)?.to_owned(),
        at: text(1),
        synced_up_to: text(2),
        age_seconds: row.get(3).map(|_| row.number(3)).transpose()?,
        inserted: optional(4)?,
        updated: optional(5)?,
        deleted: optional(6)?,
        protected: optional(7)?,
        rejected: optional(8)?,
        result: text(9),
        error: text(10),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watermark_is_written_with_everything_that_it_depends_on() {
        let horizon = Horizon {
            xid: 4_294_967_301,
            timestamp: "2026-01-02 03:04:05.678901+00".into(),
            identity: "7/1/5/16384".into(),
            mapping: "key id".into(),
        };
        let figures = Figures {
            run: "r1",
            how: "incremental",
            checked: 5,
            inserted: 2,
            updated: 3,
            deleted: 0,
            protected: 1,
            rejected: 0,
            seconds: 0.5,
        };
        let advance = advance(
            Direction::Reverse,
            &Advance { table: "it's", horizon: &horizon, standing: None, figures },
        );
        assert_eq!(
            advance.to_string(),
            "insert into public._reverse_sync_metadata (table_name, last_sync_timestamp) \
             select 'it''s', '1970-01-01 00:00:00+00' where not exists \
             (select from public._reverse_sync_metadata where table_name = 'it''s');\n\
             update public._reverse_sync_metadata set \
             last_sync_timestamp = '2026-01-02 03:04:05.678901+00'::timestamptz, \
             horizon = '4294967301'::xid8, \
             horizon_timestamp = '2026-01-02 03:04:05.678901+00'::timestamptz, \
             source_identity = '7/1/5/16384', mapping = 'key id', \
             last_result = 'ok', last_error = null, target_horizon = null, target_identity = null, \
             source_rows = null, target_rows = null, last_run_id = 'r1', \
             last_run_at = clock_timestamp(), last_run_how = 'incremental', rows_checked = 5, \
             rows_inserted = 2, rows_updated = 3, rows_deleted = 0, rows_protected = 1, \
             rows_rejected = 0, seconds = 0.5, updated_at = now() \
             where table_name = 'it''s'"
        );
    }
}
