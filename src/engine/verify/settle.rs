//! Rows of both sides, known by name and hash, against each other: which are
//! missing, which are there once too often, which differ. Pure.
//!
//! The rules are those by which a run decides what becomes of a row.

use crate::config::{Mode, OnDuplicate};
use crate::db::connection::Row;
use crate::db::failure::Result;
use std::collections::{BTreeMap, HashMap};

/// A row of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    pub name: String,
    pub hash: String,
    /// It came from the target in the first place.
    pub came_back: bool,
    /// Its place among the rows with its key; the first one is carried.
    pub place: u64,
}

/// A row of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRow {
    pub name: String,
    pub hash: String,
    /// It is not ours to touch.
    pub protected: bool,
}

impl SourceRow {
    /// Reads an answer of `fingerprint::of_source`.
    ///
    /// # Errors
    /// When it is no such answer.
    pub fn read(row: &Row) -> Result<Self> {
        let (name, hash) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        Ok(Self { name, hash, came_back: row.flag(2), place: row.number(3)? })
    }
}

impl TargetRow {
    /// Reads an answer of `fingerprint::of_target`.
    ///
    /// # Errors
    /// When it is no such answer.
    pub fn read(row: &Row) -> Result<Self> {
        let (name, hash) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        Ok(Self { name, hash, protected: row.flag(2) })
    }
}

/// In which way a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The source has it and the target does not.
    Missing,
    /// The target has it, or has it once more than the source.
    Extra,
    /// Both have it, with other values.
    Different,
    /// As one of the others, but set aside and listed as a reject.
    Rejected,
}

/// A row that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub way: Way,
    pub name: String,
    /// The columns that differ, where that was asked for.
    pub columns: Vec<String>,
}

/// Hears of the rows that differ.
pub trait Findings {
    fn note(&mut self, way: Way, name: &str);
}

/// What a settlement depends on beside the rows.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub mode: Mode,
    pub on_duplicate: &'a OnDuplicate,
    /// Whether the source knows which of its rows came from the target.
    pub origin_is_known: bool,
    /// The names of the pair's rejects, and how many each has.
    pub rejects: &'a HashMap<String, u64>,
}

impl Rules<'_> {
    /// The way of a row that the target does not have.
    #[must_use]
    pub fn missing(&self, name: &str) -> Way {
        if self.rejects.contains_key(name) { Way::Rejected } else { Way::Missing }
    }

    /// The way of a row that the target has with other values.
    #[must_use]
    pub fn different(&self, name: &str) -> Way {
        if self.rejects.contains_key(name) { Way::Rejected } else { Way::Different }
    }
}

/// The rows of both sides with one name.
#[derive(Default)]
struct Both<'a> {
    source: Vec<&'a SourceRow>,
    target: Vec<&'a TargetRow>,
}

/// Settles rows that have a key.
pub fn by_key(
    rules: Rules<'_>,
    source: &[SourceRow],
    target: &[TargetRow],
    findings: &mut impl Findings,
) {
    let mut names: BTreeMap<&str, Both<'_>> = BTreeMap::new();
    for row in source {
        names.entry(&row.name).or_default().source.push(row);
    }
    for row in target {
        names.entry(&row.name).or_default().target.push(row);
    }
    for (name, both) in names {
        if rules.mode == Mode::Upsert {
            upserted(rules, name, &both, findings);
        } else if both.target.is_empty() {
            both.source.iter().for_each(|_| findings.note(rules.missing(name), name));
        }
    }
}

/// What an upsert answers for: each key once, with the source's values.
fn upserted(rules: Rules<'_>, name: &str, both: &Both<'_>, findings: &mut impl Findings) {
    let ours = both.target.iter().filter(|row| !row.protected).count();
    let has_theirs = ours < both.target.len();
    let more_than = |most: usize| ours.saturating_sub(most);
    let extra = more_than(usize::from(!both.source.is_empty() && !has_theirs));
    (0..extra).for_each(|_| findings.note(Way::Extra, name));
    let chosen: Vec<_> = both.source.iter().filter(|row| row.place == 1).collect();
    let undecided = chosen.len() > 1 && *rules.on_duplicate == OnDuplicate::Reject;
    let came_back = chosen.iter().any(|row| row.came_back);
    let stands_equal = || {
        let mut hashes = both.target.iter().map(|row| &row.hash);
        hashes.any(|hash| chosen.iter().any(|row| row.hash == *hash))
    };
    if chosen.is_empty() {
    } else if both.target.is_empty() {
        // A row that came from the target and is gone there is not sent back.
        if !came_back {
            findings.note(rules.missing(name), name);
        }
    } else if undecided {
        findings.note(rules.different(name), name);
    } else if !stands_equal() {
        // The target's own row keeps its values, unless it is somebody else's.
        if !has_theirs || (rules.origin_is_known && !came_back) {
            findings.note(rules.different(name), name);
        }
    }
}

/// So many rows are paired by their key; the others count as missing here and
/// extra there. Bounds the memory that a mirror's verification takes.
const MOST_PAIRED: usize = 100_000;

/// Rows of a mirror that have no equal on the other side, until all of them
/// are known: a row that was changed has left one bucket for another.
#[derive(Debug, Default)]
pub struct Unequal {
    /// By name: rows of the source, rows of the target.
    by_name: BTreeMap<String, (u64, u64)>,
}

impl Unequal {
    /// Adds the rows of some buckets. A row and its equals are in the same one.
    pub fn add(&mut self, source: Vec<SourceRow>, target: Vec<TargetRow>) {
        let mut standing: HashMap<String, Vec<String>> = HashMap::new();
        for row in target {
            standing.entry(row.hash).or_default().push(row.name);
        }
        for row in source {
            match standing.get_mut(&row.hash).and_then(Vec::pop) {
                Some(_) => {}
                None => self.note(row.name, (1, 0)),
            }
        }
        for name in standing.into_values().flatten() {
            self.note(name, (0, 1));
        }
    }

    fn note(&mut self, name: String, (source, target): (u64, u64)) {
        let rows = self.by_name.entry(name).or_default();
        *rows = (rows.0 + source, rows.1 + target);
    }

    /// Says what is known so far, if it has become much, or there is no more.
    pub fn settle(&mut self, rules: Rules<'_>, place: Place, findings: &mut impl Findings) {
        if place == Place::Middle && self.by_name.len() < MOST_PAIRED {
            return;
        }
        for (name, (source, target)) in std::mem::take(&mut self.by_name) {
            let changed = source.min(target);
            (0..changed).for_each(|_| findings.note(rules.different(&name), &name));
            (changed..source).for_each(|_| findings.note(rules.missing(&name), &name));
            (changed..target).for_each(|_| findings.note(Way::Extra, &name));
        }
    }
}

/// Whether more rows follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Middle,
    Last,
}

#[cfg(test)]
mod tests;
