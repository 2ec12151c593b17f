//! A run of either direction, from the connections to the summary.

use crate::commands::{connect, pairs};
use crate::config::Config;
use crate::db::connection::Session;
use crate::db::failure::Failure;
use crate::engine::apply::Done;
use crate::engine::event::Outcome;
use crate::engine::plan::Pair;
use crate::engine::plan::cursor::Reading;
use crate::engine::read_point::Source;
use crate::engine::run::{Deletes, Run, Settings};
use crate::engine::target::{Ending, Target};
use crate::error::{Error, Exit, Kind, Result};
use crate::failpoint::{self, Point};
use crate::metadata::Direction;
use crate::metadata::ledger::{self, RunEnd};
use crate::metadata::migrations::{self, Side};
use crate::report::Report;
use crate::report::run::{Effect, Opening, RunReport};
use std::time::Instant;

/// What the command line asks of a run.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub direction: Direction,
    /// Empty: all tables that take part.
    pub tables: &'a [String],
    pub reading: Reading,
    pub effect: Effect,
    pub deletes: Deletes,
}

impl Order<'_> {
    fn sides(&self) -> (Side, Side) {
        match self.direction {
            Direction::Reverse => (Side::Cloud, Side::Desktop),
            Direction::Forward => (Side::Desktop, Side::Cloud),
        }
    }
}

/// Runs it.
///
/// # Errors
/// When it could not start; a pair that fails is told in the report.
pub async fn run(config: &Config, order: &Order<'_>, report: &Report) -> Result<Exit> {
    let started = Instant::now();
    let pairs = pairs::of(config, order.direction, order.tables)?;
    let settings = settings(config, order);
    let told = open_report(config, order, &settings, &pairs, report);

    let application = format!("pgsync {} {}", order.direction.word(), settings.run);
    let (cloud, mut desktop) = connect::both(config, &application).await?;
    failpoint::at(Point::Connected);
    connect::lock(&mut desktop, order.direction).await?;
    failpoint::at(Point::Locked);
    let (from, to) = match order.direction {
        Direction::Reverse => (cloud, desktop),
        Direction::Forward => (desktop, cloud),
    };
    let mut target = open_target(config, order, to).await?;
    failpoint::at(Point::Prepared);
    let mut source = open_source(config, order, from).await?;
    failpoint::at(Point::ReadPointTaken);
    begin_run(&mut target, &settings).await?;
    failpoint::at(Point::Noted);
    told.heading();
    let mut run =
        Run { settings: &settings, source: &mut source, target: &mut target, observer: &told };
    let outcomes = run.carry(&pairs).await?;
    failpoint::at(Point::Carried);

    let exit = exit_of(&outcomes);
    end_run(&mut target, &settings, &outcomes, report).await;
    failpoint::at(Point::Ended);
    told.close(&outcomes, &source.point.clock, started.elapsed());
    source.session.close().await;
    target.session.close().await;
    Ok(exit)
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

/// Makes our tables where they are not there yet; a dry run makes them within
/// its one transaction only.
async fn open_target(config: &Config, order: &Order<'_>, mut session: Session) -> Result<Target> {
    let (_, side) = order.sides();
    let not_ready = |failure| not_ready(side, failure);
    let pending = migrations::pending(&mut session, side).await.map_err(not_ready)?;
    let ending = match order.effect {
        Effect::DryRun => {
            let preparation = (!pending.is_empty()).then(|| migrations::statements(&pending));
            Ending::Rollback { preparation }
        }
        Effect::Real => Ending::Commit,
    };
    if !pending.is_empty() && ending == Ending::Commit {
        migrations::apply(&mut session, &pending).await.map_err(not_ready)?;
    }
    Ok(Target::new(session, side, connect::pins(config, side), ending))
}

fn not_ready(side: Side, failure: Failure) -> Error {
    let word = side.word();
    Error::new(Kind::Start, format!("could not prepare pgsync's own tables on the {word}"))
        .because(failure)
        .hint("run: pgsync init-metadata, which prints the SQL for an administrator")
}

async fn open_source(config: &Config, order: &Order<'_>, session: Session) -> Result<Source> {
    let (side, _) = order.sides();
    let pins = connect::pins(config, side);
    Source::open(session, side, &pins).await.map_err(|failure| {
        let unknown_zone = failure.sqlstate() == Some("22023");
        let message = format!("could not begin to read on the {}", side.word());
        let error = Error::new(Kind::Start, message).because(failure);
        if unknown_zone {
            error.hint("correct desktop_time_zone in the configuration")
        } else {
            error
        }
    })
}

async fn begin_run(target: &mut Target, settings: &Settings) -> Result<()> {
    if target.ending != Ending::Commit {
        return Ok(());
    }
    let begun = ledger::begin_run(&mut target.session, &settings.run, settings.direction).await;
    begun.map_err(|failure| not_ready(target.side, failure))
}

async fn end_run(target: &mut Target, settings: &Settings, outcomes: &[Outcome], report: &Report) {
    if target.ending != Ending::Commit || !target.session.is_usable() {
        return;
    }
    let sum = |figure: fn(&Done) -> u64| outcomes.iter().map(|outcome| figure(&outcome.done)).sum();
    let end = RunEnd {
        result: if exit_of(outcomes) == Exit::Done { "ok" } else { "failed" },
        inserted: sum(|done| done.inserted),
        updated: sum(|done| done.updated),
        deleted: sum(|done| done.deleted),
        rejected: sum(|done| done.rejected),
        failed_tables: outcomes.iter().filter(|outcome| outcome.failure.is_some()).count(),
    };
    if let Err(failure) = ledger::end_run(&mut target.session, &settings.run, end).await {
        report.warning(format_args!("the end of the run could not be noted: {failure}"));
    }
}

/// The worst that happened to a table decides.
fn exit_of(outcomes: &[Outcome]) -> Exit {
    let kinds = || outcomes.iter().filter_map(|outcome| outcome.failure.as_ref()).map(Error::kind);
    if kinds().any(|kind| kind != Kind::Safety) {
        Exit::TableFailed
    } else if kinds().next().is_some() {
        Exit::Safety
    } else if outcomes.iter().any(|outcome| outcome.done.rejected > 0) {
        Exit::Rejected
    } else {
        Exit::Done
    }
}
