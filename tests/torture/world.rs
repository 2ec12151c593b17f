//! Two servers, the way to them, and everybody who works on them.

use crate::prng::Prng;
use crate::run::{Run, Start};
use crate::tables::{self, Archive, Cursor};
use crate::verdict::Beginning;
use crate::writer::Writer;
use pgsync::metadata::Direction;
use pgsync_testkit::{Delay, Pair, Side, Wan};
use std::time::Duration;
use tempfile::TempDir;

/// Writers on each side.
const WRITERS: usize = 2;

/// The servers belong to one worker alone: another worker's transactions would
/// hold its horizons back, and hide what is to be found.
pub struct World {
    pair: Pair,
    folder: TempDir,
    pub writers: Vec<Writer>,
    /// Somebody who only looks and tidies, on each side.
    pub cloud: Writer,
    pub desktop: Writer,
    lines: [Lines; 2],
    pub archive: Archive,
    /// Whether all tables are there, as they were made.
    pub is_tidy: bool,
}

/// The ways to a server.
struct Lines {
    swift: Wan,
    slow: Wan,
}

/// Which way a run takes to a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Straight,
    /// Through a proxy that can be cut.
    Swift,
    /// Through a proxy with a delay.
    Slow,
}

/// How a server goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fall {
    Orderly,
    PowerCut,
}

impl World {
    pub async fn new() -> Self {
        let pair = Pair::dedicated().await;
        for db in [&pair.cloud, &pair.desktop] {
            // What was committed must survive a power cut.
            db.run("alter system set synchronous_commit = on").await;
            // Nothing else must get to the disk by the way.
            db.run("alter system set wal_writer_delay = '10s'").await;
            db.run("alter system set log_min_error_statement = panic").await;
            db.run("select pg_reload_conf()").await;
        }
        let writers = [Side::Cloud, Side::Desktop].iter().flat_map(|side| {
            let url = url_of(&pair, *side);
            (0..WRITERS).map(move |_| Writer::new(*side, url.clone()))
        });
        let writers = writers.collect();
        let (cloud, desktop) =
            [Side::Cloud, Side::Desktop].map(|side| Writer::new(side, url_of(&pair, side))).into();
        let lines = [&pair.cloud, &pair.desktop].map(|db| Lines::to(db.port()));
        let folder = tempfile::tempdir().unwrap();
        Self {
            pair,
            folder,
            writers,
            cloud,
            desktop,
            lines,
            archive: Archive::LeftOut,
            is_tidy: false,
        }
    }

    /// Empty tables, and pgsync's own as an earlier run left them or not at all.
    pub async fn clear(&mut self, random: &mut Prng, cursor: Cursor) -> Beginning {
        let fresh = random.percent(15) || !self.is_tidy;
        for looker in [&mut self.cloud, &mut self.desktop] {
            let sql =
                if fresh { tables::schema(looker.side) } else { tables::clearing(looker.side) };
            looker.ask(&sql).await.unwrap_or_else(|error| panic!("{error} in: {sql}"));
        }
        self.is_tidy = true;
        for lines in &self.lines {
            lines.swift.cut_after(u64::MAX / 2);
        }
        let archive = if random.percent(2) { Archive::Filled } else { Archive::LeftOut };
        let (chunk_rows, attempts) = (random.pick(&[2, 5, 200_000]), random.pick(&[1, 3]));
        let chunk_rows = match archive {
            Archive::Filled => 200_000,
            Archive::LeftOut => chunk_rows,
        };
        if archive == Archive::Filled {
            for looker in [&mut self.cloud, &mut self.desktop] {
                looker.ask(&tables::filling(looker.side)).await.expect("a full archive");
            }
        }
        self.archive = archive;
        std::fs::write(self.config(), tables::configuration(cursor, archive, chunk_rows, attempts))
            .unwrap();
        if fresh { Beginning::WithoutOwnTables } else { Beginning::WithOwnTables }
    }

    fn config(&self) -> std::path::PathBuf {
        self.folder.path().join("pgsync.toml")
    }

    pub async fn run(&self, direction: Direction, ways: [Way; 2], meets: bool) -> Run {
        let [cloud, desktop] = ways;
        Run::start(&Start {
            direction,
            config: &self.config(),
            cloud: self.url(Side::Cloud, cloud),
            desktop: self.url(Side::Desktop, desktop),
            meets,
        })
        .await
    }

    fn url(&self, side: Side, way: Way) -> String {
        let url = url_of(&self.pair, side);
        match way {
            Way::Straight => url,
            Way::Swift => self.lines(side).swift.url(&url),
            Way::Slow => self.lines(side).slow.url(&url),
        }
    }

    fn lines(&self, side: Side) -> &Lines {
        &self.lines[usize::from(side == Side::Desktop)]
    }

    /// The proxy that can be cut.
    pub fn line(&self, side: Side) -> &Wan {
        &self.lines(side).swift
    }

    pub fn looker(&mut self, side: Side) -> &mut Writer {
        match side {
            Side::Cloud => &mut self.cloud,
            Side::Desktop => &mut self.desktop,
        }
    }

    /// Stops a server and starts it again; whoever was connected is cut off.
    pub fn restart(&mut self, side: Side, fall: Fall) {
        let db = match side {
            Side::Cloud => &self.pair.cloud,
            Side::Desktop => &self.pair.desktop,
        };
        if fall == Fall::PowerCut {
            db.server().kill().expect("the server stops");
        }
        db.server().restart().expect("the server starts");
        for writer in self.writers.iter_mut().filter(|writer| writer.side == side) {
            writer.was_cut_off();
        }
        self.looker(side).was_cut_off();
    }
}

impl Lines {
    fn to(port: u16) -> Self {
        let slow = Delay { one_way: Duration::from_micros(700), mbit: Some(20.0) };
        let start = |delay| Wan::start(port, delay).expect("a proxy");
        Self { swift: start(Delay::default()), slow: start(slow) }
    }
}

fn url_of(pair: &Pair, side: Side) -> String {
    match side {
        Side::Cloud => pair.cloud.url(),
        Side::Desktop => pair.desktop.url(),
    }
}
