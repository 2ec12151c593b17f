//! A run, from read point to summary.
//!
//! 1. catalogs and watermarks of both sides are read, every pair is planned;
//! 2. one survey asks both sides what there is to do;
//! 3. pairs with nothing new move their watermarks in one transaction;
//! 4. the others follow one by one, parents first.
//!
//! A pair that fails is a value in the summary; the others go on. A pair whose
//! failure passes by itself is put off: whoever started the run may try it
//! again, on new connections and with a new read point. Applying is idempotent,
//! so what had been committed of it is found and passed over.
//!
//! - [`planning`]: the first step

pub mod planning;

use crate::config::Limits;
use crate::db::failure::Failure;
use crate::db::sql::Sql;
use crate::engine::apply::careful::Texts;
use crate::engine::apply::{Done, Job};
use crate::engine::diff::{self, Survey};
use crate::engine::event::{Event, Observer, Outcome};
use crate::engine::plan::cursor::Reading;
use crate::engine::plan::work::{Work, decide};
use crate::engine::plan::{Pair, TablePlan};
use crate::engine::read_point::Source;
use crate::engine::stop::Stop;
use crate::engine::tally::Tally;
use crate::engine::target::{Ending, Target};
use crate::engine::trouble::{Trouble, failed};
use crate::error::{Error, Kind, Result};
use crate::failpoint::{self, Point};
use crate::metadata::Direction;
use crate::metadata::watermark::{self, Figures};
use std::time::{Duration, Instant};

/// What holds for the whole run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The run's name in output, log and tables.
    pub run: String,
    pub direction: Direction,
    pub reading: Reading,
    pub limits: Limits,
    pub deletes: Deletes,
}

/// Whether a mirror may delete more than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletes {
    Limited,
    Allowed,
}

/// A run with its two sides.
pub struct Run<'a> {
    pub settings: &'a Settings,
    pub source: &'a mut Source,
    pub target: &'a mut Target,
    pub observer: &'a dyn Observer,
    pub stop: &'a Stop,
    /// What became of the pairs, over all attempts. It stays when the run is
    /// abandoned half-way.
    pub tally: &'a mut Tally,
}

/// A pair that is planned and surveyed.
struct Prepared {
    plan: TablePlan,
    survey: Survey,
    work: Work,
}

impl Run<'_> {
    /// Carries the rows of these pairs. Those that are not in the tally
    /// afterwards were put off, or not reached.
    ///
    /// # Errors
    /// When no pair could even be looked at; nothing was written then.
    pub async fn carry(&mut self, pairs: &[Pair]) -> Result<()> {
        self.tally.begin_attempt();
        if let Some(gap) = &self.source.point.gap {
            self.observer.hear(Event::Warning(gap));
        }
        let plans = self.plan(pairs).await?;
        failpoint::at(Point::Planned);
        let plans = self.in_order(plans);
        let prepared = self.survey(plans).await;
        failpoint::at(Point::Surveyed);
        let (quiet, busy): (Vec<_>, Vec<_>) =
            prepared.into_iter().partition(|pair| pair.work == Work::Nothing);
        self.pass_over(quiet).await;
        failpoint::at(Point::QuietPassed);
        self.apply_in_order(busy).await;
        self.target.leave().await;
        Ok(())
    }

    /// Whether a further pair can be begun.
    fn goes_on(&self) -> bool {
        !self.stop.is_asked() && !self.tally.has_lost_the_link()
    }

    /// Applies the pairs, parents first, then those that waited for another
    /// one, children first, as long as that gets one further.
    ///
    /// 1. A parent's row and its children are gone from the source.
    /// 2. Parents come first, so that new children find them.
    /// 3. The parent's row cannot be deleted as long as its children stand.
    async fn apply_in_order(&mut self, mut pairs: Vec<Prepared>) {
        loop {
            let (mut settled, mut waiting) = (0, Vec::new());
            for pair in pairs {
                if !self.goes_on() {
                    return;
                }
                match self.apply(&pair).await {
                    outcome if waits_for_another(&outcome) => waiting.push((pair, outcome)),
                    outcome => {
                        self.settle(outcome).await;
                        failpoint::at(Point::PairDone);
                        settled += 1;
                    }
                }
            }
            if settled == 0 {
                for (_, outcome) in waiting {
                    self.settle(outcome).await;
                }
                return;
            }
            for (_, outcome) in &waiting {
                self.tally.keep(&outcome.table, outcome.done);
            }
            pairs = waiting.into_iter().rev().map(|(pair, _)| pair).collect();
        }
    }

    async fn not_planned(&mut self, pair: &Pair, error: Error) {
        self.close(Outcome::unread(&pair.name, error)).await;
    }

    /// Puts a pair off, or closes it: by what stopped it, if anything did.
    async fn settle(&mut self, mut outcome: Outcome) {
        let Some(error) = outcome.failure.take() else { return self.close(outcome).await };
        if self.stop.is_asked() {
            outcome.failure = Some(error.of_kind(Kind::Interrupted));
        } else if Failure::behind(&error).is_some_and(Failure::passes) {
            self.tally.put_off(&outcome.table, outcome.done, error);
            return;
        } else {
            outcome.failure = Some(error);
        }
        self.close(outcome).await;
    }

    async fn close(&mut self, outcome: Outcome) {
        remember_failure(self.settings, self.target, self.observer, &outcome).await;
        self.tally.close(outcome, self.observer);
    }

    /// Surveys all pairs at once; if that fails, one by one, to find the bad one.
    async fn survey(&mut self, plans: Vec<TablePlan>) -> Vec<Prepared> {
        if plans.is_empty() {
            return Vec::new();
        }
        let all: Vec<&TablePlan> = plans.iter().collect();
        if let Ok(surveys) = diff::survey(self.source, self.target, &all).await {
            return plans.into_iter().zip(surveys).map(|pair| self.prepared(pair)).collect();
        }
        let mut prepared = Vec::new();
        for plan in plans {
            if !self.goes_on() {
                break;
            }
            match diff::survey(self.source, self.target, &[&plan]).await {
                Ok(mut surveys) => {
                    let survey = surveys.pop().unwrap_or_default();
                    prepared.push(self.prepared((plan, survey)));
                }
                Err(trouble) => self.not_surveyed(&plan, trouble).await,
            }
        }
        prepared
    }

    fn prepared(&self, (plan, survey): (TablePlan, Survey)) -> Prepared {
        let chunk_rows = plan.chunk_rows(self.settings.limits);
        let work = decide(&plan, &survey.source, survey.target.as_ref(), chunk_rows);
        Prepared { plan, survey, work }
    }

    pub(in crate::engine) async fn not_surveyed(&mut self, plan: &TablePlan, trouble: Trouble) {
        let error = trouble.explain(plan, self.source.side, self.target.side);
        self.settle(outcome_of(plan, 0, Done::default(), Duration::ZERO, Some(error))).await;
    }

    /// Moves the watermarks of pairs in which nothing is new, in one
    /// transaction: nothing is written for them otherwise.
    async fn pass_over(&mut self, quiet: Vec<Prepared>) {
        if quiet.is_empty() || !self.goes_on() {
            return;
        }
        let started = Instant::now();
        let statements: Vec<Sql> =
            quiet.iter().map(|pair| self.job(pair, started).advance()).collect();
        let begun = self.target.begin(Sql::new("select")).await;
        failpoint::at(Point::QuietBegun);
        let failure = match begun {
            Ok(_) => self.target.finish(Sql::batch(statements)).await.err(),
            Err(failure) => Some(failure),
        };
        for pair in &quiet {
            let error = failure.clone().map(|failure| self.not_moved(&pair.plan, failure));
            let checked = pair.survey.source.rows;
            let done = Done::default();
            self.settle(outcome_of(&pair.plan, checked, done, Duration::ZERO, error)).await;
        }
    }

    fn not_moved(&self, plan: &TablePlan, failure: Failure) -> Error {
        failed("move the watermark of", self.target.side, &plan.mapping.target, failure)
    }

    fn job<'b>(&'b mut self, pair: &'b Prepared, started: Instant) -> Job<'b> {
        Job {
            settings: self.settings,
            source: self.source,
            target: self.target,
            plan: &pair.plan,
            observer: self.observer,
            started,
            checked: pair.survey.source.rows,
            keyless: pair.survey.source.keyless,
            survey: &pair.survey,
            done: Done::default(),
            refused: 0,
            texts: Texts::default(),
            updated_keys: Vec::new(),
            rejects: Vec::new(),
        }
    }

    async fn apply(&mut self, pair: &Prepared) -> Outcome {
        let started = Instant::now();
        let rows = pair.survey.source.rows;
        self.observer.hear(Event::Started { table: &pair.plan.name, rows });
        let mut job = self.job(pair, started);
        let result = job.run(pair.work.clone()).await;
        let (checked, done) = (job.checked, job.done);
        let updated_keys = std::mem::take(&mut job.updated_keys);
        let rejects = std::mem::take(&mut job.rejects);
        let error = result
            .err()
            .map(|trouble| trouble.explain(&pair.plan, self.source.side, self.target.side));
        let mut outcome = outcome_of(&pair.plan, checked, done, started.elapsed(), error);
        outcome.updated_keys = updated_keys;
        outcome.rejects = rejects;
        outcome
    }
}

/// Keeps a failure for `status`; the watermark stays where it was. An
/// interruption is nobody's fault.
pub async fn remember_failure(
    settings: &Settings,
    target: &mut Target,
    observer: &dyn Observer,
    outcome: &Outcome,
) {
    let Some(error) = &outcome.failure else { return };
    let is_kept = target.ending == Ending::Commit && target.session.is_usable();
    if error.kind() == Kind::Interrupted || !is_kept {
        return;
    }
    let how = outcome.how.as_ref().map_or(String::new(), ToString::to_string);
    let figures = Figures {
        run: &settings.run,
        how: &how,
        checked: outcome.checked,
        inserted: outcome.done.inserted,
        updated: outcome.done.updated,
        deleted: outcome.done.deleted,
        protected: outcome.done.protected,
        rejected: outcome.done.rejected,
        seconds: outcome.elapsed.as_secs_f64(),
    };
    let text = error.one_line();
    let ledger = target.session.branch().ledger(&outcome.table);
    let sql = watermark::fail(settings.direction, &ledger, &figures, &text);
    if let Err(failure) = target.ask(&sql).await {
        observer.hear(Event::Warning(&format!(
            "the failure of {} could not be kept for status: {failure}",
            outcome.table
        )));
    }
}

/// Whether a foreign key stood against it that another pair may satisfy.
///
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>, `foreign_key_violation`
fn waits_for_another(outcome: &Outcome) -> bool {
    let failure = outcome.failure.as_ref().and_then(Error::cause_as::<Failure>);
    failure.and_then(Failure::sqlstate) == Some("23503")
}

fn outcome_of(
    plan: &TablePlan,
    checked: u64,
    done: Done,
    elapsed: Duration,
    failure: Option<Error>,
) -> Outcome {
    Outcome {
        table: plan.name.clone(),
        how: Some(plan.how.clone()),
        checked,
        done,
        updated_keys: Vec::new(),
        rejects: Vec::new(),
        elapsed,
        failure,
    }
}
