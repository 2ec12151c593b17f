//! Everything, into an empty target: rows go straight into the table.
//!
//! Each checkpoint locks the table first and makes sure that it holds exactly
//! what this run has put there: then no key can be there twice. If somebody
//! else has written to it, or the target refuses a row, the rest is staged.

use crate::config::Mode;
use crate::db::connection::Row;
use crate::db::copy::{Copy, Format, relay};
use crate::db::failure::{Failure, Result as Answer};
use crate::db::sql::Sql;
use crate::db::sql::owned::record_all_owned;
use crate::db::sql::select::{Selection, Slice, has_duplicates, keys, rows};
use crate::db::sql::stage::{
    count_target, create_keys, into_keys, into_target, lock_target, transactions,
};
use crate::engine::apply::{Job, Place, Step, Written};
use crate::engine::plan::Slicing;
use crate::engine::plan::work::foretaste;
use crate::engine::trouble::Trouble;
use crate::failpoint::{self, Point};

impl Job<'_> {
    pub(super) async fn stream(&mut self, slices: &[Slice]) -> Step<()> {
        if self.has_duplicates().await? {
            return self.slices(&[Slice::All]).await;
        }
        let mut before = None;
        for (at, slice) in slices.iter().enumerate() {
            let place = if at + 1 == slices.len() { Place::Last } else { Place::Middle };
            match self.stream_slice(slice, place, before).await {
                Ok(Taken::Streamed(now)) => before = Some(now),
                Ok(Taken::SomebodyElseWrote) => {
                    return self.slices(slices.get(at..).unwrap_or_default()).await;
                }
                Err(trouble) => {
                    let refused = trouble.blames_a_row();
                    self.notice_length(&trouble);
                    let trouble = self.undo(trouble).await;
                    failpoint::at(Point::StreamUndone);
                    if refused {
                        return self.slices(slices.get(at..).unwrap_or_default()).await;
                    }
                    return Err(trouble);
                }
            }
        }
        Ok(())
    }

    /// An upsert decides what becomes of keys that stand on several rows, so
    /// it must not let them all in.
    async fn has_duplicates(&mut self) -> Step<bool> {
        if self.plan.keys_may_meet() {
            return Ok(true);
        }
        if self.plan.mode != Mode::Upsert || self.plan.slicing != Slicing::ByBucket {
            return Ok(false);
        }
        let question = has_duplicates(&self.plan.mapping);
        let rows = self.source.ask(&question).await.map_err(Trouble::source("compare"))?;
        Ok(rows.first().is_some_and(|row| row.flag(0)))
    }

    async fn stream_slice(
        &mut self,
        slice: &Slice,
        place: Place,
        before: Option<Transactions>,
    ) -> Step<Taken> {
        let mapping = &self.plan.mapping;
        let opening = Sql::batch([lock_target(mapping), create_keys(mapping), transactions()]);
        let answer = self.target.begin(opening).await;
        let now = answer.and_then(|rows| read(&rows)).map_err(Trouble::target("lock"))?;
        failpoint::at(Point::StreamLocked);
        let nobody_wrote = before.is_some_and(|before| nobody_between(before, now));
        if !nobody_wrote && self.count_target().await? != self.done.inserted {
            self.target.undo().await.map_err(Trouble::target("leave"))?;
            return Ok(Taken::SomebodyElseWrote);
        }
        failpoint::at(Point::StreamCounted);
        let mut rows = 0;
        let parts = match before {
            None => foretaste(self.plan, slice),
            Some(_) => vec![slice.clone()],
        };
        for part in &parts {
            rows += self.relay_rows(part).await?;
        }
        failpoint::at(Point::StreamRelayed);
        self.record_owned(slice).await?;
        self.done.new += rows;
        self.checkpoint(Written { inserted: rows, ..Written::default() }, place).await?;
        Ok(Taken::Streamed(now))
    }

    async fn count_target(&mut self) -> Step<u64> {
        let count = self.ask_target(&count_target(&self.plan.mapping)).await?;
        count.number(0).map_err(Trouble::target("count"))
    }

    async fn relay_rows(&mut self, slice: &Slice) -> Step<u64> {
        let mapping = &self.plan.mapping;
        let selection = Selection { changed: &self.plan.changed, slice, again: &self.plan.again };
        let copy = Copy {
            out: rows(mapping, selection).copy(mapping.format),
            into: into_target(mapping),
            format: mapping.format,
        };
        self.relay(&copy).await
    }

    /// Keeps which of the rows that came in belong to the source.
    async fn record_owned(&mut self, slice: &Slice) -> Step<()> {
        let mapping = &self.plan.mapping;
        if mapping.owned.is_none() {
            return Ok(());
        }
        let selection = Selection { changed: &self.plan.changed, slice, again: &self.plan.again };
        let keys = Copy {
            out: keys(mapping, selection).copy(Format::Text),
            into: into_keys(mapping),
            format: Format::Text,
        };
        relay(&mut self.source.session, &mut self.target.session, &keys, &|_| {})
            .await
            .map_err(Trouble::copy)?;
        self.tell_target(&record_all_owned(mapping, &self.settings.run)).await?;
        failpoint::at(Point::StreamRecorded);
        Ok(())
    }
}

enum Taken {
    Streamed(Transactions),
    SomebodyElseWrote,
}

/// How a chunk stood among the target's transactions, behind its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Transactions {
    own: u64,
    /// The oldest one that was unfinished; our own is one of them.
    oldest: u64,
    /// All that were finished have an id below.
    finished_below: u64,
}

fn read(rows: &[Row]) -> Answer<Transactions> {
    // A dry run may have made our own tables before, which answers as well.
    let Some(row) = rows.last() else {
        return Err(Failure::Unexpected("the server did not say its transactions".to_owned()));
    };
    Ok(Transactions { own: row.number(0)?, oldest: row.number(1)?, finished_below: row.number(2)? })
}

/// Whether nobody can have written to the table between two chunks. To count
/// it would be a scan of everything so far, for every chunk.
///
/// 1. Who writes has a transaction id, and ids are handed out in order.
/// 2. Nobody has an unfinished write to the table behind our lock. So a row
///    that came in between is by somebody who was not finished then, and is now.
/// 3. It had an older id than the earlier chunk: but that one was itself the
///    oldest one unfinished.
/// 4. It got an id between those of the two chunks: but they follow each other.
/// 5. It got an id after this chunk, which waited for the lock with its own:
///    but nobody who has one has finished.
///
/// Where that does not hold, it proves nothing: most others write elsewhere.
fn nobody_between(earlier: Transactions, now: Transactions) -> bool {
    earlier.oldest == earlier.own && now.own == earlier.own + 1 && now.finished_below <= now.own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_ids_in_a_row_prove_that_nobody_has_written() {
        let at = |oldest, own, finished_below| Transactions { own, oldest, finished_below };
        let earlier = at(750, 750, 750);
        assert!(nobody_between(earlier, at(751, 751, 751)));
        assert!(!nobody_between(earlier, at(752, 752, 752)));
        assert!(!nobody_between(earlier, at(751, 751, 753)));
        assert!(!nobody_between(at(749, 750, 750), at(751, 751, 751)));
    }
}
