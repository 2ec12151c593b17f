//! People: the only room that prints.
//!
//! Results go to stdout; everything else goes to stderr. ASCII only, because
//! Windows consoles garble the rest. Nothing in here knows a database.

pub mod figures;
pub mod progress;
pub mod rejects;
pub mod run;
pub mod schedule;
pub mod status;

use crate::error::Error;
use crate::report::progress::Progress;
use std::fmt::Display;
use std::io::Write as _;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    Normal,
    Verbose,
}

impl From<u8> for Verbosity {
    fn from(count: u8) -> Self {
        if count == 0 { Self::Normal } else { Self::Verbose }
    }
}

/// Whoever prints.
pub struct Report {
    verbosity: Verbosity,
    progress: Progress,
}

impl Report {
    /// A report to this process's own streams.
    #[must_use]
    pub fn new(verbosity: Verbosity) -> Self {
        Self { verbosity, progress: Progress::new() }
    }

    /// A line of the result.
    pub fn line(&self, text: impl Display) {
        // A reader that has gone (`pgsync status | head -1`) is no error.
        self.progress.suspend(|| drop(writeln!(std::io::stdout(), "{}", ascii(&text.to_string()))));
    }

    /// A line for programs: JSON that holds nothing but ASCII.
    pub fn data(&self, value: impl Display) {
        let line = in_json(&value.to_string());
        self.progress.suspend(|| drop(writeln!(std::io::stdout(), "{line}")));
    }

    /// A whole file, as it is.
    pub fn raw(&self, text: &str) {
        self.progress.suspend(|| drop(std::io::stdout().write_all(text.as_bytes())));
    }

    /// A line beside the result.
    pub fn note(&self, text: impl Display) {
        self.progress.suspend(|| drop(writeln!(std::io::stderr(), "{}", ascii(&text.to_string()))));
    }

    /// Something the reader should know, although the work goes on.
    pub fn warning(&self, text: impl Display) {
        self.note(format_args!("warning: {text}"));
    }

    /// What failed, why, and the next step.
    pub fn error(&self, error: &Error) {
        self.note(format_args!("error: {}", error.message()));
        for cause in error.causes() {
            self.note(format_args!("  cause: {cause}"));
        }
        if let Some(hint) = error.advice() {
            self.note(format_args!("  hint: {hint}"));
        }
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
    fn output_is_ascii() {
        assert_eq!(ascii("kept: a b\nc"), "kept: a b\nc");
        assert_eq!(ascii("\u{bae}\u{1b}[31m"), "\\u{bae}\\u{1b}[31m");
    }
}
