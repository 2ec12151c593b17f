//! An office: two databases, a configuration, and the program itself.

use pgsync_testkit::Pair;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A firm's office for the length of one test.
pub struct Office {
    pub pair: Pair,
    folder: TempDir,
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Office {
    /// An office with these databases and this `[tables]` section.
    pub fn new(pair: Pair, tables: &str) -> Self {
        let office = Self { pair, folder: tempfile::tempdir().unwrap() };
        office.configure(&format!("desktop_time_zone = \"Asia/Kolkata\"\n{CONNECTIONS}\n{tables}"));
        office
    }

    /// The firm's real tables, with the shipped configuration.
    pub async fn firm() -> Self {
        let office = Self::new(Pair::firm().await, "");
        office.configure(include_str!("../../config/pgsync.toml"));
        office
    }

    /// Two empty databases in which these statements have run.
    pub async fn with(cloud: &str, desktop: &str, tables: &str) -> Self {
        Self::on(Pair::empty().await, cloud, desktop, tables).await
    }

    /// The same on servers of its own: where a test counts what a run reads
    /// again, another test's open transaction must not hold the horizon back.
    pub async fn alone(cloud: &str, desktop: &str, tables: &str) -> Self {
        Self::on(Pair::dedicated().await, cloud, desktop, tables).await
    }

    async fn on(pair: Pair, cloud: &str, desktop: &str, tables: &str) -> Self {
        pair.cloud.run(cloud).await;
        pair.desktop.run(desktop).await;
        Self::new(pair, tables)
    }

    /// Replaces the whole configuration.
    pub fn configure(&self, text: &str) {
        std::fs::write(self.config(), text).unwrap();
    }

    /// Replaces the `[tables]` section and what follows.
    pub fn configure_tables(&self, tables: &str) {
        self.configure(&format!("desktop_time_zone = \"Asia/Kolkata\"\n{CONNECTIONS}\n{tables}"));
    }

    /// Where the configuration is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("pgsync.toml")
    }

    /// The program with its configuration, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgsync"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .env("DESKTOP_DATABASE_URL", self.pair.desktop.url())
            .env("CLOUD_DATABASE_URL", self.pair.cloud.url())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || Ran::from(command.output().unwrap())).await.unwrap()
    }

    /// Runs `reverse` and expects it to end well; returns its output.
    pub async fn reverse(&self) -> Ran {
        let ran = self.run(&["reverse"]).await;
        assert_eq!(ran.code, 0, "{ran}");
        ran
    }

    /// Runs `forward` and expects it to end well; returns its output.
    pub async fn forward(&self, more: &[&str]) -> Ran {
        let ran = self.run(&[&["forward"], more].concat()).await;
        assert_eq!(ran.code, 0, "{ran}");
        ran
    }

    /// Rehearses `forward`, which must write nothing, runs it, which must say
    /// the same, and runs it again, which must find nothing to do and leave
    /// every row version in the cloud alone.
    pub async fn forward_twice(&self, more: &[&str]) -> Ran {
        let before = self.cloud_versions().await;
        let rehearsed = self.forward(&[more, &["--dry-run"]].concat()).await;
        assert_eq!(self.cloud_versions().await, before, "{rehearsed}");
        let first = self.forward(more).await;
        assert_eq!(rehearsed.told(), first.told(), "{rehearsed}\n{first}");
        let before = self.cloud_versions().await;
        let second = self.forward(&[]).await;
        assert!(second.stdout.contains("done: nothing new as of "), "{second}");
        assert_eq!(self.cloud_versions().await, before, "{second}");
        first
    }

    /// Runs both directions twice, which must find nothing to do.
    pub async fn rests(&self) {
        let before = self.cloud_versions().await;
        for command in ["forward", "reverse", "reverse", "forward"] {
            let ran = self.run(&[command]).await;
            assert!(ran.stdout.contains("done: nothing new as of "), "{command}: {ran}");
        }
        assert_eq!(self.cloud_versions().await, before);
    }

    /// Table, writer and place of every row in the cloud, ours aside.
    pub async fn cloud_versions(&self) -> Vec<String> {
        let selects = "select format('select %L, xmin::text, ctid::text from %I.%I',
                n.nspname || '.' || c.relname, n.nspname, c.relname)
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'r' and c.relname <> '_sync_metadata'
              and n.nspname not in ('pg_catalog', 'information_schema', 'pgsync', 'pg_toast')
            order by 1";
        let selects = self.pair.cloud.lines(selects).await.join(" union all ");
        self.pair.cloud.lines(&format!("{selects} order by 1, 3")).await
    }

    /// Rehearses `reverse`, runs it, which must say the same, and runs it
    /// again, which must find nothing to do.
    pub async fn reverse_twice(&self) -> Ran {
        let rehearsed = self.run(&["reverse", "--dry-run"]).await;
        assert_eq!(rehearsed.code, 0, "{rehearsed}");
        let first = self.reverse().await;
        assert_eq!(rehearsed.told(), first.told(), "{rehearsed}\n{first}");
        let second = self.reverse().await;
        assert!(second.stdout.contains("done: nothing new as of "), "{second}");
        first
    }
}

const CONNECTIONS: &str = "\
[desktop]
url = \"${DESKTOP_DATABASE_URL}\"
[cloud]
url = \"${CLOUD_DATABASE_URL}\"
[retry]
first_pause = \"50ms\"
";

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit code: {}\n--- stdout\n{}--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

impl Ran {
    /// The line of a table, its figures as words: checked, new, inserted.
    pub fn figures(&self, table: &str) -> Vec<String> {
        let line = self.table(table);
        line.split_whitespace().skip(1).take(3).map(str::to_owned).collect()
    }

    /// All figures of a table, up to the time: of a forward run they are
    /// checked, inserted, updated, deleted, protected.
    pub fn all_figures(&self, table: &str) -> Vec<String> {
        let line = self.table(table);
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let time = words.iter().position(|word| *word == "s").unwrap_or_else(|| panic!("{self}"));
        words[..time - 1].iter().map(ToString::to_string).collect()
    }

    /// What is said of every table, the time it took aside.
    pub fn told(&self) -> Vec<(Vec<&str>, &str)> {
        let lines = self.stdout.lines().filter_map(|line| line.split_once(" s  "));
        let figures = |(figures, how)| {
            let mut words: Vec<&str> = str::split_whitespace(figures).collect();
            words.pop();
            (words, how)
        };
        lines.map(figures).collect()
    }

    /// How a table was read, as the last column says it.
    pub fn how(&self, table: &str) -> String {
        let line = self.table(table);
        line.split_once(" s  ").unwrap_or_else(|| panic!("{self}")).1.to_owned()
    }

    fn table(&self, table: &str) -> &str {
        let line = self.stdout.lines().find(|line| line.split_whitespace().next() == Some(table));
        line.unwrap_or_else(|| panic!("no line for {table} in\n{self}"))
    }
}
