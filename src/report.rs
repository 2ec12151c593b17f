//! People and programs: the only room that prints.
//!
//! Results go to stdout; everything else goes to stderr. Text for people is
//! ASCII only, because Windows consoles garble the rest. With `--format json`
//! both streams hold JSON Lines (docs/json.md), the same things on the same
//! streams. Every result is told twice, by [`Report::line`] to people and by
//! [`Report::data`] to programs, and whoever was not asked for stays silent.
//! Nothing in here knows a database.

pub mod check;
pub mod completions;
pub mod explain;
pub mod figures;
pub mod init;
pub mod init_metadata;
pub mod ink;
pub mod journal;
pub mod notice;
pub mod progress;
pub mod rejects;
pub mod run;
pub mod schedule;
pub mod status;
pub mod usage;
pub mod verify;

use crate::cli::{Color, Format, Output};
use crate::error::{Error, Exit};
use crate::fault;
use crate::logging::file::LogFile;
use crate::report::ink::Ink;
use crate::report::journal::{Journal, Level};
use crate::report::progress::{Progress, Visibility};
use anstream::{AutoStream, ColorChoice};
use serde_json::{Map, Value, json};
use std::fmt::Display;
use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The version of the JSON Lines: it grows when a field changes its meaning or
/// goes. New fields and new kinds of lines may come at any time.
pub const VERSION: u64 = 1;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors and the last line.
    Quiet,
    Normal,
    Verbose,
}

/// Whoever prints.
pub struct Report {
    format: Format,
    verbosity: Verbosity,
    color: Color,
    progress: Progress,
    began: Instant,
    journal: Journal,
    /// What the last line will say to programs.
    summary: Mutex<Map<String, Value>>,
}

impl Report {
    /// A report to this process's own streams.
    #[must_use]
    pub fn new(output: &Output) -> Self {
        let verbosity = match (output.quiet, output.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        };
        let is_plain = output.format == Format::Text && verbosity != Verbosity::Quiet;
        let bars = if is_plain { Visibility::OnTerminals } else { Visibility::Never };
        Self {
            format: output.format,
            verbosity,
            color: output.color,
            progress: Progress::new(bars),
            began: Instant::now(),
            journal: Journal::default(),
            summary: Mutex::default(),
        }
    }

    /// How results are written.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// A line of the result, for people.
    pub fn line(&self, text: impl Display) {
        self.result(None, &text.to_string());
    }

    /// The same in a colour.
    pub fn inked(&self, ink: Ink, text: impl Display) {
        self.result(Some(ink), &text.to_string());
    }

    fn result(&self, ink: Option<Ink>, text: &str) {
        if self.verbosity != Verbosity::Quiet {
            self.show(ink, text);
        }
    }

    /// The last line of the result, for people; not even `--quiet` hides it.
    pub fn last(&self, ink: Option<Ink>, text: impl Display) {
        let text = text.to_string();
        self.log(Level::Info, &text);
        self.journal.keep(text.clone());
        self.show(ink, &text);
    }

    /// Something that people need whatever they asked for.
    pub fn show(&self, ink: Option<Ink>, text: &str) {
        if self.format != Format::Json {
            self.out(&ink::inked(ink, &ascii(text)));
        }
    }

    /// A line of the result, for programs: JSON that holds nothing but ASCII.
    pub fn data(&self, value: &Value) {
        if self.format == Format::Json && self.verbosity != Verbosity::Quiet {
            self.out(&in_json(&value.to_string()));
        }
    }

    /// A whole file, as it is.
    pub fn raw(&self, text: &str) {
        self.progress.suspend(|| drop(std::io::stdout().write_all(text.as_bytes())));
    }

    /// A line beside the result.
    pub fn note(&self, text: impl Display) {
        let text = text.to_string();
        self.log(Level::Info, &text);
        self.journal.keep(text.clone());
        if self.verbosity != Verbosity::Quiet {
            let message = text.strip_prefix("note: ").unwrap_or(&text);
            self.beside(None, &text, &json!({ "message_type": "note", "message": message }));
        }
    }

    /// Something the reader should know, although the work goes on.
    pub fn warning(&self, text: impl Display) {
        let text = text.to_string();
        self.log(Level::Warning, &text);
        self.journal.keep(format!("warning: {text}"));
        self.warn(&text);
    }

    fn warn(&self, text: &str) {
        if self.verbosity != Verbosity::Quiet {
            let data = json!({ "message_type": "warning", "message": text });
            self.beside(Some((Ink::Warning, "warning:")), text, &data);
        }
    }

    /// The same work is tried once more.
    pub fn retry(&self, attempt: u64, of: u64, pause: Duration, why: &str) {
        let pause = pause.as_secs_f64();
        let text = format!("attempt {attempt} of {of} in {pause:.1} s, because: {why}");
        self.log(Level::Warning, &text);
        if self.verbosity != Verbosity::Quiet {
            let data = json!({
                "message_type": "retry",
                "attempt": attempt,
                "of": of,
                "pause_seconds": pause,
                "message": why,
            });
            self.beside(None, &text, &data);
        }
    }

    /// What failed, why, and the next step.
    pub fn error(&self, error: &Error) {
        let mut data = error_data(error);
        data.insert("message_type".to_owned(), json!("error"));
        data.insert("exit_code".to_owned(), json!(error.kind().exit().code()));
        self.beside(Some((Ink::Bad, "error:")), error.message(), &Value::Object(data));
        for cause in error.causes() {
            self.detail(&format!("  cause: {}", ascii(&cause)));
        }
        if let Some(hint) = error.advice() {
            self.detail(&format!("  {} {}", ink::inked(Some(Ink::Hint), "hint:"), ascii(hint)));
        }
        self.log(Level::Error, journal::error(error));
        self.journal.keep(error_lines(error).join("\n"));
    }

    fn detail(&self, line: &str) {
        if self.format != Format::Json {
            self.err(line);
        }
    }

    /// Lets the log be written to this file from now on.
    pub fn log_to(&self, log: LogFile) {
        let (also, name) = (log.clone(), self.journal.current_name());
        fault::tell_also(move |text| {
            // Nobody is left who could hear why not.
            drop(also.append(&journal::line(Level::Error, &name, text)));
        });
        self.journal.log_to(log);
    }

    /// Says whose the events are that stand in the log from now on.
    pub fn name(&self, name: impl Display) {
        self.journal.name(name.to_string());
    }

    /// An event for the log alone. A log that cannot be written stops nobody.
    pub fn log(&self, level: Level, text: impl Display) {
        if let Some(complaint) = self.journal.write(level, text) {
            self.warn(&complaint);
        }
    }

    /// Something that the last line will say to programs.
    pub fn summarise(&self, figures: &Value) {
        if let (Ok(mut summary), Some(figures)) = (self.summary.lock(), figures.as_object()) {
            for (key, value) in figures {
                add(summary.entry(key).or_insert(Value::Null), value);
            }
        }
    }

    /// The end of a command. Programs get a last line, however it ended.
    pub fn end(&self, command: &str, exit: Exit) {
        let (code, words) = (exit.code(), exit.words());
        let time = figures::seconds(self.began.elapsed());
        self.log(Level::Info, format_args!("ends: {words}, exit code {code}, after {time}"));
        if self.format != Format::Json {
            return;
        }
        let mut line = Map::new();
        line.insert("message_type".to_owned(), json!("summary"));
        line.insert("version".to_owned(), json!(VERSION));
        line.insert("program".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        line.insert("command".to_owned(), json!(command));
        line.insert("exit_code".to_owned(), json!(exit.code()));
        line.insert("result".to_owned(), json!(exit.words()));
        line.insert("seconds".to_owned(), json!(figures::thousandths(self.began.elapsed())));
        if let Ok(mut summary) = self.summary.lock() {
            line.append(&mut summary);
        }
        self.out(&in_json(&Value::Object(line).to_string()));
    }

    /// A line on stderr, to whom it concerns.
    fn beside(&self, head: Option<(Ink, &str)>, text: &str, data: &Value) {
        let text = ascii(text);
        self.err(&match (self.format, head) {
            (Format::Json, _) => in_json(&data.to_string()),
            (_, None) => text,
            (_, Some((ink, head))) => format!("{} {text}", ink::inked(Some(ink), head)),
        });
    }

    fn out(&self, line: &str) {
        let stream = std::io::stdout();
        let choice = self.color_of(AutoStream::choice(&stream));
        // A reader that has gone (`pgsync status | head -1`) is no error.
        self.progress.suspend(|| drop(writeln!(AutoStream::new(stream.lock(), choice), "{line}")));
    }

    fn err(&self, line: &str) {
        let stream = std::io::stderr();
        let choice = self.color_of(AutoStream::choice(&stream));
        self.progress.suspend(|| drop(writeln!(AutoStream::new(stream.lock(), choice), "{line}")));
    }

    fn color_of(&self, auto: ColorChoice) -> ColorChoice {
        match (self.format, self.color) {
            (Format::Json, _) | (_, Color::Never) => ColorChoice::Never,
            (_, Color::Always) => ColorChoice::Always,
            (_, Color::Auto) => auto,
        }
    }
}

/// An error for programs, without what kind of line it stands in.
fn error_data(error: &Error) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("message".to_owned(), json!(error.message()));
    data.insert("causes".to_owned(), json!(error.causes()));
    data.insert("hint".to_owned(), json!(error.advice()));
    data
}

/// An error for people, as it stands in a notice.
fn error_lines(error: &Error) -> Vec<String> {
    let mut lines = vec![format!("error: {}", error.message())];
    lines.extend(error.causes().iter().map(|cause| format!("  cause: {cause}")));
    lines.extend(error.advice().map(|hint| format!("  hint: {hint}")));
    lines
}

/// Numbers add up, lists follow each other; of anything else the last one stands.
fn add(known: &mut Value, more: &Value) {
    match (&mut *known, more) {
        (Value::Array(known), Value::Array(more)) => known.extend(more.iter().cloned()),
        (Value::Number(one), Value::Number(other)) => {
            let sum = one.as_u64().zip(other.as_u64()).map(|(one, other)| one + other);
            *known = sum.map_or_else(|| more.clone(), Value::from);
        }
        _ => *known = more.clone(),
    }
}

/// What a Windows console cannot show is spelled by its number.
fn ascii(text: &str) -> String {
    let spell = |letter: char| match letter {
        ' '..='~' | '\n' => letter.to_string(),
        other => other.escape_default().to_string(),
    };
    text.chars().map(spell).collect()
}

/// JSON has a spelling of its own for what is no ASCII: `\u0bae`, in UTF-16.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc8259#section-7>
fn in_json(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            spelled.push(letter);
        } else {
            let units = letter.encode_utf16(&mut [0; 2]).to_vec();
            spelled.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_ascii() {
        assert_eq!(in_json("{\"a\":\"\u{bae}\u{1f600}\"}"), "{\"a\":\"\\u0bae\\ud83d\\ude00\"}");
    }

    #[test]
    fn what_two_runs_did_adds_up() {
        let mut known = json!({ "rows": 2, "runs": ["a"], "clock": "1" });
        for (key, more) in json!({ "rows": 3, "runs": ["b"], "clock": "2" }).as_object().unwrap() {
            add(&mut known[key], more);
        }
        assert_eq!(known, json!({ "rows": 5, "runs": ["a", "b"], "clock": "2" }));
    }

    #[test]
    fn output_is_ascii() {
        assert_eq!(ascii("kept: a b\nc"), "kept: a b\nc");
        assert_eq!(ascii("\u{bae}\u{1b}[31m"), "\\u{bae}\\u{1b}[31m");
    }
}
