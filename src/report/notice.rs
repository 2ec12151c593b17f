//! A notice: what somebody should know of a run who does not look at it.

use crate::config::Form;
use crate::error::{Error, Exit};
use crate::metadata::Direction;
use crate::report::{Report, VERSION, error_data, error_lines, in_json};
use serde_json::{Value, json};

/// Why it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Failure,
    Rejects,
    Recovery,
}

impl Reason {
    /// The word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Rejects => "rejects",
            Self::Recovery => "recovery",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Failure => "failed",
            Self::Rejects => "set rows aside",
            Self::Recovery => "is fine again",
        }
    }
}

/// What it is about.
#[derive(Debug)]
pub struct Notice<'a> {
    pub reason: Reason,
    pub direction: Direction,
    pub run: &'a str,
    pub exit: Exit,
    pub configuration: &'a str,
    /// Why the run could not start.
    pub error: Option<&'a Error>,
}

/// The notice as the program gets it: what the run has told so far, the lines
/// of its tables aside.
pub fn compose(report: &Report, notice: &Notice<'_>, form: Form) -> String {
    let mut lines = report.journal.take_kept();
    lines.extend(notice.error.map(error_lines).unwrap_or_default());
    match form {
        Form::Text => as_text(notice, &lines),
        Form::Json => in_json(&as_json(report, notice, &lines).to_string()) + "\n",
    }
}

fn as_text(notice: &Notice<'_>, lines: &[String]) -> String {
    format!(
        "pgsync {} {}: {} (exit code {})\nrun {}, configuration {}\n\n{}\n",
        notice.direction.word(),
        notice.reason.sentence(),
        notice.exit.words(),
        notice.exit.code(),
        notice.run,
        notice.configuration,
        lines.join("\n")
    )
}

fn as_json(report: &Report, notice: &Notice<'_>, lines: &[String]) -> Value {
    let figures = report.summary.lock().map(|summary| summary.clone()).unwrap_or_default();
    json!({
        "message_type": "notice",
        "version": VERSION,
        "reason": notice.reason.word(),
        "direction": notice.direction.word(),
        "run": notice.run,
        "exit_code": notice.exit.code(),
        "result": notice.exit.words(),
        "configuration": notice.configuration,
        "lines": lines,
        "error": notice.error.map(error_data),
        "figures": figures,
    })
}
