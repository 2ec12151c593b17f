//! What a server or a connection answers when it refuses.
//!
//! A [`Failure`] keeps what the program decides by (SQLSTATE, column,
//! constraint) and leaves out what must not be repeated: the server's
//! `Failing row contains (...)` holds a customer's whole row.

use std::fmt;
use std::io::ErrorKind;

/// Why a statement, a COPY or a connection failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server refused, in its own words.
    Server(Box<Refusal>),
    /// The connection is gone, or never came up.
    Connection(String),
    /// A connection cannot come up with these settings: a name that nobody
    /// knows, a certificate that proves nothing.
    Setup(String),
    /// We were asked to stop, and have begun nothing new.
    Stopped,
    /// The answer was not what the program relies on.
    Unexpected(String),
}

/// A server's own error message, by its protocol fields.
///
/// Source: <https://www.postgresql.org/docs/current/protocol-error-fields.html>
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// The five characters of SQLSTATE.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// The detail, unless it repeats a row.
    pub detail: Option<String>,
    /// The column it is about, where the server says so.
    pub column: Option<String>,
    /// The constraint it is about.
    pub constraint: Option<String>,
}

/// The result of everything that asks a server.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// The SQLSTATE, if a server answered at all.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Server(refusal) => Some(&refusal.sqlstate),
            Self::Connection(_) | Self::Setup(_) | Self::Stopped | Self::Unexpected(_) => None,
        }
    }

    /// The server's words without its code, which our own tables keep apart.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Server(refusal) => match &refusal.detail {
                Some(detail) => format!("{}: {detail}", refusal.message),
                None => refusal.message.clone(),
            },
            other => other.to_string(),
        }
    }

    /// Whether the data of a row is to blame, so that another row may pass.
    ///
    /// Class 22 is "data exception", class 23 "integrity constraint
    /// violation"; P0001 is what a trigger raises.
    /// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    #[must_use]
    pub fn blames_a_row(&self) -> bool {
        self.sqlstate()
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23") || code == "P0001")
    }

    /// Whether the same work may well succeed in a moment.
    ///
    /// Serialization failures, deadlocks, locks that others hold, servers that
    /// are full or restart, links that break.
    /// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Connection(_) => true,
            Self::Server(refusal) => {
                let held = ["40001", "40P01", "53300", "55P03"];
                held.contains(&refusal.sqlstate.as_str())
                    || refusal.ends_the_session()
                    || refusal.is_a_full_pooler()
            }
            Self::Setup(_) | Self::Stopped | Self::Unexpected(_) => false,
        }
    }

    /// Whether nothing more can be asked on the connection.
    #[must_use]
    pub fn loses_the_link(&self) -> bool {
        match self {
            Self::Connection(_) => true,
            Self::Server(refusal) => refusal.ends_the_session(),
            Self::Setup(_) | Self::Stopped | Self::Unexpected(_) => false,
        }
    }

    /// The failure behind an error, however deep.
    #[must_use]
    pub fn behind<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |error| error.source())
            .find_map(|error| error.downcast_ref::<Self>())
    }
}

impl Refusal {
    /// Supabase's pooler has no SQLSTATE of its own for it.
    fn is_a_full_pooler(&self) -> bool {
        self.sqlstate == "XX000" && self.message.to_ascii_lowercase().contains("max client")
    }

    /// The server, or a pooler before it, closes the connection with these:
    /// stopped (57P01 to 57P03), idle for too long (57P05), class 08. A pooler
    /// says 08P01 of a name that it does not know, too.
    fn ends_the_session(&self) -> bool {
        let stopped = ["57P01", "57P02", "57P03", "57P05"];
        let unknown_name = self.sqlstate == "08P01" && self.message.contains("no such");
        stopped.contains(&self.sqlstate.as_str())
            || (self.sqlstate.starts_with("08") && !unknown_name)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(refusal) => refusal.fmt(f),
            Self::Connection(text) | Self::Setup(text) | Self::Unexpected(text) => {
                f.write_str(text)
            }
            Self::Stopped => f.write_str("it was interrupted"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        write!(f, " (SQLSTATE {})", self.sqlstate)
    }
}

impl std::error::Error for Failure {}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => Self::from_database(database.as_ref()),
            sqlx::Error::Io(io) => Self::Connection(format!("the connection broke: {io}")),
            sqlx::Error::Tls(tls) => Self::Setup(format!("TLS failed: {tls}")),
            other => Self::Unexpected(other.to_string()),
        }
    }
}

impl Failure {
    /// While connecting nothing stood yet that could break.
    #[must_use]
    pub fn while_connecting(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(io) if io.kind() == ErrorKind::InvalidData => {
                Self::Setup(format!("TLS failed: {io}"))
            }
            sqlx::Error::Io(io) => {
                let said = format!("could not reach the server: {io}");
                if passes(io.kind()) { Self::Connection(said) } else { Self::Setup(said) }
            }
            other => Self::from(other),
        }
    }

    fn from_database(error: &dyn sqlx::error::DatabaseError) -> Self {
        let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() else {
            return Self::Unexpected(error.to_string());
        };
        Self::Server(Box::new(Refusal {
            sqlstate: error.code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().filter(|detail| !repeats_a_row(detail)).map(str::to_owned),
            column: error
                .column()
                .map(str::to_owned)
                .or_else(|| error.r#where().and_then(column_of_copy_context)),
            constraint: error.constraint().map(str::to_owned),
        }))
    }
}

/// What the network says when it, or the server, is not there for a moment.
/// A name that cannot be resolved has a kind of no name.
fn passes(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::TimedOut
            | ErrorKind::UnexpectedEof
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
    )
}

/// `Failing row contains (...)` of not-null and check violations.
fn repeats_a_row(detail: &str) -> bool {
    detail.starts_with("Failing row contains")
}

/// The column in `COPY pgsync_rows, line 3, column job_id: "abc"`.
///
/// COPY reports the column in the context only, not in the error's fields.
fn column_of_copy_context(context: &str) -> Option<String> {
    let line = context.lines().find(|line| line.starts_with("COPY "))?;
    let (_, rest) = line.split_once(", column ")?;
    let name = rest.split_once(": ").map_or(rest, |(name, _)| name);
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_is_found_in_the_context_of_copy() {
        let column = |text| column_of_copy_context(text);
        assert_eq!(column("COPY t, line 3, column job id: \"a: b\"").as_deref(), Some("job id"));
        assert_eq!(column("COPY t, line 3, column x: null input").as_deref(), Some("x"));
        assert_eq!(column("COPY t, line 3"), None);
        assert_eq!(column("SQL statement \"...\"\nCOPY t, line 1, column y").as_deref(), Some("y"));
    }

    fn failure(code: &str) -> Failure {
        Failure::Server(Box::new(Refusal { sqlstate: code.to_owned(), ..Refusal::default() }))
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for code in ["40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03", "08006"] {
            assert!(failure(code).passes(), "{code}");
        }
        for code in ["57014", "28P01", "3D000", "23505", "42501", "53100", "25006", "XX000"] {
            assert!(!failure(code).passes(), "{code}");
        }
        assert!(Failure::Connection(String::new()).passes());
        for lasting in [
            Failure::Setup(String::new()),
            Failure::Stopped,
            Failure::Unexpected(String::new()),
            Failure::Server(Box::new(Refusal {
                sqlstate: "08P01".to_owned(),
                message: "no such database: x".to_owned(),
                ..Refusal::default()
            })),
        ] {
            assert!(!lasting.passes() && !lasting.loses_the_link(), "{lasting:?}");
        }
        assert!(failure("57P01").loses_the_link() && !failure("40001").loses_the_link());
    }

    #[test]
    fn the_failure_behind_an_error_is_found() {
        let error = crate::error::Error::new(crate::error::Kind::Table, "could not read t");
        assert_eq!(Failure::behind(&error), None);
        let error = error.because(failure("40001"));
        assert_eq!(Failure::behind(&error), Some(&failure("40001")));
    }

    #[test]
    fn only_data_and_constraint_errors_blame_a_row() {
        assert!(failure("23505").blames_a_row());
        assert!(failure("22001").blames_a_row());
        assert!(!failure("42501").blames_a_row());
        assert!(!failure("55P03").blames_a_row());
        assert!(!Failure::Connection(String::new()).blames_a_row());
    }

    #[test]
    fn a_row_is_never_repeated() {
        assert!(repeats_a_row("Failing row contains (1, secret)."));
        assert!(!repeats_a_row("Key (id)=(5) already exists."));
    }
}
