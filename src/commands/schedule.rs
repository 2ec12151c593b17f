//! `pgsync schedule`: the tasks that run it by themselves.

use crate::cli::{self, ScheduleAction};
use crate::commands::{pairs, schtasks};
use crate::config::{Config, Times};
use crate::error::{Error, Exit, Kind, Result};
use crate::metadata::Direction;
use crate::report::Report;
use crate::report::schedule as told;
use crate::schedule::{Job, Place, Work, windows};
use std::path::{Path, PathBuf};

/// Makes, lists or removes them; prints them with `--print`, and elsewhere
/// than on Windows.
///
/// # Errors
/// When there is nothing to schedule, or the Task Scheduler refuses.
pub fn run(
    config: &Config,
    given: Option<&Path>,
    arguments: &cli::Schedule,
    report: &Report,
) -> Result<Exit> {
    let jobs = jobs(config);
    match (arguments.action, cfg!(windows)) {
        (ScheduleAction::Install, _) if jobs.is_empty() => return Err(nothing(config)),
        (ScheduleAction::Install, true) => {
            install(&jobs, &place(config, given, arguments)?, arguments.print, report)?;
        }
        (ScheduleAction::Install, false) => {
            told::unix(report, &jobs, &place(config, given, arguments)?);
        }
        (ScheduleAction::List, true) => list(&jobs, arguments.print, report)?,
        (ScheduleAction::Remove, true) => remove(arguments.print, report)?,
        (action, false) => return Err(not_here(action)),
    }
    Ok(Exit::Done)
}

/// What is run by the clock: what is not switched off, of the directions in
/// which a table takes part.
fn jobs(config: &Config) -> Vec<Job> {
    let takes_part = |work: &Work| {
        let direction = match work {
            Work::Reverse => Direction::Reverse,
            Work::Incremental | Work::Full => Direction::Forward,
        };
        !pairs::all(config, direction).is_empty()
    };
    let job = |work: Work| Job { work, times: work.times(&config.schedule).clone() };
    let all = Work::ALL.into_iter().filter(takes_part).map(job);
    all.filter(|job| job.times != Times::Off).collect()
}

fn install(jobs: &[Job], place: &Place, print: bool, report: &Report) -> Result<()> {
    if print {
        told::windows(report, jobs, place);
        return Ok(());
    }
    told::jobs(report, jobs, place);
    for job in jobs {
        schtasks::create(job, place)?;
    }
    // What was made by an earlier schedule, and is off now.
    for work in Work::ALL.into_iter().filter(|work| !jobs.iter().any(|job| job.work == *work)) {
        if schtasks::task(work)?.is_some() {
            take_away(work, report)?;
        }
    }
    told::installed(report, jobs);
    Ok(())
}

fn list(jobs: &[Job], print: bool, report: &Report) -> Result<()> {
    for work in Work::ALL {
        if print {
            report.line(windows::line(&windows::query(work)));
            continue;
        }
        let planned = jobs.iter().find(|job| job.work == work);
        told::task(report, work, schtasks::task(work)?.as_deref(), planned);
    }
    Ok(())
}

fn remove(print: bool, report: &Report) -> Result<()> {
    for work in Work::ALL {
        if print {
            report.line(windows::line(&windows::delete(work)));
        } else if schtasks::task(work)?.is_some() {
            take_away(work, report)?;
        } else {
            report.line(format_args!("{} is not there", windows::task(work)));
        }
    }
    Ok(())
}

fn take_away(work: Work, report: &Report) -> Result<()> {
    schtasks::delete(work)?;
    report.line(format_args!("{} is removed", windows::task(work)));
    Ok(())
}

fn place(config: &Config, given: Option<&Path>, arguments: &cli::Schedule) -> Result<Place> {
    let program = std::env::current_exe().map_err(|error| {
        Error::new(Kind::Start, "could not find out where pgsync itself is").because(error)
    })?;
    let folder = if cfg!(windows) { batch_folder(&program)? } else { folder_of(&program) };
    let config_file = given.map(|path| {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
    });
    Ok(Place {
        folder: folder.display().to_string(),
        program: program.display().to_string(),
        config: config_file,
        user: arguments.user.clone().unwrap_or_else(user),
        max_run_time: config.limits.max_run_time,
    })
}

fn folder_of(program: &Path) -> PathBuf {
    program.parent().unwrap_or(Path::new("")).to_owned()
}

/// Where the batch files are: beside the program, or, where it was built,
/// three folders above.
fn batch_folder(program: &Path) -> Result<PathBuf> {
    let beside = folder_of(program);
    let has_all = |folder: &&Path| Work::ALL.iter().all(|work| folder.join(work.batch()).is_file());
    let found = beside.ancestors().step_by(2).take(2).find(has_all);
    found.map(ToOwned::to_owned).ok_or_else(|| {
        let files: Vec<&str> = Work::ALL.iter().map(|work| work.batch()).collect();
        Error::new(Kind::Usage, "could not find the batch files that the tasks run")
            .because_text(format!("not all of {} are in {}", files.join(", "), beside.display()))
            .hint("put them beside pgsync.exe, then run again: pgsync schedule install")
    })
}

/// As Windows names who is logged on.
fn user() -> String {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let name = variable("USERNAME").or_else(|| variable("USER")).unwrap_or_default();
    match variable("USERDOMAIN") {
        Some(domain) => format!("{domain}\\{name}"),
        None => name,
    }
}

fn nothing(config: &Config) -> Error {
    Error::new(Kind::Usage, "could not find anything to schedule")
        .because_text(format!(
            "in {} all of [schedule] is off, or no table takes part",
            config.path.display()
        ))
        .hint("write for example reverse = \"every 1h\" into [schedule]")
}

fn not_here(action: ScheduleAction) -> Error {
    let (verb, hint) = match action {
        ScheduleAction::Remove => (
            "remove",
            "take the lines of pgsync out with: crontab -e (or: systemctl --user disable --now \
             pgsync-reverse.timer pgsync-incremental.timer pgsync-full.timer)",
        ),
        _ => ("list", "look with: crontab -l (or: systemctl --user list-timers 'pgsync-*')"),
    };
    Error::new(Kind::Usage, format!("could not {verb} the scheduled tasks"))
        .because_text("pgsync keeps them on Windows only; here they are yours")
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_files_are_found_beside_the_program_and_where_it_was_built() {
        let root = std::env::temp_dir().join(format!("pgsync-batch-{}", std::process::id()));
        let built = root.join("target").join("release");
        std::fs::create_dir_all(&built).unwrap();
        let program = built.join("pgsync.exe");
        let missing = batch_folder(&program).unwrap_err();
        assert_eq!(missing.kind(), Kind::Usage);
        assert!(missing.one_line().contains("sync-full.bat are in "), "{}", missing.one_line());
        for work in Work::ALL {
            std::fs::write(root.join(work.batch()), "").unwrap();
        }
        assert_eq!(batch_folder(&program).unwrap(), root);
        for work in Work::ALL {
            std::fs::write(built.join(work.batch()), "").unwrap();
        }
        assert_eq!(batch_folder(&program).unwrap(), built);
        std::fs::remove_dir_all(&root).unwrap();
    }
}
