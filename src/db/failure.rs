//! What a server or a connection answers when it refuses.
//!
//! A [`Failure`] keeps what the program decides by (SQLSTATE, column,
//! constraint) and leaves out what must not be repeated: the server's
//! `Failing row contains (...)` holds a customer's whole row.

use std::fmt;

/// Why a statement, a COPY or a connection failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server refused, in its own words.
    Server(Box<Refusal>),
    /// The connection is gone, or never came up.
    Connection(String),
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
            Self::Connection(_) | Self::Unexpected(_) => None,
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
            Self::Connection(text) | Self::Unexpected(text) => text.clone(),
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
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(refusal) => refusal.fmt(f),
            Self::Connection(text) | Self::Unexpected(text) => f.write_str(text),
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
            sqlx::Error::Tls(tls) => Self::Connection(format!("TLS failed: {tls}")),
            other => Self::Unexpected(other.to_string()),
        }
    }
}

impl Failure {
    /// While connecting nothing stood yet that could break.
    #[must_use]
    pub fn while_connecting(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(io) => Self::Connection(format!("could not reach the server: {io}")),
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

    #[test]
    fn only_data_and_constraint_errors_blame_a_row() {
        let failure = |code: &str| {
            Failure::Server(Box::new(Refusal { sqlstate: code.to_owned(), ..Refusal::default() }))
        };
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
