//! One database of a test, and short words for looking into it.
//!
//! Values are read as text through the simple protocol, so any type works without a cast and
//! what a test compares is what `psql` would show. It must not know the tables.

use std::fmt::Write;
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row, ValueRef};

use super::janitor::Leftover;
use crate::programs::Side;
use crate::server::Server;

/// A database of one test.
pub struct Db {
    server: Arc<Server>,
    name: String,
    _dropped_with_us: Option<Leftover>,
}

impl Db {
    /// A new database.
    pub(super) async fn create(server: Arc<Server>, name: String, template: &str) -> Db {
        let side = server.side();
        let admin = Db::existing(Arc::clone(&server), "postgres");
        // Before 15 files were always copied; since then the log is the default, which takes
        // several times as long for a template with rows.
        let how = if server.version() >= 150_000 { "strategy file_copy" } else { "" };
        admin.run(&format!("create database {name} template {template} {how}")).await;
        if side == Side::Desktop {
            admin.run(&format!("alter database {name} set timezone = 'Asia/Kolkata'")).await;
        }
        Db { server, name, _dropped_with_us: None }
    }

    /// A new database that is dropped with its value.
    pub(super) async fn lend(server: Arc<Server>, name: String, template: &str) -> Db {
        let leftover = Leftover::new(server.url("postgres"), name.clone());
        let db = Self::create(server, name, template).await;
        Db { _dropped_with_us: Some(leftover), ..db }
    }

    /// A database that is there already and stays.
    pub(super) fn existing(server: Arc<Server>, name: &str) -> Db {
        Db { server, name: name.to_owned(), _dropped_with_us: None }
    }

    /// Its address as the administrator.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// Its address for another role.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        self.server.url_as(user, password, &self.name)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The server below. It is shared with other tests unless the pair is a dedicated one.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A connection of the administrator's, in the side's own zone.
    pub async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.url().parse().expect("an address of our own making");
        let connected = options.ssl_mode(PgSslMode::Disable).connect().await;
        let mut connection = connected
            .unwrap_or_else(|error| panic!("could not connect to {}: {error}", self.url()));
        if self.server.side() == Side::Desktop {
            // sqlx asks every server for UTC when it connects, whatever the database says.
            let zone = sqlx::raw_sql("set timezone = 'Asia/Kolkata'").execute(&mut connection);
            zone.await.expect("a zone that every server knows");
        }
        connection
    }

    /// Runs one or more statements, as one transaction if they say nothing else.
    pub async fn run(&self, sql: &str) {
        self.rows(sql).await;
    }

    /// A single value.
    pub async fn text(&self, sql: &str) -> String {
        let lines = self.lines(sql).await;
        assert_eq!(lines.len(), 1, "not one row on {}: {sql}\n{lines:#?}", self.name);
        lines.into_iter().next().unwrap_or_default()
    }

    /// The rows, their columns joined with `|`.
    pub async fn lines(&self, sql: &str) -> Vec<String> {
        self.rows(sql).await.iter().map(line).collect()
    }

    /// How many rows a table has, or what else stands behind `from`: `"jobs where id > 3"`.
    pub async fn count(&self, from: &str) -> i64 {
        let count = self.text(&format!("select count(*) from {from}")).await;
        count.parse().expect("a count is a number")
    }

    async fn rows(&self, sql: &str) -> Vec<PgRow> {
        let mut connection = self.connect().await;
        let read = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
        read.unwrap_or_else(|error| panic!("{error} on {} in:\n{sql}", self.name))
    }
}

fn line(row: &PgRow) -> String {
    let mut line = String::new();
    for column in 0..row.len() {
        let value = row.try_get_raw(column).expect("a column of this row");
        let text = if value.is_null() { "NULL" } else { value.as_str().expect("text") };
        let separator = if column == 0 { "" } else { "|" };
        write!(line, "{separator}{text}").expect("writing into a string");
    }
    line
}
