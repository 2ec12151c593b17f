//! What one side has is on the other, or among the rejects.

use crate::found::Found;
use crate::shadow::Last;
use crate::tables::{ALL, Table};
use crate::verdict::{Beginning, Evidence, Fault, Finding, by_uid};
use pgsync_testkit::Side;
use std::collections::BTreeSet;

impl Evidence<'_> {
    pub(super) fn arrival(&self) -> Vec<Finding> {
        let sharing = ALL.into_iter().filter(|table| table.shares_keys());
        let mirrored = ALL.into_iter().filter(|table| table.is_mirrored());
        let lost = [
            sharing.flat_map(|table| self.keys_to_the_desktop(table)).collect(),
            self.delivered(),
            self.upserted(),
        ];
        let lost = lost.concat().into_iter().map(|what| (Fault::Lost, what));
        lost.chain(mirrored.flat_map(|table| self.mirrored(table))).collect()
    }

    /// Every key of the cloud is on the desktop or among the rejects, unless
    /// the office deleted it after the phones last wrote it.
    fn keys_to_the_desktop(&self, table: Table) -> Vec<String> {
        let rows = self.cloud.rows(table).iter();
        let lost = rows.filter(|row| match row.key {
            // The office's own has come back; without a key it is not looked at.
            None => row.phone && !self.desktop.rejects_row(table, &row.uid),
            Some(key) => {
                let excused = self.is_deleted(table, key, row) || self.is_given_up(table, key, row);
                !self.has_come(table, key, row) && !excused && !self.desktop.rejects_key(table, key)
            }
        });
        let what = |row| format!("reverse {}: {row:?} is not on the desktop", table.name());
        lost.map(what).collect()
    }

    /// A key comes in once; where a phone gave it out, with the phone's row.
    fn has_come(&self, table: Table, key: i64, row: &Found) -> bool {
        let mut there = self.desktop.with_key(table, key);
        there.any(|there| !has_key_alone(table, row) || there.uid == row.uid)
    }

    /// Whether the office deleted the key after the phones last wrote it; a row
    /// of its own with a phone's number does not count.
    fn is_deleted(&self, table: Table, key: i64, row: &Found) -> bool {
        let meant = !has_key_alone(table, row)
            || self.shadow.row_deleted(Side::Desktop, table, &row.uid) > 0;
        let deleted = self.shadow.deleted(Side::Desktop, table, key);
        meant && deleted > self.shadow.written(Side::Cloud, table, key)
    }

    /// The office's own version, which it has deleted since. Who wrote last says
    /// nothing here:
    ///
    /// 1. A phone changes a row of the office and does not commit yet.
    /// 2. The office changes it too; `forward` reads that, and waits for the phone.
    /// 3. The office deletes the row.
    /// 4. The phone commits, and `forward` writes the office's version over its.
    fn is_given_up(&self, table: Table, key: i64, row: &Found) -> bool {
        let deleted = self.shadow.row_deleted(Side::Desktop, table, &row.uid);
        row.ours
            && self.forwards.span(deleted, self.shadow.written(Side::Cloud, table, key))
            && self.shadow.wrote(Side::Desktop, &row.uid, &row.ver)
            && self.shadow.row(Side::Desktop, table, &row.uid) == Last::Deleted
    }

    /// Every row of the phones in the diary has come, unless it was deleted
    /// afterwards.
    fn delivered(&self) -> Vec<String> {
        let (table, there) = (Table::Diary, by_uid(self.desktop.rows(Table::Diary)));
        let lost = self.cloud.rows(table).iter().filter(|row| {
            let deleted = self.shadow.row(Side::Desktop, table, &row.uid) == Last::Deleted;
            let excused = deleted || self.desktop.rejects_row(table, &row.uid);
            row.phone && !excused && !there.contains_key(row.uid.as_str())
        });
        lost.map(|row| format!("reverse diary: {row:?} is not on the desktop")).collect()
    }

    /// The same rows on both sides, copies counted.
    fn mirrored(&self, table: Table) -> Vec<Finding> {
        let name = table.name();
        let content = |row: &Found| (row.uid.clone(), row.ver.clone(), row.key);
        let desktop = self.desktop.rows(table).iter().filter(|row| !row.phone && !row.ours);
        let cloud = self.cloud.rows(table).iter().filter(|row| !row.phone);
        let (desktop, cloud): (Vec<_>, Vec<_>) =
            (desktop.map(content).collect(), cloud.map(content).collect());
        let refused = |row: &(String, String, Option<i64>)| {
            // Where the new row of a key is refused, the old one stays.
            let by_key = row.2.is_some_and(|key| self.cloud.rejects_key(table, key));
            by_key || self.cloud.rejects_row(table, &row.0)
        };
        let lacking = without(&desktop, &cloud).into_iter().filter(|row| !refused(row));
        let lacking = lacking.map(|row| (Fault::Lost, format!("forward {name}: lacks {row:?}")));
        let surplus = without(&cloud, &desktop).into_iter().filter(|row| !refused(row));
        let surplus = surplus.map(|row| {
            let copied = desktop.contains(&row);
            let fault = if copied { Fault::Doubled } else { Fault::Lost };
            (fault, format!("forward {name}: {row:?} is in the cloud, not on the desktop"))
        });
        lacking.chain(surplus).collect()
    }

    fn upserted(&self) -> Vec<String> {
        let table = Table::Client;
        let rows = self.desktop.rows(table);
        let keyless = rows.iter().filter(|row| row.key.is_none());
        let lost = keyless.filter(|row| !self.cloud.rejects_row(table, &row.uid));
        let keyless = lost.map(|row| format!("forward client: {row:?} is no reject"));
        let keys: BTreeSet<i64> = rows.iter().filter_map(|row| row.key).collect();
        let lost = keys.into_iter().filter_map(|key| Some((key, self.upserted_key(key)?)));
        let keyed = lost.map(|(key, what)| format!("forward client key {key}: {what}"));
        keyless.chain(keyed).collect()
    }

    fn upserted_key(&self, key: i64) -> Option<String> {
        let rows: Vec<&Found> = self.desktop.with_key(Table::Client, key).collect();
        let rejected = self.cloud.rejects_key(Table::Client, key);
        let [row] = rows.as_slice() else {
            return (!rejected).then(|| "stands on several rows, and is no reject".to_owned());
        };
        match self.cloud.with_key(Table::Client, key).next() {
            _ if rejected && !self.is_conflict(key, row) => None,
            None => self.is_missed(key, row).then(|| format!("the cloud lacks {row:?}")),
            Some(there) if there.phone => self.is_untold(key, row, there, rejected),
            Some(there) => self.differs(row, there),
        }
    }

    fn is_conflict(&self, key: i64, row: &Found) -> bool {
        let mut there = self.cloud.with_key(Table::Client, key);
        there.any(|there| there.phone && there.uid != row.uid)
    }

    /// What a phone deleted comes again only if the office writes it again, and
    /// a row that a phone made does not come back to it.
    fn is_missed(&self, key: i64, row: &Found) -> bool {
        let deleted = self.shadow.deleted(Side::Cloud, Table::Client, key);
        let again = deleted < self.shadow.row_written(Side::Desktop, Table::Client, &row.uid);
        let of_a_phone = row.uid.starts_with('c') && row.phone && deleted > 0;
        !of_a_phone && (again || deleted == 0)
    }

    /// Both directions tell of a number that was given out twice.
    fn is_untold(&self, key: i64, row: &Found, there: &Found, rejected: bool) -> Option<String> {
        let forward = rejected || self.beginning == Beginning::WithoutOwnTables;
        let told = forward && self.desktop.rejects_key(Table::Client, key);
        let untold = there.uid != row.uid && !told;
        untold.then(|| format!("both did not tell of a conflict of {row:?} and {there:?}"))
    }

    /// A phone's change of a row of the desktop stands until the desktop's row
    /// changes too.
    fn differs(&self, row: &Found, there: &Found) -> Option<String> {
        let table = Table::Client;
        // A row that was deleted here and came back from there is the cloud's
        // version of that moment; what was under way goes on.
        let came_back = row.ours && self.shadow.row_deleted(Side::Desktop, table, &row.uid) > 0;
        if (&there.uid, &there.ver) == (&row.uid, &row.ver) || came_back {
            return None;
        }
        let phone = self.shadow.row(Side::Cloud, table, &there.uid);
        let is_the_phones = matches!(phone, Last::Left(state) if state.ver == there.ver);
        let office = self.shadow.row_written(Side::Desktop, table, &row.uid);
        let later = self.shadow.row_written(Side::Cloud, table, &there.uid);
        // What no forward can have carried in between is still to be carried.
        let carried = office == 0 || self.forwards.came_between(office, later);
        let stands = there.uid == row.uid && is_the_phones && office <= later && carried;
        (!stands).then(|| format!("the cloud has {there:?}, not {row:?}"))
    }
}

/// Whether a phone gave out the row's key, where no key is given out twice.
fn has_key_alone(table: Table, row: &Found) -> bool {
    row.phone && !table.is_mirrored()
}

/// What the first list has and the second has not, copies counted.
fn without<T: Clone + PartialEq>(left: &[T], right: &[T]) -> Vec<T> {
    let mut rest = right.to_vec();
    let mut lacking = Vec::new();
    for row in left {
        match rest.iter().position(|other| other == row) {
            Some(at) => drop(rest.swap_remove(at)),
            None => lacking.push(row.clone()),
        }
    }
    lacking
}
