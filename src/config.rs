//! The configuration as the program needs it: checked, complete, and typed.
//!
//! `file` holds the TOML as people write it; this file holds what is left
//! after every default is filled in and every contradiction refused. After
//! [`Config::load`] nothing is "maybe". It must not connect to anything.
//!
//! The rooms below, from the bytes to the types of this file: `locate` finds
//! the file, `file` makes it a TOML tree, `section` hands the tree out a key
//! at a time with `variables` put in, `connection` (with `url` and `tls`),
//! `pairs`, `rules`, `log` and `notify` read one part each, `check` puts the whole together,
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
mod section;
#[cfg(test)]
mod testing;
mod tls;
mod url;
mod variables;

pub use fragment::{BadFragment, SqlFragment};
pub use log::Log;
pub use notify::{Form, Notify, Program};

/// Reads a span of time as the configuration and the command line write it.
///
/// # Errors
/// When it is none; the error says what one looks like.
pub fn duration(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| format!("it must be {}", duration::SHAPE))
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
mod tests {
    use super::testing::{mutations, read, with_tables};
    use super::*;

    const SHIPPED: &str = include_str!("../config/pgsync.toml");
    const EXAMPLE: &str = include_str!("../config/.env.example");

    fn shipped() -> Config {
        check::configuration(SHIPPED.as_bytes(), Path::new("config/pgsync.toml"), &|name| {
            let line = EXAMPLE.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
            Ok(line.unwrap_or_default().trim_matches('\'').to_owned())
        })
        .unwrap()
    }

    fn names(pairs: &[&TablePair]) -> String {
        pairs.iter().map(|pair| pair.desktop.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_shipped_file_covers_the_firm() {
        let config = shipped();
        let (on, off): (Vec<_>, Vec<_>) =
            config.pairs.iter().partition(|pair| pair.reverse.mode == Mode::InsertMissing);
        assert_eq!(
            names(&on),
            "orgmaster locmaster conmaster climaster mbstaff taskmaster jobmaster cliunimaster \
             mbreminder learequest jobshead workdiary"
        );
        assert_eq!(names(&off), "mbremdetail jobtasks taskchecklist");
        let (mirrored, upserted): (Vec<_>, Vec<_>) =
            config.pairs.iter().partition(|pair| pair.forward.mode == Mode::Mirror);
        assert_eq!(names(&mirrored), "jobshead jobtasks taskchecklist workdiary");
        assert!(upserted.iter().all(|pair| pair.forward.mode == Mode::Upsert));
        assert_eq!(config.pairs.len(), 15);
        assert_eq!(config.pair("mbreminder").unwrap().cloud.to_string(), "reminder");
        assert_eq!(config.pair("mbremdetail").unwrap().cloud.to_string(), "remdetail");
        let owner = |pair: &TablePair| pair.owned_by_cloud.as_ref().map(SqlFragment::sql);
        assert!(config.pairs.iter().all(|p| owner(p).as_deref() == Some("(source = 'M')")));
        assert!(config.pairs.iter().all(|pair| pair.key.len() == 1));
        assert_eq!(config.desktop_time_zone, "Asia/Kolkata");
        assert_eq!(config.warnings, [""; 0]);
    }

    #[test]
    fn the_shipped_files_are_plain_text() {
        for text in [SHIPPED, EXAMPLE] {
            assert!(text.is_ascii() && !text.contains(['\t', '\r']));
        }
        for connection in [shipped().desktop, shipped().cloud] {
            assert!(connection.password.is_some());
        }
        assert_eq!(shipped().cloud.sslmode, SslMode::VerifyFull);
    }

    /// Every commented-out example of the shipped file works when it is used.
    #[test]
    fn the_shipped_examples_are_valid() {
        let is_toml = |text: &str| {
            toml::de::DeTable::parse(text).is_ok_and(|table| !table.get_ref().is_empty())
        };
        let uncomment = |line: &'static str| match line.strip_prefix("# ") {
            Some(text) if is_toml(text) => text,
            _ => line,
        };
        let used: Vec<&str> = SHIPPED.lines().map(uncomment).collect();
        let examples = SHIPPED.lines().zip(&used).filter(|(line, used)| line != *used).count();
        assert_eq!(examples, 50);
        let used = used.join("\n").replace("certs/cloud-ca.crt", "system");
        let url = |_: &str| Ok("postgres://u:p@localhost/d".to_owned());
        let path = Path::new("nowhere/pgsync.toml");
        let config = check::configuration(used.as_bytes(), path, &url);
        let config = config.map_err(|error| error.causes()).unwrap();
        assert_eq!(config.pair("example").unwrap().reverse.columns.len(), 6);
    }

    #[test]
    fn pairs_are_found_by_both_names() {
        let text = with_tables(
            "[tables]\na = { cloud = \"b\" }\nb = { cloud = \"c\" }\nd = { schema = \"s\" }",
        );
        let config = read(&text).unwrap();
        let found = |name| config.pair(name).map(|pair| pair.desktop.to_string());
        assert_eq!(found("a").as_deref(), Some("a"));
        assert_eq!(found("b").as_deref(), Some("b"));
        assert_eq!(found("c").as_deref(), Some("b"));
        assert_eq!(found("public.a").as_deref(), Some("a"));
        assert_eq!(found("s.d").as_deref(), Some("s.d"));
        assert_eq!(found("d"), None);
        assert_eq!(shipped().nearest_pair("remindr").as_deref(), Some("reminder"));
        assert_eq!(shipped().nearest_pair("jobhead").as_deref(), Some("jobshead"));
        assert_eq!(shipped().nearest_pair("banana"), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_said() {
        let path = Path::new("nowhere/at/all.toml");
        let error = Config::load(path).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Usage);
        assert_eq!(error.message(), "could not read the configuration nowhere/at/all.toml");
        assert_eq!(error.causes().len(), 1);
    }

    #[test]
    fn variables_come_from_the_file_beside() {
        let directory = std::env::temp_dir().join(format!("pgsync-config-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("pgsync.toml");
        let text = with_tables("[tables]\na = {}").replace("${URL}", "${PGSYNC_TEST_NO_SUCH_URL}");
        std::fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
        let missing = Config::load(&path).unwrap_err();
        std::fs::write(directory.join(".env.txt"), "").unwrap();
        let misnamed = Config::load(&path).unwrap_err();
        let dotenv = "\u{feff}PGSYNC_TEST_NO_SUCH_URL='postgres://u:a$b@localhost/d'\r\n";
        std::fs::write(directory.join(".env"), dotenv).unwrap();
        let config = Config::load(&path);
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(
            missing.causes()[0],
            "the environment variable PGSYNC_TEST_NO_SUCH_URL is not set (needed by [desktop] url, line 3)"
        );
        assert!(misnamed.causes()[0].contains(".env.txt is not read; rename it to .env (needed"));
        let config = config.unwrap();
        assert_eq!(config.cloud.password.as_deref(), Some("a$b"));
        assert_eq!((config.path, config.warnings), (path, Vec::new()));
    }

    /// A missing letter, a doubled one, or a wrong one: never a panic, and
    /// never the password in what is said.
    #[test]
    fn damaged_files_are_refused_quietly() {
        let full = with_tables(
            "[limits]\nchunk_rows = 5\n[defaults]\nreverse = { mode = \"insert-missing\" }\n\
             [tables]\na = { key = [\"b\", \"c\"], reverse = { where = \"E'\\\\'' = $x$y$x$\", \
             columns = { d = { value = \"e\" }, f = \"(g)\" }, lookback = \"1h\" } }",
        );
        let full = full.replace("${URL}", "postgres://u:hunter2@h:5432/d?sslmode=verify-full");
        assert!(read(&full).is_ok());
        for damaged in mutations(&full) {
            let path = Path::new("x.toml");
            let said = match check::configuration(&damaged, path, &testing::environment) {
                // Without its colon a password is a part of the user's name.
                Ok(config) if config.desktop.user != "u" || config.cloud.user != "u" => continue,
                Ok(config) => format!("{config:?}"),
                Err(error) => format!("{error} {error:?} {:?}", error.one_line()),
            };
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
