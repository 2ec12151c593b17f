//! `pgsync reverse`: cloud to desktop, insert the rows that are missing.

use crate::cli;
use crate::commands::{connect, pairs};
use crate::config::Config;
use crate::db::connection::Session;
use crate::engine::event::Outcome;
use crate::engine::plan::Pair;
use crate::engine::plan::cursor::Reading;
use crate::engine::read_point::Source;
use crate::engine::run::{Run, Settings};
use crate::engine::target::{Ending, Target};
use crate::error::{Error, Exit, Kind, Result};
use crate::metadata::Direction;
use crate::metadata::ledger::{self, RunEnd};
use crate::metadata::migrations::{self, Side};
use crate::report::Report;
use crate::report::run::{Effect, Opening, RunReport};
use std::time::Instant;

const DIRECTION: Direction = Direction::Reverse;

/// Runs it.
///
/// # Errors
/// When it could not start; a pair that fails is told in the report.
pub async fn run(config: &Config, arguments: &cli::Reverse, report: &Report) -> Result<Exit> {
    let started = Instant::now();
    let pairs = pairs::of(config, DIRECTION, &arguments.tables)?;
    let settings = settings(config, arguments);
    let told = open_report(config, arguments, &settings, &pairs, report);

    let application = format!("pgsync {} {}", DIRECTION.word(), settings.run);
    let (cloud, mut desktop) = connect::both(config, &application).await?;
    connect::lock(&mut desktop, DIRECTION).await?;
    let ending = prepare(&mut desktop, arguments).await?;

    let mut source = open_source(config, cloud).await?;
    let pins = connect::pins(config, Side::Desktop);
    let mut target = Target { session: desktop, side: Side::Desktop, pins, ending };
    begin_run(&mut target, &settings).await?;
    told.heading();
    let mut run =
        Run { settings: &settings, source: &mut source, target: &mut target, observer: &told };
    let outcomes = run.carry(&pairs).await?;

    let exit = exit_of(&outcomes);
    end_run(&mut target, &settings, &outcomes, report).await;
    told.close(&outcomes, &source.point.clock, started.elapsed());
    source.session.close().await;
    target.session.close().await;
    Ok(exit)
}

fn settings(config: &Config, arguments: &cli::Reverse) -> Settings {
    Settings {
        run: run_id(),
        direction: DIRECTION,
        reading: if arguments.full { Reading::Full } else { Reading::Incremental },
        limits: config.limits,
    }
}

/// Unique among the runs of a firm: the time, and the process.
fn run_id() -> String {
    format!("{}-{}", chrono::Utc::now().format("%Y%m%dT%H%M%S%3f"), std::process::id())
}

fn open_report<'a>(
    config: &Config,
    arguments: &cli::Reverse,
    settings: &Settings,
    pairs: &[Pair],
    report: &'a Report,
) -> RunReport<'a> {
    let tables: Vec<&str> = pairs.iter().map(|pair| pair.name.as_str()).collect();
    RunReport::open(
        report,
        &Opening {
            command: DIRECTION.word(),
            run: &settings.run,
            from: (Side::Cloud.word(), config.cloud.label()),
            to: (Side::Desktop.word(), config.desktop.label()),
            tables: &tables,
            effect: if arguments.dry_run { Effect::DryRun } else { Effect::Real },
        },
    )
}

/// Makes our tables on a fresh desktop; a dry run makes them for each of its
/// transactions only.
async fn prepare(desktop: &mut Session, arguments: &cli::Reverse) -> Result<Ending> {
    let not_ready = |failure| {
        Error::new(Kind::Start, "could not prepare pgsync's own tables on the desktop")
            .because(failure)
            .hint("run: pgsync init-metadata, which prints the SQL for an administrator")
    };
    let pending = migrations::pending(desktop, Side::Desktop).await.map_err(not_ready)?;
    if arguments.dry_run {
        let preparation = (!pending.is_empty()).then(|| migrations::statements(&pending));
        return Ok(Ending::Rollback { preparation });
    }
    if !pending.is_empty() {
        migrations::apply(desktop, &pending).await.map_err(not_ready)?;
    }
    Ok(Ending::Commit)
}

async fn open_source(config: &Config, cloud: Session) -> Result<Source> {
    let pins = connect::pins(config, Side::Cloud);
    Source::open(cloud, Side::Cloud, &pins).await.map_err(|failure| {
        let unknown_zone = failure.sqlstate() == Some("22023");
        let error =
            Error::new(Kind::Start, "could not begin to read on the cloud").because(failure);
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
    ledger::begin_run(&mut target.session, &settings.run, DIRECTION).await.map_err(|failure| {
        Error::new(Kind::Start, "could not write to pgsync's own tables on the desktop")
            .because(failure)
            .hint("run: pgsync init-metadata, which prints the SQL for an administrator")
    })
}

async fn end_run(target: &mut Target, settings: &Settings, outcomes: &[Outcome], report: &Report) {
    if target.ending != Ending::Commit || !target.session.is_usable() {
        return;
    }
    let end = RunEnd {
        result: if exit_of(outcomes) == Exit::Done { "ok" } else { "failed" },
        inserted: outcomes.iter().map(|outcome| outcome.inserted).sum(),
        rejected: outcomes.iter().map(|outcome| outcome.rejected).sum(),
        failed_tables: outcomes.iter().filter(|outcome| outcome.failure.is_some()).count(),
    };
    let session = &mut target.session;
    let noted = ledger::end_run(session, &settings.run, end).await;
    let outcome = match noted {
        Ok(()) => ledger::prune_own_writes(session).await,
        refused => refused,
    };
    if let Err(failure) = outcome {
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
    } else if outcomes.iter().any(|outcome| outcome.rejected > 0) {
        Exit::Rejected
    } else {
        Exit::Done
    }
}
