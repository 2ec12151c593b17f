//! The keeper of one server's folder and process on Windows, where there is no `sh`.
//!
//! `pg_ctl` starts the server, because the server refuses an administrator and `pg_ctl` knows how to
//! be less. A PowerShell beneath us waits for the end of its input, which comes when we end, however
//! that is, and then stops the server and removes the folder.
//! It must not know what a server is for, nor its settings.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::programs::Programs;

pub const LOG: &str = "server.log";

/// Its input carries no word; only its end says something.
const WATCH: &str = "[Console]::In.ReadToEnd() | Out-Null; \
    & $env:KEEPER_PG_CTL stop -D $env:KEEPER_DATA -m immediate 2>&1 | Out-Null; \
    Start-Sleep -Milliseconds 200; \
    Remove-Item -Recurse -Force $env:KEEPER_FOLDER";

/// How a server is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Halt {
    /// Disconnects the clients and writes everything down.
    Fast,
    /// As if it had crashed.
    Immediate,
}

pub struct Keeper {
    programs: Programs,
    folder: PathBuf,
    watch: Child,
}

impl Keeper {
    /// A keeper with an empty folder.
    pub fn hire(programs: &Programs) -> Result<Keeper> {
        let place = env::var_os("PGSYNC_TEST_TMP").map_or_else(env::temp_dir, PathBuf::from);
        let folder = tempfile::Builder::new()
            .prefix("pgsync-test-")
            .tempdir_in(place)
            .context("could not make a temporary folder")?;
        let watch = watch(programs, folder.path())
            .spawn()
            .context("could not run powershell, which looks after a server")?;
        Ok(Keeper { programs: programs.clone(), folder: folder.keep(), watch })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    pub fn init(&mut self) -> Result<()> {
        let told = Command::new(self.programs.program("initdb"))
            .arg("-D")
            .arg(self.data())
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .arg("--no-sync")
            .output()
            .context("could not run initdb")?;
        let words = String::from_utf8_lossy(&told.stderr);
        ensure!(told.status.success(), "initdb failed: {}", words.trim());
        Ok(())
    }

    pub fn copy(&mut self, data: &Path) -> Result<()> {
        copy_folder(data, &self.data()).context("could not copy the cluster")
    }

    /// Starts it and does not wait until it is ready.
    pub fn start(&mut self) -> Result<()> {
        let log = self.log();
        self.pg_ctl(&["start", "-W", "-l"], Some(&log))
    }

    /// Waits until it is gone.
    pub fn stop(&mut self, halt: Halt) -> Result<()> {
        if !self.data().join("postmaster.pid").exists() {
            return Ok(());
        }
        self.pg_ctl(
            &["stop", "-m", if matches!(halt, Halt::Fast) { "fast" } else { "immediate" }],
            None,
        )
    }

    /// Its output goes nowhere: the server would inherit a pipe and keep us waiting for its end.
    fn pg_ctl(&self, arguments: &[&str], file: Option<&Path>) -> Result<()> {
        let status = Command::new(self.programs.program("pg_ctl"))
            .args(arguments)
            .args(file)
            .arg("-D")
            .arg(self.data())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("could not run pg_ctl")?;
        ensure!(status.success(), "pg_ctl {} failed:\n{}", arguments[0], super::tail(&self.log()));
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn watch(programs: &Programs, folder: &Path) -> Command {
    let mut command = Command::new("powershell");
    command
        .args(["-NoProfile", "-NonInteractive", "-Command", WATCH])
        .env("KEEPER_PG_CTL", programs.program("pg_ctl"))
        .env("KEEPER_DATA", folder.join("data"))
        .env("KEEPER_FOLDER", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
