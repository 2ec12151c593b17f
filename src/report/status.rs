//! `status`, told to people.

use crate::metadata::watermark::LastRun;
use crate::report::Report;
use crate::report::figures::{age, count};

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
    let error = last.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
    format!("{result}{rejected}{error}")
}
