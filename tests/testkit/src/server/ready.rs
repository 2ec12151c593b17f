//! Tells when a server is ready, from the files that it writes.
//!
//! Not by knocking at its port: while two test processes start servers, another one may answer there.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// Where the log's words about the next start will begin.
pub struct Mark(usize);

impl Mark {
    /// Takes away what an earlier start left, so that it is not taken for the next one's.
    pub fn set(data: &Path, log: &Path) -> Mark {
        let _ = fs::remove_file(data.join("postmaster.pid"));
        Mark(fs::read(log).unwrap_or_default().len())
    }

    fn since(&self, log: &Path) -> String {
        let text = fs::read(log).unwrap_or_default();
        String::from_utf8_lossy(text.get(self.0..).unwrap_or_default()).into_owned()
    }

    pub fn port_was_taken(&self, log: &Path) -> bool {
        self.since(log).contains("could not bind")
    }
}

pub fn wait(data: &Path, log: &Path, mark: &Mark) -> Result<()> {
    let started = Instant::now();
    while !says_ready(data) {
        if has_failed(&mark.since(log)) {
            bail!("the server did not start:\n{}", super::tail(log));
        }
        if started.elapsed() > PATIENCE {
            bail!("the server was not ready after {PATIENCE:?}:\n{}", super::tail(log));
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// The last line of the lock file is the server's state, which `pg_ctl` waits for too.
fn says_ready(data: &Path) -> bool {
    let lock = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    lock.lines().nth(7).is_some_and(|state| state.trim() == "ready")
}

fn has_failed(words: &str) -> bool {
    words.contains("FATAL:") || words.starts_with("postgres: ")
}
