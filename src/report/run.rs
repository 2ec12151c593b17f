//! A run, told to people: what runs, a line a table, a summary.

use crate::engine::event::{Event, Observer, Outcome};
use crate::report::figures::{count, of, seconds};
use crate::report::{Report, Verbosity};
use std::sync::Mutex;
use std::time::Duration;

/// What is about to run.
#[derive(Debug)]
pub struct Opening<'a> {
    pub command: &'a str,
    pub run: &'a str,
    /// Side and address, in the order in which rows travel.
    pub from: (&'static str, String),
    pub to: (&'static str, String),
    pub tables: &'a [&'a str],
    pub effect: Effect,
}

/// What shows the rows that were set aside.
pub(super) const LOOK_AT_REJECTS: &str =
    "select table_name, key, reason, message from pgsync.rejects;";

/// Whether the run is for real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Real,
    DryRun,
}

/// A run as it is told.
pub struct RunReport<'a> {
    report: &'a Report,
    width: usize,
    target: &'static str,
    effect: Effect,
    left_out: Mutex<Vec<String>>,
}

impl<'a> RunReport<'a> {
    /// Says what is about to run.
    pub fn open(report: &'a Report, opening: &Opening<'_>) -> Self {
        let (from, to) = (&opening.from, &opening.to);
        let dry = if opening.effect == Effect::DryRun {
            ", dry run: nothing will be written"
        } else {
            ""
        };
        report.line(format_args!(
            "pgsync {}: {} -> {}, {}, run {}{dry}",
            opening.command,
            from.0,
            to.0,
            of(opening.tables.len() as u64, "table"),
            opening.run,
        ));
        report.line(format_args!("  {:<8} {}", from.0, from.1));
        report.line(format_args!("  {:<8} {}", to.0, to.1));
        let width = opening.tables.iter().map(|name| name.len()).max().unwrap_or(0).max(5);
        Self {
            report,
            width,
            target: opening.to.0,
            effect: opening.effect,
            left_out: Mutex::new(Vec::new()),
        }
    }

    /// The head of the table of tables.
    pub fn heading(&self) {
        self.report.line(format_args!(
            "\n  {:<width$} {:>11} {:>9} {:>9} {:>9}  how",
            "table",
            "checked",
            "new",
            "inserted",
            "time",
            width = self.width
        ));
    }

    fn outcome(&self, outcome: &Outcome) {
        self.report.progress.stop();
        let how = match (&outcome.how, &outcome.failure) {
            (_, Some(_)) => "FAILED, see below".to_owned(),
            (Some(how), None) => how.to_string(),
            (None, None) => String::new(),
        };
        let rejected = match outcome.rejected {
            0 => String::new(),
            rows => format!("; {} rejected", count(rows)),
        };
        self.report.line(format_args!(
            "  {:<width$} {:>11} {:>9} {:>9} {:>9}  {how}{rejected}",
            outcome.table,
            count(outcome.checked),
            count(outcome.new),
            count(outcome.inserted),
            seconds(outcome.elapsed),
            width = self.width
        ));
    }

    /// Says what stays behind, once.
    fn columns_left_out(&self) {
        let Ok(left_out) = self.left_out.lock() else { return };
        let verbose = self.report.verbosity == Verbosity::Verbose;
        match left_out.as_slice() {
            [] => {}
            few if verbose || few.len() <= 3 => {
                for column in few {
                    self.report.note(format_args!(
                        "note: {column} has no place on the {} and stays behind",
                        self.target
                    ));
                }
            }
            many => self.report.note(format_args!(
                "note: {} columns have no place on the {} and stay behind (--verbose lists them)",
                many.len(),
                self.target
            )),
        }
    }

    /// The last word: what came of it.
    pub fn close(&self, outcomes: &[Outcome], read_point: &str, elapsed: Duration) {
        self.report.line("");
        for error in outcomes.iter().filter_map(|outcome| outcome.failure.as_ref()) {
            self.report.error(error);
        }
        self.columns_left_out();
        let rejected: u64 = outcomes.iter().map(|outcome| outcome.rejected).sum();
        if rejected > 0 {
            self.report.note(format_args!(
                "warning: {} rejected and set aside; to see why, run on the {}: {LOOK_AT_REJECTS}",
                of(rejected, "row"),
                self.target
            ));
        }
        self.report.line(self.summary(outcomes, read_point, elapsed));
    }

    fn summary(&self, outcomes: &[Outcome], read_point: &str, elapsed: Duration) -> String {
        let inserted: u64 = outcomes.iter().map(|outcome| outcome.inserted).sum();
        let touched = outcomes.iter().filter(|outcome| outcome.inserted > 0).count() as u64;
        let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count() as u64;
        let verb = if self.effect == Effect::DryRun { "would be inserted" } else { "inserted" };
        let rows = match inserted {
            0 => format!("nothing new as of {}", to_the_second(read_point)),
            _ => format!("{} {verb} into {}", of(inserted, "row"), of(touched, "table")),
        };
        let rejected = outcomes.iter().any(|outcome| outcome.rejected > 0);
        let (total, time) = (outcomes.len() as u64, seconds(elapsed));
        match (failed, rejected) {
            (0, false) => format!("done: {rows}, in {time}"),
            (0, true) => format!("done, but rows were rejected: {rows}, in {time}"),
            (failed, _) if failed == total => format!("{} failed, in {time}", of(total, "table")),
            (failed, _) => format!(
                "{} of {} failed; in the others: {rows}, in {time}",
                count(failed),
                of(total, "table")
            ),
        }
    }
}

/// `2026-03-01 10:00:00 UTC` from a watermark's text.
fn to_the_second(timestamp: &str) -> String {
    format!("{} UTC", timestamp.split('.').next().unwrap_or(timestamp))
}

impl Observer for RunReport<'_> {
    fn hear(&self, event: Event<'_>) {
        match event {
            Event::Warning(text) => self.report.warning(text),
            Event::Started { table, rows } => self.report.progress.start(table, rows),
            Event::Moved(rows) => self.report.progress.moved(rows),
            Event::Finished(outcome) => self.outcome(outcome),
            Event::LeftOut { table, columns } => {
                if let Ok(mut left_out) = self.left_out.lock() {
                    left_out.extend(columns.iter().map(|column| format!("{table}.{column}")));
                }
            }
        }
    }
}
