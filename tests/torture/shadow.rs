//! What the writers have committed, side by side and in order: what the
//! databases are held against.
//!
//! It knows nothing of pgsync. What pgsync may have added is for [`crate::verdict`].

use crate::tables::Table;
use pgsync_testkit::Side;
use std::collections::{BTreeMap, HashMap, HashSet};

pub type Uid = String;

/// A row as a writer left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub key: Option<i64>,
    pub ver: String,
    /// Made by a phone: `source = 'M'`.
    pub phone: bool,
    pub copies: usize,
}

/// What a statement did to a row; `None`: it is gone.
#[derive(Debug, Clone)]
pub struct Effect {
    pub table: Table,
    pub uid: Uid,
    pub key: Option<i64>,
    pub after: Option<State>,
}

/// A key of a table on a side.
type Place = (Side, Table, i64);

/// What the writers of a side have last done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last<'a> {
    Nothing,
    Deleted,
    Left(&'a State),
}

#[derive(Debug, Default)]
pub struct Shadow {
    /// Rows that a writer of that side has written, by uid; `None`: deleted.
    rows: HashMap<(Side, Table), BTreeMap<Uid, Option<State>>>,
    /// Every version that was ever committed, with the side.
    versions: HashMap<(Side, Uid), HashSet<String>>,
    /// Counts the commits of both sides.
    commits: u64,
    /// When a row was last written and deleted.
    rows_written: HashMap<(Side, Table, Uid), u64>,
    rows_deleted: HashMap<(Side, Table, Uid), u64>,
    copied: HashSet<Uid>,
    written: HashMap<Place, u64>,
    deleted: HashMap<Place, u64>,
}

impl Shadow {
    /// A transaction is committed.
    pub fn commit(&mut self, side: Side, effects: Vec<Effect>) {
        self.commits += 1;
        for effect in effects {
            self.apply(side, effect);
        }
    }

    fn apply(&mut self, side: Side, Effect { table, uid, key, after }: Effect) {
        if after.is_none() {
            self.rows_deleted.insert((side, table, uid.clone()), self.commits);
            if let Some(key) = key {
                self.deleted.insert((side, table, key), self.commits);
            }
        }
        if let Some(state) = &after {
            self.versions.entry((side, uid.clone())).or_default().insert(state.ver.clone());
            if state.copies > 1 {
                self.copied.insert(uid.clone());
            }
            self.rows_written.insert((side, table, uid.clone()), self.commits);
            if let Some(key) = state.key {
                self.written.insert((side, table, key), self.commits);
            }
        }
        self.rows.entry((side, table)).or_default().insert(uid, after);
    }

    /// How many transactions have been committed so far, on both sides.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// What the writers of a side have last done to a row.
    pub fn row(&self, side: Side, table: Table, uid: &str) -> Last<'_> {
        match self.rows.get(&(side, table)).and_then(|rows| rows.get(uid)) {
            None => Last::Nothing,
            Some(None) => Last::Deleted,
            Some(Some(state)) => Last::Left(state),
        }
    }

    /// The rows that writers of a side have left there.
    pub fn rows(&self, side: Side, table: Table) -> impl Iterator<Item = (&Uid, &State)> {
        let rows = self.rows.get(&(side, table)).into_iter().flatten();
        rows.filter_map(|(uid, state)| Some((uid, state.as_ref()?)))
    }

    /// Whether somebody has ever committed this version of a row.
    pub fn knows(&self, uid: &str, ver: &str) -> bool {
        [Side::Cloud, Side::Desktop].iter().any(|side| self.wrote(*side, uid, ver))
    }

    /// Whether a writer of that side has ever committed this version of a row.
    pub fn wrote(&self, side: Side, uid: &str, ver: &str) -> bool {
        let versions = self.versions.get(&(side, uid.to_owned()));
        versions.is_some_and(|versions| versions.contains(ver))
    }

    /// When a writer of that side last wrote this row; 0 for never.
    pub fn row_written(&self, side: Side, table: Table, uid: &str) -> u64 {
        self.rows_written.get(&(side, table, uid.to_owned())).copied().unwrap_or(0)
    }

    /// When a writer of that side last deleted this row; 0 for never.
    pub fn row_deleted(&self, side: Side, table: Table, uid: &str) -> u64 {
        self.rows_deleted.get(&(side, table, uid.to_owned())).copied().unwrap_or(0)
    }

    /// Whether a row has ever stood there more than once.
    pub fn was_copied(&self, uid: &str) -> bool {
        self.copied.contains(uid)
    }

    /// When a writer of that side last wrote a row with this key; 0 for never.
    pub fn written(&self, side: Side, table: Table, key: i64) -> u64 {
        self.written.get(&(side, table, key)).copied().unwrap_or(0)
    }

    /// When a writer of that side last deleted a row with this key.
    pub fn deleted(&self, side: Side, table: Table, key: i64) -> u64 {
        self.deleted.get(&(side, table, key)).copied().unwrap_or(0)
    }
}
