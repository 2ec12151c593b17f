//! `psql | psql`: the quickest way between two servers that needs no program
//! of ours, and what pgsync is compared with.

use anyhow::{Context, Result, ensure};
use pgsync_testkit::{Programs, Side};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// PostgreSQL's own client program.
#[derive(Debug, Clone)]
pub struct Psql(PathBuf);

/// One end of a pipe: an address, and what is said there.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    pub url: &'a str,
    pub statements: &'a [&'a str],
}

impl Psql {
    /// The one beside the servers' programs, else the one in PATH.
    pub fn find() -> Option<Self> {
        let beside = Programs::find(Side::Desktop).ok().map(|programs| programs.program("psql"));
        let candidates = beside.into_iter().chain([PathBuf::from("psql")]);
        candidates.map(Self).find(Self::answers)
    }

    fn answers(&self) -> bool {
        let mut asked = Command::new(&self.0);
        asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    }

    /// Sends what `from` says to `to`; returns the seconds until both are done.
    pub fn pipe(&self, from: End<'_>, to: End<'_>) -> Result<f64> {
        let started = Instant::now();
        let mut source = self.start(from, Stdio::null(), Stdio::piped())?;
        let rows = source.stdout.take().context("psql has no output")?;
        let target = self.start(to, Stdio::from(rows), Stdio::null())?;
        for end in [source, target] {
            let output = end.wait_with_output()?;
            let stderr = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "psql ended with {}: {stderr}", output.status);
        }
        Ok(started.elapsed().as_secs_f64())
    }

    fn start(&self, end: End<'_>, stdin: Stdio, stdout: Stdio) -> Result<Child> {
        let mut command = Command::new(&self.0);
        command.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", end.url]);
        for statement in end.statements {
            command.args(["--command", statement]);
        }
        command.env("PGSSLMODE", "disable").env("PGGSSENCMODE", "disable");
        let child = command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn();
        child.context("could not start psql")
    }
}
