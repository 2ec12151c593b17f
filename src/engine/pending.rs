//! What waits: the source rows that the next run would read, and why.
//!
//! The same plans as a run makes, counted in the source's snapshot. Nothing is
//! written on either side, and nothing is compared: that is the run's work.

use crate::db::failure::Result as Answer;
use crate::db::sql::changed::Changed;
use crate::db::sql::compare::{Depth, Question, survey_source};
use crate::db::sql::select::{Selection, Slice};
use crate::engine::plan::cursor::How;
use crate::engine::plan::{Pair, TablePlan};
use crate::engine::run::Run;
use crate::engine::trouble::Trouble;
use crate::error::Result;

/// What waits for the next run, of one pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub table: String,
    /// How the next run will read it.
    pub how: How,
    pub rows: Rows,
}

/// So many source rows, own writes aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Written since the last run.
    New(u64),
    /// All that are in scope: the next run compares both sides in full.
    ToCompare(u64),
}

/// What waits, and the tables of which it could not be told, with the reason.
#[derive(Debug, Default)]
pub struct Counted {
    pub waiting: Vec<Waiting>,
    pub failed: Vec<(String, String)>,
}

impl Counted {
    /// What waits of a table.
    #[must_use]
    pub fn of(&self, table: &str) -> Option<&Waiting> {
        self.waiting.iter().find(|waiting| waiting.table == table)
    }
}

impl Run<'_> {
    /// Counts what waits. Pairs that cannot be planned or counted end in the
    /// tally, with the reason.
    ///
    /// # Errors
    /// When a side does not answer at all.
    pub async fn pending(&mut self, pairs: &[Pair]) -> Result<Vec<Waiting>> {
        let plans = self.plan(pairs).await?;
        let all: Vec<&TablePlan> = plans.iter().collect();
        if let Ok(waiting) = self.count_waiting(&all).await {
            return Ok(waiting);
        }
        let mut waiting = Vec::new();
        for plan in &plans {
            match self.count_waiting(&[plan]).await {
                Ok(of_one) => waiting.extend(of_one),
                Err(failure) => {
                    self.not_surveyed(plan, Trouble::source("count")(failure)).await;
                }
            }
        }
        Ok(waiting)
    }

    async fn count_waiting(&mut self, plans: &[&TablePlan]) -> Answer<Vec<Waiting>> {
        if plans.is_empty() {
            return Ok(Vec::new());
        }
        let questions: Vec<_> =
            plans.iter().enumerate().map(|(at, plan)| asked(at, plan)).collect();
        let rows = self.source.ask(&survey_source(&questions)).await?;
        let mut waiting = Vec::new();
        for row in &rows {
            let at: usize = row.number(0)?;
            let in_selection: u64 = row.number::<u64>(1)? + row.number::<u64>(2)?;
            let changed = row.number(5)?;
            let Some(plan) = plans.get(at) else { continue };
            let rows = match (&plan.last_equal, &plan.changed) {
                (Some(_), _) => Rows::New(changed),
                (None, Changed::Everything) => Rows::ToCompare(in_selection),
                (None, _) => Rows::New(in_selection),
            };
            waiting.push(Waiting { table: plan.name.clone(), how: plan.how.clone(), rows });
        }
        Ok(waiting)
    }
}

/// Rejects are left out: they do not wait for the next run, but for somebody
/// who mends them.
fn asked(at: usize, plan: &TablePlan) -> (Question<'_>, Selection<'_>) {
    let changed = plan.last_equal.as_ref().map(|last| &last.source);
    let question = Question { number: at, mapping: &plan.mapping, depth: Depth::Count, changed };
    (question, Selection { changed: &plan.changed, slice: &Slice::All, again: &[] })
}
