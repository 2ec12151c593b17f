//! The configuration as the program needs it: checked, complete, and typed.
//!
//! `file` holds the TOML as people write it; this file holds what is left
//! after every default is filled in and every contradiction refused. After
//! [`Config::load`] nothing is "maybe". It must not connect to anything.
//!
//! The rooms below, from the bytes to the types of this file: `locate` finds
//! the file, `file` makes it a TOML tree, `section` hands the tree out a key
//! at a time with `variables` put in, `connection` (with `url` and `tls`),
//! `pairs`, `rules`, `log`, `notify` and `schedule` read one part each, `check` puts the whole together,
//! and `notes` collects what is wrong; `probe` opens the parsers to `fuzz/`. `duration`, `fragment` and `nearest`
//! know one small thing each. `draft` is the way back: it spells a configuration
//! that a program proposes. `reference` is docs/configuration.md.

mod check;
mod connection;
pub mod draft;
mod duration;
mod file;
mod fragment;
mod locate;
mod log;
mod nearest;
mod notes;
mod notify;
mod pairs;
#[doc(hidden)]
pub mod probe;
#[cfg(test)]
mod reference;
mod rules;
mod schedule;
mod section;
#[cfg(test)]
mod testing;
mod tls;
mod url;
mod variables;

pub use fragment::{BadFragment, SqlFragment};
pub use log::Log;
pub use notify::{Form, Notify, Program};
pub use schedule::{Schedule, TimeOfDay, Times};

/// Reads a span of time as the configuration and the command line write it.
///
/// # Errors
/// When it is none; the error says what one looks like.
pub fn duration(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| format!("it must be {}", duration::SHAPE))
}

/// Writes a span of time as the configuration would.
#[must_use]
pub fn spell_duration(span: Duration) -> String {
    duration::spell(span)
}

/// The known word that somebody most likely meant, if one is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest::nearest(word, known)
}

/// Whether a text can stand as `desktop_time_zone`.
#[must_use]
pub fn is_time_zone(name: &str) -> bool {
    check::why_no_zone(name).is_none()
}

use crate::branch::Branch;
use crate::error::Result;
use crate::ident::{Ident, TableName};
use indexmap::IndexMap;
use std::path::{Path, PathBuf};
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
    /// The desktop's name, where several share the cloud.
    pub branch: Branch,
    /// How a run goes on after an error that passes.
    pub retry: Retry,
    /// When the machine runs it by itself.
    pub schedule: Schedule,
    /// What is written down for the next morning.
    pub log: Log,
    /// Who hears how runs end.
    pub notify: Notify,
    /// The table pairs in the order of the file.
    pub pairs: Vec<TablePair>,
    /// What the reader should know although it is no error, a sentence each.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks the file at `path`, with the variables of the
    /// environment and of the `.env` beside the file.
    ///
    /// # Errors
    /// When the file cannot be read, or with every mistake that it holds.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = file::read(path)?;
        check::configuration(&bytes, path, &|name| std::env::var(name))
    }

    /// Where the two databases are, for a file that is not written yet: by these
    /// URLs, else by the variables of the shipped file.
    ///
    /// # Errors
    /// When that is not known, or cannot be understood.
    pub fn of_connections(path: &Path, urls: [Option<&str>; 2]) -> Result<Self> {
        let [desktop, cloud] = urls;
        let way = |url: Option<&str>, variable| match url {
            Some(url) => draft::Way::Url(url.to_owned(), variable),
            None => draft::Way::Variable(variable),
        };
        let text = draft::connections(
            &way(desktop, "DESKTOP_DATABASE_URL"),
            &way(cloud, "CLOUD_DATABASE_URL"),
        );
        Self::of_text(&text, path)
    }

    /// Reads and checks what is to be written to `path`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn of_text(text: &str, path: &Path) -> Result<Self> {
        check::configuration(text.as_bytes(), path, &|name| std::env::var(name))
    }

    /// The file that was given, else the first that exists of
    /// `config/pgsync.toml` and `pgsync.toml`, beside the working directory
    /// and then beside the executable.
    ///
    /// # Errors
    /// When none was given and none exists.
    pub fn locate(given: Option<&Path>) -> Result<PathBuf> {
        locate::locate(given)
    }

    /// The pair whose table on the desktop, or else in the cloud, has this
    /// name, as printed or with its schema.
    #[must_use]
    pub fn pair(&self, name: &str) -> Option<&TablePair> {
        let has_name = |table: &TableName| {
            table.to_string() == name || format!("{}.{}", table.schema, table.table) == name
        };
        let on_desktop = self.pairs.iter().find(|pair| has_name(&pair.desktop));
        on_desktop.or_else(|| self.pairs.iter().find(|pair| has_name(&pair.cloud)))
    }

    /// The table that somebody most likely meant by an unknown name.
    #[must_use]
    pub fn nearest_pair(&self, name: &str) -> Option<String> {
        let both = |pair: &TablePair| [pair.desktop.to_string(), pair.cloud.to_string()];
        let names: Vec<String> = self.pairs.iter().flat_map(both).collect();
        nearest::nearest(name, names.iter().map(String::as_str)).map(ToOwned::to_owned)
    }
}

/// How to reach one database. Its `Debug` hides the password.
#[derive(Clone)]
pub struct Connection {
    /// A name, an address without brackets, or the directory of a socket.
    pub host: String,
    /// 5432 if nothing is said.
    pub port: u16,
    /// The user's name if nothing is said.
    pub database: String,
    /// The role to connect as.
    pub user: String,
    /// `None`: from a pgpass file, or none needed.
    pub password: Option<String>,
    /// What the transport must prove.
    pub sslmode: SslMode,
    /// A file with the authority's certificates, beside the system's.
    pub sslrootcert: Option<PathBuf>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long one statement may take; `None`: as long as it takes.
    pub statement_timeout: Option<Duration>,
    /// How long to wait for a lock that another session holds.
    pub lock_timeout: Duration,
    /// How long the server may say nothing before we look whether it is there.
    pub idle_timeout: Duration,
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
    /// How long a run may take before it is ended in order; `None`: as long as
    /// it takes.
    pub max_run_time: Option<Duration>,
}

/// How a run goes on after an error that passes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often the same work is tried, with the first time.
    pub attempts: u64,
    /// The pause before the second attempt; each further one is twice as long.
    pub first_pause: Duration,
    /// How long after the first such error another attempt may begin.
    pub max_total: Duration,
}

/// A table on both sides and what happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePair {
    /// The table on the desktop.
    pub desktop: TableName,
    /// The table in the cloud.
    pub cloud: TableName,
    /// The columns that identify a row; empty: the primary key of either side.
    pub key: Vec<Ident>,
    /// Which rows of the cloud belong to the phones.
    pub owned_by_cloud: Option<SqlFragment>,
    /// Which rows of both sides this desktop has to do with, where several
    /// share the cloud.
    pub scope: Option<SqlFragment>,
    /// From the cloud to the desktop.
    pub reverse: Rules,
    /// From the desktop to the cloud.
    pub forward: Rules,
}

/// What one direction does with a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How rows are applied.
    pub mode: Mode,
    /// Which rows of the source are in scope.
    pub filter: Option<SqlFragment>,
    /// How the rows that are new are found.
    pub cursor: CursorChoice,
    /// How far a column cursor looks back behind the watermark.
    pub lookback: Duration,
    /// Rules for single columns, by the name on the target.
    pub columns: IndexMap<Ident, ColumnRule>,
    /// Who makes the key.
    pub keys: KeyOrigin,
    /// The key of this direction alone; empty: the pair's.
    pub key: Vec<Ident>,
    /// What an upsert does with a key that stands on several source rows.
    pub on_duplicate: OnDuplicate,
    /// The share of the target's rows that a mirror may delete in one run.
    pub max_delete: Share,
}

/// What an upsert does with a key that stands on several source rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnDuplicate {
    /// None of them is carried; each such key is a reject.
    Reject,
    /// The row with the highest value in this column of the target is carried.
    Latest(Ident),
}

/// A share of a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// From 0 to 100.
    pub percent: u64,
}

impl Share {
    /// So many of `rows`, and one at least unless the share is nothing.
    #[must_use]
    pub fn of(self, rows: u64) -> u64 {
        rows.saturating_mul(self.percent).div_ceil(100)
    }
}

/// How rows are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The pair takes no part in this direction.
    Off,
    /// Insert the rows whose key the target does not have; touch no other.
    InsertMissing,
    /// Insert missing rows and bring differing ones up to date, by key.
    Upsert,
    /// Make the target's rows the same multiset as the source's, by content.
    Mirror,
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

#[cfg(test)]
mod tests;
