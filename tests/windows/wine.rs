//! Running a program of Windows, and what it leaves behind.

use std::fmt;
use std::io::{BufReader, Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};

/// What a run left behind; the lines end as on every system.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A program that is at work.
pub struct Running(pub Child);

/// The runner of `.ci`, with the program and the arguments to come.
pub fn command() -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/wine"));
    command.env_remove("PGSYNC_CONFIG").env("PGSYNC_NO_PAUSE", "1").stdin(Stdio::null());
    command
}

impl Ran {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// Runs a command, and gives it a line whenever it asks `prompt`; after the
    /// last one its input ends.
    pub fn answering(command: &mut Command, prompt: &str, answers: &[&str]) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let mut input = child.stdin.take();
        let mut said = Vec::new();
        let mut answers = answers.iter();
        for byte in BufReader::new(child.stdout.take().unwrap()).bytes() {
            said.push(byte.unwrap());
            if said.ends_with(prompt.as_bytes()) {
                match (answers.next(), &mut input) {
                    (Some(answer), Some(pipe)) => write!(pipe, "{answer}\r\n").unwrap(),
                    _ => drop(input.take()),
                }
            }
        }
        let output = child.wait_with_output().unwrap();
        Self::from(Output { stdout: said, ..output })
    }

    /// It ended with this code.
    #[track_caller]
    pub fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// One of the two streams says it.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        let says = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(says, "does not say {text:?}:\n{self}");
        self
    }
}

/// Every run is held to it: a console of Windows shows ASCII rightly, and a
/// carriage return only before the end of a line.
impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.is_ascii(), "not ASCII: {text}");
            let text = text.replace("\r\n", "\n");
            assert!(text.chars().all(|c| c == '\n' || !c.is_ascii_control()), "{text:?}");
            text
        };
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, stdout, stderr } = self;
        write!(f, "exit code: {code}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}

impl Running {
    /// Presses Ctrl-C, and waits for the end. Wine hands `SIGINT` on as this key.
    pub fn press_and_wait(self) -> Ran {
        let pressed = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        assert!(pressed.unwrap().success());
        Ran::from(self.0.wait_with_output().unwrap())
    }
}
