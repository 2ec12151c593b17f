//! For cron and systemd: lines that people put where they belong.
//!
//! Source: crontab(5), systemd.time(7), systemd.service(5)

use super::{Job, Place, WAIT};
use crate::config::Times;
use std::collections::BTreeMap;

/// Minutes of an hour that all begin in the same hours.
struct Group {
    minutes: Vec<u16>,
    hours: Vec<u16>,
}

/// The lines of a crontab for one job.
#[must_use]
pub fn cron(job: &Job, place: &Place) -> Vec<String> {
    let command = format!("cd {} && {}", in_shell(&place.folder), command(job, place, &in_shell));
    // cron takes a percent sign for the end of the line.
    let command = command.replace('%', "\\%");
    let line = |group: &Group| {
        format!("{} {} * * * {command}", list(&group.minutes, 1), hours(&group.hours, 1))
    };
    groups(&job.times).iter().map(line).collect()
}

/// A service and its timer, each with the name of its file.
#[must_use]
pub fn systemd(job: &Job, place: &Place) -> [(String, String); 2] {
    let name = format!("pgsync-{}", job.work.word());
    let description = job.work.description().trim_end_matches('.');
    let service = format!(
        "[Unit]\nDescription={description}\n\n[Service]\nType=oneshot\n\
         WorkingDirectory={}\nExecStart={}\nTimeoutStartSec={}\n",
        place.folder.replace('%', "%%"),
        command(job, place, &in_unit),
        place.hard_limit().as_secs(),
    );
    let calendar = |group: &Group| {
        format!("OnCalendar=*-*-* {}:{}:00\n", hours(&group.hours, 2), list(&group.minutes, 2))
    };
    let timer = format!(
        "[Unit]\nDescription={description}\n\n[Timer]\n{}Persistent=true\n\n\
         [Install]\nWantedBy=timers.target\n",
        groups(&job.times).iter().map(calendar).collect::<String>(),
    );
    [(format!("{name}.service"), service), (format!("{name}.timer"), timer)]
}

fn command(job: &Job, place: &Place, quoted: &dyn Fn(&str) -> String) -> String {
    let config =
        place.config.as_ref().map_or(String::new(), |file| format!(" --config {}", quoted(file)));
    format!("{} {} --wait {WAIT}{config}", quoted(&place.program), job.work.command())
}

fn groups(times: &Times) -> Vec<Group> {
    let mut hours_of: BTreeMap<u16, Vec<u16>> = BTreeMap::new();
    for minute in times.minutes() {
        hours_of.entry(minute % 60).or_default().push(minute / 60);
    }
    let mut groups: Vec<Group> = Vec::new();
    for (minute, hours) in hours_of {
        match groups.iter_mut().find(|group| group.hours == hours) {
            Some(group) => group.minutes.push(minute),
            None => groups.push(Group { minutes: vec![minute], hours }),
        }
    }
    groups
}

fn hours(hours: &[u16], digits: usize) -> String {
    if hours.len() == 24 { "*".to_owned() } else { list(hours, digits) }
}

fn list(numbers: &[u16], digits: usize) -> String {
    let spelled: Vec<String> = numbers.iter().map(|number| format!("{number:0digits$}")).collect();
    spelled.join(",")
}

/// A word for a shell.
fn in_shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A word for `ExecStart`, where `%` and `$` have a meaning within quotes too.
fn in_unit(word: &str) -> String {
    let word = word.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", word.replace('%', "%%").replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::super::Work;
    use super::*;
    use std::time::Duration;

    fn place(folder: &str) -> Place {
        Place {
            folder: folder.to_owned(),
            program: format!("{folder}/pgsync"),
            config: None,
            user: String::new(),
            max_run_time: Some(Duration::from_secs(3_000)),
        }
    }

    fn times(times: Times) -> Vec<String> {
        let job = Job { work: Work::Reverse, times };
        let lines = cron(&job, &place("/p"));
        lines.iter().map(|line| line.split(" * * * cd ").next().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_schedule_has_its_lines() {
        assert_eq!(times(Times::Every(60)), ["0 *"]);
        assert_eq!(times(Times::Every(15)), ["0,15,30,45 *"]);
        assert_eq!(times(Times::Every(360)), ["0 0,6,12,18"]);
        assert_eq!(times(Times::Every(160)), ["0 0,8,16", "20 5,13,21", "40 2,10,18"]);
        let at = Times::At(["02:00", "09:30", "16:30"].map(|time| time.parse().unwrap()).to_vec());
        assert_eq!(times(at), ["0 2", "30 9,16"]);
        assert_eq!(times(Times::Off), [""; 0]);
    }

    #[test]
    fn a_crontab_is_spelled_in_full() {
        let config = Some("/etc/pg sync/100%.toml".to_owned());
        let place = Place { config, ..place("/opt/Anna's pgsync") };
        let job = Job { work: Work::Incremental, times: Times::Every(60) };
        assert_eq!(
            cron(&job, &place),
            ["0 * * * * cd '/opt/Anna'\\''s pgsync' && '/opt/Anna'\\''s pgsync/pgsync' forward \
              --incremental --wait 30m --config '/etc/pg sync/100\\%.toml'"]
        );
    }

    #[test]
    fn units_are_spelled_in_full() {
        let config = Some("/etc/100% \"$x\".toml".to_owned());
        let place = Place { config, ..place("/opt/pgsync") };
        let at = ["02:00", "12:30"].map(|time| time.parse().unwrap()).to_vec();
        let [service, timer] = systemd(&Job { work: Work::Full, times: Times::At(at) }, &place);
        assert_eq!(service.0, "pgsync-full.service");
        assert_eq!(
            service.1,
            r#"[Unit]
Description=Compares desktop and cloud in full and brings the cloud up to date

[Service]
Type=oneshot
WorkingDirectory=/opt/pgsync
ExecStart="/opt/pgsync/pgsync" forward --full --wait 30m --config "/etc/100%% \"$$x\".toml"
TimeoutStartSec=3300
"#
        );
        assert_eq!(timer.0, "pgsync-full.timer");
        assert_eq!(
            timer.1,
            "[Unit]
Description=Compares desktop and cloud in full and brings the cloud up to date

[Timer]
OnCalendar=*-*-* 02:00:00
OnCalendar=*-*-* 12:30:00
Persistent=true

[Install]
WantedBy=timers.target
"
        );
        let [_, hourly] = systemd(&Job { work: Work::Reverse, times: Times::Every(60) }, &place);
        assert!(hourly.1.contains("\nOnCalendar=*-*-* *:00:00\n"));
    }
}
