//! Somebody at work on one side: a connection, perhaps with an open
//! transaction, savepoints in it, and what it has done so far.
//!
//! It must not know what a history is about.

use crate::shadow::{Effect, Shadow, State, Uid};
use crate::tables::Table;
use pgsync_testkit::Side;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use std::collections::HashSet;

/// How long a writer waits for a lock, in milliseconds.
const PATIENCE: u32 = 60;

pub struct Writer {
    pub side: Side,
    url: String,
    connection: Option<PgConnection>,
    open: Option<Open>,
}

/// A transaction that is under way.
#[derive(Default)]
struct Open {
    effects: Vec<Effect>,
    /// How many effects there were at each savepoint.
    savepoints: Vec<usize>,
    rows: HashSet<(Table, Uid)>,
}

/// What a writer wants to do to one row.
#[derive(Debug, Clone)]
pub struct Change {
    pub table: Table,
    pub uid: Uid,
    pub sql: String,
}

/// What came of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// No such row, or somebody else has it.
    Nothing,
    /// Refused; an open transaction is rolled back as far as it takes.
    Refused,
}

impl Writer {
    pub fn new(side: Side, url: String) -> Self {
        Self { side, url, connection: None, open: None }
    }

    pub fn is_in_transaction(&self) -> bool {
        self.open.is_some()
    }

    pub fn has_savepoint(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.savepoints.is_empty())
    }

    /// Whether its open transaction has touched a row.
    pub fn holds(&self, table: Table, uid: &str) -> bool {
        let row = (table, uid.to_owned());
        self.open.as_ref().is_some_and(|open| open.rows.contains(&row))
    }

    /// The rows of its open transaction.
    pub fn unfinished(&self) -> impl Iterator<Item = &Effect> {
        self.open.iter().flat_map(|open| &open.effects)
    }

    pub async fn begin(&mut self) {
        self.must("begin").await;
        self.open = Some(Open::default());
    }

    pub async fn commit(&mut self, shadow: &mut Shadow) {
        self.must("commit").await;
        if let Some(open) = self.open.take() {
            shadow.commit(self.side, open.effects);
        }
    }

    pub async fn roll_back(&mut self) {
        self.must("rollback").await;
        self.open = None;
    }

    pub async fn savepoint(&mut self) {
        self.must("savepoint mine").await;
        if let Some(open) = &mut self.open {
            open.savepoints.push(open.effects.len());
        }
    }

    /// Undoes what came after the last savepoint, which is gone then.
    pub async fn roll_back_to_savepoint(&mut self) {
        self.must("rollback to savepoint mine; release savepoint mine").await;
        if let Some(open) = &mut self.open
            && let Some(length) = open.savepoints.pop()
        {
            open.effects.truncate(length);
        }
    }

    /// Changes a row; without a transaction it is committed at once.
    pub async fn change(&mut self, change: &Change, careful: bool, shadow: &mut Shadow) -> Outcome {
        // In an open transaction a refusal costs everything, unless a savepoint
        // is set for the one statement; the row then carries its id.
        let (before, after) = match (&self.open, careful) {
            (Some(_), true) => ("savepoint one;", "; release savepoint one"),
            _ => ("", ""),
        };
        let (sql, now) = (&change.sql, state_now(change));
        let did = format!("returning 'did', {}, ver::text, 'f', '1'", change.table.key());
        let sql = format!("{before}{sql} {did}; {now}{after}");
        match self.ask(&sql).await {
            Ok(rows) => self.keep(change, &rows, shadow),
            Err(error) => {
                self.after_refusal(&error, careful).await;
                Outcome::Refused
            }
        }
    }

    fn keep(&mut self, change: &Change, rows: &[PgRow], shadow: &mut Shadow) -> Outcome {
        let is = |row: &&PgRow, word| text(row, 0).as_deref() == Some(word);
        let Some(touched) = rows.iter().find(|row| is(row, "did")) else {
            return Outcome::Nothing;
        };
        let effect = Effect {
            table: change.table,
            uid: change.uid.clone(),
            key: state(touched).key,
            after: rows.iter().find(|row| is(row, "now")).map(state),
        };
        match &mut self.open {
            Some(open) => {
                open.rows.insert((effect.table, effect.uid.clone()));
                open.effects.push(effect);
            }
            None => shadow.commit(self.side, vec![effect]),
        }
        Outcome::Done
    }

    async fn after_refusal(&mut self, error: &sqlx::Error, careful: bool) {
        assert!(
            is_the_servers(error),
            "a writer on the {} lost its server: {error}",
            self.side.name()
        );
        if self.open.is_none() {
            return;
        }
        if careful {
            self.must("rollback to savepoint one; release savepoint one").await;
        } else {
            self.roll_back().await;
        }
    }

    /// Its server was stopped: what was not committed is gone.
    pub fn was_cut_off(&mut self) {
        self.connection = None;
        self.open = None;
    }

    async fn must(&mut self, sql: &str) {
        if let Err(error) = self.ask(sql).await {
            panic!("{error} on the {} in: {sql}", self.side.name());
        }
    }

    /// Runs statements and returns the rows of all of them together.
    pub async fn ask(&mut self, sql: &str) -> sqlx::Result<Vec<PgRow>> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.url, self.side).await?);
        }
        let connection = self.connection.as_mut().unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await
    }
}

async fn connect(url: &str, side: Side) -> sqlx::Result<PgConnection> {
    let mut connection = PgConnection::connect(&format!("{url}?sslmode=disable")).await?;
    let zone = match side {
        Side::Cloud => "UTC",
        Side::Desktop => "Asia/Kolkata",
    };
    let settings = format!("set timezone = '{zone}'; set lock_timeout = {PATIENCE}");
    sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut connection).await?;
    Ok(connection)
}

/// The row as this transaction sees it.
fn state_now(change: &Change) -> String {
    let (table, key) = (change.table.name(), change.table.key());
    format!(
        "select 'now', {key}, ver::text, coalesce(source = 'M', false)::text, count(*)::text \
         from {table} where uid = '{}' group by 1, 2, 3, 4",
        change.uid
    )
}

fn state(row: &PgRow) -> State {
    State {
        key: text(row, 1).map(|key| key.parse().unwrap()),
        ver: text(row, 2).unwrap(),
        phone: text(row, 3).as_deref() == Some("true"),
        copies: text(row, 4).unwrap().parse().unwrap(),
    }
}

fn is_the_servers(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_))
}

/// A value as the server writes it.
pub fn text(row: &PgRow, index: usize) -> Option<String> {
    let value = row.try_get_raw(index).unwrap();
    let value = if sqlx::ValueRef::is_null(&value) { None } else { Some(value.as_str().unwrap()) };
    value.map(str::to_owned)
}
