//! A real PostgreSQL server in a temporary folder, on a free loopback port.
//!
//! It is stopped and its folder removed when the [`Server`] is dropped, when the test panics, when
//! the process ends without dropping it, and when the process is killed: a keeper process stands
//! above it (see `server/keeper.sh`).
//! It must not know what the databases in it are for.

mod account;
#[cfg(unix)]
mod disk;
#[cfg_attr(unix, path = "server/keeper_unix.rs")]
#[cfg_attr(not(unix), path = "server/keeper_windows.rs")]
mod keeper;
mod port;
mod ready;
mod settings;
mod template;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use sqlx::{Connection, PgConnection};

use crate::blocking;
use crate::programs::{Programs, Side};
use keeper::{Halt, Keeper};
use ready::Mark;

pub(crate) use account::runs_as_root;
#[cfg(unix)]
pub use disk::SmallDisk;

/// Ports are free only until somebody else takes them, so starting is tried on several.
const PORTS_TRIED: u32 = 5;

/// A running server, or one that a test has stopped for a while.
pub struct Server {
    side: Side,
    port: u16,
    version: u32,
    folder: PathBuf,
    keeper: Mutex<Keeper>,
}

impl Server {
    /// A server for one side. All servers of a side in a process are copies of one cluster and
    /// share its system identifier, as a restored backup would.
    pub fn start(side: Side) -> Result<Server> {
        let programs = Programs::find(side)?;
        let template = template::of(side, &programs)?;
        Self::start_on(side, &programs, |keeper| keeper.copy(&template))
    }

    /// A server with a system identifier of its own; this takes a second longer.
    pub fn start_fresh(side: Side) -> Result<Server> {
        let programs = Programs::find(side)?;
        Self::start_on(side, &programs, |keeper| template::make(keeper, side))
    }

    fn start_on(
        side: Side,
        programs: &Programs,
        fill: impl FnOnce(&mut Keeper) -> Result<()>,
    ) -> Result<Server> {
        let mut keeper = Keeper::hire(programs)?;
        fill(&mut keeper)?;
        let port = start_on_a_free_port(&mut keeper)?;
        let version = blocking::run(prepare(port))
            .with_context(|| format!("the {} server does not answer", side.name()))?;
        let folder = keeper.folder().to_owned();
        Ok(Server { side, port, version, folder, keeper: Mutex::new(keeper) })
    }

    /// The server's address as the administrator, without a password.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The server's address for another role. The parts must not need escaping in a URL.
    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    pub fn side(&self) -> Side {
        self.side
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `server_version_num`, for example 170006.
    pub fn version(&self) -> u32 {
        self.version
    }

    pub fn log_path(&self) -> PathBuf {
        self.folder.join(keeper::LOG)
    }

    /// Stops it as an administrator would: clients are disconnected, nothing is lost.
    pub fn stop(&self) -> Result<()> {
        self.keeper().stop(Halt::Fast)
    }

    /// Stops it as a power cut would.
    pub fn kill(&self) -> Result<()> {
        self.keeper().stop(Halt::Immediate)
    }

    /// Starts it again on its port, after stopping it if it runs.
    pub fn restart(&self) -> Result<()> {
        let mut keeper = self.keeper();
        keeper.stop(Halt::Fast)?;
        let mark = Mark::set(&keeper.data(), &keeper.log());
        start_and_wait(&mut keeper, &mark)
    }

    /// Adds lines to `postgresql.conf` and to `pg_hba.conf`, before the ones that are there, and
    /// starts the server again. The first of them that fits decides who may enter.
    pub fn configure(&self, settings: &str, who_may_enter: &str) -> Result<()> {
        let data = self.keeper().data();
        settings::add(&data, settings, who_may_enter)?;
        self.restart()
    }

    /// Lets the server offer TLS with this certificate and key, both PEM, and starts it again.
    pub fn encrypt(&self, certificate: &str, key: &str) -> Result<()> {
        let data = self.keeper().data();
        settings::write_secret(&data, "server.crt", certificate)?;
        settings::write_secret(&data, "server.key", key)?;
        self.configure("ssl = on", "")
    }

    /// A test that panicked while it held the keeper has not harmed it.
    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start_on_a_free_port(keeper: &mut Keeper) -> Result<u16> {
    for _ in 1..PORTS_TRIED {
        let port = port::free()?;
        settings::set_port(&keeper.data(), port)?;
        let mark = Mark::set(&keeper.data(), &keeper.log());
        match start_and_wait(keeper, &mark) {
            Ok(()) => return Ok(port),
            Err(_) if mark.port_was_taken(&keeper.log()) => keeper.stop(Halt::Immediate)?,
            Err(error) => return Err(error),
        }
    }
    bail!("could not find a free port for the server");
}

fn start_and_wait(keeper: &mut Keeper, mark: &Mark) -> Result<()> {
    keeper.start()?;
    ready::wait(&keeper.data(), &keeper.log(), mark)
}

/// Proves that the server answers, and makes the role whose members need a password.
async fn prepare(port: u16) -> Result<u32> {
    let mut connection =
        PgConnection::connect(&format!("postgres://postgres@127.0.0.1:{port}/postgres")).await?;
    sqlx::raw_sql("create role scram_users").execute(&mut connection).await?;
    let version = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await
        .map(i32::unsigned_abs)?;
    connection.close().await?;
    Ok(version)
}

/// The last lines of a log, for an error that has to stand on its own.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut lines: Vec<&str> = text.lines().rev().take(8).collect();
    lines.reverse();
    lines.join("\n")
}
