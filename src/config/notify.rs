//! `[notify]`: which programs are started when somebody should know.

use super::section::Section;
use std::fmt;
use std::time::Duration;

/// Whom to tell, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// A run could not do its work, or not all of it.
    pub on_failure: Option<Program>,
    /// A run has set rows aside.
    pub on_rejects: Option<Program>,
    /// A run is fine again.
    pub on_recovery: Option<Program>,
    /// How long such a program may take.
    pub timeout: Duration,
    pub form: Form,
}

/// A program and its arguments. Its `Debug` hides the arguments, because a
/// password may have come into one of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    pub program: String,
    pub arguments: Vec<String>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} arguments", self.program, self.arguments.len())
    }
}

/// How a notice is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            on_failure: None,
            on_rejects: None,
            on_recovery: None,
            timeout: Duration::from_secs(30),
            form: Form::Text,
        }
    }
}

const KEYS: [&str; 5] = ["on_failure", "on_rejects", "on_recovery", "timeout", "format"];

/// Reads `[notify]`.
pub(super) fn notify(file: &Section<'_>) -> Notify {
    let usual = Notify::default();
    let Some(section) = file.section("notify", &KEYS) else { return usual };
    Notify {
        on_failure: program(&section, "on_failure"),
        on_rejects: program(&section, "on_rejects"),
        on_recovery: program(&section, "on_recovery"),
        timeout: section.duration("timeout").unwrap_or(usual.timeout),
        form: form(&section).unwrap_or(usual.form),
    }
}

fn program(section: &Section<'_>, key: &str) -> Option<Program> {
    let words: Vec<String> = section.texts(key)?.into_iter().map(|text| text.value).collect();
    match words.split_first() {
        Some((program, arguments)) if !program.trim().is_empty() => {
            Some(Program { program: program.clone(), arguments: arguments.to_vec() })
        }
        _ => {
            section.mistake(key, "must name a program, like [\"program\", \"argument\"]");
            None
        }
    }
}

fn form(section: &Section<'_>) -> Option<Form> {
    match section.text("format")?.value.as_str() {
        "text" => Some(Form::Text),
        "json" => Some(Form::Json),
        _ => {
            section.mistake("format", "must be \"text\" or \"json\"");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{causes, read, with_tables};
    use super::*;

    fn with(lines: &str) -> String {
        with_tables(&format!("[notify]\n{lines}\n[tables]\na = {{}}"))
    }

    #[test]
    fn programs_are_read_with_their_arguments() {
        let notify =
            read(&with("on_failure = [\"mail\", \"-s\", \"${PASSWORD}\"]")).unwrap().notify;
        let program = notify.on_failure.clone().unwrap();
        assert_eq!((&*program.program, &*program.arguments[1]), ("mail", "hunter2"));
        assert!(!format!("{notify:?}").contains("hunter2"));
        assert_eq!((notify.timeout, notify.form), (Duration::from_secs(30), Form::Text));
        let notify = read(&with("on_recovery = \"ring\"\ntimeout = \"1s\"\nformat = \"json\""));
        let notify = notify.unwrap().notify;
        assert_eq!(notify.on_recovery.unwrap().program, "ring");
        assert_eq!((notify.timeout, notify.form), (Duration::from_secs(1), Form::Json));
        assert_eq!(read(&with_tables("[tables]\na = {}")).unwrap().notify, Notify::default());
    }

    #[test]
    fn mistakes_are_told() {
        for (bad, said) in [
            ("on_failure = []", "on_failure in [notify] must name a program"),
            ("on_failure = [\"\", \"x\"]", "on_failure in [notify] must name a program"),
            ("on_rejects = [1]", "on_rejects in [notify] lists an integer, not a text"),
            ("on_rejects = 1", "on_rejects in [notify] must be a text or a list of texts"),
            ("format = \"xml\"", "format in [notify] must be \"text\" or \"json\""),
            ("on_success = \"x\"", "unknown key \"on_success\" in [notify]"),
        ] {
            let told = causes(&with(bad));
            assert!(told.len() == 1 && told[0].contains(said), "{told:?}");
        }
    }
}
