//! `status`, told: each table, the last runs, who is at work, and what to make
//! of it.

mod past;
pub mod verdict;

use crate::engine::pending::{Counted, Rows, Waiting};
use crate::metadata::Direction;
use crate::metadata::runs::PastRun;
use crate::metadata::watermark::LastRun;
use crate::report::Report;
use crate::report::figures::{age, count};
use crate::report::ink::Ink;
use crate::report::run::LOOK_AT_REJECTS;
use crate::report::status::verdict::{Asked, Found};
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
    /// The newest first.
    pub runs: Vec<PastRun>,
    /// What waits for the next run, if that was asked for.
    pub waiting: Option<Counted>,
}

/// Tells all of it; whether every table is as fresh as it was asked to be.
pub fn tell(report: &Report, found: &Found<'_>, asked: Asked) -> bool {
    for (at, standing) in found.standings.iter().enumerate() {
        if at > 0 {
            report.line("");
        }
        block(report, standing);
        for (table, last) in &standing.tables {
            report.data(&data(standing, table, last.as_ref()));
        }
    }
    past::runs(report, found);
    past::at_work(report, found.holders);
    for standing in found.standings {
        notes(report, standing);
    }
    let verdict = verdict::of(found, asked);
    report.line("");
    let ink = if verdict.is_well { Ink::Good } else { Ink::Warning };
    report.last(Some(ink), &verdict.sentence);
    report.summarise(&json!({
        "well": verdict.is_well,
        "verdict": verdict.sentence,
        "stale": verdict.stale,
    }));
    verdict.stale.is_empty()
}

fn data(standing: &Standing, table: &str, last: Option<&LastRun>) -> Value {
    let waiting = standing.waiting.as_ref().and_then(|counted| counted.of(table));
    let rows = waiting.map(|waiting| match waiting.rows {
        Rows::New(rows) => json!({ "new": rows, "how": waiting.how.to_string() }),
        Rows::ToCompare(rows) => json!({ "to_compare": rows, "how": waiting.how.to_string() }),
    });
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
        "waiting": rows,
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
    let waiting = |text: String| match standing.waiting {
        Some(_) => format!(" {text:>12}"),
        None => String::new(),
    };
    let head = columns(&times, names, &waiting("waiting".to_owned()), "result");
    report.line(format_args!("  {:<width$}  {head}", "table"));
    for (name, last) in &standing.tables {
        let waits = standing.waiting.as_ref().and_then(|counted| counted.of(name));
        let line = line(last.as_ref(), figures, &waiting(waits.map_or("?".to_owned(), rows)));
        let line = format!("  {name:<width$}  {line}");
        match last.as_ref().and_then(|last| last.result.as_deref()) {
            Some("failed") => report.inked(Ink::Bad, line),
            _ => report.line(line),
        }
    }
    failures(report, standing);
}

fn rows(waiting: &Waiting) -> String {
    match waiting.rows {
        Rows::New(rows) => count(rows),
        Rows::ToCompare(rows) => format!("all {}", count(rows)),
    }
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

fn columns(
    times: &[String; 3],
    figures: impl Iterator<Item = String>,
    waiting: &str,
    result: &str,
) -> String {
    let [at, up_to, age] = times;
    let figures: Vec<String> = figures.map(|figure| format!(" {figure:>9}")).collect();
    format!("{at:<20} {up_to:<20} {age:>12}{}{waiting}  {result}", figures.concat())
}

fn line(last: Option<&LastRun>, figures: &[Figure], waiting: &str) -> String {
    let nothing = || "-".to_owned();
    let Some(last) = last.filter(|last| last.at.is_some()) else {
        let times = ["never".to_owned(), nothing(), nothing()];
        return columns(&times, figures.iter().map(|_| nothing()), waiting, "-");
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_else(nothing);
    let times =
        [text(&last.at), text(&last.synced_up_to), last.age_seconds.map_or_else(nothing, age)];
    let figures = figures.iter().map(|(_, figure)| figure(last).map_or_else(nothing, count));
    columns(&times, figures, waiting, &result(last))
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
fn failures(report: &Report, standing: &Standing) {
    let error = |(name, last): &(String, Option<LastRun>)| {
        Some(format!("{name}: {}", last.as_ref()?.error.as_ref()?))
    };
    let mut errors: Vec<String> = standing.tables.iter().filter_map(error).collect();
    let not_counted = standing.waiting.iter().flat_map(|counted| &counted.failed);
    errors.extend(not_counted.map(|(name, why)| format!("{name}: what waits: {why}")));
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
