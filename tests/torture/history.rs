//! A history: people at work on both sides, runs between them, faults; then
//! quiet, and the verdict.

mod quiet;

use crate::changes::Desk;
use crate::forwards::Forwards;
use crate::harm::{Harm, Stop};
use crate::prng::Prng;
use crate::run::{Ended, How, Progress, Run};
use crate::shadow::Shadow;
use crate::tables::{self, Archive, Cursor, Table};
use crate::tally::Tally;
use crate::verdict::{Fault, Finding};
use crate::world::{Fall, Way, World};
use crate::writer::{Change, Outcome};
use pgsync::failpoint::Point;
use pgsync::metadata::Direction;
use pgsync_testkit::Side;
use std::time::Duration;

/// How long a run may stand still before somebody else goes on.
const GLANCE: Duration = Duration::from_millis(12);

pub struct History<'a> {
    pub world: &'a mut World,
    pub random: Prng,
    pub shadow: Shadow,
    pub forwards: Forwards,
    pub tally: &'a mut Tally,
    pub log: Vec<String>,
    pub findings: Vec<Finding>,
    count: u32,
}

/// What a history came to.
pub struct Told {
    pub findings: Vec<Finding>,
    pub log: Vec<String>,
}

impl<'a> History<'a> {
    pub async fn play(
        world: &'a mut World,
        seed: u64,
        cursor: Cursor,
        tally: &'a mut Tally,
    ) -> Told {
        let random = Prng::new(seed);
        let (shadow, forwards) = (Shadow::default(), Forwards::default());
        let (log, findings) = (Vec::new(), Vec::new());
        let mut history = Self { world, random, shadow, forwards, tally, log, findings, count: 0 };
        let beginning = history.world.clear(&mut history.random, cursor).await;
        history.early_days().await;
        history.busy_days().await;
        history.rest().await;
        history.judge(beginning).await;
        history.tally.judged(&history.findings);
        history.world.is_tidy &= history.findings.is_empty();
        Told { findings: history.findings, log: history.log }
    }

    /// Rows that are there before the first run.
    async fn early_days(&mut self) {
        for _ in 0..self.random.below(16) {
            let table = self.random.pick(&tables::ALL);
            let side = self.random.pick(&[Side::Cloud, Side::Desktop]);
            self.insert(side, table).await;
        }
    }

    async fn insert(&mut self, side: Side, table: Table) {
        let (random, count) = (&mut self.random, &mut self.count);
        let mut desk = Desk { random, shadow: &self.shadow, writers: &self.world.writers, count };
        let change = desk.new_row(side, table);
        let writer = self.world.writers.iter().position(|writer| writer.side == side).unwrap();
        self.carry_out(writer, &change, false).await;
    }

    async fn busy_days(&mut self) {
        if self.world.archive == Archive::Filled && self.random.percent(60) {
            let direction = self.direction();
            self.run(direction, vec![Stop::kill_at(Point::BucketsCompared)]).await;
        }
        for _ in 0..10 + self.random.below(16) {
            if self.random.percent(18) {
                self.run_somehow().await;
                if self.random.permyriad(100) {
                    self.restart();
                }
            } else {
                self.write().await;
            }
            if self.random.permyriad(60) {
                self.add_column().await;
            }
        }
    }

    /// A step of somebody on one of the sides.
    pub async fn write(&mut self) {
        let at = self.random.below(self.world.writers.len());
        let writer = &self.world.writers[at];
        if !writer.is_in_transaction() && self.random.percent(40) {
            self.log(format!("writer {at}: begin"));
            self.world.writers[at].begin().await;
        } else if !writer.is_in_transaction() || self.random.percent(60) {
            self.change(at).await;
        } else {
            self.go_on_with_transaction(at).await;
        }
    }

    async fn go_on_with_transaction(&mut self, at: usize) {
        let writer = &mut self.world.writers[at];
        let word = match self.random.below(100) {
            0..50 => {
                writer.commit(&mut self.shadow).await;
                "commits"
            }
            50..65 => {
                writer.roll_back().await;
                "rollbacks"
            }
            65..85 if writer.has_savepoint() => {
                writer.roll_back_to_savepoint().await;
                "rollbacks to a savepoint"
            }
            _ => {
                writer.savepoint().await;
                "savepoints"
            }
        };
        self.tally.deed(word);
        self.log(format!("writer {at}: {word}"));
    }

    async fn change(&mut self, at: usize) {
        let side = self.world.writers[at].side;
        let careful = self.random.percent(50);
        let (random, count) = (&mut self.random, &mut self.count);
        let mut desk = Desk { random, shadow: &self.shadow, writers: &self.world.writers, count };
        if let Some(change) = desk.change(side) {
            self.carry_out(at, &change, careful).await;
        }
    }

    async fn carry_out(&mut self, at: usize, change: &Change, careful: bool) {
        let writer = &mut self.world.writers[at];
        let outcome = writer.change(change, careful, &mut self.shadow).await;
        self.tally.deed(match outcome {
            Outcome::Done => "rows written",
            Outcome::Nothing => "rows not found",
            Outcome::Refused => "statements refused",
        });
        self.log(format!("writer {at}: {} -> {outcome:?}", change.sql));
    }

    /// A column that the other side does not have, or has by then.
    pub async fn add_column(&mut self) {
        let side = self.random.pick(&[Side::Cloud, Side::Desktop]);
        let table = self.random.pick(&tables::ALL).name();
        let sql = format!("alter table {table} add column if not exists more text default 'x'");
        let done = self.world.looker(side).ask(&sql).await.is_ok();
        self.world.is_tidy = false;
        self.tally.deed("columns added");
        self.log(format!("{}: {sql}: {done}", side.name()));
    }

    pub fn restart(&mut self) {
        let side = self.random.pick(&[Side::Cloud, Side::Desktop]);
        let fall = self.random.pick(&[Fall::Orderly, Fall::PowerCut]);
        self.log(format!("{}: {fall:?}", side.name()));
        self.tally.fault(match fall {
            Fall::Orderly => "server restarted",
            Fall::PowerCut => "server killed and restarted",
        });
        self.world.restart(side, fall);
    }

    /// A run, alone or beside others, in peace or harmed.
    async fn run_somehow(&mut self) {
        let direction = self.direction();
        match self.random.below(100) {
            0..55 => {
                let stops = Stop::some(&mut self.random);
                self.run(direction, stops).await;
            }
            55..65 => self.both_at_once().await,
            65..67 => self.twice_at_once(direction).await,
            67 => self.power_cut_behind_a_rollback(direction).await,
            _ => self.run(direction, Vec::new()).await,
        }
    }

    pub fn direction(&mut self) -> Direction {
        self.random.pick(&[Direction::Reverse, Direction::Forward])
    }

    async fn both_at_once(&mut self) {
        let way = [Way::Straight; 2];
        let mut reverse = self.start(Direction::Reverse, way, false).await;
        let mut forward = self.start(Direction::Forward, way, false).await;
        self.tally.fault("both directions at once");
        self.wait_for(&mut reverse).await;
        self.wait_for(&mut forward).await;
    }

    /// What was rolled back need not be on the disk: a server that loses its
    /// power then gives the same transaction ids out again.
    async fn power_cut_behind_a_rollback(&mut self, direction: Direction) {
        let side = match direction {
            Direction::Reverse => Side::Cloud,
            Direction::Forward => Side::Desktop,
        };
        for at in 0..self.world.writers.len() {
            if self.world.writers[at].side == side && !self.world.writers[at].is_in_transaction() {
                self.world.writers[at].begin().await;
                self.change(at).await;
            }
        }
        for writer in self.world.writers.iter_mut().filter(|writer| writer.side == side) {
            if writer.is_in_transaction() {
                writer.roll_back().await;
            }
        }
        self.log(format!("{}: power cut behind a rollback", side.name()));
        self.tally.fault("server killed behind a rollback");
        self.run_in_peace(direction).await;
        self.world.restart(side, Fall::PowerCut);
        let table = self.random.pick(&tables::ALL);
        self.insert(side, table).await;
    }

    async fn twice_at_once(&mut self, direction: Direction) {
        let way = [Way::Straight; 2];
        let mut first = self.start(direction, way, false).await;
        let mut second = self.start(direction, way, false).await;
        self.tally.fault("one direction twice at once");
        self.wait_for(&mut first).await;
        self.wait_for(&mut second).await;
    }

    /// Runs to the end, past the stops on the way.
    async fn run(&mut self, direction: Direction, mut stops: Vec<Stop>) {
        let ways = self.ways(&stops);
        self.log(format!("{} {ways:?} {stops:?}", direction.word()));
        let mut run = self.start(direction, ways, !stops.is_empty()).await;
        let mut passed = 0;
        loop {
            match run.next(GLANCE).await {
                Progress::Ended(ended) => return self.ended(direction, &ended),
                Progress::UnderWay => self.write_meanwhile().await,
                Progress::At(step) => {
                    passed += 1;
                    self.tally.passed(&step);
                    self.note(&run, &step);
                    let due = stops.iter().position(|stop| stop.is_at(passed, &step));
                    match due.map(|at| stops.swap_remove(at).harm) {
                        None => run.go_on().await,
                        Some(harm) => self.harm(harm, &mut run, &step).await,
                    }
                }
            }
        }
    }

    /// Starts a run, and keeps in mind when.
    pub async fn start(&mut self, direction: Direction, ways: [Way; 2], meets: bool) -> Run {
        let run = self.world.run(direction, ways, meets).await;
        if direction == Direction::Forward {
            self.forwards.begin(run.pid, self.shadow.commits());
        }
        run
    }

    fn note(&mut self, run: &Run, step: &str) {
        if run.direction == Direction::Forward && step == Point::TriedAgain.name() {
            self.forwards.try_again(run.pid, self.shadow.commits());
        }
    }

    fn ways(&mut self, stops: &[Stop]) -> [Way; 2] {
        [Side::Cloud, Side::Desktop].map(|side| {
            let cut = stops.iter().any(|stop| stop.harm.cuts(side));
            match self.random.below(100) {
                _ if cut => Way::Swift,
                0..4 => Way::Slow,
                4..10 => Way::Swift,
                _ => Way::Straight,
            }
        })
    }

    /// Others do not wait for a run, and it may have to wait for them.
    async fn write_meanwhile(&mut self) {
        if self.random.percent(60) {
            self.write().await;
        }
    }

    pub async fn wait_for(&mut self, run: &mut Run) -> Ended {
        loop {
            match run.next(GLANCE).await {
                Progress::Ended(ended) => {
                    self.ended(run.direction, &ended);
                    return ended;
                }
                Progress::UnderWay => self.write_meanwhile().await,
                Progress::At(_) => run.go_on().await,
            }
        }
    }

    pub fn ended(&mut self, direction: Direction, ended: &Ended) {
        let word = direction.word();
        self.forwards.end(ended.pid, self.shadow.commits());
        self.log(format!("{word} ended with {:?}\n{}", ended.code, ended.told));
        let ending = match (ended.how, ended.code) {
            (How::Hung, _) => "hung".to_owned(),
            (How::Killed, _) => "killed".to_owned(),
            (How::ByItself, Some(code)) => format!("exit {code}"),
            (How::ByItself, None) => "crashed".to_owned(),
        };
        if ending == "hung" || ending == "crashed" {
            self.findings.push((Fault::Restless, format!("{word} {ending}: {}", ended.told)));
        }
        self.tally.run(word, ending);
    }

    pub fn log(&mut self, line: String) {
        self.log.push(line);
    }
}

impl History<'_> {
    async fn harm(&mut self, harm: Harm, run: &mut Run, step: &str) {
        self.log(format!("at {step}: {harm:?}"));
        harm.befall(self, run, step).await;
    }
}
