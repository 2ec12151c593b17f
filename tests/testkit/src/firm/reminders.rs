//! Reminders and the answers to them, which have other table names on the two sides, and the
//! leave requests, which only phones make.

use super::day::Day;
use super::lines::{Column, Lines, On::Both, On::Cloud};
use super::masters;
use super::prng::Prng;
use super::stamps::{Sent, Stamps, end_in_cloud};
use crate::programs::Side;

const REMINDERS: i64 = 129;
const DETAILS: i64 = 37;

pub const COLUMNS: &[Column] = &[
    ("rem_id", Both),
    ("org_id", Both),
    ("loc_id", Both),
    ("year_id", Both),
    ("staff_id", Both),
    ("remdate", Both),
    ("client_id", Both),
    ("client_name", Both),
    ("remtype", Both),
    ("remnotes", Both),
    ("remduedate", Both),
    ("user_create", Both),
    ("user_create_dt", Both),
    ("remtotype", Both),
    ("remstatus", Both),
    ("remtime", Both),
    ("remtitle", Both),
    ("color", Both),
];

pub fn write(side: Side, lines: &mut Lines) {
    let stamps = Stamps::new(side, 9, Sent::RowByRow(20));
    let mut random = Prng::new(11);
    let (staff, clients) = (masters::staff_ids(), masters::client_ids());
    for row in 0..REMINDERS {
        let day = Day(random.between(Day::new(2025, 6, 1).0, Day::new(2025, 12, 31).0));
        let (client_id, has_client) = (random.pick(&clients), !random.percent(1));
        lines.put(row + 1).put(1).put(1).put(2025).put(random.pick(&staff)).put(day);
        lines.maybe(has_client.then_some(client_id));
        lines.maybe(has_client.then(|| format!("Client {client_id}")));
        lines.put(random.pick(&["Filing", "Meeting", "Payment"]));
        lines.maybe(random.pick(&[Some("Due soon"), Some("Call client"), None]));
        lines.put(day.plus(7)).put("admin").put(day).put(random.pick(&['S', 'A']));
        lines.put(random.below(2)).put(format_args!("{:02}:30:00", random.between(9, 18)));
        lines.put(format_args!("Reminder {}", row + 1));
        lines.put(random.between(-(1 << 24), 1 << 24));
        stamps.end(lines, row);
    }
    if side == Side::Cloud {
        write_phones(&clients, lines);
    }
}

/// Three reminders that were made on phones.
fn write_phones(clients: &[i64], lines: &mut Lines) {
    for (number, client_id) in (0..3).zip(clients) {
        lines.put(90_001 + number).put(1).put(1).put(2025).put(2 + number).put("2025-11-01");
        lines.put(client_id).put(format_args!("Client {client_id}")).put("Meeting");
        lines.put(format_args!("from mobile {number}")).put("2025-11-08").put("MM");
        lines.put("2025-11-01").put('S').put(1).put("10:15:00");
        lines.put(format_args!("Mobile reminder {number}")).put(-65_536);
        let stamp = format!("2025-11-01 04:2{number}:30.{:06}+00", 123_456 + number);
        end_in_cloud(lines, "M", &stamp);
    }
}

pub const DETAIL_COLUMNS: &[Column] = &[
    ("remdetid", Both),
    ("rem_id", Both),
    ("staff_id", Both),
    ("remresponse", Both),
    ("remresstatus", Both),
];

/// Some answers are of staff 98, who does not exist.
pub fn details(side: Side, lines: &mut Lines) {
    let stamps = Stamps::new(side, 10, Sent::RowByRow(21));
    let mut random = Prng::new(12);
    let staff: Vec<i64> = masters::staff_ids().into_iter().chain([98]).collect();
    for row in 0..DETAILS {
        lines.put(row + 1).put(random.between(1, REMINDERS + 1)).put(random.pick(&staff));
        lines.maybe(random.pick(&[Some("Noted"), Some("Done"), None]));
        lines.put(random.pick(&['Y', 'N']));
        stamps.end(lines, row);
    }
}

pub const LEAVE_COLUMNS: &[Column] = &[
    ("org_id", Both),
    ("con_id", Both),
    ("loc_id", Both),
    ("learequest_id", Both),
    ("staff_id", Cloud),
    ("requestdate", Both),
    ("fromdate", Both),
    ("todate", Both),
    ("fhvalue", Both),
    ("leavetype", Both),
    ("leaveremarks", Both),
    ("createdby", Both),
    ("createddate", Both),
    ("approval_status", Both),
];

pub fn leave_requests(side: Side, lines: &mut Lines) {
    if side == Side::Desktop {
        return;
    }
    for (number, kind) in (0..).zip(["CL", "SL", "AL", "PL", "CL"]) {
        lines.put(1).put(3).put(1).put(number + 1).put(3 + number).put("2025-11-01");
        lines.put(format_args!("2025-11-{}", 10 + number));
        lines.put(format_args!("2025-11-{}", 11 + number));
        lines.maybe((number == 0).then_some("FH")).put(kind);
        lines.put(format_args!("Leave {} ‑ family function", number + 1));
        lines.put(format_args!("U{}", 3 + number)).put("2025-11-01").put('P');
        let stamp = format!("2025-11-01 06:0{number}:11.{:06}+00", 654_321 - number);
        end_in_cloud(lines, "M", &stamp);
    }
}
