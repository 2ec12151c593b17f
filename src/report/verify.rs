//! A verification, told to people and programs.

use crate::engine::verify::settle::{Finding, Way};
use crate::engine::verify::tally::Found;
use crate::engine::verify::{Beside, Verified};
use crate::metadata::Direction;
use crate::report::Report;
use crate::report::error_data;
use crate::report::figures::{count, of, seconds};
use crate::report::ink::Ink;
use crate::report::run::LOOK_AT_REJECTS;
use serde_json::{Value, json};
use std::time::Duration;

/// What was found of all pairs.
#[derive(Debug)]
pub struct Verdict {
    /// Where both sides are.
    pub cloud: String,
    pub desktop: String,
    pub pairs: Vec<Verified>,
    pub elapsed: Duration,
    pub rows_were_asked_for: bool,
}

/// Tells all of it.
pub fn tell(report: &Report, verdict: &Verdict) {
    for line in as_data(verdict) {
        report.data(&line);
    }
    report.summarise(&summary_for_programs(verdict));
    as_text(report, verdict);
}

/// A line per pair and direction, the rows that were asked for, what to do,
/// and one sentence.
fn as_text(report: &Report, verdict: &Verdict) {
    report.line("pgsync verify: reads only");
    report.line(format_args!("  {:<8} {}", "cloud", verdict.cloud));
    report.line(format_args!("  {:<8} {}\n", "desktop", verdict.desktop));
    table(report, &verdict.pairs);
    report.line("");
    for pair in &verdict.pairs {
        if let Some(error) = &pair.failure {
            report.error(error);
        }
    }
    for note in notes(verdict) {
        report.note(format_args!("note: {note}"));
    }
    report.last(Some(ink(verdict)), summary(verdict));
}

const HEADS: [&str; 7] =
    ["desktop", "cloud", "missing", "extra", "different", "cloud-owned", "rejected"];

fn table(report: &Report, pairs: &[Verified]) {
    let width = pairs.iter().map(|pair| pair.table.len()).max().unwrap_or(0).max(5);
    let columns = |cells: &[String; 7]| -> String {
        let cells: Vec<String> = cells.iter().map(|cell| format!(" {cell:>11}")).collect();
        cells.concat()
    };
    let heads = columns(&HEADS.map(str::to_owned));
    report.line(format_args!("  {:<width$} {:<9}{heads}  result", "table", "direction"));
    for pair in pairs {
        let cells = columns(&cells(pair));
        let (table, direction) = (&pair.table, pair.direction.word());
        report.line(format_args!("  {table:<width$} {direction:<9}{cells}  {}", result(pair)));
        for row in &pair.found.rows {
            report.line(format_args!("    {}", named(pair, row)));
        }
        if !pair.found.rows.is_empty() && pair.found.unnamed() > 0 {
            report.line(format_args!("    and {} more", count(pair.found.unnamed())));
        }
    }
}

fn ink(verdict: &Verdict) -> Ink {
    let is_equal = |pair: &Verified| result(pair) == "equal";
    if verdict.pairs.iter().all(is_equal) { Ink::Good } else { Ink::Warning }
}

fn cells(pair: &Verified) -> [String; 7] {
    if pair.failure.is_some() {
        return std::array::from_fn(|_| "-".to_owned());
    }
    let found = &pair.found;
    let (desktop, cloud) = by_side(pair);
    let answered = |figure| if pair.beside == Beside::Ignored { "-".into() } else { count(figure) };
    [
        count(desktop),
        count(cloud),
        count(found.missing),
        answered(found.extra),
        count(found.different),
        count(pair.owned),
        count(found.rejected),
    ]
}

/// The rows of the desktop and of the cloud.
fn by_side(pair: &Verified) -> (u64, u64) {
    match pair.direction {
        Direction::Reverse => (pair.target_rows, pair.source_rows),
        Direction::Forward => (pair.source_rows, pair.target_rows),
    }
}

fn result(pair: &Verified) -> &'static str {
    match (&pair.failure, pair.found.is_equal(), pair.found.rejected) {
        (Some(_), _, _) => "FAILED, see below",
        (None, false, _) => "DIFFERENT",
        (None, true, 0) => "equal",
        (None, true, _) => "rejected",
    }
}

/// The side that lacks or has what is named.
fn target(direction: Direction) -> &'static str {
    match direction {
        Direction::Reverse => "desktop",
        Direction::Forward => "cloud",
    }
}

fn named(pair: &Verified, row: &Finding) -> String {
    let columns = match row.columns.as_slice() {
        [] => String::new(),
        columns => format!(": {}", columns.join(", ")),
    };
    let target = target(pair.direction);
    match row.way {
        Way::Missing => format!("missing on the {target}: {}", row.name),
        Way::Extra => format!("extra on the {target}: {}", row.name),
        Way::Different => format!("different: {}{columns}", row.name),
        Way::Rejected => format!("rejected: {}{columns}", row.name),
    }
}

/// What to do about it, a sentence each.
fn notes(verdict: &Verdict) -> Vec<String> {
    let mut notes = Vec::new();
    let differing: Vec<&Verified> =
        verdict.pairs.iter().filter(|pair| !pair.found.is_equal()).collect();
    if !differing.is_empty() && !verdict.rows_were_asked_for {
        notes.push(format!("to see which rows, run: pgsync verify {} --rows", tables(&differing)));
    }
    for direction in [Direction::Reverse, Direction::Forward] {
        let mended = |pair: &&&Verified| pair.direction == direction && is_mended_by_a_run(pair);
        let pairs: Vec<&Verified> = differing.iter().filter(mended).copied().collect();
        if !pairs.is_empty() {
            let (word, tables) = (direction.word(), tables(&pairs));
            notes.push(format!("the next full run deals with them: pgsync {word} --full {tables}"));
        }
    }
    let stay = |pair: &&&Verified| pair.beside == Beside::Kept && pair.found.extra > 0;
    let pairs: Vec<&Verified> = differing.iter().filter(stay).copied().collect();
    if !pairs.is_empty() {
        notes.push(format!(
            "the extra rows of {} stay in the cloud, because an upsert never deletes; delete them \
             there if they are not wanted",
            tables(&pairs)
        ));
    }
    if verdict.pairs.iter().any(|pair| pair.found.rejected > 0) {
        notes.push(format!("to see why rows were rejected, run: {LOOK_AT_REJECTS}"));
    }
    notes
}

/// An upsert leaves alone what it did not bring.
fn is_mended_by_a_run(pair: &Verified) -> bool {
    let Found { missing, different, extra, .. } = pair.found;
    missing + different > 0 || (pair.beside == Beside::Deleted && extra > 0)
}

fn tables(pairs: &[&Verified]) -> String {
    let mut names: Vec<&str> = pairs.iter().map(|pair| pair.table.as_str()).collect();
    names.dedup();
    names.join(" ")
}

/// What an office manager reads.
fn summary(verdict: &Verdict) -> String {
    let pairs = &verdict.pairs;
    let time = seconds(verdict.elapsed);
    let sum = |figure: fn(&Found) -> u64| pairs.iter().map(|pair| figure(&pair.found)).sum::<u64>();
    let parts = [
        (sum(|found| found.missing), "missing"),
        (sum(|found| found.extra), "extra"),
        (sum(|found| found.different), "different"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(rows, _)| *rows > 0)
        .map(|(rows, word)| format!("{} {word}", of(*rows, "row")))
        .collect();
    let failed = pairs.iter().filter(|pair| pair.failure.is_some()).count() as u64;
    let rejected = sum(|found| found.rejected);
    let equal = if rejected > 0 {
        format!("equal, but for {} that the other side does not take", of(rejected, "row"))
    } else {
        "equal: both sides are as they should be".to_owned()
    };
    match (failed, parts.is_empty()) {
        (0, true) => format!("{equal}, in {time}"),
        (0, false) => format!("DIFFERENT: {}, in {time}", parts.join(", ")),
        (_, true) => format!("{} could not be compared, in {time}", of(failed, "table")),
        (_, false) => format!(
            "DIFFERENT: {}; {} could not be compared, in {time}",
            parts.join(", "),
            of(failed, "table")
        ),
    }
}

/// The same for programs: a line per pair and direction, its rows behind it.
fn as_data(verdict: &Verdict) -> Vec<Value> {
    let mut lines = Vec::new();
    for pair in &verdict.pairs {
        lines.push(pair_as_json(pair));
        lines.extend(pair.found.rows.iter().map(|row| row_as_json(pair, row)));
    }
    lines
}

fn summary_for_programs(verdict: &Verdict) -> Value {
    let pairs = &verdict.pairs;
    let sum = |figure: fn(&Found) -> u64| pairs.iter().map(|pair| figure(&pair.found)).sum::<u64>();
    json!({
        "tables": pairs.len(),
        "tables_failed": pairs.iter().filter(|pair| pair.failure.is_some()).count(),
        "missing": sum(|found| found.missing),
        "extra": sum(|found| found.extra),
        "different": sum(|found| found.different),
        "rejected": sum(|found| found.rejected),
    })
}

fn pair_as_json(pair: &Verified) -> Value {
    let (desktop, cloud) = by_side(pair);
    json!({
        "message_type": "verified",
        "table": pair.table,
        "direction": pair.direction.word(),
        "desktop_rows": desktop,
        "cloud_rows": cloud,
        "missing": pair.found.missing,
        "extra": (pair.beside != Beside::Ignored).then_some(pair.found.extra),
        "different": pair.found.different,
        "cloud_owned": pair.owned,
        "rejected": pair.found.rejected,
        "unnamed": pair.found.unnamed(),
        "result": match result(pair) {
            "DIFFERENT" => "different",
            "FAILED, see below" => "failed",
            word => word,
        },
        "error": pair.failure.as_ref().map(error_data),
    })
}

fn row_as_json(pair: &Verified, row: &Finding) -> Value {
    json!({
        "message_type": "difference",
        "table": pair.table,
        "direction": pair.direction.word(),
        "key": row.name,
        "difference": match row.way {
            Way::Missing => "missing",
            Way::Extra => "extra",
            Way::Different => "different",
            Way::Rejected => "rejected",
        },
        "columns": row.columns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};

    fn pair(direction: Direction, beside: Beside) -> Verified {
        Verified {
            direction,
            table: "job".into(),
            beside,
            source_rows: 10,
            target_rows: 9,
            owned: 2,
            found: Found::default(),
            failure: None,
        }
    }

    fn verdict(pairs: Vec<Verified>) -> Verdict {
        Verdict {
            cloud: "c".into(),
            desktop: "d".into(),
            pairs,
            elapsed: Duration::from_millis(250),
            rows_were_asked_for: false,
        }
    }

    #[test]
    fn equal_sides_need_no_note() {
        let verdict = verdict(vec![pair(Direction::Reverse, Beside::Ignored)]);
        assert_eq!(notes(&verdict), [""; 0]);
        assert_eq!(summary(&verdict), "equal: both sides are as they should be, in 0.25 s");
        assert_eq!(cells(&verdict.pairs[0]), ["9", "10", "0", "-", "0", "2", "0"]);
    }

    #[test]
    fn what_differs_comes_with_the_next_command() {
        let mut upsert = pair(Direction::Forward, Beside::Kept);
        upsert.found.extra = 1;
        let mut reverse = pair(Direction::Reverse, Beside::Ignored);
        reverse.found.missing = 2;
        let mut verdict = verdict(vec![reverse, upsert]);
        assert_eq!(
            notes(&verdict),
            [
                "to see which rows, run: pgsync verify job --rows",
                "the next full run deals with them: pgsync reverse --full job",
                "the extra rows of job stay in the cloud, because an upsert never deletes; \
                 delete them there if they are not wanted",
            ]
        );
        assert_eq!(summary(&verdict), "DIFFERENT: 2 rows missing, 1 row extra, in 0.25 s");
        verdict.pairs[1].failure = Some(Error::new(Kind::Table, "could not count"));
        assert_eq!(
            summary(&verdict),
            "DIFFERENT: 2 rows missing, 1 row extra; 1 table could not be compared, in 0.25 s"
        );
    }

    #[test]
    fn rejects_alone_are_no_difference() {
        let mut pair = pair(Direction::Forward, Beside::Deleted);
        pair.found.rejected = 1;
        assert_eq!(result(&pair), "rejected");
        let verdict = verdict(vec![pair]);
        assert_eq!(
            summary(&verdict),
            "equal, but for 1 row that the other side does not take, in 0.25 s"
        );
        assert_eq!(notes(&verdict), ["to see why rows were rejected, run: pgsync rejects"]);
    }

    #[test]
    fn every_line_for_programs_has_its_type() {
        let mut pair = pair(Direction::Forward, Beside::Deleted);
        pair.found.different = 1;
        pair.found.rows = vec![Finding {
            way: Way::Different,
            name: "[\"7\"]".into(),
            columns: vec!["note".into()],
        }];
        let lines = as_data(&verdict(vec![pair]));
        let types: Vec<&Value> = lines.iter().map(|line| &line["message_type"]).collect();
        assert_eq!(types, ["verified", "difference"]);
        assert_eq!(
            (&lines[0]["cloud_rows"], &lines[0]["result"]),
            (&json!(9), &json!("different"))
        );
        assert_eq!(lines[1]["columns"], json!(["note"]));
    }
}
