//! A run of the program: at full speed, or from one named step to the next.
//!
//! With a meeting the program stops at every failpoint and waits for a word, so
//! that what happens in between happens at that step, today and in a replay.

use pgsync::failpoint;
use pgsync::metadata::Direction;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// No run of a few rows takes longer, whatever happens to it.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// What a run was started with.
pub struct Start<'a> {
    pub direction: Direction,
    pub config: &'a Path,
    pub cloud: String,
    pub desktop: String,
    pub meets: bool,
}

pub struct Run {
    pub direction: Direction,
    child: Child,
    pub pid: u32,
    was_killed: bool,
    listener: Option<TcpListener>,
    line: Option<BufReader<TcpStream>>,
    started: Instant,
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It waits at this step.
    At(String),
    Ended(Ended),
    /// Neither, in the time that was given.
    UnderWay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    ByItself,
    Killed,
    /// Killed after all that time.
    Hung,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub pid: u32,
    /// `None`: killed, or crashed.
    pub code: Option<i32>,
    pub how: How,
    pub told: String,
}

impl Run {
    pub async fn start(start: &Start<'_>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgsync"));
        command
            .args([start.direction.word(), "--config"])
            .arg(start.config)
            .env("CLOUD_DATABASE_URL", &start.cloud)
            .env("DESKTOP_DATABASE_URL", &start.desktop)
            .env_remove("FAILPOINTS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let listener = if start.meets { Some(meeting(&mut command).await) } else { None };
        let child = command.spawn().expect("the program starts");
        let pid = child.id().unwrap_or(0);
        let (direction, started) = (start.direction, Instant::now());
        Self { direction, child, pid, was_killed: false, listener, line: None, started }
    }

    /// Waits until it stands at a step or has ended.
    pub async fn next(&mut self, patience: Duration) -> Progress {
        if self.started.elapsed() > HANGS_AFTER {
            let ended = self.kill().await;
            return Progress::Ended(Ended { how: How::Hung, ..ended });
        }
        let Self { child, listener, line, .. } = self;
        tokio::select! {
            biased;
            step = step(listener.as_ref(), line) => match step {
                Some(step) => Progress::At(step),
                None => Progress::Ended(self.end().await),
            },
            _ = child.wait() => Progress::Ended(self.end().await),
            () = tokio::time::sleep(patience) => Progress::UnderWay,
        }
    }

    /// Lets it go on from the step at which it stands.
    pub async fn go_on(&mut self) {
        if let Some(line) = &mut self.line {
            // It may have died meanwhile; the next look will tell.
            let _ = line.write_all(b"g").await;
        }
    }

    /// Ends it as a power cut would.
    pub async fn kill(&mut self) -> Ended {
        self.was_killed = true;
        let _ = self.child.start_kill();
        self.end().await
    }

    async fn end(&mut self) -> Ended {
        self.line = None;
        self.listener = None;
        let mut told = String::new();
        if let Some(stdout) = &mut self.child.stdout {
            let _ = stdout.read_to_string(&mut told).await;
        }
        if let Some(stderr) = &mut self.child.stderr {
            let _ = stderr.read_to_string(&mut told).await;
        }
        let status = self.child.wait().await.expect("a child of ours");
        let how = if self.was_killed { How::Killed } else { How::ByItself };
        Ended { pid: self.pid, code: status.code(), how, told }
    }
}

/// The program is to come here at every step.
async fn meeting(command: &mut Command) -> TcpListener {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let orders: Vec<String> = failpoint::ALL
        .iter()
        .map(|point| format!("{}=return(meet {address})", point.name()))
        .collect();
    command.env("FAILPOINTS", orders.join(";"));
    listener
}

/// The name of the next step; `None` when the program hangs up; never, if
/// there is no meeting.
async fn step(
    listener: Option<&TcpListener>,
    line: &mut Option<BufReader<TcpStream>>,
) -> Option<String> {
    if line.is_none() {
        let Some(listener) = listener else { return std::future::pending().await };
        let (stream, _) = listener.accept().await.ok()?;
        let _ = stream.set_nodelay(true);
        *line = Some(BufReader::new(stream));
    }
    let mut name = Vec::new();
    loop {
        match line.as_mut()?.read_u8().await {
            Ok(b'\n') => return String::from_utf8(name).ok(),
            Ok(byte) => name.push(byte),
            Err(_) => return None,
        }
    }
}
