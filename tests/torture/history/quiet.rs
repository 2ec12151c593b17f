//! The end of a history: quiet, until both sides have come to rest, and the
//! verdict over what they hold then.

use crate::found::Holdings;
use crate::history::History;
use crate::run::Progress;
use crate::tables::{self, Archive};
use crate::verdict::{Beginning, Evidence, Fault};
use crate::world::Way;
use crate::writer::text;
use pgsync::metadata::Direction;
use pgsync_testkit::Side;
use std::time::Duration;

/// Rounds after which both sides must have come to rest.
const ROUNDS: usize = 6;

impl History<'_> {
    /// Everybody finishes; then both directions until there is nothing to do.
    pub(super) async fn rest(&mut self) {
        for writer in &mut self.world.writers {
            if writer.is_in_transaction() && self.random.percent(80) {
                writer.commit(&mut self.shadow).await;
            } else if writer.is_in_transaction() {
                writer.roll_back().await;
            }
        }
        self.log("--- rest".to_owned());
        self.fill_empty_mirrors().await;
        for _ in 0..ROUNDS {
            let reverse = self.run_in_peace(Direction::Reverse).await;
            let forward = self.run_in_peace(Direction::Forward).await;
            if reverse + forward == 0 {
                return;
            }
        }
        self.findings.push((Fault::Restless, "there is always something left to do".to_owned()));
    }

    /// An empty source never empties a target, so a mirror of nothing stops.
    async fn fill_empty_mirrors(&mut self) {
        for table in tables::ALL.into_iter().filter(|table| table.is_mirrored()) {
            let is_empty = !self.shadow.rows(Side::Desktop, table).any(|(_, state)| !state.phone);
            if is_empty {
                self.insert(Side::Desktop, table).await;
            }
        }
    }

    /// How many rows a run wrote; one for a run that did not end well.
    pub(super) async fn run_in_peace(&mut self, direction: Direction) -> i64 {
        let mut run = self.start(direction, [Way::Straight; 2], false).await;
        let ended = loop {
            if let Progress::Ended(ended) = run.next(Duration::from_secs(1)).await {
                break ended;
            }
        };
        self.ended(direction, &ended);
        if !matches!(ended.code, Some(0 | 4)) {
            return 1;
        }
        let target = match direction {
            Direction::Reverse => Side::Desktop,
            Direction::Forward => Side::Cloud,
        };
        let sql = format!(
            "select (rows_inserted + rows_updated + rows_deleted)::text from pgsync.runs \
             where run_id like '%-{}' order by started_at desc limit 1",
            ended.pid
        );
        let rows = self.world.looker(target).ask(&sql).await.expect("the figures of a run");
        text(&rows[0], 0).unwrap().parse().unwrap()
    }

    pub(super) async fn judge(&mut self, beginning: Beginning) {
        let cloud = Holdings::of(&mut self.world.cloud).await;
        let desktop = Holdings::of(&mut self.world.desktop).await;
        let (shadow, forwards) = (&self.shadow, &self.forwards);
        let (cloud, desktop) = (&cloud, &desktop);
        let evidence = Evidence { shadow, forwards, cloud, desktop, beginning };
        self.findings.extend(evidence.judge());
        if self.world.archive == Archive::Filled {
            self.tally.deed("archives compared");
            self.judge_archive(Side::Cloud).await;
            self.judge_archive(Side::Desktop).await;
        }
    }

    async fn judge_archive(&mut self, side: Side) {
        let rows = self.world.looker(side).ask(tables::COUNT_ARCHIVE).await.expect("a count");
        let count = |index| text(&rows[0], index).unwrap().parse::<usize>().unwrap();
        let (there, right) = (count(0), count(1));
        let what = format!("{} archive: {there} rows, {right} of them right", side.name());
        if there > tables::ARCHIVE_ROWS {
            self.findings.push((Fault::Doubled, what));
        } else if right < tables::ARCHIVE_ROWS {
            self.findings.push((Fault::Lost, what));
        }
    }
}
