//! The command line as clap sees it, and nothing else.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const EXIT_CODES: &str = "\
Exit codes:
  0    done, or nothing to do
  1    done, but at least one table failed; the others are committed
  2    wrong usage or configuration; nothing was connected
  3    could not start (connection, permissions, own tables); no row was written
  4    done, but rows were rejected
  5    another run holds the lock
  6    stopped by a safety limit (deletes or rejected rows); the others are committed
  130  interrupted; what was committed stays";

/// Carries rows between the desktop's PostgreSQL and the cloud's, and loses none.
#[derive(Debug, Parser)]
#[command(name = "pgsync", version, max_term_width = 100, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// The configuration; else config/pgsync.toml or pgsync.toml, here or beside the program
    #[arg(long, global = true, value_name = "FILE", env = "PGSYNC_CONFIG")]
    pub config: Option<PathBuf>,
    /// Say more; twice: every step, three times: every statement
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Cloud to desktop: insert the rows that the desktop does not have
    Reverse(Reverse),
    /// Desktop to cloud: bring the desktop's rows up to date in the cloud
    Forward(Forward),
    /// Make or reset the tables in which pgsync keeps how far it has come
    InitMetadata(InitMetadata),
    /// Show how far each table has come, in both directions
    Status,
    /// List the rows that were set aside, with what to do about them
    Rejects(Rejects),
    /// Make, list or remove the scheduled tasks that run it by themselves
    Schedule(Schedule),
}

/// `pgsync schedule`
#[derive(Debug, Args)]
pub struct Schedule {
    #[arg(value_enum)]
    pub action: ScheduleAction,
    /// Print the commands and the tasks, and do nothing
    #[arg(long)]
    pub print: bool,
    /// Whose tasks they are, e.g. OFFICE\anna; else yours
    #[arg(long, value_name = "DOMAIN\\USER")]
    pub user: Option<String>,
}

/// What becomes of the scheduled tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScheduleAction {
    /// Make them, at the times of [schedule]; elsewhere than on Windows: print lines for cron and systemd
    Install,
    /// Show them
    List,
    /// Take them away
    Remove,
}

/// `pgsync rejects`
#[derive(Debug, Args)]
pub struct Rejects {
    /// Only this table
    #[arg(value_name = "TABLE")]
    pub table: Option<String>,
    /// Text for people, JSON Lines for programs, CSV for a spreadsheet
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Try them again now: run both directions for their tables
    #[arg(long, conflicts_with = "forget")]
    pub retry: bool,
    /// Forget the reject with this key
    #[arg(long, value_name = "KEY", requires = "table")]
    pub forget: Option<String>,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Csv,
}

/// `pgsync reverse`
#[derive(Debug, Args)]
pub struct Reverse {
    /// Only these tables; else all that the configuration names
    #[arg(value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Compare both sides in full, instead of looking at what is new
    #[arg(long)]
    pub full: bool,
    /// Take the same path, but undo every change at its last step
    #[arg(long)]
    pub dry_run: bool,
    /// Wait so long for another run to end, e.g. 10m, instead of ending with 5 at once
    #[arg(long, value_name = "DURATION", value_parser = crate::config::duration)]
    pub wait: Option<Duration>,
}

/// `pgsync forward`
#[allow(
    clippy::struct_excessive_bools,
    reason = "clap's flags are booleans; they become enums in commands"
)]
#[derive(Debug, Args)]
pub struct Forward {
    /// Only these tables; else all that the configuration names
    #[arg(value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Compare both sides in full, and set the cloud's rows back to the desktop's
    #[arg(long)]
    pub full: bool,
    /// Look at what is new only (this is the default)
    #[arg(long, conflicts_with = "full")]
    pub incremental: bool,
    /// Take the same path, but undo every change at its last step
    #[arg(long)]
    pub dry_run: bool,
    /// Let a mirrored table lose more rows than its limit allows
    #[arg(long)]
    pub allow_deletes: bool,
    /// Wait so long for another run to end, e.g. 10m, instead of ending with 5 at once
    #[arg(long, value_name = "DURATION", value_parser = crate::config::duration)]
    pub wait: Option<Duration>,
}

/// `pgsync init-metadata`
#[derive(Debug, Args)]
pub struct InitMetadata {
    /// Let the next run of either direction compare these tables in full
    #[arg(long, value_name = "TABLE", num_args = 1.., conflicts_with = "reset_all")]
    pub reset: Vec<String>,
    /// Let the next run of either direction compare every table in full
    #[arg(long)]
    pub reset_all: bool,
}
