//! What phones and the office do to their rows. Chance decides, and the writer
//! carries it out.

use crate::prng::Prng;
use crate::shadow::{Shadow, State, Uid};
use crate::tables::{ALL, Table, note_of};
use crate::writer::{Change, Writer};
use pgsync_testkit::Side;

/// What is chosen from.
pub struct Desk<'a> {
    pub random: &'a mut Prng,
    pub shadow: &'a Shadow,
    pub writers: &'a [Writer],
    /// Counts rows and versions of a history.
    pub count: &'a mut u32,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    /// A row of its own, with a key that nobody has.
    New,
    /// A row in the cloud that no phone made.
    NewOfNobody,
    /// A key that the other side has given to another row.
    SameNumber,
    /// A key that stands on another row of this side already.
    DoubleKey,
    /// A row without a key.
    NoKey,
    /// A row that is there already, once more.
    Copy,
    ChangeOwn,
    /// A row that came from the other side, if it has come.
    ChangeTheirs,
    DeleteOwn,
    DeleteTheirs,
}

const PHONES: [(usize, Deed); 9] = [
    (34, Deed::New),
    (6, Deed::NewOfNobody),
    (4, Deed::SameNumber),
    (3, Deed::DoubleKey),
    (2, Deed::NoKey),
    (26, Deed::ChangeOwn),
    (10, Deed::ChangeTheirs),
    (11, Deed::DeleteOwn),
    (4, Deed::DeleteTheirs),
];

const OFFICE: [(usize, Deed); 9] = [
    (34, Deed::New),
    (4, Deed::SameNumber),
    (3, Deed::DoubleKey),
    (2, Deed::NoKey),
    (4, Deed::Copy),
    (26, Deed::ChangeOwn),
    (9, Deed::ChangeTheirs),
    (13, Deed::DeleteOwn),
    (5, Deed::DeleteTheirs),
];

/// Keys lie apart, so that they fall into different buckets.
const BETWEEN_KEYS: u32 = 97;

impl Desk<'_> {
    /// The next thing that somebody on this side does; `None` where the deed
    /// that chance chose has no row to be done to.
    pub fn change(&mut self, side: Side) -> Option<Change> {
        let deeds: &[(usize, Deed)] = if side == Side::Cloud { &PHONES } else { &OFFICE };
        let deed = self.random.weighted(deeds);
        let table = self.random.pick(&ALL);
        match deed {
            Deed::New => Some(self.new_row(side, table)),
            Deed::NewOfNobody => self.new_of_nobody(table),
            Deed::SameNumber => self.same_number(side, table),
            Deed::DoubleKey => self.double_key(side, table),
            Deed::NoKey => self.without_key(side, table),
            Deed::Copy => self.copy(side, table),
            Deed::ChangeOwn => self.own(side, table).map(|uid| self.update(side, table, uid)),
            Deed::ChangeTheirs => self.theirs(side, table).map(|uid| self.update(side, table, uid)),
            Deed::DeleteOwn => self.own(side, table).map(|uid| Self::delete(table, uid)),
            Deed::DeleteTheirs => self.theirs(side, table).map(|uid| Self::delete(table, uid)),
        }
    }

    /// A row with a new key.
    pub fn new_row(&mut self, side: Side, table: Table) -> Change {
        let key = i64::from((*self.count + 1) * BETWEEN_KEYS);
        self.insert(side, table, Some(key), side == Side::Cloud, "")
    }

    /// Not where the cloud has to follow the desktop, which would take it away.
    fn new_of_nobody(&mut self, table: Table) -> Option<Change> {
        let key = i64::from((*self.count + 1) * BETWEEN_KEYS);
        let lasts = !table.is_mirrored();
        lasts.then(|| self.insert(Side::Cloud, table, Some(key), false, ""))
    }

    /// Whoever gives out a number looks whether it is taken, on his own side.
    fn same_number(&mut self, side: Side, table: Table) -> Option<Change> {
        if !table.shares_keys() {
            return None;
        }
        let phones = side == Side::Desktop;
        let key = self.some_key(other(side), table, |state| state.phone == phones)?;
        if self.was_given_up(table, key) {
            return None;
        }
        let free = format!(" where not exists (select from {} where id = {key})", table.name());
        Some(self.insert(side, table, Some(key), side == Side::Cloud, &free))
    }

    /// A number that is given out a second time cannot be told from a row that
    /// was changed, so nobody does that.
    fn was_given_up(&self, table: Table, key: i64) -> bool {
        let sides = [Side::Cloud, Side::Desktop];
        let effects = self.writers.iter().flat_map(Writer::unfinished);
        let mut deletes = effects.filter(|effect| effect.table == table && effect.after.is_none());
        sides.iter().any(|side| self.shadow.deleted(*side, table, key) > 0)
            || deletes.any(|effect| effect.key == Some(key))
    }

    fn double_key(&mut self, side: Side, table: Table) -> Option<Change> {
        let allowed = match side {
            Side::Cloud => table == Table::Job,
            Side::Desktop => matches!(table, Table::Client | Table::Job),
        };
        let phones = side == Side::Cloud;
        let key = self.some_key(side, table, |state| state.phone == phones).filter(|_| allowed)?;
        Some(self.insert(side, table, Some(key), phones, ""))
    }

    fn without_key(&mut self, side: Side, table: Table) -> Option<Change> {
        let allowed = match side {
            Side::Cloud => table == Table::Job,
            Side::Desktop => matches!(table, Table::Client | Table::Job),
        };
        allowed.then(|| self.insert(side, table, None, side == Side::Cloud, ""))
    }

    fn copy(&mut self, side: Side, table: Table) -> Option<Change> {
        let uid = self.own(side, table).filter(|_| table.is_mirrored())?;
        let name = table.name();
        let sql = format!(
            "insert into {name} select * from {name} where ctid = (select min(ctid) from {name} where uid = '{uid}')"
        );
        Some(Change { table, uid, sql })
    }

    fn insert(
        &mut self,
        side: Side,
        table: Table,
        key: Option<i64>,
        phone: bool,
        condition: &str,
    ) -> Change {
        *self.count += 1;
        let number = *self.count;
        let letter = if side == Side::Cloud { 'c' } else { 'd' };
        let (uid, source) = (format!("{letter}{number}"), if phone { "'M'" } else { "null" });
        let key = match table {
            Table::Diary => format!("{}, date '2026-01-01' + {}", number % 3, number % 4),
            Table::Job => format!("{}, {}", literal(key), literal(self.parent(side))),
            Table::Client | Table::Item => literal(key),
        };
        let columns = match table {
            Table::Client | Table::Item => "id",
            Table::Job => "id, client",
            Table::Diary => "staff, day",
        };
        let (name, stamp) = (table.name(), self.stamp());
        let (ver, note) = self.version(side, table);
        let sql = format!(
            "insert into {name} ({columns}, uid, ver, note, source, updated_at) \
             select {key}, '{uid}', '{ver}', {note}, {source}, {stamp}{condition}"
        );
        Change { table, uid, sql }
    }

    fn update(&mut self, side: Side, table: Table, uid: Uid) -> Change {
        *self.count += 1;
        let (ver, note) = self.version(side, table);
        let (name, stamp) = (table.name(), self.stamp());
        let sql = format!(
            "update {name} set ver = '{ver}', note = {note}, updated_at = {stamp} \
             where uid = '{uid}'"
        );
        Change { table, uid, sql }
    }

    /// A client for a job of the office, who may never come to the cloud.
    fn parent(&mut self, side: Side) -> Option<i64> {
        match self.random.below(100) {
            0..35 if side == Side::Desktop => self.some_key(side, Table::Client, |_| true),
            35..38 if side == Side::Desktop => Some(5),
            _ => None,
        }
    }

    /// The next version, and its note as a literal.
    fn version(&mut self, side: Side, table: Table) -> (String, String) {
        let flawed = table.may_be_refused(side) && self.random.percent(9);
        let flaw = if flawed { self.random.pick(&["N", "L", "Z"]) } else { "" };
        let ver = format!("v{}{flaw}", self.count);
        let note = note_of(&ver).map_or("null".to_owned(), |note| format!("'{note}'"));
        (ver, note)
    }

    fn delete(table: Table, uid: Uid) -> Change {
        let sql = format!("delete from {} where uid = '{uid}'", table.name());
        Change { table, uid, sql }
    }

    /// Clocks are wrong, columns are forgotten, offline phones are late.
    fn stamp(&mut self) -> &'static str {
        self.random.weighted(&[
            (60, "clock_timestamp()"),
            (10, "now() - interval '1 day'"),
            (8, "'2026-01-01 12:00'"),
            (8, "null"),
            (5, "'1970-01-01'"),
            (5, "'2099-12-31 23:59:59.999999'"),
            (2, "'infinity'"),
            (2, "'-infinity'"),
        ])
    }

    /// A row that was made on this side and that nobody else holds.
    fn own(&mut self, side: Side, table: Table) -> Option<Uid> {
        let letter = if side == Side::Cloud { 'c' } else { 'd' };
        let rows = self.shadow.rows(side, table);
        let uids = rows.filter(|(uid, _)| uid.starts_with(letter)).map(|(uid, _)| uid.clone());
        self.one_of(side, table, uids.collect())
    }

    /// A row that was made on the other side; it need not have arrived.
    fn theirs(&mut self, side: Side, table: Table) -> Option<Uid> {
        let letter = if side == Side::Cloud { 'd' } else { 'c' };
        let rows = self.shadow.rows(other(side), table);
        let uids = rows.filter(|(uid, _)| uid.starts_with(letter)).map(|(uid, _)| uid.clone());
        self.one_of(side, table, uids.collect())
    }

    fn one_of(&mut self, side: Side, table: Table, mut uids: Vec<Uid>) -> Option<Uid> {
        let held = |uid: &str| {
            self.writers.iter().any(|writer| writer.side == side && writer.holds(table, uid))
        };
        uids.retain(|uid| !held(uid));
        if uids.is_empty() {
            return None;
        }
        let at = self.random.below(uids.len());
        Some(uids.swap_remove(at))
    }

    /// A key of a row that stands, or is about to stand, on a side.
    fn some_key(&mut self, side: Side, table: Table, fits: impl Fn(&State) -> bool) -> Option<i64> {
        let unfinished = self.writers.iter().filter(|writer| writer.side == side);
        let unfinished = unfinished.flat_map(Writer::unfinished);
        let letter = if side == Side::Cloud { 'c' } else { 'd' };
        let unfinished = unfinished
            .filter(|effect| effect.table == table && effect.uid.starts_with(letter))
            .filter_map(|effect| effect.after.as_ref());
        let rows = self.shadow.rows(side, table).filter(|(uid, _)| uid.starts_with(letter));
        let states = rows.map(|(_, state)| state).chain(unfinished);
        let keys: Vec<i64> =
            states.filter(|state| fits(state)).filter_map(|state| state.key).collect();
        (!keys.is_empty()).then(|| self.random.pick(&keys))
    }
}

fn literal(key: Option<i64>) -> String {
    key.map_or("null".to_owned(), |key| key.to_string())
}

fn other(side: Side) -> Side {
    match side {
        Side::Cloud => Side::Desktop,
        Side::Desktop => Side::Cloud,
    }
}
