//! The keeper of one server's folder and process, where there is a `sh` (see `keeper.sh`).
//! It must not know what a server is for, nor its settings.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::account::{self, Account};
use crate::programs::Programs;

pub const LOG: &str = "server.log";
const SCRIPT: &str = include_str!("keeper.sh");

/// How a server is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Halt {
    /// Disconnects the clients and writes everything down.
    Fast,
    /// As if it had crashed.
    Immediate,
}

pub struct Keeper {
    folder: PathBuf,
    process: Child,
    /// Closed first when the keeper is dropped: that is the order to clean up.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Keeper {
    /// A keeper with an empty folder.
    pub fn hire(programs: &Programs) -> Result<Keeper> {
        let account = account::to_become()?;
        let folder = new_folder(account)?;
        let mut process = command(programs, folder.path(), account)
            .spawn()
            .context("could not run sh, which looks after a server")?;
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().context("no pipe from the keeper")?);
        Ok(Keeper { folder: folder.keep(), process, orders, answers })
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
        self.order("init").with_context(|| format!("initdb failed:\n{}", super::tail(&self.log())))
    }

    pub fn copy(&mut self, data: &Path) -> Result<()> {
        let order = format!("copy {}", data.display());
        self.order(&order).with_context(|| format!("copying failed:\n{}", super::tail(&self.log())))
    }

    /// Starts it and does not wait until it is ready.
    pub fn start(&mut self) -> Result<()> {
        self.order("start")
    }

    /// Waits until it is gone.
    pub fn stop(&mut self, halt: Halt) -> Result<()> {
        self.order(match halt {
            Halt::Fast => "stop INT",
            Halt::Immediate => "stop QUIT",
        })
    }

    fn order(&mut self, order: &str) -> Result<()> {
        let Some(orders) = &mut self.orders else { bail!("the keeper was dismissed") };
        writeln!(orders, "{order}").context("the server's keeper is gone")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).context("the server's keeper does not answer")?;
        ensure!(answer == "done 0\n", "'{order}' was answered with '{}'", answer.trim_end());
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}

fn command(programs: &Programs, folder: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT, "pgsync-test-keeper"])
        .args([programs.bin(), folder])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Away from the terminal's Ctrl-C, which would end the keeper before its work.
        .process_group(0);
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    command
}

fn new_folder(account: Option<Account>) -> Result<tempfile::TempDir> {
    let place = place(account.is_some());
    let folder = tempfile::Builder::new()
        .prefix("pgsync-test-")
        .tempdir_in(&place)
        .with_context(|| format!("could not make a folder in {}", place.display()))?;
    if let Some(Account { user, group }) = account {
        chown(folder.path(), Some(user), Some(group))
            .with_context(|| format!("could not give away {}", folder.path().display()))?;
    }
    Ok(folder)
}

/// `PGSYNC_TEST_TMP` can name a folder in memory, in which servers are several times as fast.
/// Root's own temporary folder may be closed to the account that the server runs under.
fn place(is_root: bool) -> PathBuf {
    match env::var_os("PGSYNC_TEST_TMP").filter(|named| !named.is_empty()) {
        Some(named) => PathBuf::from(named),
        None if is_root => PathBuf::from("/tmp"),
        None => env::temp_dir(),
    }
}
