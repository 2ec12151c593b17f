//! `pgsync completions`: what lets a shell complete our commands and options.

use crate::cli::{Cli, Completions};
use crate::error::Exit;
use crate::report::{Report, completions};
use clap::CommandFactory as _;

/// Prints it. It needs no configuration.
pub fn run(arguments: &Completions, report: &Report) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "pgsync", &mut script);
    completions::script(report, &arguments.shell.to_string(), &String::from_utf8_lossy(&script));
    Exit::Done
}
