//! What befalls a run at a step.

use crate::history::History;
use crate::prng::Prng;
use crate::run::Run;
use crate::world::Way;
use pgsync::failpoint::{self, Point};
use pgsync_testkit::Side;
use std::time::Duration;

/// Steps that a run of these tables comes by, at most.
const STEPS: usize = 70;

/// Steps that few runs come by.
const RARE: [Point; 8] = [
    Point::TriedAgain,
    Point::StreamRecorded,
    Point::StreamUndone,
    Point::StageRefused,
    Point::WriteRefused,
    Point::WriteHalved,
    Point::MirrorDeleted,
    Point::UpsertMerged,
];

/// Where a run is stopped, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    at: At,
    pub harm: Harm,
}

#[derive(Debug, Clone, Copy)]
enum At {
    /// The nth step of the run, whichever it is.
    Nth(usize),
    Named(Point),
}

#[derive(Debug, Clone, Copy)]
pub enum Harm {
    /// Others write while the run stands there.
    Writers(usize),
    /// kill -9
    Kill,
    /// A run of the other direction, or one more of the same.
    AnotherRun,
    /// An administrator ends its session.
    SessionEnded(Side),
    /// The connection is reset.
    Reset(Side),
    /// The connection is reset after so many more bytes.
    Cut(Side, u64),
    /// Nothing comes through for a while.
    Silence(Side),
    /// The same, and the run is killed before the line is back.
    KilledInSilence(Side),
    ColumnAdded,
    ServerRestarted,
}

impl Stop {
    pub fn some(random: &mut Prng) -> Vec<Self> {
        let count = random.pick(&[1, 1, 2, 3]);
        (0..count).map(|_| Self::one(random)).collect()
    }

    fn one(random: &mut Prng) -> Self {
        let at = match random.below(100) {
            0..50 => At::Named(random.pick(failpoint::ALL)),
            50..65 => At::Named(random.pick(&RARE)),
            _ => At::Nth(1 + random.below(STEPS)),
        };
        Self { at, harm: Harm::some(random) }
    }

    /// A kill at a step that few histories come by.
    pub fn kill_at(point: Point) -> Self {
        Self { at: At::Named(point), harm: Harm::Kill }
    }

    pub fn is_at(&self, steps: usize, step: &str) -> bool {
        match self.at {
            At::Nth(number) => number == steps,
            At::Named(point) => point.name() == step,
        }
    }
}

impl Harm {
    fn some(random: &mut Prng) -> Self {
        let side = random.pick(&[Side::Cloud, Side::Desktop]);
        let bytes = random.below(6_000) as u64;
        let writes = 1 + random.below(5);
        random.weighted(&[
            (430, Self::Writers(writes)),
            (300, Self::Kill),
            (60, Self::AnotherRun),
            (60, Self::SessionEnded(side)),
            (45, Self::Reset(side)),
            (60, Self::Cut(side, bytes)),
            (12, Self::Silence(side)),
            (8, Self::KilledInSilence(side)),
            (15, Self::ColumnAdded),
            (6, Self::ServerRestarted),
        ])
    }

    /// Whether the way to that side must be one that can be cut.
    pub fn cuts(self, wanted: Side) -> bool {
        match self {
            Self::Reset(side)
            | Self::Cut(side, _)
            | Self::Silence(side)
            | Self::KilledInSilence(side) => side == wanted,
            _ => false,
        }
    }

    /// Does it, and lets the run go on if it still can.
    pub async fn befall(self, history: &mut History<'_>, run: &mut Run, step: &str) {
        if let Some(name) = self.name() {
            history.tally.fault(name);
        }
        match self {
            Self::Writers(count) => {
                for _ in 0..count {
                    history.write().await;
                }
            }
            Self::Kill => return kill(history, run, step).await,
            Self::AnotherRun => another_run(history).await,
            Self::SessionEnded(side) => end_session(history, run, side).await,
            Self::Reset(side) => history.world.line(side).reset_all(),
            Self::Cut(side, bytes) => history.world.line(side).cut_after(bytes),
            Self::Silence(side) => return be_silent(history, run, side).await,
            Self::KilledInSilence(side) => {
                history.world.line(side).black_hole(true);
                run.go_on().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
                kill(history, run, step).await;
                history.world.line(side).black_hole(false);
                return;
            }
            Self::ColumnAdded => history.add_column().await,
            Self::ServerRestarted => history.restart(),
        }
        run.go_on().await;
    }

    /// Its name in the tally, if nobody else counts it.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Writers(_) => Some("writers between two steps"),
            Self::Kill => Some("run killed"),
            Self::AnotherRun => Some("another run between two steps"),
            Self::SessionEnded(_) => Some("session ended by administrator"),
            Self::Reset(_) => Some("connection reset"),
            Self::Cut(..) => Some("connection cut in the answer"),
            Self::Silence(_) => Some("line silent for a while"),
            Self::KilledInSilence(_) => Some("run killed while line silent"),
            Self::ColumnAdded => Some("column added between two steps"),
            Self::ServerRestarted => None,
        }
    }
}

async fn kill(history: &mut History<'_>, run: &mut Run, step: &str) {
    run.kill().await;
    history.tally.killed(step);
}

async fn another_run(history: &mut History<'_>) {
    let direction = history.direction();
    let mut other = history.start(direction, [Way::Straight; 2], false).await;
    history.wait_for(&mut other).await;
}

async fn end_session(history: &mut History<'_>, run: &Run, side: Side) {
    let sql = format!(
        "select pg_terminate_backend(pid)::text from pg_stat_activity \
         where application_name like 'pgsync {} %'",
        run.direction.word()
    );
    history.world.looker(side).ask(&sql).await.expect("an administrator may");
}

async fn be_silent(history: &mut History<'_>, run: &mut Run, side: Side) {
    history.world.line(side).black_hole(true);
    run.go_on().await;
    tokio::time::sleep(Duration::from_millis(40)).await;
    history.world.line(side).black_hole(false);
}
