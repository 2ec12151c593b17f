//! Both sides of a run, opened: connections, lock, our own tables, read point.

use crate::commands::connect;
use crate::commands::sync::Order;
use crate::config::Config;
use crate::db::activity;
use crate::db::connection::{Pulse, Session};
use crate::db::failure::Failure;
use crate::engine::read_point::Source;
use crate::engine::stop::Stop;
use crate::engine::target::{Ending, Target};
use crate::error::{Error, Kind, Result};
use crate::failpoint::{self, Point};
use crate::metadata::Direction;
use crate::metadata::lock::Holder;
use crate::metadata::migrations::{self, Side};
use crate::report::Report;
use crate::report::run::Effect;
use std::time::{Duration, Instant};

/// The names that the sessions of a run bear, one for each attempt, so that an
/// attempt can tell what an earlier one has left behind.
#[derive(Debug)]
pub struct Signature {
    base: String,
    names: Vec<String>,
}

impl Signature {
    #[must_use]
    pub fn new(direction: Direction, run: &str) -> Self {
        Self { base: format!("pgsync {} {run}", direction.word()), names: Vec::new() }
    }

    /// Begins another attempt.
    pub fn next(&mut self) {
        let name = match self.names.len() {
            0 => self.base.clone(),
            earlier => format!("{} attempt {}", self.base, earlier + 1),
        };
        self.names.push(name);
    }

    /// The name of this attempt.
    #[must_use]
    pub fn current(&self) -> &str {
        self.names.last().unwrap_or(&self.base)
    }

    fn earlier(&self) -> &[String] {
        self.names.split_last().map_or(&[], |(_, earlier)| earlier)
    }
}

/// Source and target, ready for a run.
pub struct Sides {
    pub source: Source,
    pub target: Target,
}

impl Sides {
    /// Opens both, and takes the lock between.
    ///
    /// # Errors
    /// When a side cannot be reached or refuses, or another run holds the lock
    /// for longer than we may wait.
    pub async fn open(
        config: &Config,
        order: &Order<'_>,
        stop: &Stop,
        report: &Report,
        signature: &Signature,
    ) -> Result<Self> {
        let (mut cloud, mut desktop) = connect::both(config, signature.current()).await?;
        failpoint::at(Point::Connected);
        tokio::join!(
            end_earlier(&mut cloud, Side::Cloud, signature),
            end_earlier(&mut desktop, Side::Desktop, signature),
        );
        let patience = match signature.earlier() {
            [] => order.wait,
            // Another run may have begun while we had lost ours.
            _ => order.wait.max(config.retry.max_total),
        };
        if let Some(holder) = connect::try_lock(&mut desktop, order.direction).await? {
            wait_for_lock(&mut desktop, order.direction, holder, patience, report).await?;
            cloud.close().await;
            cloud = connect::open(config, Side::Cloud, signature.current()).await?;
        }
        failpoint::at(Point::Locked);
        let (from, to) = match order.direction {
            Direction::Reverse => (cloud, desktop),
            Direction::Forward => (desktop, cloud),
        };
        let target = open_target(config, order, stop, to, signature.current()).await?;
        failpoint::at(Point::Prepared);
        let source = open_source(config, order, from, signature.current()).await?;
        failpoint::at(Point::ReadPointTaken);
        Ok(Self { source, target })
    }

    /// What tells whether anything is heard, with a further sign.
    #[must_use]
    pub fn pulses(&self, further: Pulse) -> Vec<Pulse> {
        vec![self.source.session.pulse(), self.target.session.pulse(), further]
    }
}

/// A new connection to the target alone.
///
/// # Errors
/// When it cannot be reached or refuses.
pub async fn reach_target(
    config: &Config,
    order: &Order<'_>,
    stop: &Stop,
    signature: &Signature,
) -> Result<Target> {
    let (_, side) = order.sides();
    let mut session = connect::open(config, side, signature.current()).await?;
    end_earlier(&mut session, side, signature).await;
    open_target(config, order, stop, session, signature.current()).await
}

/// A server that has not noticed yet that an earlier attempt has lost it may
/// still be at work for it, and hold its locks.
async fn end_earlier(session: &mut Session, side: Side, signature: &Signature) {
    if let Err(failure) = activity::end(session, signature.earlier()).await {
        let word = side.word();
        tracing::debug!("could not end what was left on the {word}: {failure}");
    }
}

/// Waits for the lock, and says so once.
async fn wait_for_lock(
    desktop: &mut Session,
    direction: Direction,
    mut holder: Holder,
    patience: Duration,
    report: &Report,
) -> Result<()> {
    let began = Instant::now();
    if !patience.is_zero() {
        report.note(format_args!(
            "waiting up to {} s for the lock of {}; another run holds it: {holder}",
            patience.as_secs_f64(),
            direction.word()
        ));
    }
    while began.elapsed() < patience {
        match connect::try_lock(desktop, direction).await? {
            None => return Ok(()),
            Some(other) => holder = other,
        }
    }
    Err(connect::locked(direction, &holder).hint(format!(
        "run again when it has finished, or let this one wait for it: pgsync {} --wait 10m",
        direction.word()
    )))
}

/// Makes our tables where they are not there yet; a dry run makes them within
/// its one transaction only.
async fn open_target(
    config: &Config,
    order: &Order<'_>,
    stop: &Stop,
    mut session: Session,
    application: &str,
) -> Result<Target> {
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
    let pins = connect::pins(config, side, application);
    Ok(Target::new(session, side, pins, ending, stop.clone()))
}

/// `read_only_sql_transaction`
const READ_ONLY: &str = "25006";

/// The error for our own tables, where they cannot be used.
#[must_use]
pub fn not_ready(side: Side, failure: Failure) -> Error {
    let word = side.word();
    let hint = if failure.sqlstate() == Some(READ_ONLY) {
        format!(
            "the {word} takes no changes (read-only): a standby, or Supabase with a disk that is \
             nearly full; make room there, then run again"
        )
    } else {
        "run: pgsync init-metadata, which prints the SQL for an administrator".to_owned()
    };
    Error::new(Kind::Start, format!("could not prepare pgsync's own tables on the {word}"))
        .because(failure)
        .hint(hint)
}

async fn open_source(
    config: &Config,
    order: &Order<'_>,
    session: Session,
    application: &str,
) -> Result<Source> {
    let (side, _) = order.sides();
    let pins = connect::pins(config, side, application);
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
