//! An office on Windows: two real servers, and a folder with as bad a name as
//! names get, in which the program and its batch files lie.

use crate::wine::{self, Ran, Running};
use pgsync::schedule::windows;
use pgsync_testkit::{Db, Pair};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const NAME: &str = "Sync & Co (office) [1] !x";
const FILES: [&str; 4] =
    ["sync-reverse.bat", "sync-incremental.bat", "sync-full.bat", "sync-menu.bat"];

const CLOUD: &str = "create table jobs (id int primary key, title text);
    insert into jobs select n, 'job ' || n from generate_series(1, 2000) n";
const DESKTOP: &str = "create table jobs (id int, title varchar(20))";

/// The desktop falls asleep over one row.
pub const DOZE: &str = "create function doze() returns trigger language plpgsql as $$
    begin
      if new.id = 5050 then perform pg_sleep(120); end if;
      return new;
    end $$;
    create trigger doze before insert on jobs for each row execute function doze()";
pub const ASLEEP: &str = "select count(*) from pg_stat_activity
    where wait_event = 'PgSleep' and datname = current_database()";

pub struct Office {
    pub cloud: Db,
    pub desktop: Db,
    folder: PathBuf,
    program: PathBuf,
    _dropped_with_us: TempDir,
}

impl Office {
    /// The folder has the batch files and nothing else yet.
    pub async fn open() -> Self {
        let built = std::env::var_os("PGSYNC_WINDOWS_EXE");
        let built =
            built.unwrap_or_else(|| panic!("PGSYNC_WINDOWS_EXE is not set: run .ci/windows"));
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join(NAME);
        std::fs::create_dir(&folder).unwrap();
        for file in FILES {
            std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), folder.join(file))
                .unwrap();
        }
        let Pair { cloud, desktop } = Pair::dedicated().await;
        cloud.run(CLOUD).await;
        desktop.run(DESKTOP).await;
        let office =
            Self { cloud, desktop, program: built.into(), folder, _dropped_with_us: temporary };
        office.put_program_there();
        office
    }

    pub fn put_program_there(&self) {
        std::fs::copy(&self.program, self.folder.join("pgsync.exe")).unwrap();
    }

    pub fn take_program_away(&self) {
        std::fs::remove_file(self.folder.join("pgsync.exe")).unwrap();
    }

    /// The folder as Wine shows it to Windows.
    pub fn windows_folder(&self) -> String {
        format!("Z:{}", self.folder.display().to_string().replace('/', "\\"))
    }

    /// Writes the configuration as Notepad does: with a mark, and its line ends.
    pub fn configure(&self) {
        self.configure_with(&self.cloud.url());
    }

    pub fn configure_with(&self, cloud: &str) {
        let config = self.folder.join("config");
        std::fs::create_dir_all(&config).unwrap();
        let notepad = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let dotenv = format!("DESKTOP_URL='{}'\nCLOUD_URL='{cloud}'\n", self.desktop.url());
        std::fs::write(config.join(".env"), notepad(&dotenv)).unwrap();
        std::fs::write(config.join("pgsync.toml"), notepad(CONFIGURATION)).unwrap();
    }

    /// A log that has to be moved aside every few lines.
    pub fn keep_a_small_log(&self) {
        let log = "[log]\r\nfile = \"../pgsync.log\"\r\nmax_size = \"2kB\"\r\nkeep = 2\r\n";
        let file = self.folder.join("config").join("pgsync.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}{log}")).unwrap();
    }

    /// The log files by name, with what is in them.
    pub fn logs(&self) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap());
        let mut logs: Vec<(String, String)> = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
            .filter(|(name, _)| name.starts_with("pgsync.log") && !name.ends_with("lock"))
            .map(|(name, path)| (name, std::fs::read_to_string(path).unwrap()))
            .collect();
        logs.sort();
        logs
    }

    /// Runs the program itself, in its folder.
    pub fn pgsync(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command("pgsync.exe").args(arguments).current_dir(&self.folder))
    }

    /// Runs a batch file as a scheduled task would, from another folder.
    pub fn batch(&self, name: &str, arguments: &[&str]) -> Ran {
        Ran::of(self.command(name).args(arguments).current_dir("/"))
    }

    /// Somebody at the menu, who answers and then goes away.
    pub fn menu(&self, answers: &[&str]) -> Ran {
        let mut menu = self.command("sync-menu.bat");
        Ran::answering(menu.current_dir("/"), "Type a number and press Enter: ", answers)
    }

    /// Gives a task to the Task Scheduler.
    pub fn create_task(&self, name: &str, xml: &str) -> Ran {
        let file = self.folder.join("task.xml");
        std::fs::write(&file, windows::utf16(xml)).unwrap();
        let mut command = wine::command();
        let command = command.args(["schtasks", "/Create", "/F", "/TN", name, "/XML", "task.xml"]);
        Ran::of(command.current_dir(&self.folder))
    }

    fn command(&self, file: &str) -> Command {
        let mut command = wine::command();
        command.arg(self.folder.join(file));
        command
    }

    /// Starts a reverse; the runner becomes the program, so it has its number.
    pub fn start_pgsync(&self) -> Running {
        let mut command = self.command("pgsync.exe");
        let child = command.arg("reverse").current_dir(&self.folder);
        Running(child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    pub async fn until_asleep(&self) {
        let started = Instant::now();
        while self.desktop.text(ASLEEP).await != "1" {
            assert!(started.elapsed() < Duration::from_secs(60), "the run does not get there");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

const CONFIGURATION: &str = "\
desktop_time_zone = \"Asia/Kolkata\"
[desktop]
url = \"${DESKTOP_URL}\"
[cloud]
url = \"${CLOUD_URL}\"
[limits]
max_run_time = \"50m\"
[retry]
attempts = 1
[tables]
jobs = { key = \"id\", reverse = \"insert-missing\", forward = \"upsert\" }
";
