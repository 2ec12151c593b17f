//! What the program says, as snapshots that are the same in every run.
//!
//! A session holds command, exit code and both streams together; what differs
//! from run to run (times, ports, names of databases) is spelled by its kind.

use crate::office::{Office, Ran};
use std::fmt::Write as _;
use std::process::Command;

/// Patterns, and what stands in their place. The order matters.
const REDACTIONS: [(&str, &str); 21] = [
    (r"\d{8}T\d{9}-\d+", "RUN"),
    (r"_of_desktop_\d+", ""),
    (r"(cloud|desktop)_\d+", "$1"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"127\.0\.0\.1 port \d+", "127.0.0.1 port PORT"),
    (r"127\.0\.0\.1/32", "127.0.0.1"),
    (r"server process \d+", "server process PID"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00", "TIMESTAMP"),
    (r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", "YYYY-MM-DD hh:mm:ss"),
    (r" \d+ s  ", " 0 s  "),
    (r" {2}\d+\.\d\d s", "  0.00 s"),
    (r"scan \d+\.\d\d s", "scan 0.00 s"),
    (r"\d+\.\d ms a round trip", "0.0 ms a round trip"),
    (r"PostgreSQL \d+\.\d+,", "PostgreSQL VERSION,"),
    (r"in \d+\.\d\d s", "in 0.00 s"),
    (r"in \d+\.\d s, because", "in 0.0 s, because"),
    (r"(?s)begin;\n.*\ncommit;\n", "begin;\n(the SQL of the migrations)\ncommit;\n"),
    (r"lookup address information: .*", "lookup address information: (the resolver's words)"),
    (r#""seconds":\d+\.\d+"#, r#""seconds":0.0"#),
    (r"\(os error \d+\)", "(os error N)"),
    (r"pgsync\.exe", "pgsync"),
];

/// A visit to a shell, as text.
#[derive(Default)]
pub struct Told {
    text: String,
}

impl Told {
    /// Runs the program with the office's configuration.
    pub async fn run(&mut self, office: &Office, arguments: &[&str]) -> Ran {
        self.run_in(office, office.command(arguments), arguments).await
    }

    /// The same, after the caller has changed the command's surroundings.
    pub async fn run_in(&mut self, office: &Office, command: Command, arguments: &[&str]) -> Ran {
        let ran = self.run_command(command, arguments).await;
        self.hide(&office.folder().display().to_string(), "FOLDER");
        ran
    }

    /// Runs the program as the caller has prepared it.
    pub async fn run_command(&mut self, mut command: Command, arguments: &[&str]) -> Ran {
        command.env_remove("PGSYNC_CONFIG").env_remove("COLUMNS");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let ran = Ran::from(output);
        writeln!(self.text, "$ pgsync {}\n{ran}", arguments.join(" ")).unwrap();
        ran
    }

    /// Something that happened between two commands.
    pub fn note(&mut self, text: &str) {
        writeln!(self.text, "# {text}\n").unwrap();
    }

    /// Spells something of this machine by its kind.
    pub fn hide(&mut self, what: &str, kind: &str) {
        self.text = self.text.replace(what, kind);
    }

    /// Compares everything with the snapshot of this name.
    pub fn is(&self, name: &str) {
        assert!(self.text.is_ascii(), "{}", self.text);
        let mut settings = insta::Settings::clone_current();
        for (pattern, kind) in REDACTIONS {
            settings.add_filter(pattern, kind);
        }
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.text));
    }
}
