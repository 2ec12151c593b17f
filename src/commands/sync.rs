//! A run of either direction, from the first connection to the summary.
//!
//! A run is one attempt, or several: after an error that passes by itself the
//! pairs that are left are tried again, on new connections and with a new read
//! point. What an attempt has committed is found by the next one.

use crate::commands::link::{Link, Listening};
use crate::commands::notices::{self, Before, Ended};
use crate::commands::sides::{self, Sides, Signature, reach_target};
use crate::commands::tries::{Again, Tries};
use crate::commands::{connect, ended, pairs, time_limit};
use crate::config::Config;
use crate::db::connection::Pulse;
use crate::db::failure::Failure;
use crate::engine::event::{Event, Observer, Outcome};
use crate::engine::plan::Pair;
use crate::engine::plan::cursor::Reading;
use crate::engine::run::{Deletes, Run, Settings, remember_failure};
use crate::engine::stop::Stop;
use crate::engine::tally::Tally;
use crate::engine::target::{Ending, Target};
use crate::error::{Error, Exit, Kind, Result};
use crate::failpoint::{self, Point};
use crate::metadata::Direction;
use crate::metadata::migrations::Side;
use crate::metadata::{ledger, runs};
use crate::report::Report;
use crate::report::run::{Effect, Opening, RunReport};
use std::time::{Duration, Instant};

/// What the command line asks of a run.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub direction: Direction,
    /// Empty: all tables that take part.
    pub tables: &'a [String],
    /// How long to wait for the lock.
    pub wait: Duration,
    pub reading: Reading,
    pub effect: Effect,
    pub deletes: Deletes,
}

impl Order<'_> {
    /// Source and target.
    #[must_use]
    pub fn sides(&self) -> (Side, Side) {
        ends(self.direction)
    }
}

/// Source and target of a direction.
#[must_use]
pub fn ends(direction: Direction) -> (Side, Side) {
    match direction {
        Direction::Reverse => (Side::Cloud, Side::Desktop),
        Direction::Forward => (Side::Desktop, Side::Cloud),
    }
}

/// Runs it, and gives notice of its end where that was asked for.
///
/// # Errors
/// When it could not start; a pair that fails is told in the report.
pub async fn run(config: &Config, order: &Order<'_>, stop: &Stop, report: &Report) -> Result<Exit> {
    let settings = settings(config, order);
    let before = Before::new();
    let result = Box::pin(course(config, order, &settings, &before, stop, report)).await;
    let before = before.get().and_then(Option::as_deref);
    let ended = Ended { run: &settings.run, result: &result, before };
    notices::give(config, order, &ended, report).await;
    result
}

async fn course(
    config: &Config,
    order: &Order<'_>,
    settings: &Settings,
    before: &Before,
    stop: &Stop,
    report: &Report,
) -> Result<Exit> {
    let started = Instant::now();
    let pairs = pairs::of(config, order.direction, order.tables)?;
    let told = open_report(config, order, settings, &pairs, report);
    let signature = Signature::new(order.direction, &settings.run);
    let (stopper, stop) = stop.for_a_part();
    let course = Course {
        config,
        order,
        settings,
        told: &told,
        report,
        stop: &stop,
        started,
        signature,
        tally: Tally::default(),
        target: None,
        clock: None,
        before,
    };
    tokio::select! {
        ended = course.run(&pairs) => ended,
        () = time_limit::over(config.limits.max_run_time, &stopper, report) => Ok(Exit::Interrupted),
    }
}

/// A run with all of its attempts.
struct Course<'a> {
    config: &'a Config,
    order: &'a Order<'a>,
    settings: &'a Settings,
    told: &'a RunReport<'a>,
    report: &'a Report,
    stop: &'a Stop,
    started: Instant,
    signature: Signature,
    tally: Tally,
    /// The target as the last attempt left it.
    target: Option<Target>,
    /// The source's clock at the last read point.
    clock: Option<String>,
    before: &'a Before,
}

impl Course<'_> {
    async fn run(mut self, pairs: &[Pair]) -> Result<Exit> {
        let mut tries = Tries::new(self.config.retry);
        loop {
            let left = self.tally.left(pairs);
            let ended = Box::pin(self.attempt(&left)).await;
            let left = self.tally.left(pairs);
            if left.is_empty() {
                return self.conclude(&left, None).await;
            }
            let error = ended.err();
            let again = self.passes(error.as_ref()).then(|| tries.failed(self.tally.progress()));
            match again.flatten() {
                Some(again) if !self.stop.is_asked() => self.pause(again, error.as_ref()).await,
                _ => return self.conclude(&left, error).await,
            }
        }
    }

    /// One attempt at the pairs that are left.
    async fn attempt(&mut self, pairs: &[Pair]) -> Result<()> {
        self.leave_target().await;
        self.tally.begin_attempt();
        self.signature.next();
        let opening = Sides::open(self.config, self.order, self.stop, self.report, &self.signature);
        let mut sides = tokio::select! {
            sides = opening => sides?,
            () = self.stop.asked() => return Err(interrupted()),
        };
        self.begin(&mut sides).await?;
        failpoint::at(Point::Noted);
        let observer = Listening { to: self.told, pulse: Pulse::default() };
        let link = Link {
            config: self.config,
            application: self.signature.current(),
            source: sides.source.side,
            pulses: sides.pulses(observer.pulse.clone()),
        };
        let mut run = Run {
            settings: self.settings,
            source: &mut sides.source,
            target: &mut sides.target,
            observer: &observer,
            stop: self.stop,
            tally: &mut self.tally,
        };
        // Whoever abandons the run must not use its sessions again: they may
        // be in the middle of an answer.
        tokio::select! {
            ended = run.carry(pairs) => ended?,
            dead = link.until_dead() => return Err(dead),
            () = link.stop_on(self.stop) => return Err(interrupted()),
        }
        failpoint::at(Point::Carried);
        sides.source.session.close().await;
        self.target = Some(sides.target);
        Ok(())
    }

    /// Notes that the run has begun, once.
    async fn begin(&mut self, sides: &mut Sides) -> Result<()> {
        let is_first = self.clock.is_none();
        self.clock = Some(sides.source.point.clock.clone());
        if !is_first {
            return Ok(());
        }
        begin_run(&mut sides.target, self.settings).await?;
        self.look_back(&mut sides.target).await;
        let (from, to) = (&sides.source, &sides.target);
        self.told.servers(&[
            (from.side.word(), from.session.server_version()),
            (to.side.word(), to.session.server_version()),
        ]);
        self.told.heading();
        Ok(())
    }

    /// How the run before ended, for a notice that all is well again.
    async fn look_back(&self, target: &mut Target) {
        if self.config.notify.on_recovery.is_none() || target.ending != Ending::Commit {
            return;
        }
        let Settings { direction, run, .. } = self.settings;
        match runs::result_before(&mut target.session, *direction, run).await {
            Ok(result) => drop(self.before.set(result)),
            Err(failure) => tracing::debug!("the history could not be read: {failure}"),
        }
    }

    /// Whether what ended the attempt may pass. A name that could be resolved,
    /// and a certificate that was good, before the run lost its connection,
    /// will be so again.
    fn passes(&self, error: Option<&Error>) -> bool {
        if self.order.effect == Effect::DryRun && self.clock.is_some() {
            // What the first attempt rehearsed is undone; the rest of the
            // tables would not see it.
            return false;
        }
        let passes = |failure: &Failure| {
            failure.passes() || (self.clock.is_some() && matches!(failure, Failure::Setup(_)))
        };
        match error {
            Some(error) => Failure::behind(error).is_some_and(passes),
            None => self.tally.first_put_off().is_some(),
        }
    }

    /// Says why there is another attempt, and waits for it.
    async fn pause(&self, again: Again, error: Option<&Error>) {
        failpoint::at(Point::TriedAgain);
        let Again { attempt, of, pause } = again;
        let why = error.or(self.tally.first_put_off()).map_or(String::new(), Error::one_line);
        tracing::info!("attempt {attempt} of {of}, because: {why}");
        self.report.retry(attempt, of, pause, &why);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stop.asked() => {}
        }
    }

    /// Closes what is left, notes the run's end, and tells all of it.
    async fn conclude(mut self, left: &[Pair], error: Option<Error>) -> Result<Exit> {
        let Some(clock) = self.clock.take() else {
            return Err(error.unwrap_or_else(interrupted));
        };
        let mut target = match self.target.take().filter(|target| target.session.is_usable()) {
            Some(target) => Some(target),
            None => self.reach_target().await,
        };
        let nothing_done = self.tally.is_empty();
        let interrupted_in = self.stop.is_asked().then_some(left.len());
        if !self.stop.is_asked() && !nothing_done {
            for pair in left {
                let why = self.why(pair, error.as_ref());
                let outcome = Outcome::unread(&pair.name, why);
                if let Some(target) = &mut target {
                    remember_failure(self.settings, target, self.told, &outcome).await;
                }
                self.tally.close(outcome, self.told);
            }
        }
        failpoint::at(Point::Closing);
        if let Some(target) = &mut target {
            self.end_run(target, interrupted_in).await;
        }
        failpoint::at(Point::Ended);
        self.target = target;
        self.leave_target().await;
        match error {
            Some(error) if nothing_done && interrupted_in.is_none() => Err(error),
            _ => {
                let outcomes = self.tally.outcomes();
                let exit = ended::exit(outcomes, interrupted_in);
                self.told.close(outcomes, &clock, self.started.elapsed(), interrupted_in, exit);
                Ok(exit)
            }
        }
    }

    /// Why a pair is left.
    fn why(&mut self, pair: &Pair, error: Option<&Error>) -> Error {
        let put_off = self.tally.take_put_off(&pair.name);
        put_off.unwrap_or_else(|| {
            let not_reached =
                Error::new(Kind::Table, format!("could not get as far as table {}", pair.name));
            match error.or(self.tally.first_put_off()) {
                Some(error) => not_reached.because_text(error.one_line()),
                None => not_reached,
            }
        })
    }

    /// A new connection for the last words, if the target can be reached.
    async fn reach_target(&mut self) -> Option<Target> {
        self.signature.next();
        let reaching = reach_target(self.config, self.order, self.stop, &self.signature);
        match reaching.await {
            Ok(target) => Some(target),
            Err(error) => {
                self.report.warning(format_args!(
                    "the end of the run could not be noted: {}",
                    error.one_line()
                ));
                None
            }
        }
    }

    async fn leave_target(&mut self) {
        if let Some(target) = self.target.take() {
            target.session.close().await;
        }
    }

    async fn end_run(&self, target: &mut Target, interrupted_in: Option<usize>) {
        if target.ending != Ending::Commit {
            return;
        }
        let end = ended::figures(self.tally.outcomes(), interrupted_in);
        let run = &self.settings.run;
        let mut ended = ledger::end_run(&mut target.session, run, end).await;
        if ended.as_ref().is_err_and(|failure| failure.sqlstate() == Some(CANCELLED)) {
            // A cancel that was meant for the statement before.
            ended = ledger::end_run(&mut target.session, run, end).await;
        }
        if let Err(failure) = ended {
            self.told
                .hear(Event::Warning(&format!("the end of the run could not be noted: {failure}")));
        }
    }
}

/// `query_canceled`
const CANCELLED: &str = "57014";

/// The error for a run that was interrupted before it began.
#[must_use]
pub fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "could not finish: it was interrupted")
}

fn settings(config: &Config, order: &Order<'_>) -> Settings {
    Settings {
        run: run_id(),
        direction: order.direction,
        reading: order.reading,
        limits: config.limits,
        deletes: order.deletes,
    }
}

/// Unique among the runs of a firm: the time, and the process.
fn run_id() -> String {
    format!("{}-{}", chrono::Utc::now().format("%Y%m%dT%H%M%S%3f"), std::process::id())
}

fn open_report<'a>(
    config: &Config,
    order: &Order<'_>,
    settings: &Settings,
    pairs: &[Pair],
    report: &'a Report,
) -> RunReport<'a> {
    let tables: Vec<&str> = pairs.iter().map(|pair| pair.name.as_str()).collect();
    let (from, to) = order.sides();
    let end = |side: Side| (side.word(), connect::connection(config, side).label());
    RunReport::open(
        report,
        &Opening {
            direction: order.direction,
            run: &settings.run,
            from: end(from),
            to: end(to),
            tables: &tables,
            effect: order.effect,
        },
    )
}

async fn begin_run(target: &mut Target, settings: &Settings) -> Result<()> {
    if target.ending != Ending::Commit {
        return Ok(());
    }
    let begun = ledger::begin_run(&mut target.session, &settings.run, settings.direction).await;
    begun.map_err(|failure| sides::not_ready(target.side, failure))
}
