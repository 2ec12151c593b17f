//! Writes what is staged, and sets aside what the target refuses.
//!
//! 1. rows that break a rule which can be asked (not null, foreign key, check,
//!    unique) are found by one statement over staging;
//! 2. the rest is written at once;
//! 3. where the target still refuses, it is written in parts, halved until one
//!    key is left, which is set aside with the target's own words.
//!
//! Knows no mode: what is written is for `db::sql::refusal` to spell.

use crate::db::connection::Row;
use crate::db::failure::Failure;
use crate::db::sql::Sql;
use crate::db::sql::refusal::{self, Part};
use crate::db::sql::session::{check_constraints, rollback_to_savepoint, savepoint};
use crate::engine::apply::{Job, Step};
use crate::engine::trouble::Trouble;
use crate::error::{Error, Kind};
use crate::failpoint::{self, Point};
use crate::metadata::ledger;

/// Whether staged rows were set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusals {
    None,
    Some,
}

impl From<u64> for Refusals {
    fn from(rows: u64) -> Self {
        if rows == 0 { Self::None } else { Self::Some }
    }
}

/// The numbers of staged rows, `from` up to but without `below`.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    below: u64,
}

impl Span {
    fn part(self) -> Part {
        Part::Between { from: self.from, below: self.below }
    }

    fn is_one(self) -> bool {
        self.below - self.from == 1
    }

    fn halves(self) -> [Self; 2] {
        let middle = self.from + (self.below - self.from) / 2;
        [Self { from: self.from, below: middle }, Self { from: middle, below: self.below }]
    }
}

impl Job<'_> {
    /// Sets aside the staged rows that break a rule of the target, and those
    /// that did not even get into staging.
    pub(super) async fn refuse_by_rules(&mut self, unstaged: u64) -> Step<Refusals> {
        let plan = self.plan;
        if plan.constraints.is_empty() && unstaged == 0 {
            return Ok(Refusals::None);
        }
        let direction = self.settings.direction.word();
        let mut statements = vec![savepoint()];
        if !plan.constraints.is_empty() {
            statements.push(refusal::find(&plan.mapping, &plan.constraints, direction));
        }
        statements.push(self.set_aside());
        let outcome = self.target.session.row(&Sql::batch(statements)).await;
        match outcome {
            Ok(row) => self.count_refused(&row),
            // A check can fail over a row that breaks another rule; then the
            // target itself has to say which rows it does not take.
            Err(failure @ Failure::Server(_)) => {
                tracing::debug!("the rules could not be asked: {failure}");
                let sql = Sql::batch([rollback_to_savepoint(), self.set_aside()]);
                let row = self.ask_target(&sql).await?;
                self.count_refused(&row)
            }
            Err(failure) => Err(Trouble::target("compare")(failure)),
        }
    }

    fn set_aside(&self) -> Sql {
        refusal::set_aside(&self.plan.mapping, self.settings.direction.word(), &self.settings.run)
    }

    fn count_refused(&mut self, answer: &Row) -> Step<Refusals> {
        let rows: u64 = answer.number(0).map_err(Trouble::target("count the rejects of"))?;
        self.refused += rows;
        self.check_refusals(0)?;
        Ok(rows.into())
    }

    /// Stops before thousands of rows have been tried one by one.
    pub(super) fn check_refusals(&self, more: u64) -> Step<()> {
        let (refused, limit) = (self.refused + more, self.settings.limits.max_rejects);
        if refused > limit { Err(self.too_many_rejects(refused)) } else { Ok(()) }
    }

    pub(super) fn too_many_rejects(&self, rejected: u64) -> Trouble {
        let name = &self.plan.name;
        let error = Error::new(Kind::Safety, format!("could not finish table {name}"));
        Trouble::refused(
            error
                .because_text(format!("{rejected} of its rows are rejected, more than max_rejects"))
                .hint(format!(
                    "something is wrong with its key or its columns, not with single rows: see \
                     what is refused with --verbose, correct the configuration, or raise \
                     max_rejects in [limits], then run: pgsync {} {name}",
                    self.settings.direction.word()
                )),
        )
    }

    /// Writes what is staged; rows that the target refuses are set aside.
    pub(super) async fn write_staged(&mut self) -> Step<Refusals> {
        match self.attempt(Part::All).await? {
            None => Ok(Refusals::None),
            Some(failure) => {
                tracing::debug!("writing in parts, because {failure}");
                failpoint::at(Point::WriteRefused);
                self.write_in_parts().await
            }
        }
    }

    /// Writes a part, or leaves everything as it was and says why.
    async fn attempt(&mut self, part: Part) -> Step<Option<Failure>> {
        let sql = Sql::batch([
            savepoint(),
            refusal::write(&self.plan.mapping, part),
            check_constraints(),
            ledger::record_own_write(&self.settings.run),
        ]);
        match self.target.session.execute(&sql).await {
            Ok(()) => Ok(None),
            Err(failure) if failure.blames_a_row() => {
                self.tell_target(&rollback_to_savepoint()).await?;
                Ok(Some(failure))
            }
            Err(failure) => Err(Trouble::target("write to")(failure)),
        }
    }

    async fn write_in_parts(&mut self) -> Step<Refusals> {
        let numbered = self.ask_target(&refusal::number_rows(&self.plan.mapping)).await?;
        let highest: u64 = numbered.number(0).map_err(Trouble::target("count"))?;
        let whole = Span { from: 1, below: highest + 1 };
        let mut refused = self.halve(vec![whole]).await?;
        // A row that points to another of this table may only have come too
        // early; so the refused ones are tried again while that helps.
        while self.plan.points_to_itself() && !refused.is_empty() {
            let before = refused.len();
            refused = self.halve(refused.into_iter().map(|(span, _)| span).collect()).await?;
            if refused.len() == before {
                break;
            }
        }
        failpoint::at(Point::WriteHalved);
        for (span, failure) in &refused {
            let sqlstate = failure.sqlstate().unwrap_or("23000");
            let words = failure.words();
            let sql = refusal::refuse_number(&self.plan.mapping, span.from, sqlstate, &words);
            self.tell_target(&sql).await?;
        }
        let row = self.ask_target(&self.set_aside()).await?;
        self.count_refused(&row)
    }

    /// Writes these parts, halving those that are refused; returns the single
    /// numbers that are left.
    async fn halve(&mut self, mut spans: Vec<Span>) -> Step<Vec<(Span, Failure)>> {
        spans.reverse();
        let mut refused = Vec::new();
        while let Some(span) = spans.pop() {
            match self.attempt(span.part()).await? {
                None => {}
                Some(failure) if span.is_one() => refused.push((span, failure)),
                Some(_) => {
                    let [first, second] = span.halves();
                    spans.extend([second, first]);
                }
            }
            self.check_refusals(refused.len() as u64)?;
        }
        Ok(refused)
    }
}
