//! Pure builders of every statement over tables that the configuration names.
//!
//! A [`Sql`] is a statement whose identifiers are quoted and whose values are
//! escaped; only the builders in here and in `metadata` make one. Nothing in
//! here asks a server, so every statement is tested by its full text.
//!
//! - [`session`]: how a transaction begins and ends, and what it pins
//! - [`mapping`]: a pair's columns and key as both sides spell them
//! - [`changed`]: which rows of a table are new
//! - [`select`]: which rows of the source, and how they are read
//! - [`bucket`]: into which bucket of a comparison a key falls
//! - [`compare`]: counts and checksums
//! - [`stage`]: staged keys and rows, and what an insert of missing rows asks
//! - [`loose`]: staging for rows of which some are too long
//! - [`refusal`]: staged rows that the target refuses
//! - [`owned`]: rows that belong to the source: delivered, or in conflict
//! - [`fingerprint`]: keys and hashes of rows, for a comparison that writes nothing
//! - [`inquiry`]: everything both sides know of one key
//! - [`sequence`]: what serial and identity columns of the target draw from
//! - [`inspect`]: what a table's rows say before a run
//! - [`merge`]: staged rows against the target's, by key: upsert
//! - [`mirror`]: staged rows against the target's, by content: mirror

pub mod bucket;
pub mod changed;
pub mod compare;
pub mod fingerprint;
pub mod inquiry;
pub mod inspect;
pub mod loose;
pub mod mapping;
pub mod merge;
pub mod mirror;
pub mod owned;
pub mod refusal;
pub mod select;
pub mod sequence;
pub mod session;
pub mod stage;

use std::fmt;

/// One or several statements, safe to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql(String);

impl Sql {
    /// Declares a text safe: its identifiers are quoted, its values escaped.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Several statements as one message, so that they cost one round trip.
    pub(crate) fn batch(statements: impl IntoIterator<Item = Self>) -> Self {
        let texts: Vec<String> = statements.into_iter().map(|sql| sql.0).collect();
        Self(texts.join(";\n"))
    }

    /// The text, for COPY, which sqlx does not guard.
    pub(in crate::db) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text for sqlx, which wants to hear that it is safe.
    pub(in crate::db) fn for_sqlx(&self) -> sqlx::AssertSqlSafe<String> {
        sqlx::AssertSqlSafe(self.0.clone())
    }
}

impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
