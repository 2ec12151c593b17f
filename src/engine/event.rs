//! What a run tells while it works, and what it leaves behind.

use crate::engine::apply::Done;
use crate::engine::plan::cursor::How;
use crate::error::Error;
use std::time::Duration;

/// Something worth telling.
#[derive(Debug)]
pub enum Event<'a> {
    /// Something the reader should know, although the run goes on.
    Warning(&'a str),
    /// Source columns that have no place on the target.
    LeftOut { table: &'a str, columns: &'a [String] },
    /// A pair is being worked on; about this many rows will be looked at.
    Started { table: &'a str, rows: u64 },
    /// So many more rows have moved.
    Moved(u64),
    /// A pair is done, for better or worse.
    Finished(&'a Outcome),
}

/// Whoever listens to a run.
pub trait Observer: Sync {
    /// Hears an event; must return quickly.
    fn hear(&self, event: Event<'_>);
}

/// What a run did with one pair.
#[derive(Debug)]
pub struct Outcome {
    /// The table's name for people.
    pub table: String,
    /// `None` if it could not even be planned.
    pub how: Option<How>,
    /// Source rows that were looked at, on either side.
    pub checked: u64,
    pub done: Done,
    /// Keys of rows that a dry run would set to the source's values, the
    /// first of them.
    pub updated_keys: Vec<String>,
    /// The first of its rejects, a line each: key, message, SQLSTATE.
    pub rejects: Vec<String>,
    pub elapsed: Duration,
    /// Why the pair stopped, if it did.
    pub failure: Option<Error>,
}

impl Outcome {
    /// A pair that failed before anything of it was looked at.
    #[must_use]
    pub fn unread(table: &str, error: Error) -> Self {
        Self {
            table: table.to_owned(),
            how: None,
            checked: 0,
            done: Done::default(),
            updated_keys: Vec::new(),
            rejects: Vec::new(),
            elapsed: Duration::ZERO,
            failure: Some(error),
        }
    }
}
