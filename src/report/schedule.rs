//! The scheduled tasks, told: what is planned, what is there, and the lines
//! for those who put them in place themselves.

use crate::report::Report;
use crate::report::figures::of;
use crate::schedule::{Job, Place, Work, unix, windows};
use serde_json::json;

/// What is about to be made.
pub fn jobs(report: &Report, jobs: &[Job], place: &Place) {
    let tasks = of(jobs.len() as u64, "task");
    report.line(format_args!("pgsync schedule: {tasks} for {} in {}", place.user, place.folder));
    for job in jobs {
        let task = windows::task(job.work);
        report.line(format_args!("  {task:<23}  {:<20}  {}", job.work.batch(), job.times));
        data(report, "task", &task, &job.times.to_string());
    }
    if place.max_run_time.is_none() {
        report.note(
            "note: no run is ended that hangs; write for example max_run_time = \"50m\" into [limits]",
        );
    }
    report.note(format_args!(
        "note: schtasks asks for the Windows password of {} now, once for each task",
        place.user
    ));
}

/// What was made.
pub fn installed(report: &Report, jobs: &[Job]) {
    let tasks = of(jobs.len() as u64, "task");
    report.line(format_args!("done: {tasks} made; look at them with: pgsync schedule list"));
}

/// A task as it stands: what the Task Scheduler says of it, and what the
/// configuration wants.
pub fn task(report: &Report, work: Work, is_there: Option<&str>, planned: Option<&Job>) {
    let task = windows::task(work);
    let times = planned.map_or("off".to_owned(), |job| job.times.to_string());
    data(report, "task", &task, is_there.unwrap_or("not there"));
    match is_there {
        None => report.line(format_args!("{task} is not there (configured: {times})")),
        Some(said) => {
            report.line(format_args!("{task} is there (configured: {times})"));
            for line in said.lines().map(str::trim).filter(|line| !line.is_empty()) {
                report.line(format_args!("  {line}"));
            }
        }
    }
}

/// The commands and files that would make the tasks of Windows.
pub fn windows(report: &Report, jobs: &[Job], place: &Place) {
    for job in jobs {
        let file = windows::file(job.work);
        let create = windows::create(job.work, &file, &place.user);
        let (xml, create) = (windows::xml(job, place).replace('\r', ""), windows::line(&create));
        print(report, &format!("# {file}, saved as UTF-16 (Notepad: \"Unicode\"):"));
        print(report, xml.trim_end());
        print(report, &create);
        print(report, "");
        data(report, "xml", &file, &xml);
        data(report, "command", &windows::task(job.work), &create);
    }
}

/// The commands that ask for the tasks, or take them away.
pub fn command(report: &Report, work: Work, line: &str) {
    print(report, line);
    data(report, "command", &windows::task(work), line);
}

/// What became of a task.
pub fn gone(report: &Report, work: Work, how: &str) {
    let task = windows::task(work);
    report.line(format_args!("{task} is {how}"));
    data(report, "task", &task, how);
}

/// The lines that do the same elsewhere.
pub fn unix(report: &Report, jobs: &[Job], place: &Place) {
    print(report, "# Nothing was installed. Choose one of the two.\n#");
    print(report, "# 1. cron: put these lines into what \"crontab -e\" opens");
    for job in jobs {
        let lines = unix::cron(job, place);
        for line in &lines {
            print(report, line);
        }
        data(report, "cron", job.work.word(), &lines.join("\n"));
    }
    print(report, "\n# 2. systemd: put these files into ~/.config/systemd/user, then run");
    let timers: Vec<String> =
        jobs.iter().map(|job| format!("pgsync-{}.timer", job.work.word())).collect();
    let enable = format!("systemctl --user enable --now {}", timers.join(" "));
    print(report, &format!("#    {enable}"));
    for (file, text) in jobs.iter().flat_map(|job| unix::systemd(job, place)) {
        print(report, &format!("\n# {file}"));
        print(report, text.trim_end());
        data(report, "systemd", &file, &text);
    }
    data(report, "command", "systemd", &enable);
}

/// What was asked for, so not even `--quiet` hides it.
fn print(report: &Report, text: &str) {
    report.show(None, text);
}

fn data(report: &Report, what: &str, name: &str, text: &str) {
    let line = json!({ "message_type": "scheduled", "what": what, "name": name, "text": text });
    report.data(&line);
}
