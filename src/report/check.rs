//! `check`, told to people and programs: a line for everything that was
//! looked at, with what to do where it is not as it should be.

use crate::error::Exit;
use crate::metadata::Direction;
use crate::metadata::migrations::Side;
use crate::report::figures::of;
use crate::report::{Report, Verbosity};
use serde_json::{Value, json};

/// Everything that was found.
#[derive(Debug)]
pub struct Checkup {
    /// The configuration's file.
    pub file: String,
    pub tables: usize,
    /// Where each side is, for its headline.
    pub addresses: [(Side, String); 2],
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    pub weight: Weight,
    pub about: About,
    /// What was looked at, a word or two.
    pub topic: &'static str,
    /// Of which table, by its name in the configuration.
    pub table: Option<String>,
    pub text: String,
    pub todo: Option<Todo>,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Ok,
    /// A run would go, but perhaps not as somebody expects.
    Warn,
    /// A run, or this table, would fail. With the program's exit code.
    Fail(Exit),
}

/// Whether everybody wants to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Usual,
    /// Only with `--verbose`, unless something is wrong.
    Detail,
}

/// Under which headline it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Side(Side),
    Direction(Direction),
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Todo {
    pub place: Place,
    /// To be pasted there as it is.
    pub line: String,
}

/// Where a line is to be pasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At the command line, or it is a sentence.
    Here,
    /// As SQL on a side.
    On(Side),
    /// Into a section of the configuration.
    In(String),
}

impl Checkup {
    /// How the program ends: what a run needs first comes first.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let fails = |exit: Exit| self.findings.iter().any(|one| one.level == Level::Fail(exit));
        let all = [Exit::NotStarted, Exit::Usage];
        all.into_iter().find(|exit| fails(*exit)).unwrap_or(Exit::Done)
    }

    fn count(&self, wanted: fn(Level) -> bool) -> u64 {
        self.findings.iter().filter(|one| wanted(one.level)).count() as u64
    }

    fn failures(&self) -> u64 {
        self.count(|level| matches!(level, Level::Fail(_)))
    }

    fn warnings(&self) -> u64 {
        self.count(|level| level == Level::Warn)
    }
}

const ABOUTS: [About; 4] = [
    About::Side(Side::Cloud),
    About::Side(Side::Desktop),
    About::Direction(Direction::Reverse),
    About::Direction(Direction::Forward),
];

/// Tells all of it.
pub fn tell(report: &Report, checkup: &Checkup) {
    as_text(report, checkup);
    as_data(report, checkup);
}

/// Prints it for people.
fn as_text(report: &Report, checkup: &Checkup) {
    let tables = of(checkup.tables as u64, "table");
    report.line(format_args!("pgsync check: {}, {tables}", checkup.file));
    for about in ABOUTS {
        let shown = |one: &&Finding| {
            let wanted = one.weight == Weight::Usual || report.verbosity == Verbosity::Verbose;
            one.about == about && (wanted || one.level != Level::Ok)
        };
        let findings: Vec<&Finding> = checkup.findings.iter().filter(shown).collect();
        if !findings.is_empty() {
            report.line(format_args!("\n{}", headline(about, checkup)));
            for one in findings {
                finding(report, one);
            }
        }
    }
    report.line("");
    report.last(None, verdict(checkup));
}

fn headline(about: About, checkup: &Checkup) -> String {
    match about {
        About::Side(side) => {
            let address = checkup.addresses.iter().find(|(of, _)| *of == side);
            format!("{}: {}", side.word(), address.map_or("", |(_, address)| address))
        }
        About::Direction(Direction::Reverse) => "reverse: cloud -> desktop".to_owned(),
        About::Direction(Direction::Forward) => "forward: desktop -> cloud".to_owned(),
    }
}

fn finding(report: &Report, finding: &Finding) {
    let mark = match finding.level {
        Level::Ok => "[OK]  ",
        Level::Warn => "[WARN]",
        Level::Fail(_) => "[FAIL]",
    };
    let subject = finding.table.as_deref().unwrap_or(finding.topic);
    report.line(format_args!("  {mark} {subject}: {}", finding.text));
    if let Some(todo) = &finding.todo {
        let place = match &todo.place {
            Place::Here => String::new(),
            Place::On(side) => format!(" on the {}", side.word()),
            Place::In(section) => format!(" in {section}"),
        };
        report.line(format_args!("         do{place}: {}", todo.line));
    }
}

fn verdict(checkup: &Checkup) -> String {
    let warnings = of(checkup.warnings(), "warning");
    match checkup.failures() {
        0 if checkup.warnings() == 0 => "ready; next: pgsync reverse --dry-run".to_owned(),
        0 => format!("ready, with {warnings}; next: pgsync reverse --dry-run"),
        failures => format!(
            "not ready: {}, {warnings}; do what stands under [FAIL], then: pgsync check",
            of(failures, "failure")
        ),
    }
}

/// Prints it for programs: a line for everything that was looked at.
fn as_data(report: &Report, checkup: &Checkup) {
    for finding in &checkup.findings {
        report.data(&in_json(finding));
    }
    report.summarise(&json!({
        "tables": checkup.tables,
        "warnings": checkup.warnings(),
        "failures": checkup.failures(),
    }));
}

fn in_json(finding: &Finding) -> Value {
    let (side, direction) = match finding.about {
        About::Side(side) => (Some(side.word()), None),
        About::Direction(direction) => (None, Some(direction.word())),
    };
    let level = match finding.level {
        Level::Ok => "ok",
        Level::Warn => "warning",
        Level::Fail(_) => "failure",
    };
    let todo = finding.todo.as_ref().map(|todo| {
        let place = match &todo.place {
            Place::Here => "here".to_owned(),
            Place::On(side) => side.word().to_owned(),
            Place::In(section) => section.clone(),
        };
        json!({ "place": place, "line": todo.line })
    });
    json!({
        "message_type": "check",
        "level": level,
        "side": side,
        "direction": direction,
        "table": finding.table,
        "topic": finding.topic,
        "text": finding.text,
        "do": todo,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(level: Level) -> Finding {
        Finding {
            level,
            weight: Weight::Detail,
            about: About::Direction(Direction::Forward),
            topic: "key",
            table: Some("jobs".to_owned()),
            text: "no key".to_owned(),
            todo: Some(Todo {
                place: Place::In("[tables.jobs]".to_owned()),
                line: "key = \"job_id\"".to_owned(),
            }),
        }
    }

    fn checkup(levels: &[Level]) -> Checkup {
        Checkup {
            file: "pgsync.toml".to_owned(),
            tables: 1,
            addresses: [(Side::Cloud, String::new()), (Side::Desktop, String::new())],
            findings: levels.iter().map(|level| finding(*level)).collect(),
        }
    }

    #[test]
    fn what_a_run_needs_first_decides_the_exit_code() {
        let (usage, start) = (Level::Fail(Exit::Usage), Level::Fail(Exit::NotStarted));
        assert_eq!(checkup(&[Level::Ok, Level::Warn]).exit(), Exit::Done);
        assert_eq!(checkup(&[usage, Level::Warn]).exit(), Exit::Usage);
        assert_eq!(checkup(&[usage, start]).exit(), Exit::NotStarted);
        assert_eq!(verdict(&checkup(&[Level::Ok])), "ready; next: pgsync reverse --dry-run");
        assert_eq!(
            verdict(&checkup(&[usage, start, Level::Warn])),
            "not ready: 2 failures, 1 warning; do what stands under [FAIL], then: pgsync check"
        );
    }

    #[test]
    fn a_program_reads_the_same() {
        assert_eq!(
            in_json(&finding(Level::Fail(Exit::Usage))),
            json!({
                "message_type": "check",
                "level": "failure",
                "side": null,
                "direction": "forward",
                "table": "jobs",
                "topic": "key",
                "text": "no key",
                "do": { "place": "[tables.jobs]", "line": "key = \"job_id\"" },
            })
        );
    }
}
