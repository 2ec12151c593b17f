//! `init-metadata`, told.

use crate::metadata::Direction;
use crate::report::Report;
use serde_json::json;

/// What became of a table's watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Made: nothing has been synced yet.
    New,
    /// It was there.
    Kept,
    /// The next run compares the table in full.
    Reset,
}

/// A side, and the migrations that were made there: version and name.
pub fn side(report: &Report, side: &str, address: &str, made: &[(i64, &str)]) {
    report.line(format_args!("{side:<8} {address}"));
    for (version, description) in made {
        report
            .line(format_args!("  made pgsync's own tables (migration {version}: {description})"));
    }
    if made.is_empty() {
        report.line("  pgsync's own tables are up to date");
    }
    let made: Vec<_> = made
        .iter()
        .map(|(version, description)| json!({ "version": version, "description": description }))
        .collect();
    report.data(&json!({
        "message_type": "side",
        "side": side,
        "address": address,
        "migrations_made": made,
    }));
}

/// What became of these tables' watermarks.
pub fn watermarks(report: &Report, direction: Direction, marks: &[(String, Mark)]) {
    let width = marks.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let word = direction.word();
    for (table, mark) in marks {
        let (state, text) = match mark {
            Mark::New => ("new", "new, starts at 1970-01-01".to_owned()),
            Mark::Kept => ("kept", "was there, kept as it is".to_owned()),
            Mark::Reset => ("reset", format!("reset: the next {word} compares it in full")),
        };
        report.line(format_args!("  {table:<width$}  {text}"));
        report.data(&json!({
            "message_type": "watermark",
            "direction": word,
            "table": table,
            "state": state,
        }));
    }
}

/// The SQL that makes our tables, for somebody who may.
pub fn for_administrator(report: &Report, side: &str, sql: &str) {
    report.show(None, &format!("-- to be run on the {side} by an administrator:\n{sql}"));
    report.data(&json!({ "message_type": "sql", "side": side, "sql": sql }));
}

/// What to type next.
pub fn done(report: &Report, next: &str) {
    report.last(None, format_args!("done; next: {next}"));
}
