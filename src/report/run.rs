//! A run, told: what runs, a line a table, a summary.

mod data;

use crate::engine::apply::Done;
use crate::engine::event::{Event, Observer, Outcome};
use crate::error::{Exit, Kind};
use crate::metadata::Direction;
use crate::report::figures::{count, of, seconds};
use crate::report::ink::Ink;
use crate::report::journal::Level;
use crate::report::{Report, Verbosity};
use std::sync::Mutex;
use std::time::Duration;

/// What is about to run.
#[derive(Debug)]
pub struct Opening<'a> {
    pub direction: Direction,
    pub run: &'a str,
    /// Side and address, in the order in which rows travel.
    pub from: (&'static str, String),
    pub to: (&'static str, String),
    pub tables: &'a [&'a str],
    pub effect: Effect,
}

/// What shows the rows that were set aside, and what to do about them.
pub(super) const LOOK_AT_REJECTS: &str = "pgsync rejects";

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
    direction: Direction,
    effect: Effect,
    run: String,
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
            opening.direction.word(),
            from.0,
            to.0,
            of(opening.tables.len() as u64, "table"),
            opening.run,
        ));
        report.line(format_args!("  {:<8} {}", from.0, from.1));
        report.line(format_args!("  {:<8} {}", to.0, to.1));
        report.name(format_args!("{} {}", opening.direction.word(), opening.run));
        report.log(
            Level::Info,
            format_args!(
                "reads from {} {}, writes to {} {}, {}{dry}: {}",
                from.0,
                from.1,
                to.0,
                to.1,
                of(opening.tables.len() as u64, "table"),
                opening.tables.join(", ")
            ),
        );
        report.data(&data::started(opening));
        let width = opening.tables.iter().map(|name| name.len()).max().unwrap_or(0).max(5);
        Self {
            report,
            width,
            target: opening.to.0,
            direction: opening.direction,
            effect: opening.effect,
            run: opening.run.to_owned(),
            left_out: Mutex::new(Vec::new()),
        }
    }

    /// The head of the table of tables.
    pub fn heading(&self) {
        let names: &[&str] = match self.direction {
            Direction::Reverse => &["new", "inserted"],
            Direction::Forward => &["inserted", "updated", "deleted", "protected"],
        };
        self.report.line("");
        let names = names.iter().map(ToString::to_string);
        self.report.line(self.columns("table", "checked", names, "time", "how"));
    }

    fn outcome(&self, outcome: &Outcome) {
        self.report.progress.stop();
        let how = match (&outcome.how, &outcome.failure) {
            (_, Some(error)) if error.kind() == Kind::Interrupted => "interrupted".to_owned(),
            (_, Some(_)) => "FAILED, see below".to_owned(),
            (Some(how), None) => how.to_string(),
            (None, None) => String::new(),
        };
        let rejected = match outcome.done.rejected {
            0 => String::new(),
            rows => format!("; {} rejected", count(rows)),
        };
        let done = &outcome.done;
        let figures = match self.direction {
            Direction::Reverse => vec![done.new, done.inserted],
            Direction::Forward => vec![done.inserted, done.updated, done.deleted, done.protected],
        };
        let checked = count(outcome.checked);
        let time = seconds(outcome.elapsed);
        let how = format!("{how}{rejected}");
        let line =
            self.columns(&outcome.table, &checked, figures.into_iter().map(count), &time, &how);
        match (&outcome.failure, done.rejected) {
            (Some(_), _) => self.report.inked(Ink::Bad, line),
            (None, 0) => self.report.line(line),
            (None, _) => self.report.inked(Ink::Warning, line),
        }
        self.keys(&outcome.updated_keys);
        self.report.data(&data::table(&self.run, self.direction, outcome));
        let level = if outcome.failure.is_some() { Level::Error } else { Level::Info };
        self.report.log(level, in_a_line(outcome, &how));
    }

    /// What the servers are, for the log.
    pub fn servers(&self, servers: &[(&'static str, Option<String>)]) {
        let version = |version: &Option<String>| version.clone().unwrap_or("unknown".to_owned());
        let told: Vec<String> = servers
            .iter()
            .map(|(side, known)| format!("{side} is PostgreSQL {}", version(known)))
            .collect();
        self.report.log(Level::Info, told.join(", "));
    }

    fn columns(
        &self,
        table: &str,
        checked: &str,
        figures: impl Iterator<Item = String>,
        time: &str,
        how: &str,
    ) -> String {
        let figures: Vec<String> = figures.map(|figure| format!(" {figure:>9}")).collect();
        format!(
            "  {table:<width$} {checked:>11}{} {time:>9}  {how}",
            figures.concat(),
            width = self.width
        )
    }

    /// The rows that a dry run would set to the source's values.
    fn keys(&self, keys: &[String]) {
        if !keys.is_empty() {
            self.report.line(format_args!("    would be updated: {}", keys.join(" ")));
        }
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

    /// The last word: what came of it. `left` is how many pairs were not
    /// finished, if the run was interrupted.
    pub fn close(
        &self,
        outcomes: &[Outcome],
        read_point: &str,
        elapsed: Duration,
        left: Option<usize>,
        exit: Exit,
    ) {
        self.report.progress.stop();
        self.report.line("");
        let errors = outcomes.iter().filter_map(|outcome| outcome.failure.as_ref());
        let (interrupted, failed): (Vec<_>, Vec<_>) =
            errors.partition(|error| error.kind() == Kind::Interrupted);
        for error in failed {
            self.report.error(error);
        }
        self.columns_left_out();
        self.rejects(outcomes);
        let left = left.unwrap_or(0) + interrupted.len();
        let summary = if left > 0 {
            self.interrupted(outcomes, left, elapsed)
        } else {
            self.summary(outcomes, read_point, elapsed)
        };
        let ink = match exit {
            Exit::Done => Ink::Good,
            Exit::Rejected | Exit::Interrupted => Ink::Warning,
            _ => Ink::Bad,
        };
        self.report.last(Some(ink), summary);
        self.report.summarise(&data::summary(&self.run, outcomes, read_point, left));
    }

    /// Which rows were set aside and why, the first of each table.
    fn rejects(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let table = &outcome.table;
            for line in &outcome.rejects {
                self.report.note(format_args!("rejected: {table} {line}"));
            }
            let more = outcome.done.rejected.saturating_sub(outcome.rejects.len() as u64);
            if more > 0 && !outcome.rejects.is_empty() {
                self.report.note(format_args!("rejected: {table}: {} more", count(more)));
            }
        }
        let rejected: u64 = outcomes.iter().map(|outcome| outcome.done.rejected).sum();
        if rejected > 0 {
            self.report.warning(format_args!(
                "{} rejected and set aside; every run tries them again; for all of them \
                 and what to do, run: {LOOK_AT_REJECTS}",
                of(rejected, "row"),
            ));
        }
    }

    fn interrupted(&self, outcomes: &[Outcome], left: usize, elapsed: Duration) -> String {
        let (rows, _) = self.written(outcomes);
        let rows = if rows.is_empty() { "nothing written" } else { &rows };
        format!(
            "interrupted: {rows}; {} not finished, in {}; what was committed stays, and the next \
             run goes on from there",
            of(left as u64, "table"),
            seconds(elapsed)
        )
    }

    /// What was written, and into how many tables.
    fn written(&self, outcomes: &[Outcome]) -> (String, u64) {
        let sum = |figure: fn(&Done) -> u64| -> u64 {
            outcomes.iter().map(|outcome| figure(&outcome.done)).sum()
        };
        let written = |done: &Done| done.inserted + done.updated + done.deleted;
        let touched = outcomes.iter().filter(|outcome| written(&outcome.done) > 0).count() as u64;
        let parts = [
            (sum(|done| done.inserted), "inserted"),
            (sum(|done| done.updated), "updated"),
            (sum(|done| done.deleted), "deleted"),
        ];
        let parts = parts.iter().filter(|(rows, _)| *rows > 0);
        let parts: Vec<String> = parts.map(|(rows, verb)| self.did(*rows, verb)).collect();
        (parts.join(", "), touched)
    }

    fn summary(&self, outcomes: &[Outcome], read_point: &str, elapsed: Duration) -> String {
        let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count() as u64;
        let rows = match self.written(outcomes) {
            (rows, _) if rows.is_empty() => {
                format!("nothing new as of {}", to_the_second(read_point))
            }
            (rows, touched) => format!("{rows} in {}", of(touched, "table")),
        };
        let rejected = outcomes.iter().any(|outcome| outcome.done.rejected > 0);
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

impl RunReport<'_> {
    fn did(&self, rows: u64, verb: &str) -> String {
        let rows = of(rows, "row");
        match self.effect {
            Effect::Real => format!("{rows} {verb}"),
            Effect::DryRun => format!("{rows} would be {verb}"),
        }
    }
}

/// An outcome for the log, every figure of it.
fn in_a_line(outcome: &Outcome, how: &str) -> String {
    let done = &outcome.done;
    format!(
        "table {}: {how}; checked {}, new {}, inserted {}, updated {}, deleted {}, protected {}, \
         rejected {}, in {}",
        outcome.table,
        outcome.checked,
        done.new,
        done.inserted,
        done.updated,
        done.deleted,
        done.protected,
        done.rejected,
        seconds(outcome.elapsed)
    )
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
