//! The one door to the Task Scheduler: `schtasks`.
//!
//! It knows how the program is started and what its failures mean, and not
//! what the tasks are.

use crate::error::{Error, Kind, Result};
use crate::schedule::{Job, Place, Work, windows};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

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
    let output = command.args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| not_started(arguments, error))?;
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said).trim().to_owned();
    Ok(Answer { succeeded: output.status.success(), text })
}

/// Makes a task. The password is asked for by `schtasks` itself, on
/// this terminal: it never passes through us.
///
/// # Errors
/// When it does not come about.
pub fn create(job: &Job, place: &Place) -> Result<()> {
    let file = XmlFile::write(&windows::xml(job, place))?;
    let user = &place.user;
    let arguments = windows::create(job.work, &file.0.display().to_string(), user);
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

fn not_started(arguments: &[String], error: std::io::Error) -> Error {
    let line = windows::line(arguments);
    Error::new(Kind::Start, format!("could not carry out {line}"))
        .because(error)
        .hint("schtasks is a part of Windows, in C:\\Windows\\System32: is that in the PATH?")
}

/// A file that is gone with its value.
struct XmlFile(PathBuf);

impl XmlFile {
    fn write(xml: &str) -> Result<Self> {
        let name = format!("pgsync-task-{}.xml", std::process::id());
        let path = std::env::temp_dir().join(name);
        let written = std::fs::File::create_new(&path)
            .and_then(|mut file| file.write_all(&windows::utf16(xml)));
        match written {
            Ok(()) => Ok(Self(path)),
            Err(error) => {
                let message = format!("could not write the task to {}", path.display());
                Err(Error::new(Kind::Start, message).because(error))
            }
        }
    }
}

impl Drop for XmlFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_as_long_as_it_is_needed() {
        let file = XmlFile::write("<Task/>").unwrap();
        let path = file.0.clone();
        assert_eq!(std::fs::read(&path).unwrap(), windows::utf16("<Task/>"));
        assert!(XmlFile::write("<Other/>").is_err());
        drop(file);
        assert!(!path.exists());
    }
}
