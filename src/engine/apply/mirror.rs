//! The same rows on both sides, by content.
//!
//! One checkpoint for the whole pair: what is to be deleted is weighed against
//! the whole table, and a row that was changed has left one bucket for
//! another.
//!
//! 1. the rows of the buckets that differ are streamed into staging;
//! 2. the table is locked against writers, and surplus and lacking rows are
//!    found;
//! 3. deletes are held against the limit: an emptied or halved source is more
//!    likely a mistake than a wish;
//! 4. deletes, updates, inserts; own write and watermark are committed.
//!
//! Where only the source has moved since both were equal, the rows that share
//! a key with a changed one take the place of the buckets.

use crate::db::connection::Row;
use crate::db::sql::changed::Changed;
use crate::db::sql::select::Slice;
use crate::db::sql::session::savepoint;
use crate::db::sql::{Sql, merge, mirror, refusal, stage};
use crate::engine::apply::refuse::Refusals;
use crate::engine::apply::upsert::LISTED_KEYS;
use crate::engine::apply::{Job, Place, Step, Written};
use crate::engine::run::Deletes;
use crate::engine::trouble::Trouble;
use crate::error::{Error, Kind};
use crate::failpoint::{self, Point};

/// Whether what lies beyond a slice is known to be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Equal,
    /// Nothing was committed.
    Unknown,
}

/// A slice of both sides, compared by content in the open checkpoint.
#[derive(Debug, Clone, Copy)]
struct Compared {
    differing: Written,
    source_rows: u64,
    target_rows: u64,
    /// Source rows that did not get into staging.
    unstaged: u64,
}

impl Job<'_> {
    /// The checkpoint of a mirror.
    pub(super) async fn mirror(&mut self, slice: &Slice, place: Place) -> Step<()> {
        let compared = self.compare_contents(slice).await?;
        self.settle_and_commit(compared, place).await
    }

    /// The checkpoint of a mirror whose target rests since both sides were
    /// equal: rows that share a key with a changed one are compared.
    ///
    /// Why counting is enough for the others:
    ///
    /// 1. of them, the source holds rows that stood on both sides, without
    ///    those which were deleted or have taken another key since;
    /// 2. the target holds all of them that stood on both sides;
    /// 3. so both hold the same rows if they hold equally many.
    pub(super) async fn mirror_changes(&mut self, changed: Changed) -> Step<Rest> {
        let outcome = self.try_changes(&Slice::SharingKeys(changed)).await;
        match outcome {
            Ok(Rest::Equal) => Ok(Rest::Equal),
            Ok(Rest::Unknown) => {
                self.target.undo().await.map_err(Trouble::target("compare"))?;
                Ok(Rest::Unknown)
            }
            Err(trouble) => Err(self.undo(trouble).await),
        }
    }

    async fn try_changes(&mut self, slice: &Slice) -> Step<Rest> {
        let compared = self.compare_contents(slice).await?;
        let target = self.survey.target.as_ref().map_or(0, |target| target.rows);
        let rest_of_source = self.survey.source.rows.checked_sub(compared.source_rows);
        if rest_of_source != target.checked_sub(compared.target_rows) {
            tracing::debug!("{}: more than the changed rows differ", self.plan.name);
            return Ok(Rest::Unknown);
        }
        self.settle_and_commit(compared, Place::Last).await?;
        Ok(Rest::Equal)
    }

    async fn compare_contents(&mut self, slice: &Slice) -> Step<Compared> {
        let mapping = &self.plan.mapping;
        let opening = [merge::create_rows(mapping), refusal::create_refused(), savepoint()];
        self.target.begin(Sql::batch(opening)).await.map_err(Trouble::target("stage"))?;
        failpoint::at(Point::MirrorBegun);
        let staged = self.stage_rows_sharing_keys(slice).await?;
        failpoint::at(Point::MirrorStaged);
        let lock = stage::lock_target(mapping);
        self.target.session.execute(&lock).await.map_err(Trouble::target("lock"))?;
        failpoint::at(Point::MirrorLocked);
        let found = self.ask_target(&mirror::compare(mapping, slice)).await?;
        failpoint::at(Point::MirrorCompared);
        Ok(Compared {
            differing: counts(&found)?,
            source_rows: staged.rows + staged.refused,
            target_rows: found.number(3).map_err(Trouble::target("compare"))?,
            unstaged: staged.refused,
        })
    }

    async fn settle_and_commit(&mut self, compared: Compared, place: Place) -> Step<()> {
        let differing = match self.refuse_by_rules(compared.unstaged).await? {
            Refusals::None => compared.differing,
            Refusals::Some => counts(&self.ask_target(&mirror::count()).await?)?,
        };
        let written = self.settle(differing).await?;
        failpoint::at(Point::MirrorSettled);
        self.done.new += written.inserted;
        self.checkpoint(written, place).await
    }

    /// Deletes go first: what comes in may need their place.
    async fn settle(&mut self, written: Written) -> Step<Written> {
        self.check_deletes(written.deleted)?;
        if written == Written::default() {
            return Ok(written);
        }
        self.list_updates(&mirror::keys_to_update(LISTED_KEYS), written.updated).await?;
        if written.deleted > 0 {
            self.tell_target(&mirror::delete(&self.plan.mapping)).await?;
            failpoint::at(Point::MirrorDeleted);
        }
        match self.write_staged().await? {
            Refusals::None => Ok(written),
            Refusals::Some => {
                let left = counts(&self.ask_target(&mirror::count()).await?)?;
                Ok(Written { deleted: written.deleted, ..left })
            }
        }
    }

    fn check_deletes(&self, deletes: u64) -> Step<()> {
        if deletes == 0 {
            return Ok(());
        }
        let rows = self.survey.target.as_ref().map_or(0, |target| target.rows);
        if self.survey.source.rows == 0 {
            return Err(self.too_many_deletes(deletes, rows, "and the source is empty").into());
        }
        let limit = self.plan.max_delete.of(rows);
        if deletes <= limit || self.settings.deletes == Deletes::Allowed {
            return Ok(());
        }
        let why = format!("more than max_delete allows ({limit})");
        Err(self.too_many_deletes(deletes, rows, &why).into())
    }

    fn too_many_deletes(&self, deletes: u64, rows: u64, why: &str) -> Error {
        let (name, direction) = (&self.plan.name, self.settings.direction.word());
        let target = self.target.side.word();
        Error::new(Kind::Safety, format!("could not mirror {name}"))
            .because_text(format!("{deletes} of its {rows} rows on the {target} would be deleted, {why}"))
            .hint(format!(
                "if these rows are really gone on the {}, run: pgsync {direction} {name} --allow-deletes",
                self.source.side.word()
            ))
    }
}

fn counts(row: &Row) -> Step<Written> {
    let count = |index| row.number(index).map_err(Trouble::target("compare"));
    Ok(Written { updated: count(0)?, deleted: count(1)?, inserted: count(2)? })
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::refused(error)
    }
}
