//! Missing rows inserted and differing ones updated, by key.
//!
//! One checkpoint:
//!
//! 1. the rows of the slice are streamed into staging, each with every other
//!    row that shares its key;
//! 2. keys that stand on several rows are dealt with by the stated rule;
//! 3. the table is locked against writers, and each staged row meets the
//!    target's row with its key: equal, to update, protected, in conflict, or
//!    missing;
//! 4. updates and inserts; conflicts become rejects;
//! 5. rows, rejects, own write and watermark are committed.

use crate::config::OnDuplicate;
use crate::db::connection::Row;
use crate::db::copy::Format;
use crate::db::sql::select::{Selection, Slice, rows_sharing_keys};
use crate::db::sql::session::savepoint;
use crate::db::sql::{Sql, merge, refusal, stage};
use crate::engine::apply::careful::{Staged, What};
use crate::engine::apply::refuse::Refusals;
use crate::engine::apply::{Job, Place, Step, Written};
use crate::engine::event::Event;
use crate::engine::target::Ending;
use crate::engine::trouble::Trouble;
use crate::error::{Error, Kind};
use crate::failpoint::{self, Point};
use crate::ident::Ident;

/// Keys that a dry run lists.
pub(super) const LISTED_KEYS: u64 = 100;

/// What becomes of the staged rows.
#[derive(Debug, Clone, Copy)]
struct Fates {
    update: u64,
    protected: u64,
    conflict: u64,
    missing: u64,
}

impl Job<'_> {
    /// One checkpoint of an upsert.
    pub(super) async fn upsert(&mut self, slice: &Slice, place: Place) -> Step<()> {
        let mapping = &self.plan.mapping;
        let opening = [merge::create_rows(mapping), refusal::create_refused(), savepoint()];
        self.target.begin(Sql::batch(opening)).await.map_err(Trouble::target("stage"))?;
        failpoint::at(Point::UpsertBegun);
        let staged = self.stage_rows_sharing_keys(slice).await?;
        failpoint::at(Point::UpsertStaged);
        let mut written = Written::default();
        if staged.rows + staged.refused > 0 {
            self.settle_duplicates().await?;
            failpoint::at(Point::UpsertSettled);
            written = self.merge(staged.refused).await?;
        }
        self.checkpoint(written, place).await
    }

    pub(super) async fn stage_rows_sharing_keys(&mut self, slice: &Slice) -> Step<Staged> {
        let mapping = &self.plan.mapping;
        let selection = Selection { changed: &self.plan.changed, slice, again: &self.plan.again };
        let query = rows_sharing_keys(mapping, selection);
        self.stage(What::Rows, &query, merge::into_rows(mapping), Format::Text).await
    }

    async fn settle_duplicates(&mut self) -> Step<()> {
        let (mapping, run) = (&self.plan.mapping, &self.settings.run);
        match &self.plan.on_duplicate {
            OnDuplicate::Reject => {
                let sql = merge::reject_duplicates(mapping, self.settings.direction.word(), run);
                self.ask_target(&sql).await.map(drop)
            }
            OnDuplicate::Latest(column) => {
                let sql = merge::keep_latest(mapping, column)
                    .ok_or_else(|| self.no_such_column(column))?;
                let row = self.ask_target(&sql).await?;
                self.tell_passed_over(column, &row)
            }
        }
    }

    fn tell_passed_over(&self, column: &Ident, answer: &Row) -> Step<()> {
        let rows: u64 = answer.number(0).map_err(Trouble::target("compare"))?;
        if rows > 0 {
            self.observer.hear(Event::Warning(&format!(
                "{}: {rows} of the rows that share a key were passed over, because another has \
                 the latest \"{column}\": keys {}{}",
                self.plan.name,
                answer.get(1).unwrap_or("unknown"),
                if rows > merge::NAMED_KEYS as u64 { " ..." } else { "" }
            )));
        }
        Ok(())
    }

    fn no_such_column(&self, column: &Ident) -> Trouble {
        let name = &self.plan.name;
        let error = Error::new(Kind::Table, format!("could not choose among the rows of {name}"));
        Trouble::refused(
            error
                .because_text(format!(
                    "on_duplicate names column \"{column}\", which is not written"
                ))
                .hint("name a column of the target that has a source"),
        )
    }

    async fn merge(&mut self, unstaged: u64) -> Step<Written> {
        let mapping = &self.plan.mapping;
        self.tell_target(&stage::lock_target(mapping)).await?;
        failpoint::at(Point::UpsertLocked);
        let mut fates = fates(&self.ask_target(&merge::matched(mapping)).await?)?;
        failpoint::at(Point::UpsertMatched);
        if self.refuse_by_rules(unstaged).await? == Refusals::Some {
            fates = self.recount(fates).await?;
        }
        self.list_updates(&merge::keys_to_update(mapping, LISTED_KEYS), fates.update).await?;
        if fates.conflict > 0 {
            let (direction, run) = (self.settings.direction.word(), &self.settings.run);
            self.tell_target(&merge::record_conflicts(mapping, direction, run)).await?;
        }
        if fates.update + fates.missing > 0 {
            if self.write_staged().await? == Refusals::Some {
                fates = self.recount(fates).await?;
            }
            self.look_for_unmerged().await?;
            failpoint::at(Point::UpsertMerged);
        }
        self.done.protected += fates.protected;
        self.done.new += fates.missing;
        Ok(Written { inserted: fates.missing, updated: fates.update, deleted: 0 })
    }

    /// Counts again what is written, after rows were set aside.
    async fn recount(&mut self, fates: Fates) -> Step<Fates> {
        let row = self.ask_target(&merge::count_fates()).await?;
        let count = |index| row.number(index).map_err(Trouble::target("compare"));
        Ok(Fates { update: count(0)?, missing: count(1)?, ..fates })
    }

    /// A dry run says which rows it would set to the source's values.
    pub(super) async fn list_updates(&mut self, question: &Sql, updates: u64) -> Step<()> {
        if updates == 0 || self.target.ending == Ending::Commit {
            return Ok(());
        }
        let rows = self.target.session.rows(question).await.map_err(Trouble::target("compare"))?;
        let keys = rows.iter().filter_map(|row: &Row| row.get(0)).map(str::to_owned);
        self.updated_keys.extend(keys);
        Ok(())
    }

    /// Runs statements in the open transaction.
    pub(super) async fn tell_target(&mut self, sql: &Sql) -> Step<()> {
        self.target.session.execute(sql).await.map_err(Trouble::target("write to"))
    }

    async fn look_for_unmerged(&mut self) -> Step<()> {
        let question = merge::find_vanished(&self.plan.mapping);
        let rows = self.target.session.rows(&question).await.map_err(Trouble::target("compare"))?;
        match rows.first() {
            Some(row) => Err(self.vanished(row)),
            None => Ok(()),
        }
    }
}

fn fates(row: &Row) -> Step<Fates> {
    let count = |index| row.number(index).map_err(Trouble::target("compare"));
    Ok(Fates { update: count(0)?, protected: count(1)?, conflict: count(2)?, missing: count(3)? })
}
