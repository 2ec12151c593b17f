//! Keys first: rows follow only for keys that the target lacks.
//!
//! One checkpoint:
//!
//! 1. the keys of the slice are streamed into staging;
//! 2. the target says which of them it lacks, and which stand there although
//!    they belong to the source and were never delivered;
//! 3. the rows of those keys are fetched into staging; as many have to come
//!    as had one of these keys, else two keys look the same to the target;
//! 4. where no unique index guards the key, the table is locked, and the
//!    check and the insert happen under the lock;
//! 5. keys that should stand there now are looked for: a trigger may have
//!    dropped one, or a type may have changed it;
//! 6. rows, delivered keys, rejects, own write and watermark are committed.

use crate::db::connection::Row;
use crate::db::copy::{Copy, FEW_VALUES, Format, relay};
use crate::db::sql::Sql;
use crate::db::sql::mapping::{Existence, Uniqueness};
use crate::db::sql::select::{Selection, Slice, keys, rows, rows_with_keys};
use crate::db::sql::session::savepoint;
use crate::db::sql::{owned, refusal, stage};
use crate::engine::apply::careful::What;
use crate::engine::apply::{Job, Place, Step, Written};
use crate::engine::event::Event;
use crate::engine::trouble::Trouble;
use crate::error::{Error, Kind};
use crate::failpoint::{self, Point};

/// Keys that are sent to the source in one statement.
const KEYS_PER_FETCH: u64 = 10_000;

/// What staging says about a slice.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// Keys that were staged.
    staged: u64,
    /// Keys that the target lacks.
    missing: u64,
    /// Owned keys that stand on the target without having been delivered.
    suspect: u64,
    /// Source rows that have one of these keys, at least.
    rows: u64,
    /// Rows whose key did not even get into staging.
    refused: u64,
}

impl Job<'_> {
    /// One checkpoint of missing rows.
    pub(super) async fn sift(&mut self, slice: &Slice, place: Place) -> Step<()> {
        let mapping = &self.plan.mapping;
        let opening = [stage::create_keys(mapping), refusal::create_refused(), savepoint()];
        self.target.begin(Sql::batch(opening)).await.map_err(Trouble::target("stage"))?;
        failpoint::at(Point::SiftBegun);
        let wanted = self.stage_keys(slice).await?;
        let mut inserted = 0;
        if wanted.missing + wanted.suspect + wanted.refused > 0 {
            let refused = self.stage_rows(slice, wanted).await?;
            failpoint::at(Point::SiftRowsStaged);
            inserted = self.insert(wanted.refused + refused).await?;
        }
        self.done.new += inserted;
        self.checkpoint(Written { inserted, ..Written::default() }, place).await
    }

    async fn stage_keys(&mut self, slice: &Slice) -> Step<Wanted> {
        let mapping = &self.plan.mapping;
        let selection = Selection { changed: &self.plan.changed, slice, again: &self.plan.again };
        let (query, into) = (keys(mapping, selection), stage::into_keys(mapping));
        let staged = self.stage(What::Keys, &query, into, Format::Text).await?;
        failpoint::at(Point::SiftKeysStaged);
        let sifted = self.ask_target(&stage::sift(mapping)).await?;
        failpoint::at(Point::SiftSifted);
        let count = |index| sifted.number(index).map_err(Trouble::target("compare"));
        Ok(Wanted {
            staged: staged.rows,
            missing: count(0)?,
            suspect: count(1)?,
            rows: count(2)?,
            refused: staged.refused,
        })
    }

    /// Fetches the wanted rows: by their keys while they are a small part of
    /// the slice, else the whole slice, of which the insert takes its part.
    /// Returns how many rows did not get into staging.
    async fn stage_rows(&mut self, slice: &Slice, wanted: Wanted) -> Step<u64> {
        let mapping = &self.plan.mapping;
        let opening = [stage::create_rows(mapping), stage::open_wanted(mapping), savepoint()];
        self.tell_target(&Sql::batch(opening)).await?;
        let count = wanted.missing + wanted.suspect;
        let few = count.saturating_mul(mapping.columns.len() as u64) <= FEW_VALUES as u64;
        let format = if few { Format::Text } else { mapping.format };
        let most = count > KEYS_PER_FETCH && count > wanted.staged / 4;
        if most && mapping.existence == Existence::InTable {
            let selection =
                Selection { changed: &self.plan.changed, slice, again: &self.plan.again };
            let (query, into) = (rows(mapping, selection), stage::into_rows(mapping));
            let staged = self.stage(What::Rows, &query, into, format).await?;
            return Ok(staged.refused);
        }
        let (mut fetched, mut refused) = (0, 0);
        loop {
            let keys = self.next_keys().await?;
            if keys.is_empty() {
                self.check_fetched(fetched + refused, wanted.rows)?;
                return Ok(refused);
            }
            let query = rows_with_keys(mapping, &keys);
            let staged = self.stage(What::Rows, &query, stage::into_rows(mapping), format).await?;
            fetched += staged.rows;
            refused += staged.refused;
        }
    }

    /// A key that went through the target's type may not be found again.
    ///
    /// 1. The source has `ab` and, with a blank behind it, `ab `.
    /// 2. To the target's `char(5)` both are the missing key `ab`.
    /// 3. Asked for `ab`, the source sends the first row only; the next run
    ///    would find the key there, and the second row would be lost.
    fn check_fetched(&self, fetched: u64, rows: u64) -> Step<()> {
        if fetched >= rows {
            return Ok(());
        }
        let (name, source) = (&self.plan.name, self.source.side.word());
        let error = Error::new(Kind::Table, format!("could not fetch the rows of {name}"));
        Err(Trouble::refused(
            error
                .because_text(format!(
                    "the {target} lacks the keys of {rows} rows, but the {source} finds only \
                     {fetched} rows by them: the types of the key take different keys for equal",
                    target = self.target.side.word()
                ))
                .hint(format!(
                    "give the key of {name} the same type on both sides, or correct keys that \
                     differ in blanks, zeros or case only"
                )),
        ))
    }

    async fn next_keys(&mut self) -> Step<Vec<Vec<String>>> {
        let fetch = Sql::batch([savepoint(), stage::fetch_wanted(KEYS_PER_FETCH)]);
        let rows = self.target.session.rows(&fetch).await.map_err(Trouble::target("compare"))?;
        let width = self.plan.mapping.key.len();
        let key = |row: &Row| (0..width).map(|index| row.text(index).map(str::to_owned)).collect();
        let keys: Result<_, _> = rows.iter().map(key).collect();
        keys.map_err(Trouble::target("compare"))
    }

    pub(super) async fn relay(&mut self, copy: &Copy) -> Step<u64> {
        let observer = self.observer;
        let moved = |rows| observer.hear(Event::Moved(rows));
        relay(&mut self.source.session, &mut self.target.session, copy, &moved)
            .await
            .map_err(Trouble::copy)
    }

    /// Inserts what is missing, and keeps what was delivered and what is in
    /// conflict. Returns the number of rows inserted.
    async fn insert(&mut self, unstaged: u64) -> Step<u64> {
        let doubles = self.guard_key().await?;
        failpoint::at(Point::SiftLocked);
        let mapping = &self.plan.mapping;
        self.tell_target(&stage::create_inserted(mapping)).await?;
        self.refuse_by_rules(unstaged + doubles).await?;
        failpoint::at(Point::SiftRefused);
        self.write_staged().await?;
        failpoint::at(Point::SiftInserted);
        self.record_keys().await?;
        failpoint::at(Point::SiftRecorded);
        self.look_for_vanished().await?;
        let inserted = self.ask_target(&stage::count_inserted()).await?;
        inserted.number(0).map_err(Trouble::target("write to"))
    }

    /// Makes sure that no key can come in twice: by a lock, or by the index,
    /// which takes one row per key and so must not be offered two. Returns how
    /// many keys stand on several rows although the target allows one.
    async fn guard_key(&mut self) -> Step<u64> {
        let mapping = &self.plan.mapping;
        if mapping.existence == Existence::InLedger {
            return Ok(0);
        }
        if mapping.uniqueness == Uniqueness::Unguarded {
            let lock = stage::lock_target(mapping);
            self.target.session.execute(&lock).await.map_err(Trouble::target("lock"))?;
            return Ok(0);
        }
        let doubles = self.ask_target(&stage::refuse_doubles(mapping)).await?;
        doubles.number(0).map_err(Trouble::target("compare"))
    }

    async fn record_keys(&mut self) -> Step<()> {
        let (mapping, run) = (&self.plan.mapping, &self.settings.run);
        let statements = match (mapping.existence, &mapping.owned) {
            (Existence::InLedger, _) => vec![owned::record_delivered(mapping, run)],
            (Existence::InTable, None) => return Ok(()),
            (Existence::InTable, Some(_)) => vec![
                owned::record_owned(mapping, run),
                owned::record_conflicts(mapping, self.settings.direction.word(), run),
            ],
        };
        let sql = Sql::batch(statements);
        self.target.session.execute(&sql).await.map_err(Trouble::target("write to"))
    }

    async fn look_for_vanished(&mut self) -> Step<()> {
        let question = stage::find_vanished(&self.plan.mapping);
        let rows = self.target.session.rows(&question).await.map_err(Trouble::target("compare"))?;
        match rows.first() {
            Some(row) => Err(self.vanished(row)),
            None => Ok(()),
        }
    }

    /// The error for rows that were inserted and are not there.
    pub(super) fn vanished(&self, row: &Row) -> Trouble {
        let (key, count) = (row.get(0).unwrap_or("?"), row.get(1).unwrap_or("some"));
        let name = &self.plan.name;
        let error = Error::new(Kind::Table, format!("could not insert key {key} into {name}"));
        Trouble::refused(
            error
                .because_text(format!(
                    "{count} rows were inserted, but their keys are not there: \
                     a trigger drops them, or the column's type changes the key"
                ))
                .hint(format!(
                    "look at the triggers of {name} on the {}, and at the types of its key",
                    self.target.side.word()
                )),
        )
    }
}
