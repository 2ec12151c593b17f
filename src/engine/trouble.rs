//! From a server's refusal to an error that says what to do.
//!
//! A [`Trouble`] is a failure with its place: which side, at which step. It
//! becomes an [`Error`] once the pair is known.

use crate::db::copy::CopyFailure;
use crate::db::failure::Failure;
use crate::engine::plan::TablePlan;
use crate::error::{Error, Kind};
use crate::ident::TableName;
use crate::metadata::migrations::Side;

/// What went wrong with a pair.
#[derive(Debug)]
pub enum Trouble {
    /// A side refused at a step, named by its verb.
    Failed { at: At, step: &'static str, failure: Failure },
    /// The engine itself refused, in words.
    Refused(Box<Error>),
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Source,
    Target,
}

impl Trouble {
    /// For `map_err`: the source failed at this step.
    pub fn source(step: &'static str) -> impl Fn(Failure) -> Self {
        move |failure| Self::Failed { at: At::Source, step, failure }
    }

    /// For `map_err`: the target failed at this step.
    pub fn target(step: &'static str) -> impl Fn(Failure) -> Self {
        move |failure| Self::Failed { at: At::Target, step, failure }
    }

    /// For `map_err`: a copy failed on the side that it says.
    #[must_use]
    pub fn copy(failure: CopyFailure) -> Self {
        match failure {
            CopyFailure::Source(failure) => Self::source("read")(failure),
            CopyFailure::Target(failure) => Self::target("write")(failure),
        }
    }

    /// The engine's own refusal.
    #[must_use]
    pub fn refused(error: Error) -> Self {
        Self::Refused(Box::new(error))
    }

    /// Whether the source refused, so that its transaction answers nothing more.
    #[must_use]
    pub fn is_the_sources(&self) -> bool {
        matches!(self, Self::Failed { at: At::Source, failure: Failure::Server(_), .. })
    }

    /// Whether one row of the source is to blame.
    #[must_use]
    pub fn blames_a_row(&self) -> bool {
        matches!(self, Self::Failed { at: At::Target, failure, .. } if failure.blames_a_row())
    }

    /// The server's code, if a server refused.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Failed { failure, .. } => failure.sqlstate(),
            Self::Refused(_) => None,
        }
    }

    /// The error for people.
    #[must_use]
    pub fn explain(self, plan: &TablePlan, source: Side, target: Side) -> Error {
        match self {
            Self::Refused(error) => *error,
            Self::Failed { at, step, failure } => {
                let (side, table) = match at {
                    At::Source => (source, &plan.mapping.source),
                    At::Target => (target, &plan.mapping.target),
                };
                let refused = failure.sqlstate().is_some_and(|code| WRITES.contains(&code));
                let writes = at == At::Source && refused;
                let error = failed(step, side, table, failure);
                if writes { error.hint(only_reads(side, table)) } else { error }
            }
        }
    }
}

/// `read_only_sql_transaction`, and `active_sql_transaction` for one that
/// tries to be something else.
const WRITES: [&str; 2] = ["25006", "25001"];

/// We ourselves have forbidden all writing where we read.
fn only_reads(side: Side, table: &TableName) -> String {
    format!(
        "the where, the cursor or a column's expression of {table} calls something that writes; \
         on the {} they may only read: take it out",
        side.word()
    )
}

/// The error for a table that a side refused at a step.
#[must_use]
pub fn failed(step: &str, side: Side, table: &TableName, failure: Failure) -> Error {
    let advice = advice(&failure, side, table);
    let error = Error::new(Kind::Table, format!("could not {step} {table} on the {}", side.word()));
    let error = error.because(failure);
    match advice {
        Some(advice) => error.hint(advice),
        None => error,
    }
}

/// The next step for the SQLSTATEs that people meet.
///
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn advice(failure: &Failure, side: Side, table: &TableName) -> Option<String> {
    let (word, name) = (side.word(), table.sql());
    if let Failure::Connection(_) = failure {
        return Some(format!(
            "look whether the {word} still answers, then run again: what was committed stays, \
             and the rest follows"
        ));
    }
    let advice = match failure.sqlstate()? {
        "42501" if failure.to_string().contains("row-level security") => format!(
            "a policy hides rows of {table} from us; on the {word}, as an administrator, run: \
             alter role <role> bypassrls; (<role> is the user of [{word}])"
        ),
        "42501" => format!(
            "on the {word}, as the table's owner, run: \
             grant select, insert, update, delete on {name} to <role>; \
             (<role> is the user of [{word}])"
        ),
        "23505" => format!(
            "two rows have what may stand in {table} only once; correct one of them, or name a \
             key that tells them apart: [tables.{table}] key = [...]"
        ),
        "55P03" => format!(
            "another session holds {table}; close the program that uses it, or raise \
             lock_timeout in [{word}], then run again"
        ),
        "57014" => format!(
            "raise statement_timeout in [{word}], or set it to \"0\", then run again; if nothing \
             is set there, somebody stopped the statement on the server"
        ),
        "40001" | "40P01" => {
            "another program changed the same rows at the same moment; run again".to_owned()
        }
        "53300" | "57P01" | "57P02" | "57P03" => format!(
            "the {word} was stopped, is starting or is full; run again in a few minutes: what was \
             committed stays, and the rest follows"
        ),
        "25006" => format!("the {word} takes no changes (read-only); run again when it does"),
        "53100" => format!("the disk of the {word} is full; make room, then run again"),
        "42703" | "42883" | "42601" => {
            format!("correct the key, the where or the columns of {table} in the configuration")
        }
        _ => return None,
    };
    Some(advice)
}
