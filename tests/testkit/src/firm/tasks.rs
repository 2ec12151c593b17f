//! The tasks of the jobs, and the checklists. `(job_id, task_id)` is unique, and the cloud keeps
//! keys of its own (`jt_id`, `tc_id`) that the desktop has no column for.

use super::jobs;
use super::lines::{Column, Lines, On::Both, On::Cloud};
use super::prng::Prng;
use super::stamps::{Sent, Stamps};
use super::words;
use crate::programs::Side;

const TASKS: usize = 64_542;
const CHECKS: i64 = 2_894;
const FIRST_JT_ID: i64 = 117_805;
const FIRST_TC_ID: i64 = 50_001;

struct Task {
    job: i64,
    number: i64,
    order: i64,
}

/// All tasks, in the order in which their rows stand.
fn in_heap_order() -> Vec<Task> {
    let mut random = Prng::new(7);
    let mut tasks: Vec<Task> = Vec::with_capacity(TASKS);
    for job_id in 1..=jobs::distinct() {
        let mut of_job: Vec<i64> = Vec::new();
        let how_many = random.pick(&[1, 2, 2, 2, 3, 3, 3, 4]);
        while of_job.len() < how_many {
            let task_id = random.between(1, 27);
            if !of_job.contains(&task_id) {
                of_job.push(task_id);
            }
        }
        tasks.extend(of_job.into_iter().map(|number| Task { job: job_id, number, order: 0 }));
    }
    // What the real firm has more goes to its oldest jobs, under two numbers of its own.
    let more = (1..9000).flat_map(|job| [27, 28].map(|number| (job, number)));
    tasks.extend(more.map(|(job, number)| Task { job, number, order: 0 }));
    tasks.truncate(TASKS);
    for (place, task) in (0..).zip(&mut tasks) {
        task.order = place % 9 + 1;
    }
    random.shuffle(&mut tasks);
    tasks
}

pub const COLUMNS: &[Column] = &[
    ("jt_id", Cloud),
    ("org_id", Both),
    ("con_id", Both),
    ("loc_id", Both),
    ("job_id", Both),
    ("year_id", Both),
    ("client_id", Cloud),
    ("task_id", Both),
    ("taskorder", Both),
    ("task_desc", Both),
    ("jobdet_man_hrs", Both),
    ("actual_man_hrs", Both),
    ("actual_man_min", Both),
    ("checklistlinked", Both),
];

pub fn write(side: Side, lines: &mut Lines) {
    let stamps = Stamps::new(side, 6, Sent::RowByRow(6));
    let mut random = Prng::new(8);
    let clients = clients_of_jobs();
    for (row, task) in (0..).zip(in_heap_order()) {
        let client = clients[usize::try_from(task.job).expect("not negative")];
        lines.put(FIRST_JT_ID + row).put(1).put(random.pick(&[0, 0, 1, 2, 3, 5])).put(1);
        lines.put(task.job).put(random.between(2019, 2026)).put(client).put(task.number);
        lines.put(task.order).put(words::task(task.number));
        let hundredths = random.below(16_000);
        lines.put(format_args!("{}.{:02}", hundredths / 100, hundredths % 100));
        describe_effort(&mut random, lines);
        lines.maybe(random.pick(&[Some('Y'), Some('N'), None]));
        stamps.end(lines, row);
    }
}

fn describe_effort(random: &mut Prng, lines: &mut Lines) {
    let (hour, minute, minutes) = (random.below(24), random.below(60), random.below(2000));
    if random.percent(30) {
        lines.nulls(2);
    } else {
        lines.put(format_args!("{hour:02}:{minute:02}:00")).put(minutes);
    }
}

/// The client that the cloud shows with a job: of jobs that share a number, the last one's.
fn clients_of_jobs() -> Vec<i64> {
    let jobs = jobs::in_heap_order();
    let mut clients = vec![0; jobs.len() + 1];
    for job in jobs {
        clients[usize::try_from(job.job_id).expect("not negative")] = job.client_id;
    }
    clients
}

pub const CHECK_COLUMNS: &[Column] = &[
    ("tc_id", Cloud),
    ("org_id", Both),
    ("loc_id", Both),
    ("task_id", Both),
    ("checklistdesc", Both),
    ("applicable", Both),
    ("formatdoc", Both),
    ("comments", Both),
    ("checkliststatus", Both),
];

/// No columns of a checklist row identify it, and some rows are equal in all of them.
pub fn checklists(side: Side, lines: &mut Lines) {
    const DO: [&str; 5] = ["Verify", "Obtain", "Check", "File", "Confirm"];
    const WHAT: [&str; 8] = [
        "PAN",
        "Form 26AS",
        "AIS",
        "bank statement",
        "invoice register",
        "e-way bills",
        "challan",
        "DSC",
    ];
    let stamps = Stamps::new(side, 7, Sent::RowByRow(14));
    let mut random = Prng::new(9);
    for row in 0..CHECKS {
        let task_id = random.between(1, 29);
        lines.put(FIRST_TC_ID + row).put(1).put(1).maybe((row >= 3).then_some(task_id));
        let (what_to_do, what) = (random.pick(&DO), random.pick(&WHAT));
        lines.put(format_args!("{what_to_do} {what} #{}", row % 97));
        lines.maybe(random.pick(&[Some("Yes"), Some("No"), Some("NA"), None]));
        lines.maybe(random.pick(&[None, Some("xlsx"), Some("pdf")]));
        lines.maybe(random.pick(&[None, Some(""), Some("as per SA 500")])).put(random.below(2));
        stamps.end(lines, row);
    }
}
