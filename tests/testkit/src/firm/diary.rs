//! The work diary: who worked on what, when. Its key `wd_id` is the cloud's alone.

use super::day::Day;
use super::jobs;
use super::lines::{Column, Lines, On::Both, On::Cloud};
use super::masters;
use super::prng::Prng;
use super::stamps::{Sent, Stamps, end_in_cloud};
use super::words;
use crate::programs::Side;

const ENTRIES: i64 = 30_000;
const PHONE_ENTRIES: i64 = 12;
const FIRST_WD_ID: i64 = 100_001;

pub const COLUMNS: &[Column] = &[
    ("wd_id", Cloud),
    ("org_id", Both),
    ("con_id", Both),
    ("loc_id", Both),
    ("staff_id", Both),
    ("job_id", Both),
    ("task_id", Both),
    ("date", Both),
    ("timefrom", Both),
    ("timeto", Both),
    ("minutes", Both),
    ("tasknotes", Both),
    ("attachment", Both),
    ("doc_ref", Both),
];

pub fn write(side: Side, lines: &mut Lines) {
    let stamps = Stamps::new(side, 8, Sent::RowByRow(17));
    let mut random = Prng::new(10);
    let staff = masters::staff_ids();
    for row in 0..ENTRIES {
        lines.put(FIRST_WD_ID + row).put(1).put(random.pick(&[0, 1, 2, 3, 5])).put(1);
        lines.put(random.pick(&staff)).put(random.between(1, jobs::distinct() + 1));
        let (task_id, is_known) = (random.between(1, 27), !random.percent(5));
        lines.maybe(is_known.then_some(task_id));
        describe_times(&mut random, lines);
        lines.maybe(random.pick(&words::NOTES));
        lines.maybe(random.pick(&[Some('N'), None, Some('Y')]));
        let has_document = random.percent(10);
        lines.maybe(has_document.then(|| format!("D{row:05}")));
        stamps.end(lines, row);
    }
    if side == Side::Cloud {
        write_phones(lines);
    }
}

/// From a quarter of an hour on, and never past midnight.
fn describe_times(random: &mut Prng, lines: &mut Lines) {
    let day = Day(random.between(Day::new(2023, 4, 1).0, Day::new(2025, 10, 31).0));
    let from = random.between(8, 19) * 60 + random.below(4) * 15;
    let minutes = random.between(1, 20) * 15;
    lines.put(day);
    for time in [from, from + minutes] {
        lines.put(format_args!("{day} {:02}:{:02}:00", time / 60, time % 60));
    }
    lines.put(minutes);
}

/// Entries that were made on phones and that the desktop does not know.
fn write_phones(lines: &mut Lines) {
    for entry in 0..PHONE_ENTRIES {
        let hour = 9 + entry % 8;
        lines.put(130_001 + entry).put(1).put(0).put(1).put(2 + entry % 5).put(100 + entry).null();
        lines.put("2025-11-01");
        lines.put(format_args!("2025-11-01 {hour:02}:00:00"));
        lines.put(format_args!("2025-11-01 {hour:02}:45:00"));
        lines.put(45).put(format_args!("Mobile diary {entry}")).put('N').null();
        let stamp = format!("2025-11-01 05:{entry:02}:03.{:06}+00", 77_777 + entry * 1013);
        end_in_cloud(lines, "M", &stamp);
    }
}
