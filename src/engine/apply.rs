//! DO: what was decided for a pair, a checkpoint at a time.
//!
//! - [`sift`]: keys first, rows for those that are missing
//! - [`stream`]: everything, into an empty target
//! - [`upsert`]: missing rows inserted and differing ones updated, by key
//! - [`mirror`]: the same rows on both sides, by content
//! - [`careful`]: stages what fits, where some values do not
//! - [`refuse`]: writes what is staged, and sets aside what is refused
//! - [`sequences`]: serial and identity columns follow their rows

pub mod careful;
pub mod mirror;
pub mod refuse;
pub mod sequences;
pub mod sift;
pub mod stream;
pub mod upsert;

use crate::config::Mode;
use crate::db::connection::Row;
use crate::db::failure::Result as Answer;
use crate::db::sql::Sql;
use crate::db::sql::bucket::Division;
use crate::db::sql::select::{Selection, Slice, rows_without_key};
use crate::engine::apply::careful::Texts;
use crate::engine::apply::mirror::Rest;
use crate::engine::diff::Survey;
use crate::engine::event::Observer;
use crate::engine::plan::TablePlan;
use crate::engine::plan::work::Work;
use crate::engine::read_point::Source;
use crate::engine::run::Settings;
use crate::engine::target::Target;
use crate::engine::trouble::Trouble;
use crate::engine::{diff, plan};
use crate::failpoint::{self, Point};
use crate::metadata::ledger::{self, Keyless};
use crate::metadata::rejects;
use crate::metadata::watermark::{self, Advance, Figures, Standing};
use std::time::Instant;

/// A pair at work.
pub struct Job<'a> {
    pub settings: &'a Settings,
    pub source: &'a mut Source,
    pub target: &'a mut Target,
    pub plan: &'a TablePlan,
    pub observer: &'a dyn Observer,
    pub started: Instant,
    /// Source rows that are looked at.
    pub checked: u64,
    /// Source rows without a whole key.
    pub keyless: u64,
    /// How both sides stood before this run, as far as it was asked.
    pub survey: &'a Survey,
    pub done: Done,
    /// Rows that this run has set aside, because the target refused them.
    pub refused: u64,
    /// What this run has met so far.
    pub texts: Texts,
    /// Keys of rows that are brought up to date, the first of them.
    pub updated_keys: Vec<String>,
    /// The first of the pair's rejects, a line each.
    pub rejects: Vec<String>,
}

/// What has been committed for a pair so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    pub new: u64,
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    /// Rows that were left alone because the target owns them.
    pub protected: u64,
    pub rejected: u64,
}

/// What one checkpoint writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
}

/// Whether more checkpoints follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Middle,
    Last,
}

/// The result of a step.
pub type Step<T> = Result<T, Trouble>;

impl Job<'_> {
    /// Does the work; what it committed stays, whatever happens later.
    ///
    /// # Errors
    /// At which step a side refused. The open checkpoint is undone.
    pub async fn run(&mut self, work: Work) -> Step<()> {
        match work {
            Work::Nothing => Ok(()),
            Work::Stream(slices) => self.stream(&slices).await,
            Work::Slices(slices) => self.slices(&slices).await,
            Work::Compare { division } => self.compare_and_settle(division).await,
            Work::Changes { changed, division } => match self.mirror_changes(changed).await? {
                Rest::Equal => Ok(()),
                Rest::Unknown => self.compare_and_settle(division).await,
            },
        }
    }

    async fn compare_and_settle(&mut self, division: Division) -> Step<()> {
        let slices = self.compare(division).await?;
        self.slices(&slices).await
    }

    /// Each slice is a checkpoint, done as the pair's mode does it.
    async fn slices(&mut self, slices: &[Slice]) -> Step<()> {
        // With nothing to look at there is still a watermark to write.
        let nothing = [Slice::Buckets { count: 1, wanted: Vec::new() }];
        let slices = if slices.is_empty() { &nothing } else { slices };
        for (at, slice) in slices.iter().enumerate() {
            let place = if at + 1 == slices.len() { Place::Last } else { Place::Middle };
            let outcome = match self.plan.mode {
                Mode::Off | Mode::InsertMissing => self.sift(slice, place).await,
                Mode::Upsert => self.upsert(slice, place).await,
                Mode::Mirror => self.mirror(slice, place).await,
            };
            if let Err(trouble) = outcome {
                return Err(self.undo(trouble).await);
            }
        }
        Ok(())
    }

    /// Undoes the open checkpoint, and takes the snapshot up again if it was
    /// the source that refused.
    async fn undo(&mut self, trouble: Trouble) -> Trouble {
        if let Err(failure) = self.target.undo().await {
            tracing::debug!("the rollback was refused: {failure}");
        }
        if trouble.is_the_sources()
            && let Err(failure) = self.source.recover().await
        {
            tracing::debug!("the snapshot could not be taken up again: {failure}");
        }
        trouble
    }

    async fn compare(&mut self, division: Division) -> Step<Vec<Slice>> {
        let diff::Sums { source, target, keyless } =
            diff::buckets(self.source, self.target, self.plan, division).await?;
        failpoint::at(Point::BucketsCompared);
        self.checked = source.values().map(|(rows, _)| rows).sum();
        self.keyless = keyless;
        if self.plan.mode == Mode::Mirror {
            return Ok(vec![plan::work::differing_slice(&source, &target, division)]);
        }
        let chunk_rows = self.plan.chunk_rows(self.settings.limits);
        Ok(plan::work::differing_slices(self.plan, &source, &target, division, chunk_rows))
    }

    /// Ends a checkpoint: own write and, in the last one, rejects and watermark.
    async fn checkpoint(&mut self, written: Written, place: Place) -> Step<()> {
        if written.inserted > 0 {
            self.raise_sequences().await?;
            failpoint::at(Point::SequencesRaised);
        }
        let mut last = Vec::new();
        if written != Written::default() {
            last.push(ledger::record_own_write(&self.settings.run));
        }
        self.done.inserted += written.inserted;
        self.done.updated += written.updated;
        self.done.deleted += written.deleted;
        if place == Place::Last {
            self.settle_rejects().await?;
            failpoint::at(Point::RejectsSettled);
            last.push(self.advance());
        }
        if last.is_empty() {
            last.push(Sql::new("select"));
        }
        failpoint::at(Point::BeforeCommit);
        self.target.finish(Sql::batch(last)).await.map_err(Trouble::target("commit"))?;
        failpoint::at(Point::Committed);
        Ok(())
    }

    /// The statement that moves the watermark and keeps the figures.
    #[must_use]
    pub fn advance(&self) -> Sql {
        let (horizon, how) = (&self.plan.horizon, self.plan.how.to_string());
        let figures = self.figures(&how);
        let standing = self.standing();
        let table = self.target.session.branch().ledger(&self.plan.name);
        let advance = Advance { table: &table, horizon, standing, figures };
        watermark::advance(self.settings.direction, &advance)
    }

    /// How a mirror leaves both sides; the next run asks whether they have moved.
    fn standing(&self) -> Option<Standing> {
        if self.plan.mode != Mode::Mirror {
            return None;
        }
        let target = self.survey.target.as_ref()?;
        let point = self.survey.target_point.as_ref()?;
        Some(Standing {
            target_xid: point.xid,
            target_identity: point.identity.clone(),
            source_rows: self.survey.source.rows,
            target_rows: (target.rows + self.done.inserted).saturating_sub(self.done.deleted),
        })
    }

    /// What has been done, for our own tables.
    #[must_use]
    pub fn figures<'b>(&'b self, how: &'b str) -> Figures<'b> {
        Figures {
            run: &self.settings.run,
            how,
            checked: self.checked,
            inserted: self.done.inserted,
            updated: self.done.updated,
            deleted: self.done.deleted,
            protected: self.done.protected,
            rejected: self.done.rejected,
            seconds: self.started.elapsed().as_secs_f64(),
        }
    }

    /// Keeps rows without a key, forgets rejects that this run has not met
    /// again, and counts those that are left.
    async fn settle_rejects(&mut self) -> Step<()> {
        let mapping = &self.plan.mapping;
        let sets_aside = mapping.owned.is_some() || self.plan.mode == Mode::Upsert;
        let touched = self.keyless + self.refused > 0 || !self.plan.again.is_empty();
        if !touched && !sets_aside {
            return Ok(());
        }
        let keyless = self.keyless_rows().await?;
        let direction = self.settings.direction;
        let name = self.target.session.branch().ledger(&self.plan.name);
        let name = name.as_str();
        let run = self.settings.run.as_str();
        let mut statements = Vec::new();
        if !keyless.is_empty() {
            statements.push(ledger::record_keyless(direction, name, run, &keyless));
        }
        statements.push(rejects::forget_healed(direction, name, run));
        statements.push(rejects::count(direction, name));
        let row = self.ask_target(&Sql::batch(statements)).await?;
        self.done.rejected = row.number(0).map_err(Trouble::target("count the rejects of"))?;
        self.rejects = row.get(1).into_iter().flat_map(str::lines).map(str::to_owned).collect();
        self.check_reject_limit()
    }

    async fn keyless_rows(&mut self) -> Step<Vec<Keyless>> {
        if self.keyless == 0 {
            return Ok(Vec::new());
        }
        let selection = self.selection(&Slice::All);
        let limit = self.settings.limits.max_rejects.saturating_add(1);
        let question = rows_without_key(&self.plan.mapping, selection, limit);
        let rows = self.source.ask(&question).await.map_err(Trouble::source("read"))?;
        let keyless =
            |row: &Row| Ok(Keyless { key: row.text(0)?.to_owned(), row: row.text(1)?.to_owned() });
        let rows: Answer<_> = rows.iter().map(keyless).collect();
        rows.map_err(Trouble::source("read"))
    }

    fn check_reject_limit(&self) -> Step<()> {
        let (rejected, limit) = (self.done.rejected, self.settings.limits.max_rejects);
        if rejected <= limit { Ok(()) } else { Err(self.too_many_rejects(rejected)) }
    }

    fn selection<'b>(&'b self, slice: &'b Slice) -> Selection<'b> {
        Selection { changed: &self.plan.changed, slice, again: &self.plan.again }
    }

    async fn ask_target(&mut self, sql: &Sql) -> Step<Row> {
        self.target.session.row(sql).await.map_err(Trouble::target("write to"))
    }
}
