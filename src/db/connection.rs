//! A session with one server, and what it may be asked.
//!
//! Statements travel in the simple protocol (`raw_sql`): it needs no prepared
//! statement, so it works through every pooler, and several statements cost
//! one round trip. All values come back as text. Passwords stay in here.

use crate::branch::Branch;
use crate::db::failure::{Failure, Result};
use crate::db::sql::Sql;
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode};
use sqlx::{Connection as _, Either, Row as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where a server is and who we are there.
#[derive(Clone)]
pub struct Address {
    /// A host name, an IP address, or the folder of a socket.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    /// `None`: sqlx looks into the pgpass file.
    pub password: Option<String>,
    pub tls: Tls,
    /// Certificates of an authority beside the system's.
    pub root_certificate: Option<PathBuf>,
    pub connect_timeout: Duration,
    /// Stands in `pg_stat_activity`, so that people see who we are.
    pub application_name: String,
    /// Whose records there are ours.
    pub branch: Branch,
}

/// What the transport must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    Off,
    Unverified,
    Authority,
    AuthorityAndHost,
}

/// One open session.
pub struct Session {
    connection: PgConnection,
    state: State,
    pulse: Pulse,
    branch: Branch,
}

/// Counts what a session hears from its server, for somebody who watches.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// How often something was heard.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Something was heard.
    pub fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A goodbye is not worth more than this.
const GOODBYE: Duration = Duration::from_secs(1);

/// Whether answers on this session still belong to their questions.
///
/// 1. A COPY OUT is refused at its start, or its stream is dropped half-way.
/// 2. sqlx leaves the server's last message unread.
/// 3. The next query gets that message, the one after gets the answer of the
///    one before, and so on: wrong results, no error.
///
/// So such a session answers nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::db) enum State {
    Usable,
    OutOfStep,
}

impl Session {
    /// Opens a session.
    ///
    /// # Errors
    /// When the server cannot be reached in time or refuses us.
    pub async fn open(address: &Address) -> Result<Self> {
        let options = options(address)?;
        let attempt = PgConnection::connect_with(&options);
        let connection = tokio::time::timeout(address.connect_timeout, attempt)
            .await
            .map_err(|_| timed_out(address.connect_timeout))?
            .map_err(Failure::while_connecting)?;
        let (state, pulse, branch) = (State::Usable, Pulse::default(), address.branch.clone());
        Ok(Self { connection, state, pulse, branch })
    }

    /// Whose records on this server are ours.
    #[must_use]
    pub fn branch(&self) -> &Branch {
        &self.branch
    }

    /// Runs statements whose rows nobody needs.
    ///
    /// # Errors
    /// When the server refuses one of them; those after it are not run.
    pub async fn execute(&mut self, sql: &Sql) -> Result<()> {
        self.answers(sql).await.map(drop)
    }

    /// Runs statements and returns the rows of all of them together.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn rows(&mut self, sql: &Sql) -> Result<Vec<Row>> {
        Ok(self.answers(sql).await?.into_iter().flatten().collect())
    }

    /// Runs statements that return exactly one row between them.
    ///
    /// # Errors
    /// As [`Session::execute`], and when there is no row or more than one.
    pub async fn row(&mut self, sql: &Sql) -> Result<Row> {
        let mut rows = self.rows(sql).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            _ => Err(Failure::Unexpected("the server did not answer with one row".to_owned())),
        }
    }

    /// Runs statements and returns the rows of each.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn answers(&mut self, sql: &Sql) -> Result<Vec<Vec<Row>>> {
        self.check()?;
        let answers = self.ask(sql).await;
        self.pulse.beat();
        if answers.as_ref().is_err_and(Failure::loses_the_link) {
            self.state = State::OutOfStep;
        }
        answers
    }

    async fn ask(&mut self, sql: &Sql) -> Result<Vec<Vec<Row>>> {
        tracing::trace!(target: "pgsync::sql", "{sql}");
        let mut answers = vec![Vec::new()];
        let mut stream = sqlx::raw_sql(sql.for_sqlx()).fetch_many(&mut self.connection);
        while let Some(item) = stream.try_next().await? {
            match item {
                Either::Left(_) => answers.push(Vec::new()),
                Either::Right(row) => {
                    if let Some(answer) = answers.last_mut() {
                        answer.push(Row::read(&row)?);
                    }
                }
            }
        }
        answers.pop();
        Ok(answers)
    }

    /// The connection for a COPY; only `db::copy` may ask.
    pub(in crate::db) fn for_copy(&mut self) -> Result<(&mut PgConnection, &mut State)> {
        self.check()?;
        Ok((&mut self.connection, &mut self.state))
    }

    /// The server's version, e.g. `17.6`, as far as it says it in numbers.
    #[must_use]
    pub fn server_version(&self) -> Option<String> {
        let number = self.connection.server_version_num()?;
        Some(format!("{}.{}", number / 10_000, number % 10_000))
    }

    /// What tells whether the server has been heard.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Whether the session may still be asked.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state == State::Usable
    }

    /// Says goodbye to the server; a server that is gone already is fine.
    pub async fn close(self) {
        if self.state != State::Usable {
            return;
        }
        match tokio::time::timeout(GOODBYE, self.connection.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("the server did not hear our goodbye: {error}"),
            Err(_) => tracing::debug!("the server did not answer our goodbye"),
        }
    }

    fn check(&self) -> Result<()> {
        match self.state {
            State::Usable => Ok(()),
            State::OutOfStep => Err(Failure::Connection(
                "this connection was given up after an earlier error".to_owned(),
            )),
        }
    }
}

fn timed_out(after: Duration) -> Failure {
    Failure::Connection(format!("no answer within {} s", after.as_secs_f64()))
}

/// Without a password of our own, sqlx looks into the pgpass file, but for the
/// server of a URL only: otherwise it takes the password of whatever server
/// the environment names, and would show it to this one.
fn passwordless(address: &Address) -> Result<PgConnectOptions> {
    let mut url = url::form_urlencoded::Serializer::new("postgres://?".to_owned());
    url.append_pair("host", &address.host)
        .append_pair("port", &address.port.to_string())
        .append_pair("user", &address.user)
        .append_pair("dbname", &address.database);
    // Its words may hold the address, but there is no password in it.
    url.finish().parse().map_err(|error: sqlx::Error| Failure::Setup(error.to_string()))
}

fn options(address: &Address) -> Result<PgConnectOptions> {
    let options = match &address.password {
        Some(password) => PgConnectOptions::new_without_pgpass().password(password),
        None => passwordless(address)?,
    };
    // A strict pooler rejects `extra_float_digits` at start-up; we set it per
    // transaction instead.
    let mut options = options
        .host(&address.host)
        .port(address.port)
        .database(&address.database)
        .username(&address.user)
        .application_name(&address.application_name)
        .extra_float_digits(None)
        .ssl_mode(match address.tls {
            Tls::Off => PgSslMode::Disable,
            Tls::Unverified => PgSslMode::Require,
            Tls::Authority => PgSslMode::VerifyCa,
            Tls::AuthorityAndHost => PgSslMode::VerifyFull,
        });
    if let Some(certificate) = &address.root_certificate {
        options = options.ssl_root_cert(certificate);
    }
    Ok(options)
}

/// One row, every value as the server's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(Vec<Option<String>>);

impl Row {
    fn read(row: &PgRow) -> Result<Self> {
        (0..row.len()).map(|index| value(row, index)).collect::<Result<_>>().map(Self)
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at `index`, or `None` for NULL (and for a column that is not there).
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        self.0.get(index)?.as_deref()
    }

    /// The value at `index`, which must not be NULL.
    ///
    /// # Errors
    /// When it is NULL.
    pub fn text(&self, index: usize) -> Result<&str> {
        self.get(index)
            .ok_or_else(|| Failure::Unexpected(format!("the server's answer {index} is NULL")))
    }

    /// The value at `index` as a number.
    ///
    /// # Errors
    /// When it is NULL or no such number.
    pub fn number<T: std::str::FromStr>(&self, index: usize) -> Result<T> {
        let text = self.text(index)?;
        text.parse().map_err(|_| Failure::Unexpected(format!("{text:?} is not a number in range")))
    }

    /// The value at `index` as a boolean; NULL is false.
    #[must_use]
    pub fn flag(&self, index: usize) -> bool {
        self.get(index) == Some("t")
    }
}

fn value(row: &PgRow, index: usize) -> Result<Option<String>> {
    use sqlx::ValueRef as _;
    let value = row.try_get_raw(index)?;
    if value.is_null() {
        return Ok(None);
    }
    value
        .as_str()
        .map(|text| Some(text.to_owned()))
        .map_err(|error| Failure::Unexpected(format!("an answer is not text: {error}")))
}
