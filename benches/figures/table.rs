//! Figures and goals as a table in plain ASCII: the only place that prints.

use crate::median::Samples;
use crate::program::Peaks;
use crate::scale::Scale;
use std::fmt;

/// A figure with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    Seconds(f64),
    Bytes(f64),
    Count(f64),
    /// Seconds that somebody else measured some other day.
    QuotedSeconds(f64),
}

/// What a figure has to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    Under(Amount),
    /// At most so many times what stands beside it.
    Times(f64),
}

/// One figure.
#[derive(Debug, Clone)]
pub struct Line {
    what: String,
    ours: Option<Amount>,
    theirs: Option<Amount>,
    goals: Vec<Goal>,
}

impl Line {
    /// A figure of ours; `unit` makes an amount of a number.
    pub fn new(what: impl Into<String>, ours: &Samples, unit: fn(f64) -> Amount) -> Self {
        let ours = ours.median().map(unit);
        Self { what: what.into(), ours, theirs: None, goals: Vec::new() }
    }

    /// What it is compared with; nothing was measured where psql is missing.
    pub fn against(mut self, theirs: &Samples, unit: fn(f64) -> Amount) -> Self {
        self.theirs = theirs.median().map(unit);
        self
    }

    pub fn goal(mut self, goal: Goal) -> Self {
        self.goals.push(goal);
        self
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.ours?.number() / self.theirs?.number())
    }

    fn verdict(&self) -> &'static str {
        let reached = |goal: &Goal| match goal {
            Goal::Under(limit) => self.ours.map(|ours| ours.number() < limit.number()),
            Goal::Times(most) => self.ratio().map(|ratio| ratio <= *most),
        };
        let verdicts: Vec<_> = self.goals.iter().map(reached).collect();
        if verdicts.contains(&Some(false)) {
            "MISSED"
        } else if verdicts.contains(&None) {
            "not compared"
        } else if verdicts.is_empty() {
            ""
        } else {
            "ok"
        }
    }

    fn cells(&self) -> [String; 6] {
        let amount = |amount: Option<Amount>| amount.map_or("-".to_owned(), |a| a.to_string());
        let goals: Vec<String> = self.goals.iter().map(ToString::to_string).collect();
        [
            self.what.clone(),
            amount(self.ours),
            amount(self.theirs),
            self.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
            goals.join(", "),
            self.verdict().to_owned(),
        ]
    }
}

/// All figures of a run.
pub struct Table {
    heading: String,
    lines: Vec<Line>,
    notes: Vec<&'static str>,
}

const HEAD: [&str; 6] = ["what", "ours", "theirs", "ratio", "goal", ""];

const NO_PSQL: &str = "psql was not found, so nothing was compared: \
     install postgresql-client, or put psql into PATH";

impl Table {
    pub fn new(scale: &Scale, has_psql: bool) -> Self {
        let heading = format!(
            "medians of {}; the large table has {} rows of 25 columns",
            scale.rounds, scale.rows
        );
        let notes = if has_psql { vec![] } else { vec![NO_PSQL] };
        Self { heading, lines: Vec::new(), notes }
    }

    /// Adds a figure, and shows it at once: the whole takes minutes.
    pub fn add(&mut self, line: Line) {
        let [what, ours, theirs, ratio, _, verdict] = line.cells();
        say(format_args!("measured: {what}: {ours}, theirs {theirs}, ratio {ratio} {verdict}"));
        self.lines.push(line);
    }

    /// Adds something that the reader of the table must know.
    pub fn note(&mut self, note: &'static str) {
        self.notes.push(note);
    }

    /// Adds the highest peak of memory of every scene.
    pub fn memory(&mut self, peaks: &Peaks) {
        const LIMIT: Amount = Amount::Bytes(40e6);
        for (scene, bytes) in peaks.iter() {
            let mut peak = Samples::default();
            // Exact up to nine petabytes.
            #[allow(clippy::cast_precision_loss)]
            peak.push(bytes as f64);
            let what = format!("peak memory, {scene}");
            self.add(Line::new(what, &peak, Amount::Bytes).goal(Goal::Under(LIMIT)));
        }
    }

    pub fn print(&self) {
        let rows: Vec<[String; 6]> = [HEAD.map(str::to_owned)]
            .into_iter()
            .chain(self.lines.iter().map(Line::cells))
            .collect();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0)
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        show(format_args!("\n{}\n", self.heading));
        for row in &rows {
            show(format_args!("{}", aligned(row, widths).trim_end()));
        }
        let missed = self.lines.iter().filter(|line| line.verdict() == "MISSED").count();
        show(format_args!("\n{missed} of {} figures missed", self.lines.len()));
        for note in &self.notes {
            show(format_args!("note: {note}"));
        }
    }
}

/// Words to the left, figures to the right.
fn aligned(row: &[String; 6], widths: [usize; 6]) -> String {
    let [what, ours, theirs, ratio, goal, verdict] = row;
    let [first, second, third, fourth, fifth, _] = widths;
    format!(
        "{what:<first$}  {ours:>second$}  {theirs:>third$}  {ratio:>fourth$}  {goal:<fifth$}  \
         {verdict}"
    )
}

#[allow(clippy::print_stdout, reason = "the results of a bench go to stdout")]
fn show(text: fmt::Arguments<'_>) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "progress goes to stderr")]
fn say(text: fmt::Arguments<'_>) {
    eprintln!("{text}");
}

impl Amount {
    fn number(self) -> f64 {
        match self {
            Self::Seconds(number)
            | Self::Bytes(number)
            | Self::Count(number)
            | Self::QuotedSeconds(number) => number,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Seconds(seconds) => write!(f, "{seconds:.3} s"),
            Self::Bytes(bytes) if bytes < 1e6 => write!(f, "{:.1} kB", bytes / 1e3),
            Self::Bytes(bytes) => write!(f, "{:.1} MB", bytes / 1e6),
            Self::Count(count) => write!(f, "{count:.0}"),
            Self::QuotedSeconds(seconds) => write!(f, "{seconds} s *"),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Under(Amount::Seconds(seconds)) => write!(f, "under {seconds} s"),
            Self::Under(limit) => write!(f, "under {limit}"),
            Self::Times(times) => write!(f, "at most {times:?} times"),
        }
    }
}
