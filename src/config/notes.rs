//! What is wrong or worth knowing in one configuration, collected while it is read.
//!
//! A reader who made three mistakes is told all three at once, in the order
//! of the file. This room knows lines and sentences, and no key of the format.

use crate::error::{Error, Kind, Result};
use std::path::Path;

/// Past this many mistakes the rest is only counted.
const TOLD_AT_MOST: usize = 12;

/// Mistakes and warnings, a sentence each.
#[derive(Default)]
pub(super) struct Notes {
    mistakes: Vec<(usize, String)>,
    warnings: Vec<(usize, String)>,
    missing_variables: Vec<String>,
    hint: Option<String>,
}

impl Notes {
    /// Something that has to be changed, in this line; 0: in no line of its own.
    pub(super) fn mistake(&mut self, line: usize, what: impl Into<String>) {
        let what = what.into();
        let sentence = if line == 0 { what } else { format!("line {line}: {what}") };
        self.sentence(line, sentence);
    }

    /// A mistake whose sentence names its line itself, or needs none.
    pub(super) fn sentence(&mut self, line: usize, sentence: String) {
        if !self.mistakes.iter().any(|(_, said)| *said == sentence) {
            self.mistakes.push((line, sentence));
        }
    }

    /// A variable that is not set; all of them together make the hint.
    pub(super) fn missing_variable(&mut self, name: &str) {
        if !self.missing_variables.iter().any(|known| known == name) {
            self.missing_variables.push(name.to_owned());
        }
    }

    /// The next step, where one mistake has an obvious one; the first one stays.
    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        self.hint.get_or_insert_with(|| hint.into());
    }

    /// Something that is allowed and still worth knowing.
    pub(super) fn warning(&mut self, line: usize, what: &str) {
        let sentence = if line == 0 { what.to_owned() } else { format!("line {line}: {what}") };
        if !self.warnings.iter().any(|(_, said)| *said == sentence) {
            self.warnings.push((line, sentence));
        }
    }

    /// Whether anything has to be changed.
    pub(super) fn is_bad(&self) -> bool {
        !self.mistakes.is_empty()
    }

    /// The warnings, in the order of the file.
    pub(super) fn into_warnings(mut self) -> Vec<String> {
        self.warnings.sort_by_key(|(line, _)| *line);
        self.warnings.into_iter().map(|(_, sentence)| sentence).collect()
    }

    /// The mistakes as one error about the file at `path`.
    pub(super) fn into_error(mut self, path: &Path) -> Error {
        let hint = self.advice(path);
        self.mistakes.sort_by_key(|(line, _)| *line);
        let mut sentences: Vec<String> = self.mistakes.into_iter().map(|(_, text)| text).collect();
        let untold = sentences.len().saturating_sub(TOLD_AT_MOST);
        if untold > 0 {
            sentences.truncate(TOLD_AT_MOST);
            sentences.push(format!("and {untold} more"));
        }
        let error = caused_by(could_not_read(path), sentences);
        hint.into_iter().fold(error, Error::hint)
    }

    fn advice(&mut self, path: &Path) -> Option<String> {
        if self.missing_variables.is_empty() {
            return self.hint.take();
        }
        let assignments: Vec<String> =
            self.missing_variables.iter().map(|name| format!("{name}=...")).collect();
        let it = if assignments.len() == 1 { "it" } else { "them" };
        let file = path.with_file_name(".env");
        Some(format!("set {it}, or write {} into {}", assignments.join(" and "), file.display()))
    }
}

/// The sentence that all errors of these rooms begin with.
pub(super) fn could_not_read(path: &Path) -> Error {
    Error::new(Kind::Usage, format!("could not read the configuration {}", path.display()))
}

/// One mistake that stops the reading at once.
pub(super) fn fatal<T>(path: &Path, line: usize, what: &str, hint: Option<&str>) -> Result<T> {
    let mut notes = Notes::default();
    notes.mistake(line, what);
    notes.hint = hint.map(ToOwned::to_owned);
    Err(notes.into_error(path))
}

/// Hangs the sentences under the error as its causes, the first one nearest.
fn caused_by(error: Error, sentences: Vec<String>) -> Error {
    let mut rest = sentences.into_iter().rev();
    let Some(last) = rest.next() else { return error };
    let chain = rest.fold(anyhow::Error::msg(last), anyhow::Error::context);
    error.because(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_in_the_order_of_the_file() {
        let mut notes = Notes::default();
        notes.mistake(9, "late");
        notes.mistake(2, "early");
        notes.mistake(9, "late");
        notes.mistake(0, "nowhere");
        let error = notes.into_error(Path::new("a/pgsync.toml"));
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(error.message(), "could not read the configuration a/pgsync.toml");
        assert_eq!(error.causes(), ["nowhere", "line 2: early", "line 9: late"]);
        assert_eq!(error.advice(), None);
    }

    #[test]
    fn missing_variables_make_one_hint() {
        let mut notes = Notes::default();
        notes.mistake(1, "x");
        notes.hint("something else");
        for name in ["A", "B", "A"] {
            notes.missing_variable(name);
        }
        let error = notes.into_error(Path::new("a/pgsync.toml"));
        let expected = format!(
            "set them, or write A=... and B=... into {}",
            Path::new("a").join(".env").display()
        );
        assert_eq!(error.advice(), Some(expected.as_str()));
    }

    #[test]
    fn a_flood_is_counted() {
        let mut notes = Notes::default();
        for line in 1..=20 {
            notes.mistake(line, "bad");
        }
        let causes = notes.into_error(Path::new("x")).causes();
        assert_eq!(causes.len(), 13);
        assert_eq!(causes.last().map(String::as_str), Some("and 8 more"));
    }
}
