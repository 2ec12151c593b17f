//! The scheduled tasks as text: SPELL, for whoever starts programs by the
//! clock. It must not start anything itself, and not print.
//!
//! | room | for whom |
//! | --- | --- |
//! | [`windows`] | the Task Scheduler: XML, and the arguments of `schtasks` |
//! | [`unix`] | cron and systemd: lines for people to put where they belong |

pub mod unix;
pub mod windows;

use crate::config::{Schedule, Times};
use std::time::Duration;

/// How long a scheduled run waits for another one of its direction: after the
/// machine was off, all that was missed begins at once.
pub const WAIT: &str = "30m";

/// How much later than the program itself its task is ended.
const LATER: Duration = Duration::from_secs(5 * 60);

/// When the program keeps no time itself.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Reverse,
    Incremental,
    Full,
}

impl Work {
    /// In the order of a day.
    pub const ALL: [Self; 3] = [Self::Reverse, Self::Incremental, Self::Full];

    /// Its name in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reverse => "reverse",
            Self::Incremental => "incremental",
            Self::Full => "full",
        }
    }

    /// The batch file that runs it.
    #[must_use]
    pub fn batch(self) -> &'static str {
        match self {
            Self::Reverse => "sync-reverse.bat",
            Self::Incremental => "sync-incremental.bat",
            Self::Full => "sync-full.bat",
        }
    }

    /// What follows the program's name.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Reverse => "reverse",
            Self::Incremental => "forward --incremental",
            Self::Full => "forward --full",
        }
    }

    /// What it does, in one sentence.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Reverse => "Brings what is new in the cloud to the desktop.",
            Self::Incremental => "Brings what is new on the desktop to the cloud.",
            Self::Full => "Compares desktop and cloud in full and brings the cloud up to date.",
        }
    }

    /// When it begins.
    #[must_use]
    pub fn times(self, schedule: &Schedule) -> &Times {
        match self {
            Self::Reverse => &schedule.reverse,
            Self::Incremental => &schedule.incremental,
            Self::Full => &schedule.full,
        }
    }
}

/// Something to run, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub work: Work,
    pub times: Times,
}

/// Where it runs, the same for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder of the program and the batch files, without a slash at its end.
    pub folder: String,
    /// The program with its folder.
    pub program: String,
    /// The configuration, if somebody named one.
    pub config: Option<String>,
    /// Who runs it.
    pub user: String,
    /// How long the program lets a run take.
    pub max_run_time: Option<Duration>,
}

impl Place {
    /// After which time a run is ended from outside. Whoever kills the batch
    /// file may leave the program at work, so this comes later than its own end.
    #[must_use]
    pub fn hard_limit(&self) -> Duration {
        self.max_run_time.map_or(LONGEST, |limit| limit + LATER)
    }
}

#[cfg(test)]
mod testing {
    use super::*;

    /// A place whose names are as bad as names get.
    pub(super) fn place() -> Place {
        Place {
            folder: r"C:\Sync & Co (office) [1]!".to_owned(),
            program: r"C:\Sync & Co (office) [1]!\pgsync.exe".to_owned(),
            config: None,
            user: r"OFFICE\anna".to_owned(),
            max_run_time: Some(Duration::from_secs(50 * 60)),
        }
    }
}
