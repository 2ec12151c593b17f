//! `status`, told to people.

use crate::metadata::Direction;
use crate::metadata::watermark::LastRun;
use crate::report::Report;
use crate::report::figures::{age, count};
use crate::report::run::LOOK_AT_REJECTS;
use serde_json::{Value, json};

/// How far a direction has come.
#[derive(Debug)]
pub struct Standing {
    pub direction: Direction,
    /// The side that keeps it.
    pub target: &'static str,
    /// Where that side is.
    pub address: String,
    /// Each table, and what its last run did.
    pub tables: Vec<(String, Option<LastRun>)>,
    /// Whether anything has run here, ever.
    pub has_run: bool,
}

/// Prints a block per direction, a line per table.
pub fn directions(report: &Report, standings: &[Standing]) {
    for (at, standing) in standings.iter().enumerate() {
        if at > 0 {
            report.line("");
        }
        block(report, standing);
        for (table, last) in &standing.tables {
            report.data(&data(standing, table, last.as_ref()));
        }
    }
    for standing in standings {
        notes(report, standing);
    }
}

fn data(standing: &Standing, table: &str, last: Option<&LastRun>) -> Value {
    json!({
        "message_type": "table_status",
        "direction": standing.direction.word(),
        "table": table,
        "last_run": last.and_then(|last| last.at.as_ref()),
        "synced_up_to": last.and_then(|last| last.synced_up_to.as_ref()),
        "age_seconds": last.and_then(|last| last.age_seconds),
        "result": last.and_then(|last| last.result.as_ref()),
        "error": last.and_then(|last| last.error.as_ref()),
        "inserted": last.and_then(|last| last.inserted),
        "updated": last.and_then(|last| last.updated),
        "deleted": last.and_then(|last| last.deleted),
        "protected": last.and_then(|last| last.protected),
        "rejected": last.and_then(|last| last.rejected),
    })
}

fn block(report: &Report, standing: &Standing) {
    let (arrow, figures) = match standing.direction {
        Direction::Reverse => ("cloud -> desktop", &FIGURES[..1]),
        Direction::Forward => ("desktop -> cloud", &FIGURES[..]),
    };
    report.line(format_args!("{}: {arrow}, {}", standing.direction.word(), standing.address));
    let width = standing.tables.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(5);
    let names = figures.iter().map(|(name, _)| (*name).to_owned());
    let times = ["last run (UTC)", "synced up to (UTC)", "age"].map(str::to_owned);
    report.line(format_args!("  {:<width$}  {}", "table", columns(&times, names, "result")));
    for (name, last) in &standing.tables {
        let line = line(last.as_ref(), figures);
        report.line(format_args!("  {name:<width$}  {line}"));
    }
    failures(report, &standing.tables);
}

/// A figure's head, and where it stands.
type Figure = (&'static str, fn(&LastRun) -> Option<u64>);

/// Reverse only ever inserts: it has the first of them.
const FIGURES: [Figure; 4] = [
    ("inserted", |last| last.inserted),
    ("updated", |last| last.updated),
    ("deleted", |last| last.deleted),
    ("protected", |last| last.protected),
];

fn columns(times: &[String; 3], figures: impl Iterator<Item = String>, result: &str) -> String {
    let [at, up_to, age] = times;
    let figures: Vec<String> = figures.map(|figure| format!(" {figure:>9}")).collect();
    format!("{at:<20} {up_to:<20} {age:>12}{}  {result}", figures.concat())
}

fn line(last: Option<&LastRun>, figures: &[Figure]) -> String {
    let nothing = || "-".to_owned();
    let Some(last) = last.filter(|last| last.at.is_some()) else {
        let times = ["never".to_owned(), nothing(), nothing()];
        return columns(&times, figures.iter().map(|_| nothing()), "-");
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_else(nothing);
    let times =
        [text(&last.at), text(&last.synced_up_to), last.age_seconds.map_or_else(nothing, age)];
    let figures = figures.iter().map(|(_, figure)| figure(last).map_or_else(nothing, count));
    columns(&times, figures, &result(last))
}

fn result(last: &LastRun) -> String {
    let result = last.result.as_deref().unwrap_or("-");
    let rejected = match last.rejected {
        None | Some(0) => String::new(),
        Some(rows) => format!("; {} rejected", count(rows)),
    };
    format!("{result}{rejected}")
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

fn notes(report: &Report, standing: &Standing) {
    let word = standing.direction.word();
    if !standing.has_run {
        report.note(format_args!("note: {word} has not run yet; start with: pgsync {word}"));
    }
    let rejected = |(_, last): &(String, Option<LastRun>)| last.as_ref()?.rejected;
    if standing.tables.iter().filter_map(rejected).any(|rows| rows > 0) {
        report.note(format_args!("note: to see why {word} rejected rows, run: {LOOK_AT_REJECTS}"));
    }
}
