//! Whether a promise was broken: both sides against what the writers did.
//!
//! Told from the shadow alone, and never from what pgsync says of itself,
//! except for its rejects and for which rows it wrote.
//!
//! - [`ownership`]: rows that pgsync must not touch, and rows that came twice
//! - [`arrival`]: rows that must have come
//! - [`causes`]: rejects that must have gone

mod arrival;
mod causes;
mod ownership;

use crate::forwards::Forwards;
use crate::found::{Found, Holdings};
use crate::shadow::Shadow;
use std::collections::BTreeMap;

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A row did not arrive, and is not among the rejects.
    Lost,
    /// A row, or a key that must be there once, is there twice.
    Doubled,
    /// A row was changed, made or deleted that pgsync must not touch.
    WronglyChanged,
    /// A reject that has no cause any more.
    Stale,
    /// There is always something left to do, or a run crashed or hung.
    Restless,
}

pub const FAULTS: [Fault; 5] =
    [Fault::Lost, Fault::Doubled, Fault::WronglyChanged, Fault::Stale, Fault::Restless];

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "rows lost",
            Self::Doubled => "rows doubled",
            Self::WronglyChanged => "rows wrongly changed",
            Self::Stale => "rejects without a cause",
            Self::Restless => "runs crashed or without end",
        }
    }
}

/// A broken promise, in words.
pub type Finding = (Fault, String);

/// What of pgsync there was before the first run.
///
/// A forward that finds no ledger on the desktop cannot tell a phone's row
/// that came back from a conflict; then reverse alone tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    WithOwnTables,
    WithoutOwnTables,
}

/// What is judged.
pub struct Evidence<'a> {
    pub shadow: &'a Shadow,
    pub forwards: &'a Forwards,
    pub cloud: &'a Holdings,
    pub desktop: &'a Holdings,
    pub beginning: Beginning,
}

impl Evidence<'_> {
    pub fn judge(&self) -> Vec<Finding> {
        [self.ownership(), self.arrival(), self.causes()].concat()
    }
}

fn by_uid<'a>(rows: impl IntoIterator<Item = &'a Found>) -> BTreeMap<&'a str, Vec<&'a Found>> {
    let mut found: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    for row in rows {
        found.entry(&row.uid).or_default().push(row);
    }
    found
}
