//! The program for Windows and its batch files, run by Wine against real
//! servers: `.ci/windows`, which builds the program and says where it is.
//!
//! It is no part of `cargo test`, because it needs that program. Every check
//! prints a line; the first one that fails ends it. What Wine cannot show (the
//! Task Scheduler at work, a double click) stands in the README under Limits.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and its output is a table"
)]

mod office;
mod wine;

use office::Office;
use std::time::Instant;
use wine::Ran;

const BATCHES: [(&str, &str); 3] = [
    ("sync-reverse.bat", "reverse"),
    ("sync-incremental.bat", "forward"),
    ("sync-full.bat", "forward"),
];

#[tokio::main]
async fn main() {
    let started = Instant::now();
    println!("{:<46}  {:>6}  seen", "check", "s");
    let office = Office::open().await;
    it_starts(&office);
    what_is_missing_is_told(&office);
    office.configure();
    a_wrong_configuration_is_told(&office);
    rows_are_carried(&office).await;
    every_batch_file_runs(&office);
    exit_codes_are_handed_on(&office).await;
    a_key_ends_a_run(&office).await;
    the_log_rotates(&office);
    the_menu_works(&office);
    tasks_are_spelled(&office);
    tasks_are_taken(&office);
    the_task_scheduler_is_asked(&office);
    println!("all checks passed after {} s", started.elapsed().as_secs());
}

/// A line of the table.
fn told(check: &str, started: Instant, seen: impl std::fmt::Display) {
    println!("{check:<46}  {:>6.1}  {seen}", started.elapsed().as_secs_f64());
}

fn it_starts(office: &Office) {
    let started = Instant::now();
    let ran = office.pgsync(&["--version"]);
    ran.ends_with(0);
    assert_eq!(ran.stdout, format!("pgsync {}\n", env!("CARGO_PKG_VERSION")));
    let help = office.pgsync(&["reverse", "--help"]);
    help.ends_with(0);
    told("pgsync --version, reverse --help", started, ran.stdout.trim());
}

/// Neither beside an empty folder nor without a configuration does a batch
/// file do anything but say what is missing.
fn what_is_missing_is_told(office: &Office) {
    let started = Instant::now();
    office.take_program_away();
    for batch in BATCHES.map(|(name, _)| name).into_iter().chain(["sync-menu.bat"]) {
        let ran = office.batch(batch, &[]);
        ran.ends_with(2).says(&format!("error: there is no pgsync.exe beside {batch}"));
        ran.says(&format!("hint: put pgsync.exe into \"{}\\\"", office.windows_folder()));
    }
    told("no pgsync.exe: all four say so", started, "exit code 2, its folder named");
    let started = Instant::now();
    office.put_program_there();
    for batch in BATCHES.map(|(name, _)| name).into_iter().chain(["sync-menu.bat"]) {
        let ran = office.batch(batch, &[]);
        ran.ends_with(2).says(&format!("error: there is no config\\pgsync.toml beside {batch}"));
    }
    told("no configuration: all four say so", started, "exit code 2");
}

fn a_wrong_configuration_is_told(office: &Office) {
    let started = Instant::now();
    let ran = office.batch("sync-reverse.bat", &["nosuchtable"]);
    ran.ends_with(2).says("error: could not find table nosuchtable");
    told("a table that is not configured", started, "exit code 2 through the batch file");
}

async fn rows_are_carried(office: &Office) {
    let started = Instant::now();
    let rehearsed = office.batch("sync-reverse.bat", &["--dry-run"]);
    rehearsed.ends_with(0).says("would be inserted");
    assert_eq!(office.desktop.count("jobs").await, 0);
    let ran = office.batch("sync-reverse.bat", &["/scheduled"]);
    ran.ends_with(0).says("done: 2,000 rows inserted in 1 table");
    told("a reverse that carries rows", started, last_line(&ran));
    let started = Instant::now();
    let rows = "select md5(string_agg(t::text, '|' order by id)) from jobs t";
    assert_eq!(office.cloud.text(rows).await, office.desktop.text(rows).await);
    let ran = office.batch("sync-reverse.bat", &["/scheduled"]);
    ran.ends_with(0).says("done: nothing new as of ");
    told("a second one finds nothing, both sides equal", started, last_line(&ran));
}

fn every_batch_file_runs(office: &Office) {
    for (batch, command) in BATCHES {
        let started = Instant::now();
        let ran = office.batch(batch, &["/scheduled", "--wait", "30m"]);
        ran.ends_with(0).says(&format!("pgsync {command}: "));
        told(batch, started, last_line(&ran));
    }
}

/// A file is moved aside while two programs write to it, which Windows allows
/// only if nobody has it open.
fn the_log_rotates(office: &Office) {
    let started = Instant::now();
    office.keep_a_small_log();
    for _ in 0..4 {
        let both = std::thread::scope(|scope| {
            let runs = ["reverse", "forward"]
                .map(|direction| scope.spawn(move || office.pgsync(&[direction])));
            runs.map(|run| run.join().unwrap())
        });
        for ran in both {
            ran.ends_with(0);
            assert!(!ran.stderr.contains("log"), "{ran}");
        }
    }
    let logs = office.logs();
    let names: Vec<&str> = logs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["pgsync.log", "pgsync.log.1", "pgsync.log.2"]);
    for (name, text) in &logs {
        assert!(text.len() < 4_000 && text.ends_with('\n'), "{name}: {text}");
        assert!(text.lines().all(|line| line.starts_with("20")), "{name}: {text}");
    }
    office.configure();
    told("the log rotates under two programs at once", started, names.join(", "));
}

/// 4: a row is refused. 3: nobody answers.
async fn exit_codes_are_handed_on(office: &Office) {
    let started = Instant::now();
    office.cloud.run("insert into jobs values (3000, repeat('x', 99))").await;
    let ran = office.batch("sync-reverse.bat", &[]);
    ran.ends_with(4).says("rejected");
    office.cloud.run("delete from jobs where id = 3000").await;
    told("a rejected row", started, "exit code 4 through the batch file");
    let started = Instant::now();
    office.configure_with("postgres://nobody@127.0.0.1:1/nowhere");
    let ran = office.batch("sync-reverse.bat", &[]);
    ran.ends_with(3).says("error: could not connect to the cloud");
    office.configure();
    told("nobody answers", started, "exit code 3 through the batch file");
}

async fn a_key_ends_a_run(office: &Office) {
    let started = Instant::now();
    office.cloud.run("insert into jobs select n, 'more' from generate_series(5000, 5100) n").await;
    office.desktop.run(office::DOZE).await;
    let run = office.start_pgsync();
    office.until_asleep().await;
    let ran = run.press_and_wait();
    ran.ends_with(130).says("interrupted: ending in order");
    assert_eq!(office.desktop.text(office::ASLEEP).await, "0");
    office.desktop.run("drop trigger doze on jobs").await;
    office.batch("sync-reverse.bat", &[]).ends_with(0).says("101 rows inserted");
    told("Ctrl-C while a statement is at work", started, "exit code 130, the next run goes on");
}

fn the_menu_works(office: &Office) {
    let started = Instant::now();
    let ran = office.menu(&["\"", "7 & 8", "5", "1", "0"]);
    ran.ends_with(0).says("That is none of the numbers above.");
    ran.says("Exit code 0: done, or nothing to do");
    assert_eq!(ran.stdout.matches("  0  Leave").count(), 3, "{ran}");
    told("sync-menu.bat: \", 7 & 8, 5, 1, 0", started, "returns to the menu, leaves with 0");
    let started = Instant::now();
    office.menu(&["5"]).ends_with(0).says("Exit code 0: done, or nothing to do");
    told("sync-menu.bat: 5, and the input ends", started, "leaves with 0");
}

fn tasks_are_spelled(office: &Office) {
    let started = Instant::now();
    let ran = office.pgsync(&["schedule", "install", "--print", "--user", "OFFICE\\anna"]);
    ran.ends_with(0).says("<UserId>OFFICE\\anna</UserId>");
    let folder = office.windows_folder().replace('&', "&amp;");
    ran.says(&format!("<WorkingDirectory>{folder}</WorkingDirectory>"));
    ran.says(&format!("/c &quot;&quot;{folder}\\sync-full.bat&quot; /scheduled --wait 30m&quot;<"));
    assert_eq!(ran.stdout.matches("schtasks /Create /F /TN pgsync\\sync-").count(), 3, "{ran}");
    told("schedule install --print", started, "three tasks, their line run above");
}

/// What is printed, saved as the program saves it, is taken by Wine's Task
/// Scheduler, which reads the XML but runs no task; and a damaged one is not.
fn tasks_are_taken(office: &Office) {
    let started = Instant::now();
    let ran = office.pgsync(&["schedule", "install", "--print", "--user", "OFFICE\\anna"]);
    let tasks: Vec<&str> = ran.stdout.split("<?xml").skip(1).collect();
    assert_eq!(tasks.len(), 3);
    for (number, task) in tasks.into_iter().enumerate() {
        let (task, _) = task.split_once("</Task>").unwrap();
        let whole = format!("<?xml{task}</Task>");
        let name = format!("pgsync-test\\{number}");
        office.create_task(&name, &whole).ends_with(0);
        if number == 0 {
            let damaged = whole.replace("</Settings>", "");
            assert_ne!(office.create_task(&name, &damaged).code, 0);
        }
    }
    told("schtasks /Create /XML (Wine's)", started, "takes all three, and not a damaged one");
}

/// Wine has a part of `schtasks` only, and no passwords: what it says is shown,
/// and must come with an exit code of ours and, where it fails, with a hint.
fn the_task_scheduler_is_asked(office: &Office) {
    for action in ["install", "list", "remove"] {
        let started = Instant::now();
        let ran = office.pgsync(&["schedule", action]);
        let failed = ran.code == 3 && ran.stderr.contains("hint: ");
        assert!(ran.code == 0 || failed, "{ran}");
        let seen = ran.stderr.lines().find(|line| line.contains("error: "));
        let seen = seen.map_or_else(|| last_line(&ran), ToOwned::to_owned);
        told(
            &format!("schedule {action} (Wine's schtasks)"),
            started,
            format!("{}: {seen}", ran.code),
        );
    }
}

fn last_line(ran: &Ran) -> String {
    ran.stdout.lines().last().unwrap_or_default().to_owned()
}
