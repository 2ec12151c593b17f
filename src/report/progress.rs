//! Progress on a terminal; nothing in a log file.

use crate::report::figures::count;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::Duration;

/// Whether bars are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    OnTerminals,
    Never,
}

/// A bar that is there while a table is being worked on.
pub struct Progress {
    visibility: Visibility,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    /// No bar yet.
    #[must_use]
    pub fn new(visibility: Visibility) -> Self {
        Self { visibility, bar: Mutex::new(None) }
    }

    /// Shows that a table is being worked on.
    pub fn start(&self, table: &str, rows: u64) {
        if self.visibility == Visibility::Never || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template("  {msg}: {human_pos} rows read, {elapsed}")
        {
            bar.set_style(style);
        }
        bar.set_message(format!("{table} (about {} to look at)", count(rows)));
        bar.enable_steady_tick(Duration::from_millis(250));
        self.replace(Some(bar));
    }

    /// Counts rows that have moved.
    pub fn moved(&self, rows: u64) {
        if let Ok(bar) = self.bar.lock()
            && let Some(bar) = bar.as_ref()
        {
            bar.inc(rows);
        }
    }

    /// Takes the bar away.
    pub fn stop(&self) {
        self.replace(None);
    }

    /// Prints something while the bar is out of the way.
    pub fn suspend(&self, print: impl FnOnce()) {
        let bar = self.bar.lock().ok().and_then(|bar| bar.clone());
        match bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn replace(&self, new: Option<ProgressBar>) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some(old) = std::mem::replace(&mut *bar, new)
        {
            old.finish_and_clear();
        }
    }
}
