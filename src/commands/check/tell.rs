//! How a finding is made. It knows no database and no configuration.

use crate::error::Exit;
use crate::metadata::migrations::Side;
use crate::report::check::{About, Finding, Level, Place, Todo, Weight};

/// Collects findings about one side, or about one table in a direction.
pub(super) struct Teller {
    about: About,
    table: Option<String>,
    pub(super) findings: Vec<Finding>,
}

impl Teller {
    pub(super) fn new(about: About, table: Option<&str>) -> Self {
        Self { about, table: table.map(ToOwned::to_owned), findings: Vec::new() }
    }

    /// It is as it should be, and everybody reads so.
    pub(super) fn ok(&mut self, topic: &'static str, text: impl Into<String>) {
        self.tell(Level::Ok, Weight::Usual, topic, text.into(), None);
    }

    /// It is as it should be; for those who want to know all.
    pub(super) fn detail(&mut self, topic: &'static str, text: impl Into<String>) {
        self.tell(Level::Ok, Weight::Detail, topic, text.into(), None);
    }

    /// Somebody may be surprised by it.
    pub(super) fn warn(&mut self, topic: &'static str, text: impl Into<String>, todo: Todo) {
        self.tell(Level::Warn, Weight::Usual, topic, text.into(), Some(todo));
    }

    /// It stands in the way: a connection, a right, our own tables.
    pub(super) fn not_started(&mut self, topic: &'static str, text: String, todo: Todo) {
        self.tell(Level::Fail(Exit::NotStarted), Weight::Usual, topic, text, Some(todo));
    }

    /// The configuration is wrong.
    pub(super) fn misconfigured(&mut self, topic: &'static str, text: String, todo: Todo) {
        self.tell(Level::Fail(Exit::Usage), Weight::Usual, topic, text, Some(todo));
    }

    fn tell(
        &mut self,
        level: Level,
        weight: Weight,
        topic: &'static str,
        text: String,
        todo: Option<Todo>,
    ) {
        let (about, table) = (self.about, self.table.clone());
        self.findings.push(Finding { level, weight, about, topic, table, text, todo });
    }
}

/// A command, or a sentence.
pub(super) fn here(line: impl Into<String>) -> Todo {
    Todo { place: Place::Here, line: line.into() }
}

/// SQL for a side.
pub(super) fn on(side: Side, line: impl Into<String>) -> Todo {
    Todo { place: Place::On(side), line: line.into() }
}

/// A line of the configuration.
pub(super) fn in_section(section: impl Into<String>, line: impl Into<String>) -> Todo {
    Todo { place: Place::In(section.into()), line: line.into() }
}
