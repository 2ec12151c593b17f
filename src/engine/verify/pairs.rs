//! One pair of a verification: planned, and looked at row by row where the
//! sums of both sides differ.

use crate::config::{Mode, OnDuplicate};
use crate::db::connection::Row;
use crate::db::failure::Result as Answer;
use crate::db::sql::changed::Changed;
use crate::db::sql::fingerprint::{
    columns_of_source, columns_of_target, compared_columns, of_source, of_target,
};
use crate::db::sql::mapping::{Comparison, Existence, Mapping};
use crate::db::sql::owned::BOOKKEEPING;
use crate::db::sql::select::{Selection, Slice};
use crate::engine::plan::cursor::Reading;
use crate::engine::plan::{self, Facts, Pair, TablePlan, verification};
use crate::engine::shapes::{self, Tables};
use crate::engine::trouble::Trouble;
use crate::engine::verify::settle::{
    Findings, Place, Rules, SourceRow, TargetRow, Unequal, Way, by_key,
};
use crate::engine::verify::tally::Found;
use crate::engine::verify::{
    Answered, Compared, Listing, Sums, Verification, Verified, ask, compared, keyless,
    known_rejects,
};
use crate::error::Result;
use crate::metadata::not_read;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rows whose columns are asked for in one statement.
const ROWS_PER_QUESTION: usize = 5_000;

/// The hashes of a row's columns, by the row's name.
type Columns = HashMap<String, Vec<Vec<Option<String>>>>;

impl Verification<'_> {
    /// Plans every pair; those that do not fit are failures.
    pub(super) async fn plan(&mut self, pairs: &[Pair]) -> Result<(Vec<Compared>, Vec<Verified>)> {
        let shapes = shapes::read_only(self.source, self.target, pairs).await?;
        let side = self.target.side;
        let rejects = known_rejects(self.target, self.direction).await;
        let mut rejects = rejects.map_err(|failure| not_read(side, failure))?;
        let (mut plans, mut failed) = (Vec::new(), Vec::new());
        for (pair, tables) in pairs.iter().zip(shapes) {
            let known = rejects.remove(&pair.name).unwrap_or_default();
            match self.plan_pair(pair, tables) {
                Ok(plan) => plans.extend(compared(plan, known)),
                Err(error) => {
                    let mode = pair.rules.mode;
                    failed.push(Verified::failed(self.direction, &pair.name, mode, error));
                }
            }
        }
        Ok((plans, failed))
    }

    fn plan_pair(&self, pair: &Pair, tables: Tables) -> Result<TablePlan> {
        let (source, target) = tables?;
        let facts = Facts {
            source: &source,
            target: &target,
            point: &self.source.point,
            reading: Reading::Full,
            watermark: None,
            rejected: &[],
            branch: self.target.session.branch(),
        };
        plan::table(pair, facts)
    }

    /// What is not the same on both sides.
    pub(super) async fn find(&mut self, pair: &Compared, sums: &Sums) -> Answered<Found> {
        let mut found = Found::with_room(match self.listing {
            Listing::None => 0,
            Listing::Rows(most) => most,
        });
        let mut unequal = Unequal::default();
        let rules = pair.rules();
        for slice in self.differing(&pair.plan, &pair.mapping, sums).await? {
            let (source, target) = self.rows(pair.looked_at(), &pair.plan, &slice).await?;
            if pair.mapping.comparison == Comparison::Rows {
                unequal.add(source, target);
                unequal.settle(rules, Place::Middle, &mut found);
            } else {
                by_key(rules, &source, &target, &mut found);
            }
        }
        unequal.settle(rules, Place::Last, &mut found);
        pair.count_keyless(sums, &mut found);
        if sums.source.owned > 0 {
            self.find_conflicts(pair, &mut found).await?;
        }
        self.name_columns(pair, &mut found).await?;
        Ok(found)
    }

    async fn rows(
        &mut self,
        mapping: &Mapping,
        plan: &TablePlan,
        slice: &Slice,
    ) -> Answered<(Vec<SourceRow>, Vec<TargetRow>)> {
        let selection = Selection { changed: &Changed::Everything, slice, again: &[] };
        let latest = match &plan.on_duplicate {
            OnDuplicate::Latest(column) if plan.mode == Mode::Upsert => Some(column),
            OnDuplicate::Latest(_) | OnDuplicate::Reject => None,
        };
        let of_target = self.target_has(mapping).then(|| of_target(mapping, selection));
        let (source, target) = tokio::join!(
            ask(self.source, Some(of_source(mapping, selection, latest))),
            ask(self.target, of_target),
        );
        let source = source.and_then(|rows| rows.iter().map(SourceRow::read).collect());
        let target = target.and_then(|rows| rows.iter().map(TargetRow::read).collect());
        let mut source: Vec<SourceRow> = source.map_err(Trouble::source("compare"))?;
        let mut target: Vec<TargetRow> = target.map_err(Trouble::target("compare"))?;
        if mapping.key.is_empty() {
            // Places of one table say nothing about those of another.
            let (here, there) = (self.source.side.word(), self.target.side.word());
            for row in &mut source {
                row.name = format!("{here} row {}", row.name);
            }
            for row in &mut target {
                row.name = format!("{there} row {}", row.name);
            }
        }
        Ok((source, target))
    }

    /// Rows of the source's own that were never delivered, although their key
    /// stands on the target: with other values, two people have taken it.
    async fn find_conflicts(&mut self, pair: &Compared, found: &mut Found) -> Answered<()> {
        let Some(ledger) = verification::delivered(&pair.plan) else { return Ok(()) };
        let asked = Compared { plan: pair.plan.clone(), mapping: ledger, rejects: HashMap::new() };
        let sums = self.sums(&[&asked]).await?.pop().unwrap_or_default();
        for slice in self.differing(&asked.plan, &asked.mapping, &sums).await? {
            let (source, target) = self.rows(&asked.mapping, &asked.plan, &slice).await?;
            let mut undelivered = Names::default();
            by_key(asked.rules(), &source, &target, &mut undelivered);
            let names: Vec<String> = undelivered.0.into_iter().collect();
            for names in names.chunks(ROWS_PER_QUESTION) {
                for (name, _) in self.unequal_columns(&pair.plan, names).await? {
                    found.note(pair.rules().different(&name), &name);
                }
            }
        }
        Ok(())
    }

    /// Says in which columns the named rows differ.
    async fn name_columns(&mut self, pair: &Compared, found: &mut Found) -> Answered<()> {
        let stands = |way| matches!(way, Way::Different | Way::Rejected);
        let differing = found.rows.iter().filter(|row| stands(row.way));
        let names: BTreeSet<String> = differing.map(|row| row.name.clone()).collect();
        let names: Vec<String> = names.into_iter().collect();
        for names in names.chunks(ROWS_PER_QUESTION) {
            let mut columns = self.unequal_columns(&pair.plan, names).await?;
            for row in found.rows.iter_mut().filter(|row| stands(row.way)) {
                if let Some(columns) = columns.remove(&row.name) {
                    row.columns = columns;
                }
            }
        }
        Ok(())
    }

    /// Of the rows with these names that stand on both sides, and never with
    /// the same values: the columns in which the closest two of them differ.
    async fn unequal_columns(
        &mut self,
        plan: &TablePlan,
        names: &[String],
    ) -> Answered<BTreeMap<String, Vec<String>>> {
        let mapping = &plan.mapping;
        if mapping.existence == Existence::InLedger || mapping.key.is_empty() || names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (source, target) = tokio::join!(
            ask(self.source, Some(columns_of_source(mapping, &names))),
            ask(self.target, Some(columns_of_target(mapping, &names))),
        );
        let source = source.and_then(|rows| columns(&rows)).map_err(Trouble::source("compare"))?;
        let target = target.and_then(|rows| columns(&rows)).map_err(Trouble::target("compare"))?;
        let closest = source.iter().filter_map(|(name, rows)| {
            let columns = differing(plan, rows, target.get(name)?)?;
            Some((name.clone(), columns))
        });
        Ok(closest.collect())
    }
}

impl Compared {
    fn rules(&self) -> Rules<'_> {
        Rules {
            mode: self.plan.mode,
            on_duplicate: &self.plan.on_duplicate,
            origin_is_known: self.plan.mapping.came_back.is_some(),
            rejects: &self.rejects,
        }
    }

    /// An upsert's rows are looked at with those that its sums leave out: they
    /// may share a key.
    fn looked_at(&self) -> &Mapping {
        match self.plan.mode {
            Mode::Upsert => &self.plan.mapping,
            Mode::Off | Mode::InsertMissing | Mode::Mirror => &self.mapping,
        }
    }

    /// Rows that nobody can look for on the other side.
    fn count_keyless(&self, sums: &Sums, found: &mut Found) {
        if self.mapping.comparison == Comparison::Rows {
            if self.mapping.key.is_empty() {
                found.are_rejected(self.rejects.values().sum());
            }
            return;
        }
        found.count(Way::Missing, sums.source.keyless);
        found.are_rejected(keyless(&self.rejects).min(sums.source.keyless));
        if self.plan.mode == Mode::Upsert {
            found.count(Way::Extra, sums.target.keyless);
        }
    }
}

/// The names of rows that differ, each once.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Findings for Names {
    fn note(&mut self, _: Way, name: &str) {
        self.0.insert(name.to_owned());
    }
}

fn columns(rows: &[Row]) -> Answer<Columns> {
    let mut columns = Columns::new();
    for row in rows {
        let hashes = (1..row.len()).map(|at| row.get(at).map(str::to_owned)).collect();
        columns.entry(row.text(0)?.to_owned()).or_default().push(hashes);
    }
    Ok(columns)
}

/// The columns in which the closest of these rows differ; nothing where two of
/// them are equal by the rules of the pair's mode.
fn differing(
    plan: &TablePlan,
    source: &[Vec<Option<String>>],
    target: &[Vec<Option<String>>],
) -> Option<Vec<String>> {
    let names: Vec<&str> =
        compared_columns(&plan.mapping).map(|column| column.target.as_str()).collect();
    let counts = |name: &str| plan.mode != Mode::InsertMissing || !BOOKKEEPING.contains(&name);
    let pairs = source.iter().flat_map(|left| target.iter().map(move |right| (left, right)));
    let unequal = pairs.map(|(left, right)| {
        let cells = names.iter().zip(left.iter().zip(right));
        let cells = cells.filter(|(name, (left, right))| left != right && counts(name));
        cells.map(|(name, _)| (*name).to_owned()).collect::<Vec<String>>()
    });
    let mut closest: Vec<Vec<String>> = unequal.collect();
    closest.sort_by_key(Vec::len);
    // In a mirror equal copies may stand beside the row that was changed.
    let mut closest = closest.into_iter().filter(|it| plan.mode != Mode::Mirror || !it.is_empty());
    closest.next().filter(|columns| !columns.is_empty())
}
