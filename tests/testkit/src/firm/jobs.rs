//! The firm's jobs, with the faults of the real ones: ten numbers given to 18 to 24 jobs each, and
//! 3,942 jobs for clients that do not exist. It must not know the jobs' tasks.

use super::day::Day;
use super::lines::{Column, Lines, On::Both, On::Desktop};
use super::masters;
use super::prng::Prng;
use super::stamps::{Sent, Stamps, end_in_cloud};
use super::words;
use crate::programs::Side;

const JOBS: i64 = 24_562;
const ORPHANS: usize = 3_942;

/// Numbers that were given out more than once, and to how many jobs.
pub const SHARED_NUMBERS: [(i64, i64); 10] = [
    (8533, 24),
    (8508, 24),
    (8507, 24),
    (7651, 22),
    (4340, 20),
    (8456, 19),
    (8457, 19),
    (7607, 19),
    (7658, 19),
    (6036, 18),
];

pub struct Job {
    pub job_id: i64,
    pub client_id: i64,
}

/// How many different numbers there are: 1 to this one.
pub fn distinct() -> i64 {
    JOBS - SHARED_NUMBERS.iter().map(|(_, jobs)| jobs - 1).sum::<i64>()
}

/// All jobs, in the order in which their rows stand, which is not that of their numbers.
pub fn in_heap_order() -> Vec<Job> {
    let mut random = Prng::new(5);
    let again = SHARED_NUMBERS
        .iter()
        .flat_map(|(job_id, jobs)| std::iter::repeat_n(*job_id, usize_of(jobs - 1)));
    let mut numbers: Vec<i64> = (1..=distinct()).chain(again).collect();
    random.shuffle(&mut numbers);
    let mut orphaned = vec![false; numbers.len()];
    orphaned[..ORPHANS].fill(true);
    random.shuffle(&mut orphaned);
    let (present, missing) = (masters::client_ids(), masters::missing_client_ids());
    let mut client = |orphan| random.pick(if orphan { &missing } else { &present });
    numbers
        .into_iter()
        .zip(orphaned)
        .map(|(job_id, orphan)| Job { job_id, client_id: client(orphan) })
        .collect()
}

fn usize_of(number: i64) -> usize {
    usize::try_from(number).expect("not negative")
}

pub const COLUMNS: &[Column] = &[
    ("org_id", Both),
    ("con_id", Both),
    ("loc_id", Both),
    ("job_id", Both),
    ("job_uid", Desktop),
    ("sporg_id", Desktop),
    ("jctincharge", Desktop),
    ("year_id", Both),
    ("client_id", Both),
    ("jobdate", Both),
    ("targetdate", Both),
    ("job_nature", Both),
    ("work_desc", Both),
    ("worklocation", Both),
    ("act_man_min", Both),
    ("drivefolderpath", Both),
    ("drivefolderkey", Both),
    ("job_status", Both),
];

pub fn write(side: Side, lines: &mut Lines) {
    let stamps = Stamps::new(side, 5, Sent::RowByRow(2));
    let mut random = Prng::new(6);
    for (row, job) in (0..).zip(in_heap_order()) {
        describe(&job, &mut random, lines);
        stamps.end(lines, row);
    }
    if side == Side::Cloud {
        write_phones(lines);
    }
}

fn describe(job: &Job, random: &mut Prng, lines: &mut Lines) {
    let job_id = job.job_id;
    let year = random.between(2019, 2026);
    let begun = Day(random.between(Day::new(2019, 4, 1).0, Day::new(2025, 10, 31).0));
    lines.put(1).put(random.pick(&[0, 0, 0, 1, 2, 3, 5, 77])).put(1).put(job_id);
    lines.put(format_args!("JB{year}/{job_id:06}")).maybe(random.pick(&[None, Some(1), Some(2)]));
    lines.maybe(random.pick(&[Some('Y'), Some('N'), None])).put(year).put(job.client_id);
    lines.put(begun);
    let (days, has_target) = (random.between(5, 120), !random.percent(15));
    lines.maybe(has_target.then(|| begun.plus(days))).put(random.pick(&['R', 'N', 'S']));
    let (work, is_described) = (words::work(random, year), !random.percent(1));
    lines.maybe(is_described.then_some(work));
    lines.maybe(random.pick(&[Some("Office"), Some("Client site"), Some(""), None]));
    let (minutes, is_timed) = (random.between(30, 9000), !random.percent(40));
    lines.maybe(is_timed.then_some(minutes));
    let (key, has_folder) = ((random.below(1 << 62), random.below(1 << 62)), random.percent(30));
    lines.maybe(has_folder.then(|| format!("/drive/{year}/{job_id}")));
    lines.maybe(has_folder.then(|| format!("{:016x}{:016x}", key.0, key.1)));
    lines.put(random.pick(&['W', 'P', 'C', 'H', 'D']));
}

/// Two jobs that were taken down on a phone and that the desktop does not know.
fn write_phones(lines: &mut Lines) {
    let clients = masters::client_ids();
    let jobs = [
        (90_001, clients[17], "Mobile: urgent 143(2) notice", "2025-11-01 03:55:12.345678+00"),
        (90_002, clients[18], "Mobile job — client's premises ₹", "2025-11-01 04:10:59.000001+00"),
    ];
    for (job_id, client_id, work, stamp) in jobs {
        lines.put(1).put(0).put(1).put(job_id).nulls(3).put(2025).put(client_id);
        lines.put("2025-11-01").put("2025-11-15").put('N').put(work).put("Client site");
        lines.nulls(3).put('W');
        end_in_cloud(lines, "M", stamp);
    }
}
