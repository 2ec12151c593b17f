//! The one door to the Task Scheduler: `schtasks`.
//!
//! It knows how the program is started and what its failures mean, and not
//! what the tasks are.

use crate::error::{Error, Kind, Result};
use crate::schedule::{Job, Place, Work, windows};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::process::{Command, Stdio};
use tempfile::TempPath;

/// What it said, and whether it had success.
struct Answer {
    succeeded: bool,
    text: String,
}

/// What the Task Scheduler says of a task; `None` if it is not there.
///
/// # Errors
/// When it cannot be asked.
pub fn task(work: Work) -> Result<Option<String>> {
    let answer = ask(&windows::query(work))?;
    let is_there = answer.succeeded && !answer.text.is_empty();
    Ok(is_there.then_some(answer.text))
}

/// Takes a task away.
///
/// # Errors
/// When it stays.
pub fn delete(work: Work) -> Result<()> {
    let arguments = windows::delete(work);
    let answer = ask(&arguments)?;
    if answer.succeeded {
        return Ok(());
    }
    let why = if answer.text.is_empty() { "schtasks gives no reason" } else { &answer.text };
    Err(failed(&arguments, why)
        .hint("open the command window with \"Run as administrator\", and try again"))
}

fn ask(arguments: &[String]) -> Result<Answer> {
    let mut command = Command::new(windows::PROGRAM);
    let said = tempfile::tempfile().map_err(|error| not_written("an answer", error))?;
    answer(command.args(arguments), said).map_err(|error| not_started(arguments, error))
}

/// Waits for the end of the program and no longer. A pipe would end only with
/// the last program that inherited it, and Wine's `schtasks` starts a desktop
/// that stays until we have ended; so what is said goes to a file.
fn answer(command: &mut Command, mut said: File) -> io::Result<Answer> {
    let (stdout, stderr) = (said.try_clone()?, said.try_clone()?);
    let status = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).status()?;
    let mut bytes = Vec::new();
    said.rewind()?;
    said.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok(Answer { succeeded: status.success(), text })
}

/// Makes a task. The password is asked for by `schtasks` itself, on
/// this terminal: it never passes through us.
///
/// # Errors
/// When it does not come about.
pub fn create(job: &Job, place: &Place) -> Result<()> {
    let file = xml_file(&windows::xml(job, place))?;
    let user = &place.user;
    let arguments = windows::create(job.work, &file.display().to_string(), user);
    let status = Command::new(windows::PROGRAM).args(&arguments).status();
    let status = status.map_err(|error| not_started(&arguments, error))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(&arguments, &format!("schtasks ended with {status}; its own words stand above"))
        .hint(format!(
            "open the command window with \"Run as administrator\", type the Windows password of \
             {user} when asked, and give {user} the right \"Log on as a batch job\" (secpol.msc, \
             Local Policies, User Rights Assignment)"
        )))
}

fn failed(arguments: &[String], why: &str) -> Error {
    let line = windows::line(arguments);
    Error::new(Kind::Start, format!("could not carry out {line}")).because_text(why)
}

fn not_started(arguments: &[String], error: io::Error) -> Error {
    let line = windows::line(arguments);
    Error::new(Kind::Start, format!("could not carry out {line}"))
        .because(error)
        .hint("schtasks is a part of Windows, in C:\\Windows\\System32: is that in the PATH?")
}

/// A closed file, so that `schtasks` may open it; it is gone with its value.
fn xml_file(xml: &str) -> Result<TempPath> {
    let file = tempfile::Builder::new().prefix("pgsync-task-").suffix(".xml").tempfile();
    let written = file.and_then(|mut file| {
        file.write_all(&windows::utf16(xml))?;
        Ok(file.into_temp_path())
    });
    written.map_err(|error| not_written("the task", error))
}

fn not_written(what: &str, error: io::Error) -> Error {
    let folder = std::env::temp_dir();
    let message = format!("could not write {what} to {}", folder.display());
    Error::new(Kind::Start, message).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_as_long_as_it_is_needed() {
        let file = xml_file("<Task/>").unwrap();
        let path = file.to_path_buf();
        assert_eq!(std::fs::read(&path).unwrap(), windows::utf16("<Task/>"));
        drop(file);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn what_outlives_the_program_is_not_waited_for() {
        let script = "sleep 60 & echo $!; echo and >&2; echo no; exit 1";
        let started = std::time::Instant::now();
        let answer =
            answer(Command::new("sh").args(["-c", script]), tempfile::tempfile().unwrap()).unwrap();
        assert!(started.elapsed().as_secs() < 30);
        let (sleeper, said) = answer.text.split_once('\n').unwrap();
        let killed = Command::new("kill").arg(sleeper).status().unwrap();
        assert!(killed.success(), "it did not outlive the program");
        assert_eq!((answer.succeeded, said), (false, "and\nno"));
    }
}
