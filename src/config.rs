//! The configuration as the program needs it: checked, complete, and typed.
//!
//! `file` holds the TOML as people write it; this file holds what is left
//! after every default is filled in and every contradiction refused. After
//! [`Config::load`] nothing is "maybe". It must not connect to anything.

use crate::ident::{Ident, TableName};
use indexmap::IndexMap;
use std::path::PathBuf;
use std::time::Duration;

/// A whole configuration, valid in itself.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from.
    pub path: PathBuf,
    /// The firm's own server.
    pub desktop: Connection,
    /// The server that the phones work on.
    pub cloud: Connection,
    /// The IANA zone in which stamps without zone are meant, e.g. `Asia/Kolkata`.
    pub desktop_time_zone: String,
    /// Bounds of one run.
    pub limits: Limits,
    /// The table pairs in the order of the file.
    pub pairs: Vec<TablePair>,
    /// What the reader should know although it is no error, a sentence each.
    pub warnings: Vec<String>,
}

/// How to reach one database. Its `Debug` hides the password.
#[derive(Clone)]
pub struct Connection {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    /// `None`: from a pgpass file, or none needed.
    pub password: Option<String>,
    pub sslmode: SslMode,
    /// A file with the authority's certificates, beside the system's.
    pub sslrootcert: Option<PathBuf>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long one statement may take; `None`: as long as it takes.
    pub statement_timeout: Option<Duration>,
    /// How long to wait for a lock that another session holds.
    pub lock_timeout: Duration,
}

/// What the transport must prove. Falling back to plain text is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Plain text; the default for this machine only.
    Disable,
    /// Encrypted, but anybody may answer. Has to be written down.
    Require,
    /// The certificate must be signed by a known authority.
    VerifyCa,
    /// ... and be made out to this host; the default for other machines.
    VerifyFull,
}

/// Bounds of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows per checkpoint.
    pub chunk_rows: u64,
    /// Rejected rows of one pair past which the pair stops.
    pub max_rejects: u64,
}

/// A table on both sides and what happens to it.
#[derive(Debug, Clone)]
pub struct TablePair {
    pub desktop: TableName,
    pub cloud: TableName,
    /// The columns that identify a row; empty: the primary key of either side.
    pub key: Vec<Ident>,
    /// Which rows of the cloud belong to the phones.
    pub owned_by_cloud: Option<SqlFragment>,
    pub reverse: Rules,
    pub forward: Rules,
}

/// What one direction does with a pair.
#[derive(Debug, Clone)]
pub struct Rules {
    pub mode: Mode,
    /// Which rows of the source are in scope.
    pub filter: Option<SqlFragment>,
    pub cursor: CursorChoice,
    /// How far a column cursor looks back behind the watermark.
    pub lookback: Duration,
    /// Rules for single columns, by the name on the target.
    pub columns: IndexMap<Ident, ColumnRule>,
    pub keys: KeyOrigin,
}

/// How rows are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The pair takes no part in this direction.
    Off,
    /// Insert the rows whose key the target does not have; touch no other.
    InsertMissing,
}

/// How a run finds the rows that are new since the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorChoice {
    /// By transaction ids where the source has them, else by `updated_at`, else in full.
    Auto,
    /// By this column of the source.
    Column(Ident),
    /// In full, every time.
    Reconcile,
}

/// Who makes the key of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrigin {
    /// Both sides hold the key in a column.
    Shared,
    /// The source makes it and the target has no column for it; the keys that
    /// were delivered are kept in `pgsync.delivered_keys`.
    Delivered,
}

/// Where the value of one target column comes from, if not from its namesake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRule {
    /// Leave the column out.
    Skip,
    /// A source column of another name.
    From(Ident),
    /// An SQL expression over the source row.
    Sql(SqlFragment),
    /// A constant; `None` is NULL.
    Value(Option<String>),
}

/// A piece of SQL from the configuration: one expression, closed in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlFragment(String);

impl SqlFragment {
    /// The expression in parentheses, on lines of its own, ready to be placed
    /// in a statement.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("({})", self.0)
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
