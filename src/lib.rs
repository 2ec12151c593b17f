//! pgsync carries rows between a firm's desktop PostgreSQL and its cloud
//! PostgreSQL, a table at a time, and loses none.
//!
//! The house, from the door inwards; each room knows only those below it:
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`cli`] | the command line as clap sees it |
//! | [`commands`] | one plain function per subcommand |
//! | [`report`] | people and programs: the only room that prints |
//! | [`engine`] | plan (decide), apply (do), run |
//! | [`metadata`] | our own tables, one function per statement |
//! | [`db`] | sessions, catalogs, COPY, and the pure builders of SQL (spell) |
//! | [`config`] | TOML as written to configuration as valid |
//! | [`schedule`] | the scheduled tasks as text, for each system (spell) |
//! | [`logging`] | the log file, and tracing for those who look for a fault |
//! | [`branch`] | which of several desktops something in the cloud belongs to |
//! | [`ident`], [`error`], [`fault`] | names and their quoting; what can go wrong, with us too |
//! | [`failpoint`] | where tests stop the program; empty in the shipped one |
//!
//! The engine speaks of source and target; which of them is the cloud is
//! known to [`config`] and [`commands`] only, so both directions run through
//! the same code.

pub mod branch;
pub mod cli;
pub mod commands;
pub mod config;
pub mod db;
pub mod engine;
pub mod error;
pub mod failpoint;
pub mod fault;
pub mod ident;
pub mod logging;
pub mod metadata;
pub mod report;
pub mod schedule;
