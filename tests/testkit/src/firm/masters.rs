//! The firm's small tables: offices, contractors, clients, staff.
//! It must not know the jobs that point to them, and some that point past them.

use super::day::Day;
use super::lines::{Column, Lines, On::Both};
use super::prng::Prng;
use super::stamps::{Sent, Stamps, end_in_cloud};
use super::words;
use crate::programs::Side;

/// The contractors that exist on both sides; the cloud has a 0 as well, made up for the rows that
/// point to none.
pub const CONTRACTORS: [i64; 4] = [1, 2, 3, 5];

pub const ORG_COLUMNS: &[Column] = &[("org_id", Both), ("orgname", Both)];

pub fn orgs(side: Side, lines: &mut Lines) {
    let stamps = Stamps::new(side, 0, Sent::AtOnce("00.412345"));
    for (row, name) in (0..).zip(["Power CA & Associates", "Power CA Advisory LLP"]) {
        lines.put(row + 1).put(name);
        stamps.end(lines, row);
    }
}

pub const LOC_COLUMNS: &[Column] = &[("org_id", Both), ("loc_id", Both), ("locname", Both)];

pub fn locs(side: Side, lines: &mut Lines) {
    lines.put(1).put(1).put("Chennai — Head Office");
    Stamps::new(side, 1, Sent::AtOnce("00.567891")).end(lines, 0);
}

pub const CON_COLUMNS: &[Column] =
    &[("org_id", Both), ("con_id", Both), ("conname", Both), ("conmail", Both), ("conphone", Both)];

pub fn cons(side: Side, lines: &mut Lines) {
    let stamps = Stamps::new(side, 2, Sent::AtOnce("00.712004"));
    let mut random = Prng::new(2);
    for (row, con_id) in (0..).zip(CONTRACTORS) {
        lines.put(1).put(con_id).put(words::person(&mut random));
        lines.put(format_args!("con{con_id}@example.com"));
        lines.put(format_args!("+91 98400 {:05}", random.below(100_000)));
        stamps.end(lines, row);
    }
    if side == Side::Cloud {
        lines.put(1).put(0).put("No Contractor").null().null();
        end_in_cloud(lines, "S", "2025-10-28 09:15:42.318277+00");
    }
}

/// The 726 clients. 500 and a row of others have gone, and jobs still point to them.
pub fn client_ids() -> Vec<i64> {
    (1..=760).filter(|id| *id != 500 && id % 23 != 11).collect()
}

/// Clients that jobs point to and that are in no table.
pub fn missing_client_ids() -> Vec<i64> {
    let gone = (1..=760).filter(|id| id % 23 == 11).take(25);
    std::iter::once(500).chain(gone).chain(9001..9007).collect()
}

pub const CLI_COLUMNS: &[Column] = &[
    ("org_id", Both),
    ("con_id", Both),
    ("loc_id", Both),
    ("client_id", Both),
    ("clientname", Both),
    ("clientmail", Both),
    ("clientphone", Both),
];

/// 591 of the clients have the contractor 0 or none. The rows do not stand in order.
pub fn clients(side: Side, lines: &mut Lines) {
    let stamps = Stamps::new(side, 3, Sent::AtOnce("01.023456"));
    let mut random = Prng::new(3);
    let mut clients: Vec<(i64, i64)> = (0..).zip(client_ids()).collect();
    random.shuffle(&mut clients);
    for (row, (number, client_id)) in (0..).zip(clients) {
        let contractor = match number {
            0..440 => Some(0),
            440..591 => None,
            _ => Some(random.pick(&CONTRACTORS)),
        };
        lines.put(1).maybe(contractor).put(1).put(client_id).put(words::client(&mut random));
        let reachable = !random.percent(30);
        lines.maybe(reachable.then(|| format!("client{client_id}@example.com")));
        let phone = format!("0{:010}", random.below(10_000_000_000));
        lines.put(if random.percent(10) { "" } else { &phone });
        stamps.end(lines, row);
    }
}

pub const STAFF_COLUMNS: &[Column] = &[
    ("org_id", Both),
    ("con_id", Both),
    ("loc_id", Both),
    ("staff_id", Both),
    ("app_username", Both),
    ("app_pw", Both),
    ("stafftype", Both),
    ("name", Both),
    ("phonumber", Both),
    ("dob", Both),
    ("email", Both),
    ("whetherca", Both),
    ("ca_mem_no", Both),
    ("desc_id", Both),
    ("spdoj", Both),
    ("createdby", Both),
    ("createddate", Both),
    ("active_status", Both),
];

/// The 16 people who work here.
pub fn staff_ids() -> Vec<i64> {
    (2..18).collect()
}

pub fn staff(side: Side, lines: &mut Lines) {
    let stamps = Stamps::new(side, 4, Sent::AtOnce("01.402112"));
    let mut random = Prng::new(4);
    for (row, staff_id) in (0..).zip(staff_ids()) {
        let accountant = staff_id % 4 == 0;
        lines.put(1).put(if staff_id % 3 == 0 { 3 } else { 0 }).put(1).put(staff_id);
        lines.put(if staff_id == 2 { "MM".to_owned() } else { format!("U{staff_id}") });
        lines.put(format_args!("pw{:08x}", random.below(1 << 32))).put(staff_id % 3);
        lines.put(words::person(&mut random));
        lines.put(format_args!("9{:09}", random.below(1_000_000_000)));
        lines.put(Day(random.between(Day::new(1965, 1, 1).0, Day::new(2000, 1, 1).0)));
        lines.put(format_args!("staff{staff_id}@example.com"));
        lines.put(if accountant { 'Y' } else { 'N' });
        lines.maybe(accountant.then(|| format!("{:06}", random.below(1_000_000))));
        lines.put(staff_id % 5 + 1);
        lines.put(Day(random.between(Day::new(2005, 1, 1).0, Day::new(2024, 1, 1).0)));
        lines.put("admin");
        lines.put(Day(random.between(Day::new(2020, 1, 1).0, Day::new(2024, 1, 1).0)));
        lines.put(i64::from(staff_id != 17));
        stamps.end(lines, row);
    }
}
