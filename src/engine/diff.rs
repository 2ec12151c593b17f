//! Compares both sides without moving the tables.
//!
//! First a survey: counts and checksums of all pairs, one statement a side.
//! Where they differ, counts and checksums per bucket of keys. What a bucket
//! cannot settle is settled by its keys, in `apply`.

use crate::config::Mode;
use crate::db::connection::Row;
use crate::db::failure::Result;
use crate::db::sql::Sql;
use crate::db::sql::bucket::Division;
use crate::db::sql::changed::Changed;
use crate::db::sql::compare::{
    Depth, Question, has_rows, key_bounds, source_buckets, survey_source, survey_target,
    target_buckets,
};
use crate::db::sql::mapping::Existence;
use crate::db::sql::select::{Selection, Slice, probe_rows};
use crate::engine::plan::work::{Buckets, Counts};
use crate::engine::plan::{KeyRanges, TablePlan};
use crate::engine::read_point::Source;
use crate::engine::target::{Ending, Target};
use crate::engine::trouble::Trouble;
use std::collections::{HashMap, HashSet};

/// What both sides answered about a pair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    pub source: Counts,
    /// `None` where the target was not asked.
    pub target: Option<Counts>,
    /// How far the target's counter was before it was asked.
    pub target_point: Option<TargetPoint>,
}

/// A point in the counter of the target's transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPoint {
    /// The oldest transaction that was unfinished.
    pub xid: u64,
    /// Whose counter it is.
    pub identity: String,
}

impl Survey {
    /// A large pair with rows on both sides: how many is found out when it is
    /// compared; until then a guess has to do, for the number of buckets.
    fn not_counted(plan: &TablePlan, keys: Option<(i64, i64)>) -> Self {
        let rows = plan.pages * USUAL_ROWS_PER_PAGE;
        Self {
            source: Counts { rows, keys, ..Counts::default() },
            target: Some(Counts { rows, ..Counts::default() }),
            target_point: None,
        }
    }
}

/// Asks both sides about all pairs, each side in one statement.
///
/// # Errors
/// Which side refused. One bad pair spoils the statement for all of them, so
/// the caller asks again pair by pair.
pub async fn survey(
    source: &mut Source,
    target: &mut Target,
    plans: &[&TablePlan],
) -> Result<Vec<Survey>, Trouble> {
    let mut probes = plans.iter().map(|plan| probe_rows(&plan.mapping)).collect();
    let large = large_with_rows(source, target, plans, &mut probes).await?;
    let (not_counted, counted): (Vec<_>, Vec<_>) =
        plans.iter().copied().enumerate().partition(|(at, _)| large.with_rows.contains(at));
    let not_counted = not_counted
        .into_iter()
        .map(|(at, plan)| (at, Survey::not_counted(plan, large.keys.get(&at).copied())));
    let mut surveys: Vec<_> = not_counted.collect();
    surveys.extend(count(source, target, probes, &counted).await?);
    surveys.sort_by_key(|(at, _)| *at);
    Ok(surveys.into_iter().map(|(_, survey)| survey).collect())
}

/// The large pairs whose target has rows, by number. They are not counted:
/// that would be one more scan on both sides, and the comparison that has to
/// follow counts them anyway.
#[derive(Debug, Default)]
struct Large {
    with_rows: HashSet<usize>,
    /// The source's lowest and highest key, where it knows them without a scan.
    keys: HashMap<usize, (i64, i64)>,
}

/// Asks both sides at the same time. What the source is asked travels with
/// `probes`, which are taken then.
async fn large_with_rows(
    source: &mut Source,
    target: &mut Target,
    plans: &[&TablePlan],
    probes: &mut Vec<Sql>,
) -> Result<Large, Trouble> {
    let large: Vec<_> =
        plans.iter().copied().enumerate().filter(|(_, plan)| is_large(plan)).collect();
    if large.is_empty() {
        return Ok(Large::default());
    }
    let asked: Vec<_> = large.iter().map(|(at, plan)| (*at, &plan.mapping)).collect();
    let question = has_rows(&asked);
    let (keys, with_rows) = tokio::join!(bounds(source, &large, probes), target.ask(&question));
    let numbers =
        |rows: Vec<Row>| rows.iter().filter(|row| row.flag(1)).map(|row| row.number(0)).collect();
    Ok(Large {
        with_rows: with_rows.and_then(numbers).map_err(Trouble::target("count"))?,
        keys: keys.map_err(Trouble::source("count"))?,
    })
}

fn is_large(plan: &TablePlan) -> bool {
    plan.pages > SMALL_PAGES && is_compared(plan) && plan.mode != Mode::Mirror
}

async fn bounds(
    source: &mut Source,
    large: &[(usize, &TablePlan)],
    probes: &mut Vec<Sql>,
) -> Result<HashMap<usize, (i64, i64)>> {
    let indexed = large.iter().filter(|(_, plan)| plan.key_ranges == KeyRanges::Indexed);
    let questions: Vec<_> = indexed.map(|(at, plan)| (*at, &plan.mapping)).collect();
    if questions.is_empty() {
        return Ok(HashMap::new());
    }
    probes.push(key_bounds(&questions));
    let rows = source.ask(&Sql::batch(std::mem::take(probes))).await?;
    let has_keys = rows.iter().filter(|row| row.get(1).is_some());
    has_keys.map(|row| Ok((row.number(0)?, (row.number(1)?, row.number(2)?)))).collect()
}

/// Counts the rows of both sides, each side in one statement, with `probes`
/// before it.
async fn count(
    source: &mut Source,
    target: &mut Target,
    mut probes: Vec<Sql>,
    plans: &[(usize, &TablePlan)],
) -> Result<Vec<(usize, Survey)>, Trouble> {
    let questions: Vec<_> = plans.iter().map(|(at, plan)| question(*at, plan)).collect();
    let both_sided: Vec<_> = questions
        .iter()
        .zip(plans)
        .filter(|(_, (_, plan))| is_compared(plan))
        .map(|(question, (_, plan))| Question {
            changed: plan.last_equal.as_ref().map(|last| &last.target),
            ..*question
        })
        .collect();
    let of_source: Vec<_> = questions
        .iter()
        .zip(plans)
        .map(|(question, (_, plan))| (*question, selection(plan, &Slice::All)))
        .collect();
    if !of_source.is_empty() {
        probes.push(survey_source(&of_source));
    }
    let of_source = async {
        if probes.is_empty() {
            return Ok(Vec::new());
        }
        source.ask(&Sql::batch(probes)).await
    };
    let of_target = async {
        if both_sided.is_empty() {
            return Ok(Vec::new());
        }
        let point = target_point(&target.ending);
        target.ask(&Sql::batch([point, survey_target(&both_sided)])).await
    };
    let (source_rows, target_rows) = tokio::join!(of_source, of_target);
    let of_source =
        source_rows.and_then(|rows| answers(&rows)).map_err(Trouble::source("count"))?;
    let (target_point, of_target) =
        target_rows.and_then(|rows| target_answers(&rows)).map_err(Trouble::target("count"))?;
    let survey = |at: usize| Survey {
        source: of_source.get(&at).cloned().unwrap_or_default(),
        target: of_target.get(&at).cloned().map(|counts| Counts {
            counter: target_point.as_ref().map(|point| point.identity.clone()),
            ..counts
        }),
        target_point: target_point.clone(),
    };
    Ok(plans.iter().map(|&(at, _)| (at, survey(at))).collect())
}

/// A row version that is not seen after this carries this id or a later one,
/// as long as it is the same counter: not another server's, and not one that a
/// crash has set back (`read_point` says how that is told).
fn target_point(ending: &Ending) -> Sql {
    let server = if ending.has_metadata() { "pgsync.server()" } else { "null" };
    Sql::new(format!(
        "select pg_snapshot_xmin(pg_current_snapshot()), {server} || ';' || \
         (select oid from pg_database where datname = current_database()) || ';' || \
         coalesce((select stats_reset from pg_stat_bgwriter)::text, '')"
    ))
}

fn target_answers(rows: &[Row]) -> Result<(Option<TargetPoint>, HashMap<usize, Counts>)> {
    let Some((first, rest)) = rows.split_first() else { return Ok((None, HashMap::new())) };
    let xid = first.number(0)?;
    let point = first.get(1).map(|identity| TargetPoint { xid, identity: identity.to_owned() });
    Ok((point, answers(rest)?))
}

pub(super) fn answers(rows: &[Row]) -> Result<HashMap<usize, Counts>> {
    rows.iter().map(counts).collect()
}

/// Small tables are summed at once; for a large one a single sum over
/// everything would tell too little.
const SMALL_PAGES: u64 = 2_000;

/// With rows of some 300 bytes.
const USUAL_ROWS_PER_PAGE: u64 = 24;

fn question(at: usize, plan: &TablePlan) -> Question<'_> {
    let small = plan.pages <= SMALL_PAGES;
    // A mirror that can tell by other means whether anything has moved does
    // not need the sums of rows that have not.
    let small = small && plan.last_equal.is_none();
    let depth = if small && is_compared(plan) { Depth::Checksum } else { Depth::Count };
    let changed = plan.last_equal.as_ref().map(|last| &last.source);
    Question { number: at, mapping: &plan.mapping, depth, changed }
}

/// Whether the target has anything to say: not where a ledger speaks for it,
/// and not where the change cursor names the rows.
fn is_compared(plan: &TablePlan) -> bool {
    plan.changed == Changed::Everything && plan.mapping.existence == Existence::InTable
}

fn selection<'a>(plan: &'a TablePlan, slice: &'a Slice) -> Selection<'a> {
    Selection { changed: &plan.changed, slice, again: &plan.again }
}

fn counts(row: &Row) -> Result<(usize, Counts)> {
    let counts = Counts {
        rows: row.number(1)?,
        keyless: row.number(2)?,
        checksum: row.get(3).map(str::to_owned),
        owned: row.number(4)?,
        changed: row.number(5)?,
        pages: row.get(6).and_then(page).zip(row.get(7).and_then(page)),
        keys: None,
        counter: None,
    };
    Ok((row.number(0)?, counts))
}

/// The page of a row's place, e.g. 12 of `(12,3)`.
fn page(place: &str) -> Option<u64> {
    place.strip_prefix('(')?.split(',').next()?.parse().ok()
}

/// What both sides answered about the buckets of a pair.
#[derive(Debug, Default)]
pub struct Sums {
    pub source: Buckets,
    pub target: Buckets,
    /// Source rows without a whole key.
    pub keyless: u64,
}

/// Count and checksum per bucket of both sides, at the same time.
///
/// # Errors
/// Which side refused.
pub async fn buckets(
    source: &mut Source,
    target: &mut Target,
    plan: &TablePlan,
    division: Division,
) -> Result<Sums, Trouble> {
    let of_source = source_buckets(&plan.mapping, selection(plan, &Slice::All), division);
    let of_target = target_buckets(&plan.mapping, division);
    let (source, target) = tokio::join!(source.ask(&of_source), target.ask(&of_target));
    let (source, keyless) =
        source.and_then(|rows| read(&rows)).map_err(Trouble::source("compare"))?;
    let (target, _) = target.and_then(|rows| read(&rows)).map_err(Trouble::target("compare"))?;
    Ok(Sums { source, target, keyless })
}

/// The buckets, and the rows that are in none of them.
pub(super) fn read(rows: &[Row]) -> Result<(Buckets, u64)> {
    let (mut buckets, mut keyless) = (Buckets::new(), 0);
    for row in rows {
        if row.get(0).is_none() {
            keyless = row.number(1)?;
        } else {
            buckets.insert(row.number(0)?, (row.number(1)?, row.text(2)?.to_owned()));
        }
    }
    Ok((buckets, keyless))
}
