//! How a transaction begins and ends, and what it pins.
//!
//! Through a transaction pooler nothing survives a transaction, so every
//! setting is `set local`. The settings make both sides read and write values
//! in the same spelling, whatever the role or the server prefers.

use crate::branch::Branch;
use crate::db::sql::Sql;
use crate::ident::literal;
use std::time::Duration;

/// What a session's transactions pin beside the fixed settings.
#[derive(Debug, Clone)]
pub struct Pins {
    /// The zone in which stamps without zone are meant, on both sides.
    pub time_zone: String,
    /// `None`: a statement may take as long as it takes.
    pub statement_timeout: Option<Duration>,
    pub lock_timeout: Duration,
    /// Whose transaction it is, for `pg_stat_activity`: behind a pooler the
    /// name given at the connection may not reach the server.
    pub application: String,
    /// Whose own writes there are ours.
    pub branch: Branch,
}

/// The settings that are the same for everybody, each with its reason.
const FIXED: [(&str, &str); 11] = [
    // Quoting of literals relies on it.
    ("standard_conforming_strings", "on"),
    // Dates, intervals, floats and bytes as text, the same on both sides.
    ("datestyle", "ISO, MDY"),
    ("intervalstyle", "postgres"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    // The text of type money.
    ("lc_monetary", "C"),
    // Without it a NULL in an array of texts is read as the text "NULL".
    ("array_nulls", "on"),
    // A document is content too, but content need not be a document.
    ("xmloption", "content"),
    // A policy that would hide rows from us becomes an error.
    ("row_security", "off"),
    // We wait for the other side within a transaction.
    ("idle_in_transaction_session_timeout", "0"),
    // Compiling costs more than our scans save.
    ("jit", "off"),
];

/// Opens the transaction that reads the source: one snapshot for the whole run.
///
/// Source: <https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ>
#[must_use]
pub fn begin_reading(pins: &Pins) -> Sql {
    begin("begin isolation level repeatable read, read only", pins)
}

/// Opens a transaction that writes. `READ COMMITTED`, because a statement
/// behind a lock must see what was committed while we waited for it.
#[must_use]
pub fn begin_writing(pins: &Pins) -> Sql {
    let begin = begin("begin isolation level read committed, read write", pins);
    Sql::batch([begin, notice_dead_links()])
}

/// Lets the server notice within a minute that we are gone, and end the
/// transaction: else it would hold its locks until TCP gives up, in hours.
/// While a statement runs the server looks every ten seconds whether the
/// connection is still there; between statements TCP does.
///
/// Not every server has these settings: one on Windows refuses all but the
/// first two, and version 17 brought the last one. Each `select` returns no
/// row, and, unlike `set`, takes a snapshot.
///
/// Source: <https://www.postgresql.org/docs/current/runtime-config-connection.html>
#[must_use]
pub fn notice_dead_links() -> Sql {
    Sql::new(format!(
        "select where concat({}) = '';\n\
         select where case when version() !~* 'windows|visual c|mingw' then concat({}) = '' end;\n\
         select where case when current_setting('transaction_timeout', true) is not null \
         then concat({}) = '' end",
        set_locally(&[("tcp_keepalives_idle", "20s"), ("tcp_keepalives_interval", "10s")]),
        set_locally(&[
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "50s"),
            ("client_connection_check_interval", "10s"),
        ]),
        set_locally(&[("transaction_timeout", "0")]),
    ))
}

fn set_locally(settings: &[(&str, &str)]) -> String {
    let calls: Vec<String> = settings
        .iter()
        .map(|(name, value)| format!("set_config({}, {}, true)", literal(name), literal(value)))
        .collect();
    calls.join(", ")
}

fn begin(opening: &str, pins: &Pins) -> Sql {
    let mut statements = vec![opening.to_owned(), set_local("application_name", &pins.application)];
    statements.extend(FIXED.iter().map(|(name, value)| set_local(name, value)));
    statements.push(set_local("timezone", &pins.time_zone));
    let statement = pins.statement_timeout.map_or(0, |limit| limit.as_millis());
    statements.push(set_local("statement_timeout", &statement.to_string()));
    statements.push(set_local("lock_timeout", &pins.lock_timeout.as_millis().to_string()));
    if pins.branch != Branch::default() {
        statements.push(set_local("pgsync.desktop", pins.branch.name()));
    }
    Sql::new(statements.join(";\n"))
}

fn set_local(name: &str, value: &str) -> String {
    format!("set local {name} = {}", literal(value))
}

/// Makes what the transaction did final.
#[must_use]
pub fn commit() -> Sql {
    Sql::new("commit")
}

/// Undoes what the transaction did.
#[must_use]
pub fn rollback() -> Sql {
    Sql::new("rollback")
}

/// Marks a point to which a failed statement can be undone.
#[must_use]
pub fn savepoint() -> Sql {
    Sql::new("savepoint pgsync_step")
}

/// Undoes what came after the mark.
#[must_use]
pub fn rollback_to_savepoint() -> Sql {
    Sql::new("rollback to savepoint pgsync_step")
}

/// Keeps what came after the mark.
#[must_use]
pub fn release_savepoint() -> Sql {
    Sql::new("release savepoint pgsync_step")
}

/// Checks now what a deferred constraint would check at the commit, where
/// nobody could tell any more which row it was.
#[must_use]
pub fn check_constraints() -> Sql {
    Sql::new("set constraints all immediate")
}

/// Marks the beginning of a checkpoint that is not to be final.
#[must_use]
pub fn begin_checkpoint() -> Sql {
    Sql::new("savepoint pgsync_checkpoint")
}

/// Keeps a checkpoint within a transaction that will be rolled back, and
/// leaves as little behind as a commit: constraints have been checked, and
/// staging and cursors are gone. That a constraint which was to be checked at
/// once is checked at the next checkpoint from then on changes no result.
///
/// Source: <https://www.postgresql.org/docs/current/sql-set-constraints.html>
#[must_use]
pub fn keep_checkpoint() -> Sql {
    Sql::new(
        "set constraints all immediate;\nset constraints all deferred;\n\
         close all;\ndiscard temp;\nrelease savepoint pgsync_checkpoint",
    )
}

/// Undoes a checkpoint within a transaction that will be rolled back.
#[must_use]
pub fn undo_checkpoint() -> Sql {
    Sql::new("rollback to savepoint pgsync_checkpoint;\nrelease savepoint pgsync_checkpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_pins_everything_that_changes_the_spelling_of_values() {
        let pins = Pins {
            time_zone: "Asia/Kolkata".to_owned(),
            statement_timeout: None,
            lock_timeout: Duration::from_secs(10),
            branch: Branch::default(),
            application: "pgsync reverse 1".to_owned(),
        };
        assert_eq!(
            begin_reading(&pins).to_string(),
            "begin isolation level repeatable read, read only;\n\
             set local application_name = 'pgsync reverse 1';\n\
             set local standard_conforming_strings = 'on';\n\
             set local datestyle = 'ISO, MDY';\n\
             set local intervalstyle = 'postgres';\n\
             set local extra_float_digits = '1';\n\
             set local bytea_output = 'hex';\n\
             set local lc_monetary = 'C';\n\
             set local array_nulls = 'on';\n\
             set local xmloption = 'content';\n\
             set local row_security = 'off';\n\
             set local idle_in_transaction_session_timeout = '0';\n\
             set local jit = 'off';\n\
             set local timezone = 'Asia/Kolkata';\n\
             set local statement_timeout = '0';\n\
             set local lock_timeout = '10000'"
        );
        assert!(begin_writing(&pins).to_string().ends_with(&notice_dead_links().to_string()));
        assert_eq!(
            notice_dead_links().to_string(),
            "select where concat(set_config('tcp_keepalives_idle', '20s', true), \
             set_config('tcp_keepalives_interval', '10s', true)) = '';\n\
             select where case when version() !~* 'windows|visual c|mingw' then \
             concat(set_config('tcp_keepalives_count', '3', true), \
             set_config('tcp_user_timeout', '50s', true), \
             set_config('client_connection_check_interval', '10s', true)) = '' end;\n\
             select where case when current_setting('transaction_timeout', true) is not null \
             then concat(set_config('transaction_timeout', '0', true)) = '' end"
        );
    }
}
