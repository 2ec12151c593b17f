//! What waits for the next run, counted on the source without a run.

use crate::commands::connect;
use crate::commands::status::APPLICATION;
use crate::commands::sync::ends;
use crate::config::Config;
use crate::db::failure::Failure;
use crate::engine::event::{Event, Observer};
use crate::engine::pending::Counted;
use crate::engine::plan::Pair;
use crate::engine::plan::cursor::Reading;
use crate::engine::read_point::Source;
use crate::engine::run::{Deletes, Run, Settings};
use crate::engine::stop::Stop;
use crate::engine::tally::Tally;
use crate::engine::target::{Ending, Target};
use crate::error::{Error, Kind, Result};
use crate::metadata::Direction;
use crate::metadata::migrations::{self, Side};

/// Counts it, in one snapshot of the source. Nothing is written.
///
/// # Errors
/// When a side cannot be reached, or refuses.
pub async fn count(
    config: &Config,
    direction: Direction,
    pairs: &[Pair],
    stop: &Stop,
) -> Result<Counted> {
    let (from, to) = ends(direction);
    let (from_session, to_session) = tokio::join!(
        connect::open(config, from, APPLICATION),
        connect::open(config, to, APPLICATION)
    );
    let mut to_session = to_session?;
    let pending = migrations::pending(&mut to_session, to).await;
    let pending = pending.map_err(|failure| refused(to, failure))?;
    let preparation = (!pending.is_empty()).then(|| migrations::statements(&pending));
    let pins = |side| connect::pins(config, side, APPLICATION);
    let source = Source::open(from_session?, from, &pins(from)).await;
    let mut source = source.map_err(|failure| refused(from, failure))?;
    let ending = Ending::Rollback { preparation };
    let mut target = Target::new(to_session, to, pins(to), ending, stop.clone());
    let settings = settings(config, direction);
    let mut tally = Tally::default();
    let mut run = Run {
        settings: &settings,
        source: &mut source,
        target: &mut target,
        observer: &Nobody,
        stop,
        tally: &mut tally,
    };
    let waiting = run.pending(pairs).await?;
    target.leave().await;
    target.session.close().await;
    source.session.close().await;
    let failed = tally
        .outcomes()
        .iter()
        .filter_map(|outcome| Some((outcome.table.clone(), outcome.failure.as_ref()?.one_line())));
    Ok(Counted { waiting, failed: failed.collect() })
}

fn settings(config: &Config, direction: Direction) -> Settings {
    Settings {
        run: String::new(),
        direction,
        reading: Reading::Incremental,
        limits: config.limits,
        deletes: Deletes::Limited,
    }
}

fn refused(side: Side, failure: Failure) -> Error {
    Error::new(Kind::Start, format!("could not count what waits on the {}", side.word()))
        .because(failure)
}

/// What a run would warn of is the run's to tell.
struct Nobody;

impl Observer for Nobody {
    fn hear(&self, _: Event<'_>) {}
}
