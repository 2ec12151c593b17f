//! How often and over how much is measured. Nothing else reads the environment.

use anyhow::{Context, Result};

/// The size of everything that is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Runs of which the median is taken.
    pub rounds: usize,
    /// Rows of the large table.
    pub rows: u64,
}

impl Scale {
    /// Five rounds over a million rows, unless the environment says otherwise.
    pub fn from_environment() -> Result<Self> {
        Ok(Self {
            rounds: number("PGSYNC_BENCH_ROUNDS", 5)?,
            rows: number("PGSYNC_BENCH_ROWS", 1_000_000)?,
        })
    }

    /// The rows that are new before each incremental run: one in a thousand.
    pub fn news(&self) -> u64 {
        (self.rows / 1000).max(1)
    }
}

fn number<T>(name: &str, usual: T) -> Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match std::env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is {text:?}, not a number")),
        Err(_) => Ok(usual),
    }
}
