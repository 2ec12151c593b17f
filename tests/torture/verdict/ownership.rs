//! The desktop belongs to the office, and the phones' rows to the phones. What
//! pgsync adds to either side is a version that somebody wrote on the other,
//! and it adds it once.

use crate::found::Found;
use crate::shadow::{Last, State};
use crate::tables::{ALL, Table};
use crate::verdict::{Evidence, Fault, Finding, by_uid};
use pgsync_testkit::Side;
use std::collections::{BTreeMap, BTreeSet};

impl Evidence<'_> {
    pub(super) fn ownership(&self) -> Vec<Finding> {
        let of_table = |table| {
            [
                self.of_two_versions(table),
                self.rows_of_the_desktop(table),
                self.rows_that_are_gone(table),
                self.rows_of_the_cloud(table),
                self.shared_keys(table),
            ]
            .concat()
        };
        ALL.into_iter().flat_map(of_table).collect()
    }

    /// A row is one of its versions, and not a mixture of two.
    fn of_two_versions(&self, table: Table) -> Vec<Finding> {
        let rows = self.cloud.rows(table).iter().chain(self.desktop.rows(table));
        let mixed = rows.filter(|row| !row.whole);
        let told = |row| (Fault::WronglyChanged, format!("{}: a mixture: {row:?}", table.name()));
        mixed.map(told).collect()
    }

    fn rows_of_the_desktop(&self, table: Table) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (uid, rows) in by_uid(self.desktop.rows(table)) {
            let found = match self.shadow.row(Side::Desktop, table, uid) {
                Last::Left(state) => of_the_office(state, &rows),
                Last::Deleted if table == Table::Diary => {
                    Some((Fault::Doubled, "was delivered again after it was deleted".to_owned()))
                }
                Last::Deleted | Last::Nothing => self.of_the_cloud(uid, &rows),
            };
            let place = |(fault, what)| (fault, format!("desktop {} {uid}: {what}", table.name()));
            findings.extend(found.map(place));
        }
        findings
    }

    fn of_the_cloud(&self, uid: &str, rows: &[&Found]) -> Option<Finding> {
        if rows.iter().any(|row| !row.ours || !self.shadow.knows(uid, &row.ver)) {
            return Some((Fault::WronglyChanged, format!("nobody wrote {rows:?}")));
        }
        let doubled = rows.len() > 1 && !self.shadow.was_copied(uid);
        doubled.then(|| (Fault::Doubled, format!("stands there {} times", rows.len())))
    }

    /// Rows of the office and of the phones that nobody has deleted.
    fn rows_that_are_gone(&self, table: Table) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (side, holdings) in [(Side::Cloud, self.cloud), (Side::Desktop, self.desktop)] {
            let found = by_uid(holdings.rows(table));
            let left = self.shadow.rows(side, table);
            let left = left.filter(|(_, state)| side == Side::Desktop || state.phone);
            for (uid, state) in left.filter(|(uid, _)| !found.contains_key(uid.as_str())) {
                let place = format!("{} {} {uid}", side.name(), table.name());
                let what = format!("{place}: is gone, and nobody deleted {state:?}");
                findings.push((Fault::WronglyChanged, what));
            }
        }
        findings
    }

    fn rows_of_the_cloud(&self, table: Table) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (uid, rows) in by_uid(self.cloud.rows(table)) {
            let phones = rows.iter().any(|row| row.phone);
            let found = match self.shadow.row(Side::Cloud, table, uid) {
                Last::Left(state) if phones => of_a_phone(state, &rows),
                _ if phones => Some((Fault::WronglyChanged, format!("no phone left {rows:?}"))),
                _ => self.of_nobody(table, uid, &rows),
            };
            let place = |(fault, what)| (fault, format!("cloud {} {uid}: {what}", table.name()));
            findings.extend(found.map(place));
        }
        findings
    }

    fn of_nobody(&self, table: Table, uid: &str, rows: &[&Found]) -> Option<Finding> {
        if rows.iter().any(|row| !self.shadow.knows(uid, &row.ver)) {
            return Some((Fault::WronglyChanged, format!("nobody wrote {rows:?}")));
        }
        let doubled = rows.len() > 1 && !table.is_mirrored();
        doubled.then(|| (Fault::Doubled, format!("stands there {} times", rows.len())))
    }

    /// A row of the office and one of the cloud never share a key on the
    /// desktop. (A row that the office deleted can come back from the cloud,
    /// beside others with its key.)
    fn shared_keys(&self, table: Table) -> Vec<Finding> {
        let mut makers: BTreeMap<i64, BTreeSet<char>> = BTreeMap::new();
        for row in self.desktop.rows(table) {
            let came_back = self.shadow.row_deleted(Side::Desktop, table, &row.uid) > 0;
            if let Some(key) = row.key.filter(|_| !came_back) {
                makers.entry(key).or_default().extend(row.uid.chars().next());
            }
        }
        let shared = makers.into_iter().filter(|(_, makers)| makers.len() > 1);
        let what = |key| format!("desktop {} key {key}: given out by both sides", table.name());
        shared.map(|(key, _)| (Fault::Doubled, what(key))).collect()
    }
}

fn of_the_office(state: &State, rows: &[&Found]) -> Option<Finding> {
    if rows.iter().any(|row| row.ver != state.ver || row.key != state.key) {
        return Some((Fault::WronglyChanged, format!("{rows:?}, the office left {state:?}")));
    }
    let (there, left) = (rows.len(), state.copies);
    let fault = if there > left { Fault::Doubled } else { Fault::WronglyChanged };
    (there != left).then(|| (fault, format!("{there} copies, the office left {left}")))
}

fn of_a_phone(state: &State, rows: &[&Found]) -> Option<Finding> {
    let is_left = |row: &&Found| row.phone && row.ver == state.ver && row.key == state.key;
    if !rows.iter().all(is_left) {
        return Some((Fault::WronglyChanged, format!("{rows:?}, the phone left {state:?}")));
    }
    (rows.len() > 1).then(|| (Fault::Doubled, format!("stands there {} times", rows.len())))
}
