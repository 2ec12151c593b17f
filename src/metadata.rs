//! Our own tables: one function per statement.
//!
//! - [`migrations`]: making them, or saying how an administrator makes them
//! - [`watermark`]: how far each pair has come, and its last figures
//! - [`ledger`]: own writes, rejects, runs
//! - [`runs`]: the history of runs, as it is read
//! - [`lock`]: one run at a time
//!
//! Every statement can run inside the transaction that holds the rows it
//! speaks of. Nothing here knows how rows are found or moved.

pub mod ledger;
pub mod lock;
pub mod migrations;
pub mod rejects;
pub mod runs;
pub mod watermark;

use crate::db::failure::Failure;
use crate::error::{Error, Kind};
use migrations::Side;

/// A failed look at our own tables of a side, with what to do about it.
#[must_use]
pub fn not_read(side: Side, failure: Failure) -> Error {
    let message = format!("could not read pgsync's own tables on the {}", side.word());
    Error::new(Kind::Start, message)
        .because(failure)
        .hint("run: pgsync init-metadata, which makes them or prints the SQL for it")
}

/// Which way rows travel; it decides which tables of ours are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Cloud to desktop.
    Reverse,
    /// Desktop to cloud.
    Forward,
}

impl Direction {
    /// The word for people, for our tables and for the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reverse => "reverse",
            Self::Forward => "forward",
        }
    }

    /// The table that holds the watermarks, on the target.
    #[must_use]
    pub fn watermark_table(self) -> &'static str {
        match self {
            Self::Reverse => "public._reverse_sync_metadata",
            Self::Forward => "public._sync_metadata",
        }
    }
}
