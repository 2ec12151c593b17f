//! What to make of it all, in one sentence that an office manager understands.
//! Pure.

use super::Standing;
use super::past::result;
use crate::engine::pending::Rows;
use crate::metadata::Direction;
use crate::metadata::lock::Holder;
use crate::metadata::watermark::LastRun;
use crate::report::figures::{age, count, of as many};
use crate::report::run::LOOK_AT_REJECTS;
use std::time::Duration;

/// What was asked of the tables.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub max_age: Option<Duration>,
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    pub standings: &'a [Standing],
    pub holders: &'a [(Direction, Holder)],
    /// How much could not be looked at.
    pub unseen: usize,
}

/// What to make of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    pub is_well: bool,
    pub sentence: String,
    /// Tables that are older than they may be, e.g. `forward jobs`.
    pub stale: Vec<String>,
}

/// Puts it together.
#[must_use]
pub fn of(found: &Found<'_>, asked: Asked) -> Verdict {
    let stale = stale(found.standings, asked);
    let problems = [
        (found.unseen > 0).then(|| "not everything could be looked at".to_owned()),
        not_run(found.standings),
        failed(found.standings),
        too_old(found.standings, &stale, asked),
        never(found.standings),
        broken_off(found),
        rejected(found.standings),
    ];
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    let waiting = waiting(found.standings);
    let sentence = if problems.is_empty() {
        format!("All is well: {}{waiting}", well(found.standings))
    } else {
        format!("Please look: {}{waiting}", problems.join("; "))
    };
    Verdict { is_well: problems.is_empty(), sentence, stale: stale_names(&stale) }
}

type Table<'a> = (Direction, &'a str, Option<&'a LastRun>);

fn tables(standings: &[Standing]) -> impl Iterator<Item = Table<'_>> {
    standings.iter().flat_map(of_one)
}

fn of_one(standing: &Standing) -> impl Iterator<Item = Table<'_>> {
    standing.tables.iter().map(|(name, last)| (standing.direction, &**name, last.as_ref()))
}

fn stale(standings: &[Standing], asked: Asked) -> Vec<Table<'_>> {
    let Some(max_age) = asked.max_age else { return Vec::new() };
    let max_age = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
    let is_stale = |(_, _, last): &Table<'_>| {
        last.and_then(|last| last.age_seconds).is_none_or(|age| age > max_age)
    };
    tables(standings).filter(is_stale).collect()
}

fn stale_names(stale: &[Table<'_>]) -> Vec<String> {
    stale.iter().map(|(direction, name, _)| format!("{} {name}", direction.word())).collect()
}

fn too_old(standings: &[Standing], stale: &[Table<'_>], asked: Asked) -> Option<String> {
    let max_age = i64::try_from(asked.max_age?.as_secs()).unwrap_or(i64::MAX);
    let is_known = |direction: Direction| {
        standings.iter().any(|standing| standing.direction == direction && standing.has_run)
    };
    let stale: Vec<Table<'_>> =
        stale.iter().copied().filter(|(direction, _, _)| is_known(*direction)).collect();
    if stale.is_empty() {
        return None;
    }
    let have = have(stale.len());
    let limit = age(max_age);
    Some(format!("{have} waited longer than {limit}{}: {}", since(&stale), named(&stale)))
}

fn not_run(standings: &[Standing]) -> Option<String> {
    let words: Vec<&str> = standings
        .iter()
        .filter(|standing| !standing.has_run)
        .map(|standing| standing.direction.word())
        .collect();
    let verb = if words.len() == 1 { "has" } else { "have" };
    (!words.is_empty()).then(|| format!("{} {verb} not run yet", words.join(" and ")))
}

fn failed(standings: &[Standing]) -> Option<String> {
    let is_failed = |(_, _, last): &Table<'_>| {
        last.is_some_and(|last| last.result.as_deref() == Some("failed"))
    };
    let failed: Vec<Table<'_>> = tables(standings).filter(is_failed).collect();
    if failed.is_empty() {
        return None;
    }
    let have = have(failed.len());
    let names = named(&failed);
    Some(format!("{have} waited{}, because the last run failed: {names}", since(&failed)))
}

/// Tables that were added after their direction had run.
fn never(standings: &[Standing]) -> Option<String> {
    let is_new = |(_, _, last): &Table<'_>| last.is_none_or(|last| last.at.is_none());
    let with_runs = standings.iter().filter(|standing| standing.has_run);
    let new: Vec<Table<'_>> = with_runs.flat_map(of_one).filter(is_new).collect();
    (!new.is_empty()).then(|| format!("{} never been synced: {}", have(new.len()), named(&new)))
}

/// `1 table has`, `2 tables have`
fn have(tables: usize) -> String {
    let verb = if tables == 1 { "has" } else { "have" };
    format!("{} {verb}", many(tables as u64, "table"))
}

/// Since when the oldest of them has waited.
fn since(tables: &[Table<'_>]) -> String {
    let oldest: Option<Vec<&String>> = tables
        .iter()
        .map(|(_, _, last)| last.and_then(|last| last.synced_up_to.as_ref()))
        .collect();
    match oldest.and_then(|times| times.into_iter().min()) {
        Some(oldest) => format!(" since {oldest} UTC"),
        None => " from the beginning".to_owned(),
    }
}

/// The first of them by name.
fn named(tables: &[Table<'_>]) -> String {
    const FEW: usize = 5;
    let mut names = stale_names(tables);
    let more = names.len().saturating_sub(FEW);
    names.truncate(FEW);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// A run that went without a word, and was the last one.
fn broken_off(found: &Found<'_>) -> Option<String> {
    let is_broken = |standing: &&Standing| {
        standing.runs.first().is_some_and(|run| result(run, found.holders) == "broken off")
    };
    let words: Vec<&str> = found
        .standings
        .iter()
        .filter(is_broken)
        .map(|standing| standing.direction.word())
        .collect();
    (!words.is_empty()).then(|| {
        format!(
            "the last {} was broken off, and the next one goes on from there",
            words.join(" and ")
        )
    })
}

fn rejected(standings: &[Standing]) -> Option<String> {
    let rows: u64 = tables(standings).filter_map(|(_, _, last)| last?.rejected).sum();
    (rows > 0)
        .then(|| format!("{} rejected, for somebody to mend: {LOOK_AT_REJECTS}", many(rows, "row")))
}

fn well(standings: &[Standing]) -> String {
    let oldest = tables(standings).filter_map(|(_, _, last)| last?.synced_up_to.as_ref()).min();
    match oldest {
        Some(oldest) => format!("every table is up to date as of {oldest} UTC"),
        None => "no table has been synced yet".to_owned(),
    }
}

fn waiting(standings: &[Standing]) -> String {
    let counted: Vec<_> =
        standings.iter().filter_map(|standing| standing.waiting.as_ref()).collect();
    if counted.is_empty() {
        return String::new();
    }
    let (mut new, mut compared) = (0, 0);
    for waiting in counted.iter().flat_map(|counted| &counted.waiting) {
        match waiting.rows {
            Rows::New(rows) => new += rows,
            Rows::ToCompare(_) => compared += 1,
        }
    }
    let tables = match compared {
        0 => String::new(),
        tables => format!(", and {} to be compared in full", many(tables, "table")),
    };
    let verb = if new == 1 { "waits" } else { "wait" };
    let rows = if new == 1 { "1 row".to_owned() } else { format!("{} rows", count(new)) };
    format!("; {rows} {verb} for the next run{tables}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::runs::PastRun;

    fn last(age_seconds: i64, result: &str, rejected: u64) -> LastRun {
        LastRun {
            table: "t".to_owned(),
            at: Some("2026-01-01 10:00:00".to_owned()),
            synced_up_to: Some("2026-01-01 10:00:00".to_owned()),
            age_seconds: Some(age_seconds),
            inserted: Some(0),
            updated: Some(0),
            deleted: Some(0),
            protected: Some(0),
            rejected: Some(rejected),
            result: Some(result.to_owned()),
            error: None,
        }
    }

    fn standing(tables: Vec<(&str, Option<LastRun>)>) -> Standing {
        Standing {
            direction: Direction::Forward,
            target: "cloud",
            address: String::new(),
            has_run: tables.iter().any(|(_, last)| last.is_some()),
            tables: tables.into_iter().map(|(name, last)| (name.to_owned(), last)).collect(),
            runs: Vec::new(),
            waiting: None,
        }
    }

    fn verdict(standing: Standing, max_age: Option<u64>) -> Verdict {
        let found = Found { standings: &[standing], holders: &[], unseen: 0 };
        of(&found, Asked { max_age: max_age.map(Duration::from_secs) })
    }

    #[test]
    fn all_is_well_or_it_is_said_what_is_not() {
        let said = |standing, max_age| verdict(standing, max_age).sentence;
        assert_eq!(
            said(standing(vec![("a", Some(last(5, "ok", 0)))]), Some(7_200)),
            "All is well: every table is up to date as of 2026-01-01 10:00:00 UTC"
        );
        assert_eq!(
            said(standing(vec![("a", Some(last(5, "failed", 2))), ("b", None)]), None),
            "Please look: 1 table has waited since 2026-01-01 10:00:00 UTC, because the last run \
             failed: forward a; 1 table has never been synced: forward b; \
             2 rows rejected, for somebody to mend: pgsync rejects"
        );
        assert_eq!(said(standing(vec![("a", None)]), None), "Please look: forward has not run yet");
    }

    #[test]
    fn a_table_is_stale_past_its_age_only() {
        let tables = || vec![("a", Some(last(7_200, "ok", 0))), ("b", Some(last(7_201, "ok", 0)))];
        let verdict_of = verdict(standing(tables()), Some(7_200));
        assert_eq!(verdict_of.stale, ["forward b"]);
        assert_eq!(
            verdict_of.sentence,
            "Please look: 1 table has waited longer than 2 h 0 min since 2026-01-01 10:00:00 UTC: \
             forward b"
        );
        assert_eq!(verdict(standing(tables()), None).stale, [""; 0]);
        assert_eq!(verdict(standing(vec![("a", None)]), Some(1)).stale, ["forward a"]);
    }

    #[test]
    fn a_run_without_an_end_was_broken_off_unless_it_is_at_work() {
        let run = PastRun {
            run: "r7".to_owned(),
            direction: Direction::Forward,
            started: "2026-01-01 10:00:00".to_owned(),
            finished: None,
            seconds: None,
            result: "running".to_owned(),
            inserted: 0,
            updated: 0,
            deleted: 0,
            rejected: 0,
            failed_tables: 0,
        };
        let mut standing = standing(vec![("a", Some(last(5, "ok", 0)))]);
        standing.runs.push(run);
        let holder = Holder {
            pid: "1".to_owned(),
            application: "pgsync forward r7".to_owned(),
            since: String::new(),
            address: String::new(),
        };
        let holders = [(Direction::Forward, holder)];
        let standings = [standing];
        let mut found = Found { standings: &standings, holders: &holders, unseen: 0 };
        assert!(of(&found, Asked { max_age: None }).is_well);
        found.holders = &[];
        assert!(of(&found, Asked { max_age: None }).sentence.contains("forward was broken off"));
    }
}
