//! Tracing for those who look for a fault: to stderr, off unless asked for; and
//! the log `file`, which rotates.
//!
//! What people read in the ordinary course is written by `report`, and so is
//! what stands in the log.

pub mod file;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Starts tracing: nothing, every step (`-vv`), or every statement (`-vvv`).
pub fn start(verbose: u8) {
    let level = match verbose {
        0 | 1 => LevelFilter::OFF,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let ours = Targets::new().with_target("pgsync", level);
    // For the whole registry and not for the layer: sqlx asks whether its own
    // events are wanted without sending them, and a layer's filter would give
    // that "no" to our next event.
    tracing_subscriber::registry().with(ours).with(lines).init();
}
