//! `init`, told to people and programs: what was paired, and how.

use crate::config::draft::{Draft, DraftForward, DraftReverse, DraftTable};
use crate::report::Report;
use crate::report::figures::of;
use serde_json::{Value, json};

/// A configuration that was made.
#[derive(Debug)]
pub struct Made {
    pub file: String,
    pub draft: Draft,
}

impl Made {
    fn guesses(&self) -> u64 {
        self.draft.tables.iter().map(|table| table.guesses.len() as u64).sum()
    }
}

/// Tells all of it.
pub fn tell(report: &Report, made: &Made) {
    as_text(report, made);
    as_data(report, made);
}

/// Prints it for people.
fn as_text(report: &Report, made: &Made) {
    let tables = &made.draft.tables;
    let width = tables.iter().map(|table| table.label().len()).max().unwrap_or(0).max(7);
    report.line(format_args!(
        "  {:<width$}  {:<16}  {:<7}  {}",
        "desktop", "cloud", "forward", "reverse"
    ));
    for table in tables {
        let (cloud, label) = (table.cloud.to_string(), table.label());
        let (forward, reverse) = (forward(table), reverse(table));
        report.line(format_args!("  {label:<width$}  {cloud:<16}  {forward:<7}  {reverse}"));
    }
    let left = [
        ("on the desktop", &made.draft.only_on_desktop),
        ("in the cloud", &made.draft.only_in_cloud),
    ];
    for (place, names) in left.iter().filter(|(_, names)| !names.is_empty()) {
        report.note(format_args!("note: only {place}, so left out: {}", names.join(", ")));
    }
    report.line(format_args!(
        "\nwrote {}: {}, {}; read the lines that begin with \"# guessed\", then run: pgsync check",
        made.file,
        of(tables.len() as u64, "table"),
        of(made.guesses(), "guess").replace("guesss", "guesses"),
    ));
}

/// Prints it for programs: a line for each table.
fn as_data(report: &Report, made: &Made) {
    for table in &made.draft.tables {
        report.data(&in_json(table));
    }
    report.summarise(&json!({
        "file": made.file,
        "tables": made.draft.tables.len(),
        "guesses": made.guesses(),
        "only_on_desktop": made.draft.only_on_desktop,
        "only_in_cloud": made.draft.only_in_cloud,
    }));
}

fn in_json(table: &DraftTable) -> Value {
    let key: Vec<&str> = table.key.iter().map(crate::ident::Ident::as_str).collect();
    json!({
        "message_type": "proposal",
        "desktop": table.desktop.to_string(),
        "cloud": table.cloud.to_string(),
        "key": key,
        "forward": forward(table),
        "reverse": reverse(table),
        "guesses": table.guesses,
    })
}

fn forward(table: &DraftTable) -> &'static str {
    match table.forward {
        DraftForward::Off => "off",
        DraftForward::Upsert => "upsert",
        DraftForward::Mirror { .. } => "mirror",
    }
}

fn reverse(table: &DraftTable) -> &'static str {
    match table.reverse {
        DraftReverse::Off => "off",
        DraftReverse::InsertMissing | DraftReverse::Delivered(_) => "insert-missing",
    }
}
