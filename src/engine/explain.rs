//! What became of the rows with one key, and what will. Reads only.
//!
//! Both sides are asked what they know of the key; [`fate`] says what a run
//! would make of it.

pub mod fate;

use crate::config::{Mode, OnDuplicate};
use crate::db::catalog::Table;
use crate::db::connection::Row;
use crate::db::failure::Failure;
use crate::db::sql::changed::{Changed, Echoes};
use crate::db::sql::fingerprint::compared_columns;
use crate::db::sql::inquiry::{self, Writers};
use crate::db::sql::mapping::Existence;
use crate::db::sql::owned::BOOKKEEPING;
use crate::engine::explain::fate::{Fate, Known};
use crate::engine::plan::cursor::{How, Reading, TransactionIds};
use crate::engine::plan::{self, Facts, Pair, TablePlan};
use crate::engine::read_point::{Ledger, Source};
use crate::engine::shapes;
use crate::engine::trouble::Trouble;
use crate::error::{Error, Kind, Result};
use crate::metadata::migrations::Side;
use crate::metadata::rejects::{self, Reject};
use crate::metadata::watermark::{self, Watermark};
use crate::metadata::{Direction, not_read};

/// Both sides, read-only, seen from a direction.
pub struct Inquiry<'a> {
    pub direction: Direction,
    pub source: &'a mut Source,
    pub target: &'a mut Source,
}

/// A pair that is about to be asked for a key.
pub struct Asked {
    plan: TablePlan,
    watermark: Option<Watermark>,
    writers: (Writers, Writers),
}

/// Where a key can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    Both,
    /// The target has no column for it.
    SourceOnly,
}

/// All that is known of a key, in one direction.
#[derive(Debug)]
pub struct Account {
    pub direction: Direction,
    pub table: String,
    pub lookup: Lookup,
    /// The columns of the key, and its value as the lists show it.
    pub key_columns: Vec<String>,
    pub key: String,
    pub source: Vec<OnSource>,
    pub target: Vec<OnTarget>,
    /// When the key was delivered, and by which run.
    pub delivered: Option<Writer>,
    pub rejects: Vec<Reject>,
    /// How the next run reads the table.
    pub how: How,
    /// Up to when the source has been dealt with, in UTC to the second.
    pub synced_up_to: Option<String>,
    /// Columns in which both sides differ.
    pub differing: Vec<String>,
    pub fate: Fate,
}

/// A row of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnSource {
    pub in_scope: bool,
    pub owned: bool,
    pub came_back: bool,
    /// Written since the watermark; `None` where all rows are looked at.
    pub is_new: Option<bool>,
    /// The run of ours that wrote it, if nobody has changed it since.
    pub writer: Option<Writer>,
    pub(crate) hashes: Vec<Option<String>>,
}

/// A row of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnTarget {
    pub protected: bool,
    pub writer: Option<Writer>,
    pub(crate) hashes: Vec<Option<String>>,
}

/// A run of ours, and when, in UTC to the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    pub run: String,
    pub at: String,
}

impl Asked {
    /// The columns that make the key; none where rows go by their content.
    #[must_use]
    pub fn key_columns(&self) -> Vec<String> {
        self.plan.mapping.key.iter().map(|key| key.target.to_string()).collect()
    }
}

impl Inquiry<'_> {
    /// Plans the pair as the next run would.
    ///
    /// # Errors
    /// When its tables or columns do not fit, or a side does not answer.
    pub async fn plan(&mut self, pair: &Pair) -> Result<Asked> {
        let (source, target) = shapes::of_pair(self.source, self.target, pair).await?;
        let watermark = self.watermark(pair).await?;
        let facts = Facts {
            source: &source,
            target: &target,
            point: &self.source.point,
            reading: Reading::Incremental,
            watermark: watermark.as_ref(),
            rejected: &[],
            branch: self.target.session.branch(),
        };
        let plan = plan::table(pair, facts)?;
        let writers = (writers(self.source, &source), writers(self.target, &target));
        Ok(Asked { plan, watermark, writers })
    }

    async fn watermark(&mut self, pair: &Pair) -> Result<Option<Watermark>> {
        if self.target.point.ledger == Ledger::Absent {
            return Ok(None);
        }
        let read = watermark::read(&mut self.target.session, self.direction).await;
        let mut known = read.map_err(|failure| not_read(self.target.side, failure))?;
        Ok(known.remove(&pair.name))
    }

    /// Asks both sides for a key, a text for each of its columns.
    ///
    /// # Errors
    /// When the key is none of its type, or a side refuses.
    pub async fn about(&mut self, asked: &Asked, key: &[String]) -> Result<Account> {
        let text = self.spell(asked, key).await?;
        let (source, target) = self
            .rows(asked, key)
            .await
            .map_err(|trouble| trouble.explain(&asked.plan, self.source.side, self.target.side))?;
        let own_tables = self.own_tables(asked, &text).await;
        let (delivered, rejects) = own_tables.map_err(|(side, failure)| not_read(side, failure))?;
        Ok(account(self.direction, asked, text, (source, target), (delivered, rejects)))
    }

    async fn spell(&mut self, asked: &Asked, key: &[String]) -> Result<String> {
        let mapping = &asked.plan.mapping;
        let answer = self.source.ask(&inquiry::spell_key(mapping, key)).await;
        let spelled = answer.and_then(|rows| match rows.first() {
            Some(row) => row.text(0).map(str::to_owned),
            None => Err(Failure::Unexpected("the server did not answer".to_owned())),
        });
        spelled.map_err(|failure| {
            let is_no_key = failure.sqlstate().is_some_and(|code| code.starts_with("22"));
            let error = Error::new(
                if is_no_key { Kind::Usage } else { Kind::Start },
                format!("could not look for key {} in {}", key.join(","), asked.plan.name),
            );
            let columns = asked.key_columns().join(", ");
            error.because(failure).hint(format!("give a value of {columns}"))
        })
    }

    async fn rows(
        &mut self,
        asked: &Asked,
        key: &[String],
    ) -> std::result::Result<(Vec<OnSource>, Vec<OnTarget>), Trouble> {
        let (plan, writers) = (&asked.plan, asked.writers);
        let of_source = inquiry::of_source(&plan.mapping, key, &plan.changed, writers.0);
        let source = self.source.ask(&of_source).await;
        let source = source.map_err(Trouble::source("read"))?;
        let source: Vec<OnSource> = source.iter().map(on_source).collect();
        if plan.mapping.existence == Existence::InLedger {
            return Ok((source, Vec::new()));
        }
        let target = self.target.ask(&inquiry::of_target(&plan.mapping, key, writers.1)).await;
        let target = target.map_err(Trouble::target("read"))?;
        Ok((source, target.iter().map(on_target).collect()))
    }

    /// What our own tables say of the key. Rows of the cloud are delivered to
    /// the desktop, whichever way we look.
    async fn own_tables(
        &mut self,
        asked: &Asked,
        key: &str,
    ) -> std::result::Result<(Option<Writer>, Vec<Reject>), (Side, Failure)> {
        let mapping = &asked.plan.mapping;
        let (keeper, table) = match self.direction {
            Direction::Reverse => (&mut *self.target, mapping.target.to_string()),
            Direction::Forward => (&mut *self.source, mapping.source.to_string()),
        };
        let side = keeper.side;
        let delivered = match keeper.point.ledger {
            Ledger::Absent => None,
            Ledger::Readable => {
                let rows = keeper.ask(&inquiry::delivery(&table, key)).await;
                let rows = rows.map_err(|failure| (side, failure))?;
                rows.first().and_then(|row| writer(row, 0))
            }
        };
        let rejects = match self.target.point.ledger {
            Ledger::Absent => Vec::new(),
            Ledger::Readable => {
                let session = &mut self.target.session;
                rejects::with_keys(session, self.direction, &asked.plan.name, &[key])
                    .await
                    .map_err(|failure| (self.target.side, failure))?
            }
        };
        Ok((delivered, rejects))
    }
}

fn writers(side: &Source, table: &Table) -> Writers {
    let usable = plan::transaction_ids(table) == TransactionIds::Usable;
    if usable && side.point.echoes == Echoes::LeftOut { Writers::Known } else { Writers::Unknown }
}

fn writer(row: &Row, at: usize) -> Option<Writer> {
    Some(Writer { run: row.get(at)?.to_owned(), at: row.get(at + 1)?.to_owned() })
}

fn hashes(row: &Row, from: usize) -> Vec<Option<String>> {
    (from..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()
}

fn on_source(row: &Row) -> OnSource {
    OnSource {
        in_scope: row.flag(0),
        owned: row.flag(1),
        came_back: row.flag(2),
        is_new: row.get(3).map(|flag| flag == "t"),
        writer: writer(row, 4),
        hashes: hashes(row, 6),
    }
}

fn on_target(row: &Row) -> OnTarget {
    OnTarget { protected: row.flag(0), writer: writer(row, 1), hashes: hashes(row, 3) }
}

fn account(
    direction: Direction,
    asked: &Asked,
    key: String,
    (source, target): (Vec<OnSource>, Vec<OnTarget>),
    (delivered, rejects): (Option<Writer>, Vec<Reject>),
) -> Account {
    let plan = &asked.plan;
    let known = known(plan, (&source, &target), (delivered.is_some(), !rejects.is_empty()));
    let watermark = asked.watermark.as_ref().filter(|watermark| !watermark.is_epoch);
    let to_the_second = |stamp: &str| stamp.split('.').next().unwrap_or(stamp).to_owned();
    Account {
        direction,
        table: plan.name.clone(),
        lookup: match plan.mapping.existence {
            Existence::InTable => Lookup::Both,
            Existence::InLedger => Lookup::SourceOnly,
        },
        key_columns: asked.key_columns(),
        key,
        delivered,
        rejects,
        how: plan.how.clone(),
        synced_up_to: watermark.map(|watermark| to_the_second(&watermark.timestamp)),
        differing: differing(plan, &source, &target),
        fate: fate::fate(&known),
        source,
        target,
    }
}

fn known(
    plan: &TablePlan,
    (source, target): (&[OnSource], &[OnTarget]),
    (delivered, rejected): (bool, bool),
) -> Known {
    let in_scope: Vec<&OnSource> = source.iter().filter(|row| row.in_scope).collect();
    let protected = target.iter().filter(|row| row.protected).count() as u64;
    let beside = plan.mode == Mode::Mirror;
    let met: Vec<&OnTarget> = target.iter().filter(|row| !(beside && row.protected)).collect();
    let (lacking, surplus) = unmatched(plan, &in_scope, &met);
    Known {
        mode: plan.mode,
        existence: plan.mapping.existence,
        source: source.len() as u64,
        in_scope: in_scope.len() as u64,
        is_echo: source.iter().any(|row| row.writer.is_some()),
        owned: in_scope.iter().any(|row| row.owned),
        came_back: in_scope.iter().any(|row| row.came_back),
        origin_is_known: plan.mapping.came_back.is_some(),
        delivered,
        target: target.len() as u64,
        protected,
        lacking,
        surplus,
        is_duplicate: in_scope.len() > 1 && plan.on_duplicate == OnDuplicate::Reject,
        rejected,
        is_looked_at: plan.changed == Changed::Everything
            || rejected
            || in_scope.iter().any(|row| row.is_new != Some(false)),
    }
}

/// Rows of either side that no row of the other one equals. To a mirror the
/// number of copies counts.
fn unmatched(plan: &TablePlan, source: &[&OnSource], target: &[&OnTarget]) -> (u64, u64) {
    let mut left: Vec<&OnTarget> = target.to_vec();
    let mut lacking = 0;
    for row in source {
        let equal = left.iter().position(|other| columns(plan, row, other).is_empty());
        match equal {
            Some(at) if plan.mode == Mode::Mirror => drop(left.remove(at)),
            Some(_) => {}
            None => lacking += 1,
        }
    }
    (lacking, left.len() as u64)
}

/// The columns in which two rows differ; those that an earlier tool dropped do
/// not count where only keys travel.
fn columns(plan: &TablePlan, source: &OnSource, target: &OnTarget) -> Vec<String> {
    let names = compared_columns(&plan.mapping).map(|column| column.target.as_str());
    let counts = |name: &str| plan.mode != Mode::InsertMissing || !BOOKKEEPING.contains(&name);
    let cells = names.zip(source.hashes.iter().zip(&target.hashes));
    let cells = cells.filter(|(name, (left, right))| left != right && counts(name));
    cells.map(|(name, _)| name.to_owned()).collect()
}

/// The columns in which the closest two of these rows differ.
fn differing(plan: &TablePlan, source: &[OnSource], target: &[OnTarget]) -> Vec<String> {
    let pairs = source.iter().flat_map(|left| target.iter().map(move |right| (left, right)));
    let closest = pairs.map(|(left, right)| columns(plan, left, right)).min_by_key(Vec::len);
    closest.unwrap_or_default()
}
