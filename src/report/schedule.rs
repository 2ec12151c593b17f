//! The scheduled tasks, told: what is planned, what is there, and the lines
//! for those who put them in place themselves.

use crate::report::Report;
use crate::report::figures::of;
use crate::schedule::{Job, Place, Work, unix, windows};

/// What is about to be made.
pub fn jobs(report: &Report, jobs: &[Job], place: &Place) {
    let tasks = of(jobs.len() as u64, "task");
    report.line(format_args!("pgsync schedule: {tasks} for {} in {}", place.user, place.folder));
    for job in jobs {
        let task = windows::task(job.work);
        report.line(format_args!("  {task:<23}  {:<20}  {}", job.work.batch(), job.times));
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
        report.line(format_args!("# {file}, saved as UTF-16 (Notepad: \"Unicode\"):"));
        report.line(windows::xml(job, place).replace('\r', "").trim_end());
        report.line(windows::line(&create));
        report.line("");
    }
}

/// The lines that do the same elsewhere.
pub fn unix(report: &Report, jobs: &[Job], place: &Place) {
    report.line("# Nothing was installed. Choose one of the two.");
    report.line("#");
    report.line("# 1. cron: put these lines into what \"crontab -e\" opens");
    for line in jobs.iter().flat_map(|job| unix::cron(job, place)) {
        report.line(line);
    }
    report.line("");
    report.line("# 2. systemd: put these files into ~/.config/systemd/user, then run");
    let timers: Vec<String> =
        jobs.iter().map(|job| format!("pgsync-{}.timer", job.work.word())).collect();
    report.line(format_args!("#    systemctl --user enable --now {}", timers.join(" ")));
    for (file, text) in jobs.iter().flat_map(|job| unix::systemd(job, place)) {
        report.line(format_args!("\n# {file}"));
        report.line(text.trim_end());
    }
}
