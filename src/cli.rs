//! The command line as clap sees it, and nothing else.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
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
  7    verify: the sides differ; status --max-age: a table is out of date
  130  interrupted; what was committed stays";

/// Examples come before the options: they are what most people look for.
const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}{all-args}{after-help}";

const EXAMPLES: &str = "\
Examples:
  pgsync check                what a run would meet
  pgsync init-metadata        once, to begin with
  pgsync reverse --dry-run    what would come from the cloud
  pgsync reverse              bring it
  pgsync forward              bring the desktop's changes to the cloud
  pgsync status               how far each table has come";

const EVERYWHERE: &str = "With every command";

/// Carries rows between the desktop's PostgreSQL and the cloud's, and loses none.
#[derive(Debug, Parser)]
#[command(name = "pgsync", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(help_template = TEMPLATE, before_help = EXAMPLES, after_help = EXIT_CODES)]
pub struct Cli {
    /// The configuration; else config/pgsync.toml or pgsync.toml, here or beside the program
    #[arg(long, global = true, value_name = "FILE", env = "PGSYNC_CONFIG")]
    #[arg(help_heading = EVERYWHERE)]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

/// How everything is told.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = EVERYWHERE)]
pub struct Output {
    /// Text for people, or JSON Lines for programs
    #[arg(long, global = true, default_value = "text", value_parser = for_every_command())]
    pub format: Format,
    /// Say errors and the last line only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice: every step, three times: every statement
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Write what happens to this file too, for the next morning; without it, as `[log]` says
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    #[arg(long, global = true, value_enum, default_value = "auto")]
    #[arg(help = "Whether to use colours; auto: on a terminal, unless NO_COLOR is set")]
    pub color: Color,
}

fn for_every_command() -> impl clap::builder::TypedValueParser<Value = Format> {
    PossibleValuesParser::new(["text", "json"]).map(|format| match format.as_str() {
        "json" => Format::Json,
        _ => Format::Text,
    })
}

/// Whether somebody asks for JSON, where the command line itself is wrong.
pub fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = arguments.take_while(|word| word != "--").collect();
    words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| pair == ["--format", "json"])
}

/// When the program uses colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
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
    Status(Status),
    /// List the rows that were set aside, with what to do about them
    Rejects(Rejects),
    /// Make, list or remove the scheduled tasks that run it by themselves
    Schedule(Schedule),
    /// Look at both databases, the configuration and the rows before a run; write nothing
    Check(Check),
    /// Make a configuration from the two databases
    Init(Init),
    /// Compare both sides, without writing anything: what is missing, extra or different
    Verify(Verify),
    /// Say of one row why it did or did not arrive, and what the next run will do with it
    Explain(Explain),
    /// Print what lets a shell complete pgsync's commands and options
    Completions(Completions),
}

impl Command {
    /// The word by which it is called.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reverse(_) => "reverse",
            Self::Forward(_) => "forward",
            Self::InitMetadata(_) => "init-metadata",
            Self::Status(_) => "status",
            Self::Rejects(_) => "rejects",
            Self::Schedule(_) => "schedule",
            Self::Check(_) => "check",
            Self::Init(_) => "init",
            Self::Verify(_) => "verify",
            Self::Explain(_) => "explain",
            Self::Completions(_) => "completions",
        }
    }
}

/// `pgsync schedule`
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync schedule install            make the tasks, at the times of [schedule]
  pgsync schedule install --print    print them, and do nothing")]
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
    /// Make them, at the times of `[schedule]`; elsewhere than on Windows: print lines for cron and systemd
    Install,
    /// Show them
    List,
    /// Take them away
    Remove,
}

/// `pgsync status`
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync status                  both directions, a line a table
  pgsync status --pending        with the rows that wait for the next run
  pgsync status --max-age 2h     for a monitor: exit code 7 if a table is older
  pgsync status --format json    the same for a program")]
pub struct Status {
    /// Count the rows that wait for the next run, on the source
    #[arg(long)]
    pub pending: bool,
    /// End with 7 if a table is not synced up to so long ago, e.g. 2h
    #[arg(long, value_name = "DURATION", value_parser = crate::config::duration)]
    pub max_age: Option<Duration>,
    /// Show so many of the last runs of each direction
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    pub runs: u64,
}

/// `pgsync completions`
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync completions powershell >> $PROFILE
  pgsync completions bash > ~/.local/share/bash-completion/completions/pgsync
  pgsync completions zsh > ~/.zfunc/_pgsync")]
pub struct Completions {
    /// The shell that will read it
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `pgsync check`
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync check               all that can be known before a run
  pgsync check jobshead -v   of one table, with every detail")]
pub struct Check {
    /// Only these tables; else all that the configuration names
    #[arg(value_name = "TABLE")]
    pub tables: Vec<String>,
}

/// `pgsync init`
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync init                        from the two addresses in .env
  pgsync init --output other.toml    to another file")]
pub struct Init {
    /// Replace a configuration that is there already
    #[arg(long)]
    pub force: bool,
    /// Where to write it; else --config, else config/pgsync.toml if there is a folder config
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The cloud, without a password; else from `CLOUD_DATABASE_URL`
    #[arg(long, value_name = "URL")]
    pub cloud: Option<String>,
    /// The desktop, without a password; else from `DESKTOP_DATABASE_URL`
    #[arg(long, value_name = "URL")]
    pub desktop: Option<String>,
}

/// `pgsync verify`
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync verify                   all tables, in both directions
  pgsync verify jobshead --rows   of one table, with the rows that differ")]
pub struct Verify {
    /// Only these tables; else all that the configuration names
    #[arg(value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Name the rows that differ, by their keys, and the columns in which they do
    #[arg(long)]
    pub rows: bool,
}

/// `pgsync explain`
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync explain jobshead 4711       why job 4711 did or did not arrive
  pgsync explain taskchecklist 12,3  with a key of two columns")]
pub struct Explain {
    /// The table, by its name on the desktop or in the cloud
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// The row's key: 4711, or as the lists show it; of several columns: 12,3
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    pub key: String,
}

/// `pgsync rejects`
#[derive(Debug, Args)]
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync rejects                          all of them, with what to do
  pgsync rejects jobshead                 those of one table
  pgsync rejects --format csv > r.csv     for a spreadsheet
  pgsync rejects --retry                  try them again now
  pgsync rejects jobshead --forget 4711   take one off the list")]
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
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync reverse                     what is new, of all tables
  pgsync reverse jobshead            of one table
  pgsync reverse --dry-run           show it, and change nothing
  pgsync reverse jobshead --full     compare both sides in full")]
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
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync forward                     what is new, of all tables
  pgsync forward --dry-run           show it, with the keys, and change nothing
  pgsync forward --full              compare both sides in full, e.g. at night
  pgsync forward jobtasks --allow-deletes
                                     after many rows were deleted on purpose")]
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
#[command(help_template = TEMPLATE, before_help = "\
Examples:
  pgsync init-metadata                    once, and after an update of pgsync
  pgsync init-metadata --reset jobshead   let the next run compare it in full")]
pub struct InitMetadata {
    /// Let the next run of either direction compare these tables in full
    #[arg(long, value_name = "TABLE", num_args = 1.., conflicts_with = "reset_all")]
    pub reset: Vec<String>,
    /// Let the next run of either direction compare every table in full
    #[arg(long)]
    pub reset_all: bool,
}
