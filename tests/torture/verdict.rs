//! Whether a promise was broken: both sides against what the writers did.
//!
//! Told from the shadow alone, and never from what pgsync says of itself,
//! except for its rejects and for which rows it wrote.

use crate::found::{Found, Holdings, Reject};
use crate::shadow::Shadow;
use crate::tables::{ALL, Table};
use pgsync_testkit::Side;
use std::collections::{BTreeMap, BTreeSet};

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A row did not arrive, and is not among the rejects.
    Lost,
    /// A row, or a key that must be there once, is there twice.
    Doubled,
    /// A row was changed, made or deleted that pgsync must not touch.
    WronglyChanged,
    /// A reject that has no cause any more.
    Stale,
    /// There is always something left to do, or a run does not end.
    Restless,
}

pub const FAULTS: [Fault; 5] =
    [Fault::Lost, Fault::Doubled, Fault::WronglyChanged, Fault::Stale, Fault::Restless];

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "rows lost",
            Self::Doubled => "rows doubled",
            Self::WronglyChanged => "rows wrongly changed",
            Self::Stale => "rejects without a cause",
            Self::Restless => "runs that found no end",
        }
    }
}

/// What of pgsync there was before the first run.
///
/// A forward that finds no ledger on the desktop cannot tell a phone's row
/// that came back from a conflict; then reverse alone tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    WithOwnTables,
    WithoutOwnTables,
}

/// A broken promise, in words.
pub type Finding = (Fault, String);

pub struct Verdict<'a> {
    pub shadow: &'a Shadow,
    pub cloud: &'a Holdings,
    pub desktop: &'a Holdings,
    pub beginning: Beginning,
    pub findings: Vec<Finding>,
}

impl Verdict<'_> {
    pub fn reach(&mut self) {
        for table in ALL {
            self.rows_of_the_office(table);
            self.rows_of_the_phones(table);
            self.rows_of_others_in_the_cloud(table);
            if table.shares_keys() {
                self.keys_to_the_desktop(table);
                self.one_row_a_key(table);
            }
            if table.is_mirrored() {
                self.mirrored(table);
            }
        }
        self.upserted();
        self.delivered();
        self.rejects_have_causes();
    }

    fn find(&mut self, fault: Fault, what: String) {
        self.findings.push((fault, what));
    }

    /// The desktop has exactly what the office wrote last, and besides that
    /// versions of cloud rows, once each.
    fn rows_of_the_office(&mut self, table: Table) {
        let (name, found) = (table.name(), by_uid(self.desktop.rows(table)));
        for (uid, rows) in &found {
            self.whole("desktop", name, rows);
            match self.shadow.row(Side::Desktop, table, uid) {
                Some(Some(state)) => {
                    if rows.len() != state.copies {
                        let fault = if rows.len() > state.copies {
                            Fault::Doubled
                        } else {
                            Fault::WronglyChanged
                        };
                        self.find(
                            fault,
                            format!(
                                "desktop {name} {uid}: {} rows, the office left {}",
                                rows.len(),
                                state.copies
                            ),
                        );
                    }
                    if let Some(row) =
                        rows.iter().find(|row| row.ver != state.ver || row.key != state.key)
                    {
                        self.find(
                            Fault::WronglyChanged,
                            format!("desktop {name} {uid}: {row:?}, the office left {state:?}"),
                        );
                    }
                }
                written => self.came_from_the_cloud(table, uid, rows, written.is_some()),
            }
        }
        let left: Vec<String> =
            self.shadow.rows(Side::Desktop, table).map(|(uid, _)| uid.clone()).collect();
        for uid in left.iter().filter(|uid| !found.contains_key(uid.as_str())) {
            self.find(
                Fault::WronglyChanged,
                format!("desktop {name} {uid}: is gone, and nobody deleted it"),
            );
        }
    }

    fn came_from_the_cloud(&mut self, table: Table, uid: &str, rows: &[&Found], deleted: bool) {
        let name = table.name();
        if rows.len() > 1 && !self.shadow.was_copied(uid) {
            self.find(Fault::Doubled, format!("desktop {name} {uid}: {} times", rows.len()));
        }
        if rows.iter().any(|row| !row.ours || !self.shadow.knows(uid, &row.ver)) {
            self.find(
                Fault::WronglyChanged,
                format!("desktop {name} {uid}: nobody wrote {rows:?}"),
            );
        }
        if deleted && table == Table::Diary {
            self.find(
                Fault::Doubled,
                format!("desktop {name} {uid}: delivered again after it was deleted there"),
            );
        }
    }

    /// The rows of the phones are in the cloud as the phones left them.
    fn rows_of_the_phones(&mut self, table: Table) {
        let (name, rows) = (table.name(), self.cloud.rows(table));
        let found = by_uid(rows.iter().filter(|row| row.phone));
        for (uid, rows) in &found {
            self.whole("cloud", name, rows);
            let state = self.shadow.row(Side::Cloud, table, uid).flatten().cloned();
            let equal = |row: &&Found| {
                state.as_ref().is_some_and(|state| row.ver == state.ver && row.key == state.key)
            };
            if rows.len() > 1 {
                self.find(Fault::Doubled, format!("cloud {name} {uid}: {} times", rows.len()));
            } else if !rows.iter().all(|row| table == Table::Diary || equal(row))
                || rows.iter().any(|row| state.as_ref().is_none_or(|state| state.ver != row.ver))
            {
                self.find(
                    Fault::WronglyChanged,
                    format!("cloud {name} {uid}: {rows:?}, the phone left {state:?}"),
                );
            }
        }
        let left = self.shadow.rows(Side::Cloud, table).filter(|(_, state)| state.phone);
        let left: Vec<String> = left.map(|(uid, _)| uid.clone()).collect();
        for uid in left.iter().filter(|uid| !found.contains_key(uid.as_str())) {
            self.find(
                Fault::WronglyChanged,
                format!("cloud {name} {uid}: is gone, and no phone deleted it"),
            );
        }
    }

    /// Every other row of the cloud is one that somebody wrote.
    fn rows_of_others_in_the_cloud(&mut self, table: Table) {
        let (name, rows) = (table.name(), self.cloud.rows(table));
        for row in rows.iter().filter(|row| !row.phone) {
            self.whole("cloud", name, &[row]);
            if !self.shadow.knows(&row.uid, &row.ver) {
                self.find(Fault::WronglyChanged, format!("cloud {name}: nobody wrote {row:?}"));
            }
        }
        if table.is_mirrored() {
            return;
        }
        for (uid, rows) in by_uid(rows.iter().filter(|row| !row.phone)) {
            if rows.len() > 1 {
                self.find(Fault::Doubled, format!("cloud {name} {uid}: {} times", rows.len()));
            }
        }
    }

    fn whole(&mut self, side: &str, name: &str, rows: &[&Found]) {
        if let Some(row) = rows.iter().find(|row| !row.whole) {
            self.find(Fault::WronglyChanged, format!("{side} {name}: of two versions: {row:?}"));
        }
    }

    /// Every key of the cloud is on the desktop or among the rejects, unless
    /// the office deleted it after the phones last wrote it.
    fn keys_to_the_desktop(&mut self, table: Table) {
        let name = table.name();
        for row in self.cloud.rows(table) {
            let Some(key) = row.key else {
                // The office's own has come back; without a key it is not looked at.
                if row.phone && !self.desktop.rejects_row(table, &row.uid) {
                    self.find(
                        Fault::Lost,
                        format!("reverse {name} {}: has no key, and is no reject", row.uid),
                    );
                }
                continue;
            };
            let there = self.desktop.with_key(table, key).next().is_some();
            let deleted = self.shadow.deleted(Side::Desktop, table, key);
            let excused = deleted > self.shadow.written(Side::Cloud, table, key);
            if !there && !excused && !self.desktop.rejects_key(table, key) {
                self.find(
                    Fault::Lost,
                    format!("reverse {name} key {key}: {row:?} is not on the desktop"),
                );
            }
        }
    }

    /// A row of the office and one of the cloud never share a key there. (A row
    /// that the office deleted can come back from the cloud, beside others with
    /// its key.)
    fn one_row_a_key(&mut self, table: Table) {
        let mut makers: BTreeMap<i64, BTreeSet<char>> = BTreeMap::new();
        for row in self.desktop.rows(table) {
            let came_back = self.shadow.row_deleted(Side::Desktop, table, &row.uid);
            if let Some(key) = row.key.filter(|_| !came_back) {
                makers.entry(key).or_default().extend(row.uid.chars().next());
            }
        }
        for (key, makers) in makers {
            if makers.len() > 1 {
                self.find(
                    Fault::Doubled,
                    format!(
                        "desktop {} key {key}: a row of the office and one of the cloud",
                        table.name()
                    ),
                );
            }
        }
    }

    /// The same rows on both sides, copies counted.
    fn mirrored(&mut self, table: Table) {
        let name = table.name();
        let content = |row: &Found| (row.key, row.uid.clone(), row.ver.clone());
        let desktop = self.desktop.rows(table).iter().filter(|row| !row.phone && !row.ours);
        let cloud = self.cloud.rows(table).iter().filter(|row| !row.phone);
        let (mut desktop, mut cloud): (Vec<_>, Vec<_>) =
            (desktop.map(content).collect(), cloud.map(content).collect());
        desktop.sort();
        cloud.sort();
        let lacking = without(&desktop, &cloud);
        let surplus = without(&cloud, &desktop);
        for row in lacking {
            self.find(Fault::Lost, format!("forward {name}: {row:?} is not in the cloud"));
        }
        for row in surplus {
            let copies = desktop.iter().any(|(_, uid, _)| *uid == row.1);
            let fault = if copies { Fault::Doubled } else { Fault::Lost };
            self.find(fault, format!("forward {name}: {row:?} should not be in the cloud"));
        }
    }

    fn upserted(&mut self) {
        let keys: BTreeSet<Option<i64>> =
            self.desktop.rows(Table::Client).iter().map(|row| row.key).collect();
        for key in keys {
            match key {
                Some(key) => self.upserted_key(key),
                None => self.without_key(),
            }
        }
    }

    fn without_key(&mut self) {
        for row in self.desktop.rows(Table::Client).iter().filter(|row| row.key.is_none()) {
            if !self.cloud.rejects_row(Table::Client, &row.uid) {
                self.find(
                    Fault::Lost,
                    format!("forward client {}: has no key, and is no reject", row.uid),
                );
            }
        }
    }

    fn upserted_key(&mut self, key: i64) {
        let table = Table::Client;
        let rows: Vec<&Found> = self.desktop.with_key(table, key).collect();
        let rejected = self.cloud.rejects_key(table, key);
        let [row] = rows.as_slice() else {
            if !rejected {
                self.find(
                    Fault::Lost,
                    format!("forward client key {key}: stands on several rows, and is no reject"),
                );
            }
            return;
        };
        let Some(there) = self.cloud.with_key(table, key).next() else {
            let deleted = self.shadow.deleted(Side::Cloud, table, key);
            let again = deleted < self.shadow.row_written(Side::Desktop, table, &row.uid);
            let of_a_phone = row.uid.starts_with('c') && row.phone && deleted > 0;
            if !rejected && !of_a_phone && (again || deleted == 0) {
                self.find(
                    Fault::Lost,
                    format!("forward client key {key}: {row:?} is not in the cloud"),
                );
            }
            return;
        };
        if there.phone {
            let forward = rejected || self.beginning == Beginning::WithoutOwnTables;
            let told = forward && self.desktop.rejects_key(table, key);
            if there.uid != row.uid && !told {
                self.find(Fault::Lost, format!("client key {key}: a conflict of {row:?} and {there:?} that was not told by both"));
            }
        } else if (&there.uid, &there.ver) != (&row.uid, &row.ver) {
            self.differs(key, row, there);
        }
    }

    /// A phone's change of a row of the desktop stands until the desktop's row
    /// changes too.
    fn differs(&mut self, key: i64, row: &Found, there: &Found) {
        let table = Table::Client;
        let phone = self.shadow.row(Side::Cloud, table, &there.uid).flatten();
        let is_the_phones = phone.is_some_and(|state| state.ver == there.ver);
        // A row that was deleted here and came back from there is the cloud's
        // version of that moment; what was under way goes on.
        if row.ours && self.shadow.row_deleted(Side::Desktop, table, &row.uid) {
            return;
        }
        let office = self.shadow.row_written(Side::Desktop, table, &row.uid);
        let phones = self.shadow.row_written(Side::Cloud, table, &there.uid);
        if !is_the_phones || office > phones {
            self.find(
                Fault::Lost,
                format!("forward client key {key}: the cloud has {there:?}, not {row:?}"),
            );
        }
    }

    /// Every row of the phones in the diary has come once.
    fn delivered(&mut self) {
        let desktop = by_uid(self.desktop.rows(Table::Diary));
        for row in self.cloud.rows(Table::Diary).iter().filter(|row| row.phone) {
            let deleted = self.shadow.row(Side::Desktop, Table::Diary, &row.uid) == Some(None);
            if !deleted && !desktop.contains_key(row.uid.as_str()) {
                self.find(Fault::Lost, format!("reverse diary: {row:?} is not on the desktop"));
            }
        }
    }

    fn rejects_have_causes(&mut self) {
        let rejects: Vec<Reject> =
            self.desktop.rejects.iter().chain(&self.cloud.rejects).cloned().collect();
        for reject in rejects {
            if !self.has_a_cause(&reject) {
                self.find(Fault::Stale, format!("{reject:?}"));
            }
        }
    }

    fn has_a_cause(&self, reject: &Reject) -> bool {
        let source = if reject.direction == "reverse" { self.cloud } else { self.desktop };
        let table = reject.table;
        match (reject.reason.as_str(), reject.key) {
            ("no key", _) => source
                .rows(table)
                .iter()
                .any(|row| row.key.is_none() && Some(&row.uid) == reject.uid.as_ref()),
            ("duplicate key", Some(key)) => source.with_key(table, key).count() > 1,
            ("key conflict", Some(key)) => {
                let mut phones = self.cloud.with_key(table, key).filter(|row| row.phone);
                phones.any(|phone| {
                    let mut rows = self.desktop.with_key(table, key);
                    rows.any(|row| row.uid != phone.uid)
                })
            }
            _ => false,
        }
    }
}

fn by_uid<'a>(rows: impl IntoIterator<Item = &'a Found>) -> BTreeMap<&'a str, Vec<&'a Found>> {
    let mut found: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    for row in rows {
        found.entry(&row.uid).or_default().push(row);
    }
    found
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
