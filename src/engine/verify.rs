//! Compares both sides and writes nothing: what a verification finds.
//!
//! 1. counts and checksums of all pairs, one statement a side;
//! 2. where they differ, counts and checksums per bucket;
//! 3. where a bucket differs, keys and hashes of its rows, which [`settle`]
//!    holds against each other.
//!
//! Both sides are read in one snapshot each. What is written between the two
//! moments at which these are taken can show as a difference.

pub mod pairs;
pub mod settle;
pub mod tally;

use crate::config::Mode;
use crate::db::failure::Result as Answer;
use crate::db::sql::changed::Changed;
use crate::db::sql::compare::{
    Depth, Question, source_buckets, survey_source, survey_target, target_buckets,
};
use crate::db::sql::fingerprint::{Total, totals};
use crate::db::sql::mapping::{Existence, Mapping};
use crate::db::sql::select::{Selection, Slice};
use crate::engine::diff;
use crate::engine::plan::division::divide;
use crate::engine::plan::work::{Buckets, Counts};
use crate::engine::plan::{Pair, TablePlan, verification};
use crate::engine::read_point::{Ledger, Source};
use crate::engine::trouble::Trouble;
use crate::engine::verify::tally::Found;
use crate::error::{Error, Result};
use crate::metadata::Direction;
use crate::metadata::rejects;
use std::collections::HashMap;

/// Both sides of a verification, read-only, seen from a direction.
pub struct Verification<'a> {
    pub direction: Direction,
    pub source: &'a mut Source,
    pub target: &'a mut Source,
    pub listing: Listing,
}

/// Whether rows are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    None,
    /// At most so many of each pair.
    Rows(usize),
}

/// What becomes of rows that only the target has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// The target may have more: nobody asks.
    Ignored,
    /// They differ, but no run deletes them.
    Kept,
    /// The next run that compares deletes them.
    Deleted,
}

impl From<Mode> for Beside {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Off | Mode::InsertMissing => Self::Ignored,
            Mode::Upsert => Self::Kept,
            Mode::Mirror => Self::Deleted,
        }
    }
}

/// What was found of a pair.
#[derive(Debug)]
pub struct Verified {
    pub direction: Direction,
    pub table: String,
    pub beside: Beside,
    /// All rows of the tables, in scope or not.
    pub source_rows: u64,
    pub target_rows: u64,
    /// Rows that belong to the cloud.
    pub owned: u64,
    pub found: Found,
    /// Why it could not be compared.
    pub failure: Option<Error>,
}

/// A pair as it is compared.
struct Compared {
    plan: TablePlan,
    mapping: Mapping,
    rejects: HashMap<String, u64>,
}

/// What the first statement said of it.
#[derive(Debug, Clone, Default)]
struct Sums {
    source: Counts,
    target: Counts,
}

impl Verification<'_> {
    /// Compares these pairs.
    ///
    /// # Errors
    /// When no pair could even be looked at.
    pub async fn compare(&mut self, pairs: &[Pair]) -> Result<Vec<Verified>> {
        let (compared, failed) = self.plan(pairs).await?;
        let mut verified: Vec<Verified> = failed;
        for (compared, sums) in self.survey(compared, &mut verified).await {
            let outcome = self.pair(&compared, &sums).await;
            verified.push(self.verified(&compared, outcome));
        }
        let place = |done: &Verified| pairs.iter().position(|pair| pair.name == done.table);
        verified.sort_by_key(place);
        Ok(verified)
    }

    fn verified(&self, compared: &Compared, outcome: Answered<Verified>) -> Verified {
        outcome.unwrap_or_else(|trouble| {
            let error = trouble.explain(&compared.plan, self.source.side, self.target.side);
            Verified::failed(self.direction, &compared.plan.name, compared.plan.mode, error)
        })
    }

    /// Surveys all pairs at once; if that fails, one by one, to find the bad
    /// one.
    async fn survey(
        &mut self,
        compared: Vec<Compared>,
        verified: &mut Vec<Verified>,
    ) -> Vec<(Compared, Sums)> {
        let all: Vec<&Compared> = compared.iter().collect();
        if let Ok(sums) = self.sums(&all).await {
            return compared.into_iter().zip(sums).collect();
        }
        let mut surveyed = Vec::new();
        for pair in compared {
            match self.sums(&[&pair]).await {
                Ok(mut sums) => surveyed.push((pair, sums.pop().unwrap_or_default())),
                Err(trouble) => verified.push(self.verified(&pair, Err(trouble))),
            }
        }
        surveyed
    }

    async fn sums(&mut self, pairs: &[&Compared]) -> Answered<Vec<Sums>> {
        let questions: Vec<_> = pairs.iter().enumerate().map(question).collect();
        let of_source: Vec<_> = questions.iter().map(|asked| (*asked, EVERYTHING)).collect();
        let there = |asked: &&Question<'_>| self.target_has(asked.mapping);
        let of_target: Vec<_> = questions.iter().filter(there).copied().collect();
        let (source, target) = tokio::join!(
            ask(self.source, (!of_source.is_empty()).then(|| survey_source(&of_source))),
            ask(self.target, (!of_target.is_empty()).then(|| survey_target(&of_target))),
        );
        let mut source =
            source.and_then(|rows| diff::answers(&rows)).map_err(Trouble::source("count"))?;
        let mut target =
            target.and_then(|rows| diff::answers(&rows)).map_err(Trouble::target("count"))?;
        let mut taken = |at: usize| Sums {
            source: source.remove(&at).unwrap_or_default(),
            target: target.remove(&at).unwrap_or_default(),
        };
        Ok((0..pairs.len()).map(&mut taken).collect())
    }

    /// Our own tables may not be there yet.
    fn target_has(&self, mapping: &Mapping) -> bool {
        mapping.existence == Existence::InTable || self.target.point.ledger == Ledger::Readable
    }

    async fn pair(&mut self, pair: &Compared, sums: &Sums) -> Answered<Verified> {
        let (source_rows, target_rows, protected) = self.totals(pair, sums).await?;
        let found = self.find(pair, sums).await?;
        let owned = match self.direction {
            Direction::Reverse => sums.source.owned,
            Direction::Forward => protected,
        };
        Ok(Verified {
            direction: self.direction,
            table: pair.plan.name.clone(),
            beside: pair.plan.mode.into(),
            source_rows,
            target_rows,
            owned,
            found,
            failure: None,
        })
    }

    /// Counts both tables, where the survey has left out a part of them:
    /// source rows, target rows, and the target's own.
    async fn totals(&mut self, pair: &Compared, sums: &Sums) -> Answered<(u64, u64, u64)> {
        let counted = |counts: &Counts| counts.rows + counts.keyless;
        let mapping = &pair.plan.mapping;
        let total = |table, which| [Total { number: 0, table, which }];
        let of_source = pair.mapping.scope.is_some().then(|| totals(&total(&mapping.source, None)));
        let protected = mapping.protected.as_deref();
        let of_target = (protected.is_some() || pair.mapping.target != mapping.target)
            .then(|| totals(&total(&mapping.target, protected)));
        let (source, target) =
            tokio::join!(ask(self.source, of_source), ask(self.target, of_target));
        let source = source.map_err(Trouble::source("count"))?;
        let target = target.map_err(Trouble::target("count"))?;
        let number = |row: Option<&crate::db::connection::Row>, at, otherwise| {
            row.map_or(Ok(otherwise), |row| row.number(at))
        };
        Ok((
            number(source.first(), 1, counted(&sums.source)).map_err(Trouble::source("count"))?,
            number(target.first(), 1, counted(&sums.target)).map_err(Trouble::target("count"))?,
            number(target.first(), 2, 0).map_err(Trouble::target("count"))?,
        ))
    }

    /// The slices whose sums are not the same on both sides.
    async fn differing(
        &mut self,
        plan: &TablePlan,
        mapping: &Mapping,
        sums: &Sums,
    ) -> Answered<Vec<Slice>> {
        let (source, target) = (&sums.source, &sums.target);
        if source.rows == target.rows && (source.rows == 0 || source.checksum == target.checksum) {
            return Ok(Vec::new());
        }
        if source.rows.max(target.rows) <= FEW_ROWS {
            return Ok(vec![Slice::All]);
        }
        // Ranges would cover no more than the source's keys.
        let rows = source.rows.max(target.rows);
        let division = divide(plan, &Counts { rows, keys: None, ..Counts::default() });
        let of_source = source_buckets(mapping, EVERYTHING, division);
        let of_target = self.target_has(mapping).then(|| target_buckets(mapping, division));
        let (source, target) =
            tokio::join!(ask(self.source, Some(of_source)), ask(self.target, of_target));
        let (source, _) =
            source.and_then(|rows| diff::read(&rows)).map_err(Trouble::source("compare"))?;
        let (target, _) =
            target.and_then(|rows| diff::read(&rows)).map_err(Trouble::target("compare"))?;
        let groups = groups(plan.mode, &source, &target);
        Ok(groups.into_iter().map(|wanted| division.slice(wanted)).collect())
    }
}

impl Verified {
    /// A pair that could not be compared.
    #[must_use]
    pub fn failed(direction: Direction, table: &str, mode: Mode, error: Error) -> Self {
        Self {
            direction,
            table: table.to_owned(),
            beside: mode.into(),
            source_rows: 0,
            target_rows: 0,
            owned: 0,
            found: Found::default(),
            failure: Some(error),
        }
    }
}

type Answered<T> = std::result::Result<T, Trouble>;

const EVERYTHING: Selection<'static> =
    Selection { changed: &Changed::Everything, slice: &Slice::All, again: &[] };

/// Up to this many rows of a side are looked at, at once: buckets would cost
/// another round trip.
const FEW_ROWS: u64 = 4_000;

/// About so many rows of both sides are held against each other at a time.
const ROWS_AT_A_TIME: u64 = 50_000;

fn question<'a>((number, pair): (usize, &&'a Compared)) -> Question<'a> {
    Question { number, mapping: &pair.mapping, depth: Depth::Checksum, changed: None }
}

/// Asks a side, if there is something to ask.
async fn ask(
    side: &mut Source,
    question: Option<crate::db::sql::Sql>,
) -> Answer<Vec<crate::db::connection::Row>> {
    match question {
        Some(question) => side.ask(&question).await,
        None => Ok(Vec::new()),
    }
}

/// The buckets that differ, in groups that memory has room for. A mode that
/// only inserts does not answer for what the target has beside.
fn groups(mode: Mode, source: &Buckets, target: &Buckets) -> Vec<Vec<u32>> {
    let mut wanted: Vec<u32> = source.keys().copied().collect();
    if mode != Mode::InsertMissing {
        wanted.extend(target.keys().filter(|bucket| !source.contains_key(bucket)));
        wanted.sort_unstable();
    }
    let rows = |side: &Buckets, bucket: &u32| side.get(bucket).map_or(0, |(rows, _)| *rows);
    let (mut groups, mut group, mut held) = (Vec::new(), Vec::new(), 0);
    for bucket in wanted.into_iter().filter(|it| source.get(it) != target.get(it)) {
        let both = rows(source, &bucket) + rows(target, &bucket);
        if held + both > ROWS_AT_A_TIME && !group.is_empty() {
            groups.push(std::mem::take(&mut group));
            held = 0;
        }
        group.push(bucket);
        held += both;
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

/// Rejects of rows that have no whole key.
fn keyless(rejects: &HashMap<String, u64>) -> u64 {
    let has_null = |key: &str| {
        serde_json::from_str::<Vec<Option<String>>>(key)
            .is_ok_and(|parts| parts.iter().any(Option::is_none))
    };
    rejects.iter().filter(|(key, _)| has_null(key)).map(|(_, rows)| rows).sum()
}

/// The rejects of a direction; none where our own tables are not there yet.
async fn known_rejects(target: &mut Source, direction: Direction) -> Answer<rejects::Counts> {
    match target.point.ledger {
        Ledger::Readable => rejects::by_key(&mut target.session, direction).await,
        Ledger::Absent => Ok(rejects::Counts::new()),
    }
}

/// What is compared of a planned pair.
fn compared(plan: TablePlan, rejects: HashMap<String, u64>) -> Option<Compared> {
    let mapping = verification::compared(&plan)?;
    Some(Compared { plan, mapping, rejects })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(sums: &[(u32, u64)]) -> Buckets {
        sums.iter().map(|&(bucket, rows)| (bucket, (rows, rows.to_string()))).collect()
    }

    #[test]
    fn buckets_that_differ_go_in_groups_that_memory_has_room_for() {
        let source = buckets(&[(0, 30_000), (1, 30_000), (2, 1), (3, 5)]);
        let target = buckets(&[(0, 1), (1, 2), (3, 5), (9, 4)]);
        assert_eq!(groups(Mode::Mirror, &source, &target), [vec![0], vec![1, 2, 9]]);
        assert_eq!(groups(Mode::InsertMissing, &source, &target), [vec![0], vec![1, 2]]);
        assert_eq!(groups(Mode::Upsert, &target, &target), Vec::<Vec<u32>>::new());
    }

    #[test]
    fn rejects_without_a_key_are_told_by_it() {
        let rejects = [("[null]", 3), ("[\"1\",null]", 1), ("[\"null\"]", 9)];
        let rejects = rejects.map(|(key, rows)| (key.to_owned(), rows));
        assert_eq!(keyless(&HashMap::from(rejects)), 4);
    }
}
