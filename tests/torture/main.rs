//! Random histories against real servers: people at work on both sides, runs
//! that are stopped, killed and cut off at every step, and a verdict at the end.
//!
//! ```text
//! cargo test --release --features failpoints --test torture
//! PGSYNC_TORTURE_HISTORIES=10000 cargo test ...      the long run
//! PGSYNC_TORTURE_SEED=4711 cargo test ...            one history again, told step by step
//! ```
//!
//! | variable | default | meaning |
//! | --- | --- | --- |
//! | `PGSYNC_TORTURE_HISTORIES` | 60 | how many histories |
//! | `PGSYNC_TORTURE_FIRST` | 1 | the seed of the first; the next ones follow |
//! | `PGSYNC_TORTURE_JOBS` | 3 | workers, each with two servers of its own |
//! | `PGSYNC_TORTURE_SEED` | | only this history |
//!
//! - [`tables`], [`prng`]: what there is; chance
//! - [`changes`], [`writer`], [`shadow`]: what people do, and what they did
//! - [`world`], [`run`], [`harm`]: servers, runs, and what befalls them
//! - [`history`], [`forwards`], [`found`], [`verdict`], [`tally`]: from the first day to the figures

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed"
)]

mod changes;
mod forwards;
mod found;
mod harm;
mod history;
mod prng;
mod run;
mod shadow;
mod tables;
mod tally;
mod verdict;
mod world;
mod writer;

use history::{History, Told};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tables::Cursor;
use tally::Tally;
use verdict::Fault;
use world::World;

/// Histories with the cursor that loses rows.
const SELF_CHECK: u64 = 12;

/// Histories that are told in full before only their seeds are.
const TOLD: usize = 3;

struct Order {
    first: u64,
    histories: u64,
    jobs: u64,
    cursor: Cursor,
}

fn main() -> ExitCode {
    if let Some(seed) = variable("PGSYNC_TORTURE_SEED") {
        return replay(seed);
    }
    let order = Order {
        first: variable("PGSYNC_TORTURE_FIRST").unwrap_or(1),
        histories: variable("PGSYNC_TORTURE_HISTORIES").unwrap_or(60),
        jobs: variable("PGSYNC_TORTURE_JOBS").unwrap_or(3).max(1),
        cursor: Cursor::Own,
    };
    let started = Instant::now();
    let caught = self_check(&order);
    let tally = torture(&order);
    tally.print(started.elapsed());
    println!("\nself-check, cursor updated_at: {caught} rows lost in {SELF_CHECK} histories");
    if caught == 0 {
        println!("FAILED: a cursor that loses rows was not found out");
    }
    let good = caught > 0 && tally.findings.is_empty();
    println!("\ntorture: {}", if good { "ok" } else { "FAILED" });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn replay(seed: u64) -> ExitCode {
    let mut tally = Tally::default();
    let cursor = if std::env::var_os("PGSYNC_TORTURE_CURSOR").is_some() {
        Cursor::UpdatedAt
    } else {
        Cursor::Own
    };
    let told = runtime().block_on(async {
        let mut world = World::new().await;
        History::play(&mut world, seed, cursor, &mut tally).await
    });
    tell(seed, &told, true);
    if told.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The same histories with the usual cursor must lose rows, or this test finds
/// nothing at all.
fn self_check(order: &Order) -> u64 {
    let order = Order { histories: SELF_CHECK, cursor: Cursor::UpdatedAt, ..*order };
    torture(&order).found(Fault::Lost)
}

/// Plays all histories of an order.
fn torture(order: &Order) -> Tally {
    let (next, told) = (AtomicU64::new(0), AtomicU64::new(0));
    let sum = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..order.jobs.min(order.histories) {
            scope.spawn(|| runtime().block_on(work(order, &next, &told, &sum)));
        }
    });
    sum.into_inner().unwrap()
}

async fn work(order: &Order, next: &AtomicU64, told: &AtomicU64, sum: &Mutex<Tally>) {
    let mut world = World::new().await;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= order.histories {
            return;
        }
        let (seed, mut tally) = (order.first + number, Tally::default());
        let story = History::play(&mut world, seed, order.cursor, &mut tally).await;
        if order.cursor == Cursor::Own && !story.findings.is_empty() {
            let in_full = told.fetch_add(1, Ordering::Relaxed) < TOLD as u64;
            tell(seed, &story, in_full);
        }
        let mut sum = sum.lock().unwrap();
        sum.add(&tally);
        if sum.histories.is_multiple_of(500) {
            println!("{} histories", sum.histories);
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn tell(seed: u64, told: &Told, in_full: bool) {
    if in_full {
        println!("--- history {seed}");
        for line in &told.log {
            println!("{line}");
        }
    }
    println!("PGSYNC_TORTURE_SEED={seed}: {} findings", told.findings.len());
    for (fault, what) in &told.findings {
        println!("  {}: {what}", fault.name());
    }
}
