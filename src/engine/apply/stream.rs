//! Everything, into an empty target: rows go straight into the table.
//!
//! Each checkpoint locks the table and counts it first: as long as it holds
//! exactly what this run has put there, no key can be there twice. If somebody
//! else has written to it, the rest is sifted.

use crate::config::Mode;
use crate::db::copy::{Copy, Format, relay};
use crate::db::sql::Sql;
use crate::db::sql::owned::record_all_owned;
use crate::db::sql::select::{Selection, Slice, copy_keys, copy_rows, has_duplicates};
use crate::db::sql::stage::{count_target, create_keys, into_keys, into_target, lock_target};
use crate::engine::apply::{Job, Place, Step, Written};
use crate::engine::plan::Slicing;
use crate::engine::trouble::Trouble;
use crate::failpoint::{self, Point};

impl Job<'_> {
    pub(super) async fn stream(&mut self, slices: &[Slice]) -> Step<()> {
        if self.has_duplicates().await? {
            return self.slices(&[Slice::All]).await;
        }
        for (at, slice) in slices.iter().enumerate() {
            let place = if at + 1 == slices.len() { Place::Last } else { Place::Middle };
            match self.stream_slice(slice, place).await {
                Ok(Taken::Streamed) => {}
                Ok(Taken::SomebodyElseWrote) => {
                    return self.slices(slices.get(at..).unwrap_or_default()).await;
                }
                Err(trouble) => return Err(self.undo_and_name(trouble, slice).await),
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

    async fn stream_slice(&mut self, slice: &Slice, place: Place) -> Step<Taken> {
        let opening =
            Sql::batch([lock_target(&self.plan.mapping), create_keys(&self.plan.mapping)]);
        self.target.begin(opening).await.map_err(Trouble::target("lock"))?;
        failpoint::at(Point::StreamLocked);
        let held: u64 = self
            .ask_target(&count_target(&self.plan.mapping))
            .await?
            .number(0)
            .map_err(Trouble::target("count"))?;
        failpoint::at(Point::StreamCounted);
        if held != self.done.inserted {
            self.target.undo().await.map_err(Trouble::target("leave"))?;
            return Ok(Taken::SomebodyElseWrote);
        }
        let rows = self.relay_everything(slice).await?;
        self.done.new += rows;
        self.checkpoint(Written { inserted: rows, ..Written::default() }, place).await?;
        Ok(Taken::Streamed)
    }

    async fn relay_everything(&mut self, slice: &Slice) -> Step<u64> {
        let mapping = &self.plan.mapping;
        let selection = Selection { changed: &self.plan.changed, slice, again: &self.plan.again };
        let copy = Copy {
            out: copy_rows(mapping, selection, mapping.format),
            into: into_target(mapping),
            format: mapping.format,
        };
        let observer = self.observer;
        let moved = |rows| observer.hear(crate::engine::event::Event::Moved(rows));
        let rows = relay(&mut self.source.session, &mut self.target.session, &copy, &moved)
            .await
            .map_err(Trouble::copy)?;
        failpoint::at(Point::StreamRelayed);
        if mapping.owned.is_some() {
            let keys = Copy {
                out: copy_keys(mapping, selection),
                into: into_keys(mapping),
                format: Format::Text,
            };
            relay(&mut self.source.session, &mut self.target.session, &keys, &|_| {})
                .await
                .map_err(Trouble::copy)?;
            let record = record_all_owned(mapping, &self.settings.run);
            self.target.session.execute(&record).await.map_err(Trouble::target("write to"))?;
            failpoint::at(Point::StreamRecorded);
        }
        Ok(rows)
    }
}

enum Taken {
    Streamed,
    SomebodyElseWrote,
}
