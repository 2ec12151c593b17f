//! Notices: a program of the user's choice hears how a run ended, for those
//! who look at no console.
//!
//! Whatever becomes of that program, the run has ended as it did.

use crate::commands::sync::Order;
use crate::config::{Config, Notify, Program};
use crate::error::{Exit, Result};
use crate::metadata::Direction;
use crate::report::Report;
use crate::report::journal::Level;
use crate::report::notice::{self, Notice, Reason};
use crate::report::run::Effect;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// How the run before this one ended, once that is known.
pub type Before = OnceCell<Option<String>>;

/// A run that has ended.
pub struct Ended<'a> {
    pub run: &'a str,
    pub result: &'a Result<Exit>,
    pub before: Option<&'a str>,
}

/// Gives the notice that this end asks for, if one was asked for.
pub async fn give(config: &Config, order: &Order<'_>, ended: &Ended<'_>, report: &Report) {
    if order.effect == Effect::DryRun {
        return;
    }
    let exit = ended.result.as_ref().map_or_else(|error| error.kind().exit(), |exit| *exit);
    let mark = Mark::of(config, order.direction);
    let could_not_start = mark.was_there();
    mark.set(ended.result.is_err() && tells_of(exit), &config.notify);
    let Some(reason) = reason(exit, ended.before, could_not_start) else { return };
    let Some(program) = program(&config.notify, reason) else { return };
    let notice = Notice {
        reason,
        direction: order.direction,
        run: ended.run,
        exit,
        configuration: &config.path.display().to_string(),
        error: ended.result.as_ref().err(),
    };
    let text = notice::compose(report, &notice, config.notify.form);
    let name = &program.program;
    match start(config, program, &notice, &text).await {
        Ok(()) => report.log(Level::Info, format_args!("notice of {}: {name}", reason.word())),
        Err(why) => report.warning(format_args!("the notice could not be given: {name} {why}")),
    }
}

fn program(notify: &Notify, reason: Reason) -> Option<&Program> {
    match reason {
        Reason::Failure => notify.on_failure.as_ref(),
        Reason::Rejects => notify.on_rejects.as_ref(),
        Reason::Recovery => notify.on_recovery.as_ref(),
    }
}

/// Whether an end is a failure. That another run is at work, and that somebody
/// has interrupted this one, is none.
fn tells_of(exit: Exit) -> bool {
    match exit {
        Exit::TableFailed | Exit::Usage | Exit::NotStarted | Exit::Safety => true,
        Exit::Done | Exit::Rejected | Exit::Locked | Exit::Different | Exit::Interrupted => false,
    }
}

/// `before` is the result of the run before, as the history has it.
fn reason(exit: Exit, before: Option<&str>, could_not_start: bool) -> Option<Reason> {
    // A run that is still "running" was broken off: we hold the lock.
    let was_bad = matches!(before, Some("failed" | "rejected" | "running"));
    match exit {
        Exit::Rejected => Some(Reason::Rejects),
        Exit::Done if was_bad || could_not_start => Some(Reason::Recovery),
        other => tells_of(other).then_some(Reason::Failure),
    }
}

/// That the last run could not start. It has left nothing in the history, so
/// an empty file beside the configuration remembers it.
struct Mark(PathBuf);

impl Mark {
    fn of(config: &Config, direction: Direction) -> Self {
        Self(folder(config).join(format!(".pgsync-{}-could-not-start", direction.word())))
    }

    fn was_there(&self) -> bool {
        self.0.exists()
    }

    /// Where that folder cannot be written, such a failure is forgotten.
    fn set(&self, is_set: bool, notify: &Notify) {
        let changed = match (is_set, self.was_there()) {
            (true, false) if notify.on_recovery.is_some() => std::fs::write(&self.0, ""),
            (false, true) => std::fs::remove_file(&self.0),
            _ => Ok(()),
        };
        if let Err(error) = changed {
            tracing::debug!("could not change {}: {error}", self.0.display());
        }
    }
}

/// The folder of the configuration.
fn folder(config: &Config) -> &Path {
    let folder = config.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// A path begins in the folder of the configuration; a mere name is looked for
/// where the system looks for programs.
fn path(program: &str, folder: &Path) -> PathBuf {
    if program.contains(['/', '\\']) { folder.join(program) } else { PathBuf::from(program) }
}

async fn start(
    config: &Config,
    program: &Program,
    notice: &Notice<'_>,
    text: &str,
) -> Result<(), String> {
    let folder = std::path::absolute(folder(config)).map_err(|error| error.to_string())?;
    let mut child = Command::new(path(&program.program, &folder))
        .args(&program.arguments)
        .current_dir(&folder)
        .env("PGSYNC_REASON", notice.reason.word())
        .env("PGSYNC_DIRECTION", notice.direction.word())
        .env("PGSYNC_RUN", notice.run)
        .env("PGSYNC_EXIT_CODE", notice.exit.code().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("could not be started: {error}"))?;
    let stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin {
            // Who does not read it to its end has heard enough.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
        child.wait().await
    };
    let limit = config.notify.timeout;
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("ended with {status}")),
        Ok(Err(error)) => Err(format!("could not be waited for: {error}")),
        Err(_) => {
            let stopped = child.kill().await;
            let well = if stopped.is_ok() { "was stopped" } else { "could not be stopped" };
            Err(format!("took longer than {} and {well}", seconds(limit)))
        }
    }
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_notice_or_none() {
        let of = |exit| reason(exit, Some("ok"), false);
        for failure in [Exit::TableFailed, Exit::Usage, Exit::NotStarted, Exit::Safety] {
            assert_eq!(of(failure), Some(Reason::Failure));
        }
        assert_eq!(of(Exit::Rejected), Some(Reason::Rejects));
        for quiet in [Exit::Done, Exit::Locked, Exit::Interrupted] {
            assert_eq!(of(quiet), None);
        }
    }

    #[test]
    fn a_run_recovers_from_what_was_bad() {
        let after = |before| reason(Exit::Done, before, false);
        for bad in ["failed", "rejected", "running"] {
            assert_eq!(after(Some(bad)), Some(Reason::Recovery));
        }
        assert_eq!((after(Some("ok")), after(None)), (None, None));
        assert_eq!(reason(Exit::Done, Some("ok"), true), Some(Reason::Recovery));
        assert_eq!(reason(Exit::Rejected, Some("failed"), true), Some(Reason::Rejects));
        assert_eq!(reason(Exit::Locked, Some("failed"), true), None);
    }

    #[test]
    fn a_path_begins_beside_the_configuration() {
        let folder = Path::new("/pgsync/config");
        assert_eq!(path("mail", folder), Path::new("mail"));
        assert_eq!(path("./tell.sh", folder), folder.join("./tell.sh"));
        assert_eq!(path("/usr/bin/mail", folder), Path::new("/usr/bin/mail"));
    }
}
