//! DO: what was decided for a pair, a checkpoint at a time.
//!
//! - [`sift`]: keys first, rows for those that are missing
//! - [`stream`]: everything, into an empty target
//! - [`isolate`]: finds the row that the target refuses
//! - [`sequences`]: serial and identity columns follow their rows

pub mod isolate;
pub mod sequences;
pub mod sift;
pub mod stream;

use crate::db::connection::Row;
use crate::db::failure::Result as Answer;
use crate::db::sql::Sql;
use crate::db::sql::select::{Selection, Slice, rows_without_key};
use crate::engine::event::Observer;
use crate::engine::plan::TablePlan;
use crate::engine::plan::work::Work;
use crate::engine::read_point::Source;
use crate::engine::run::Settings;
use crate::engine::target::Target;
use crate::engine::trouble::Trouble;
use crate::engine::{diff, plan};
use crate::error::{Error, Kind};
use crate::metadata::ledger::{self, Keyless};
use crate::metadata::watermark::{self, Advance, Figures};
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
    pub done: Done,
}

/// What has been committed for a pair so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    pub new: u64,
    pub inserted: u64,
    pub rejected: u64,
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
            Work::Sift(slices) => self.sift(&slices).await,
            Work::Compare { buckets } => {
                let slices = self.compare(buckets).await?;
                self.sift(&slices).await
            }
        }
    }

    async fn compare(&mut self, count: u32) -> Step<Vec<Slice>> {
        let (source, target) = diff::buckets(self.source, self.target, self.plan, count).await?;
        let chunk_rows = self.settings.limits.chunk_rows;
        Ok(plan::work::differing_slices(self.plan, &source, &target, count, chunk_rows))
    }

    /// Ends a checkpoint: own write and, in the last one, rejects and watermark.
    async fn checkpoint(&mut self, inserted: u64, place: Place) -> Step<()> {
        if inserted > 0 {
            self.raise_sequences().await?;
        }
        let mut last = Vec::new();
        if inserted > 0 {
            last.push(ledger::record_own_write(&self.settings.run));
        }
        self.done.inserted += inserted;
        if place == Place::Last {
            self.settle_rejects().await?;
            last.push(self.advance());
        }
        if last.is_empty() {
            last.push(Sql::new("select"));
        }
        self.target.finish(Sql::batch(last)).await.map_err(Trouble::target("commit")).map(drop)
    }

    /// The statement that moves the watermark and keeps the figures.
    #[must_use]
    pub fn advance(&self) -> Sql {
        let (horizon, how) = (&self.plan.horizon, self.plan.how.to_string());
        let figures = self.figures(&how);
        let advance = Advance { table: &self.plan.name, horizon, figures };
        watermark::advance(self.settings.direction, &advance)
    }

    /// What has been done, for our own tables.
    #[must_use]
    pub fn figures<'b>(&'b self, how: &'b str) -> Figures<'b> {
        Figures {
            run: &self.settings.run,
            how,
            checked: self.checked,
            inserted: self.done.inserted,
            rejected: self.done.rejected,
            seconds: self.started.elapsed().as_secs_f64(),
        }
    }

    /// Keeps rows without a key, forgets rejects that this run has not met
    /// again, and counts those that are left.
    async fn settle_rejects(&mut self) -> Step<()> {
        if self.keyless == 0 && self.plan.again.is_empty() && self.plan.mapping.owned.is_none() {
            return Ok(());
        }
        let keyless = self.keyless_rows().await?;
        let (direction, name) = (self.settings.direction, self.plan.name.as_str());
        let run = self.settings.run.as_str();
        let mut statements = Vec::new();
        if !keyless.is_empty() {
            statements.push(ledger::record_keyless(direction, name, run, &keyless));
        }
        statements.push(ledger::forget_healed(direction, name, run));
        statements.push(ledger::count_rejects(direction, name));
        let row = self.ask_target(&Sql::batch(statements)).await?;
        self.done.rejected = row.number(0).map_err(Trouble::target("count the rejects of"))?;
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
        if rejected <= limit {
            return Ok(());
        }
        let name = &self.plan.name;
        let error = Error::new(Kind::Safety, format!("could not finish table {name}"));
        Err(Trouble::refused(
            error
                .because_text(format!("{rejected} of its rows are rejected, more than max_rejects"))
                .hint("something is wrong with its key or its columns, not with single rows; \
                     look at them with: select * from pgsync.rejects, or raise max_rejects in [limits]"),
        ))
    }

    fn selection<'b>(&'b self, slice: &'b Slice) -> Selection<'b> {
        Selection { changed: &self.plan.changed, slice, again: &self.plan.again }
    }

    async fn ask_target(&mut self, sql: &Sql) -> Step<Row> {
        self.target.session.row(sql).await.map_err(Trouble::target("write to"))
    }
}
