//! `status`, told to people.

use crate::metadata::watermark::LastRun;
use crate::report::Report;
use crate::report::figures::{age, count};
use crate::report::run::LOOK_AT_REJECTS;

/// Prints a line per table, in the given order.
pub fn tables(report: &Report, tables: &[(String, Option<LastRun>)]) {
    let width = tables.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(5);
    report.line(format_args!(
        "  {:<width$}  {:<20} {:<20} {:>12} {:>9}  result",
        "table", "last run (UTC)", "synced up to (UTC)", "age", "inserted"
    ));
    for (name, last) in tables {
        report.line(format_args!("  {name:<width$}  {}", line(last.as_ref())));
    }
    failures(report, tables);
    if tables.iter().filter_map(|(_, last)| last.as_ref()?.rejected).any(|rows| rows > 0) {
        report.note(format_args!("note: to see why rows were rejected, run: {LOOK_AT_REJECTS}"));
    }
}

/// The reasons are too long for a column.
fn failures(report: &Report, tables: &[(String, Option<LastRun>)]) {
    let error = |(name, last): &(String, Option<LastRun>)| {
        Some(format!("{name}: {}", last.as_ref()?.error.as_ref()?))
    };
    let errors: Vec<String> = tables.iter().filter_map(error).collect();
    if !errors.is_empty() {
        report.line(format_args!("\n{}", errors.join("\n")));
    }
}

fn line(last: Option<&LastRun>) -> String {
    let Some(last) = last.filter(|last| last.at.is_some()) else {
        return format!("{:<20} {:<20} {:>12} {:>9}  -", "never", "-", "-", "-");
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{:<20} {:<20} {:>12} {:>9}  {}",
        text(&last.at),
        text(&last.synced_up_to),
        last.age_seconds.map_or_else(|| "-".to_owned(), age),
        last.inserted.map_or_else(|| "-".to_owned(), count),
        result(last)
    )
}

fn result(last: &LastRun) -> String {
    let result = last.result.as_deref().unwrap_or("-");
    let rejected = match last.rejected {
        None | Some(0) => String::new(),
        Some(rows) => format!("; {} rejected", count(rows)),
    };
    format!("{result}{rejected}")
}
