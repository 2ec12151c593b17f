//! What is told to the log file, and kept for a notice.
//!
//! A line an event: local time with its offset, how grave it is, whose it is,
//! and what happened. The console may be as short as it likes.

use super::ascii;
use crate::error::Error;
use crate::logging::file::LogFile;
use std::fmt::Display;
use std::sync::Mutex;

/// How grave an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Warning,
    Error,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Info => "info ",
            Self::Warning => "warn ",
            Self::Error => "error",
        }
    }
}

/// A notice names no more lines than this.
const MOST_KEPT: usize = 200;

/// Whoever writes it down.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    log: Option<LogFile>,
    /// Whose events they are: command and run.
    name: String,
    has_complained: bool,
    kept: Vec<String>,
}

impl Journal {
    pub(super) fn log_to(&self, log: LogFile) {
        self.with(|state| state.log = Some(log));
    }

    pub(super) fn name(&self, name: String) {
        self.with(|state| state.name = name);
    }

    pub(super) fn current_name(&self) -> String {
        self.with(|state| state.name.clone()).unwrap_or_default()
    }

    /// Writes a line to the log; why it could not, the first time.
    pub(super) fn write(&self, level: Level, text: impl Display) -> Option<String> {
        let text = text.to_string();
        self.with(|state| {
            let log = state.log.as_ref()?;
            let line = line(level, &state.name, &text);
            let error = log.append(&line).err()?;
            let is_first = !std::mem::replace(&mut state.has_complained, true);
            is_first.then(|| format!("could not write to {}: {error}", log.file.display()))
        })?
    }

    /// Keeps a line for a notice.
    pub(super) fn keep(&self, line: String) {
        self.with(|state| {
            if state.kept.len() < MOST_KEPT {
                state.kept.push(line);
            }
        });
    }

    pub(super) fn take_kept(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.kept)).unwrap_or_default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.0.lock().ok().map(|mut state| act(&mut state))
    }
}

pub(super) fn line(level: Level, name: &str, text: &str) -> String {
    let time = chrono::Local::now().format("%Y-%m-%d %H:%M:%S%.3f %:z");
    let words: Vec<&str> = text.split_whitespace().collect();
    ascii(&format!("{time} {} [{name}] {}", level.word(), words.join(" ")))
}

/// An error in one line, with its hint.
pub(super) fn error(error: &Error) -> String {
    match error.advice() {
        Some(hint) => format!("{}; hint: {hint}", error.one_line()),
        None => error.one_line(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn an_event_is_one_line() {
        let told = line(Level::Error, "reverse 1", "two\nlines\u{1b}[31m");
        let (time, rest) = told.split_at("2026-01-02 03:04:05.678 +00:00".len());
        assert!(chrono::DateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.3f %:z").is_ok());
        assert_eq!(rest, " error [reverse 1] two lines\\u{1b}[31m");
        let failed = Error::new(Kind::Table, "could not").because_text("why").hint("do");
        assert_eq!(error(&failed), "could not: why; hint: do");
    }
}
