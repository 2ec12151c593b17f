//! The program itself, as people start it: how long it takes and how much
//! memory at its peak. It knows nothing of what is carried.

use anyhow::{Result, ensure};
use pgsync_testkit::Pair;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// pgsync between two databases, with a configuration.
pub struct Program {
    folder: TempDir,
    cloud: String,
    desktop: String,
}

/// A configuration in which nothing but these `[tables]` is said.
pub fn configuration(tables: &str) -> String {
    format!(
        "desktop_time_zone = \"Asia/Kolkata\"\n\
         [desktop]\nurl = \"${{DESKTOP_DATABASE_URL}}\"\n\
         [cloud]\nurl = \"${{CLOUD_DATABASE_URL}}\"\n\
         [tables]\n{tables}\n"
    )
}

/// One run of it.
#[derive(Debug, Clone)]
pub struct Ran {
    pub seconds: f64,
    /// `None` where this system does not tell.
    pub peak_bytes: Option<u64>,
    pub stdout: String,
}

impl Program {
    /// The program for a pair of databases.
    pub fn new(pair: &Pair, configuration: &str) -> Result<Self> {
        Self::at(pair.cloud.url(), pair.desktop.url(), configuration)
    }

    /// The program for two addresses.
    pub fn at(cloud: String, desktop: String, configuration: &str) -> Result<Self> {
        let program = Self { folder: tempfile::tempdir()?, cloud, desktop };
        std::fs::write(program.configuration(), configuration)?;
        Ok(program)
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("pgsync.toml")
    }

    /// Runs `pgsync reverse`, which must end well.
    pub fn reverse(&self) -> Result<Ran> {
        self.run(&["reverse"])
    }

    /// Runs `pgsync` with these arguments, which must end well.
    pub fn run(&self, arguments: &[&str]) -> Result<Ran> {
        self.run_expecting(arguments, 0)
    }

    /// Runs `pgsync` with these arguments, which must end with this code.
    pub fn run_expecting(&self, arguments: &[&str], code: i32) -> Result<Ran> {
        let started = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_pgsync"))
            .args(arguments)
            .arg("--config")
            .arg(self.configuration())
            .env("CLOUD_DATABASE_URL", &self.cloud)
            .env("DESKTOP_DATABASE_URL", &self.desktop)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let watch = Watch::default();
        let id = child.id();
        let (output, seconds, peak_bytes) = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| watch.peak(id));
            let output = child.wait_with_output();
            let seconds = started.elapsed().as_secs_f64();
            watch.over.store(true, Ordering::Relaxed);
            (output, seconds, watcher.join().ok().flatten())
        });
        let output = output?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        ensure!(
            output.status.code() == Some(code),
            "pgsync ended with {}\n{stdout}\n{stderr}",
            output.status
        );
        Ok(Ran { seconds, peak_bytes, stdout })
    }
}

/// Looks at a running process from time to time.
#[derive(Default)]
struct Watch {
    over: AtomicBool,
}

impl Watch {
    /// The most memory that the process ever had. The system keeps the peak,
    /// so only what happens in the last milliseconds can be missed.
    fn peak(&self, process: u32) -> Option<u64> {
        let mut peak = None;
        while !self.over.load(Ordering::Relaxed) {
            peak = resident_peak(process).max(peak);
            std::thread::sleep(Duration::from_millis(3));
        }
        peak
    }
}

/// Source: <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>, `VmHWM`
fn resident_peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The highest peak of each scene.
#[derive(Debug, Default)]
pub struct Peaks(BTreeMap<&'static str, u64>);

impl Peaks {
    pub fn note(&mut self, scene: &'static str, ran: &Ran) {
        if let Some(bytes) = ran.peak_bytes {
            let peak = self.0.entry(scene).or_default();
            *peak = bytes.max(*peak);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(&scene, &bytes)| (scene, bytes))
    }
}
