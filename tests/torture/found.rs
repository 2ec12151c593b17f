//! What a side holds when everything is over.

use crate::tables::{ALL, Table, note_of};
use crate::writer::{Writer, text};
use std::collections::BTreeMap;

/// A row as it stands.
#[derive(Debug, Clone)]
pub struct Found {
    pub key: Option<i64>,
    pub uid: String,
    pub ver: String,
    /// Whether the columns belong together.
    pub whole: bool,
    /// Made by a phone.
    pub phone: bool,
    /// The client that a job names.
    pub parent: Option<i64>,
    /// Written by pgsync, and by nobody since.
    pub ours: bool,
}

/// A row of `pgsync.rejects`.
#[derive(Debug, Clone)]
pub struct Reject {
    pub direction: String,
    pub table: Table,
    pub key: Option<i64>,
    pub reason: String,
    /// The `uid` of the source's row.
    pub uid: Option<String>,
}

/// Everything on one side.
#[derive(Debug, Default)]
pub struct Holdings {
    rows: BTreeMap<Table, Vec<Found>>,
    pub rejects: Vec<Reject>,
}

impl Holdings {
    pub async fn of(writer: &mut Writer) -> Self {
        let mut holdings = Self::default();
        for row in writer.ask(&question()).await.expect("the last look") {
            let text = |index| text(&row, index);
            let flag = |index| text(index).as_deref() == Some("true");
            let table = Table::named(&text(1).unwrap());
            let key = text(2).and_then(|key| key.trim_matches(['[', ']', '"']).parse().ok());
            if text(0).as_deref() == Some("reject") {
                let (direction, reason) = (text(3).unwrap(), text(4).unwrap());
                holdings.rejects.push(Reject { direction, table, key, reason, uid: text(5) });
                continue;
            }
            let (uid, ver) = (text(3).unwrap(), text(4).unwrap());
            let whole = text(5) == note_of(&ver);
            let parent = text(8).map(|client| client.parse().unwrap());
            let found = Found { key, uid, ver, whole, phone: flag(6), parent, ours: flag(7) };
            holdings.rows.entry(table).or_default().push(found);
        }
        holdings
    }

    pub fn rows(&self, table: Table) -> &[Found] {
        self.rows.get(&table).map_or(&[], Vec::as_slice)
    }

    pub fn with_key(&self, table: Table, key: i64) -> impl Iterator<Item = &Found> {
        self.rows(table).iter().filter(move |row| row.key == Some(key))
    }

    pub fn rejects_key(&self, table: Table, key: i64) -> bool {
        self.rejects.iter().any(|reject| reject.table == table && reject.key == Some(key))
    }

    pub fn rejects_row(&self, table: Table, uid: &str) -> bool {
        let mut rejects = self.rejects.iter();
        rejects.any(|reject| reject.table == table && reject.uid.as_deref() == Some(uid))
    }
}

fn question() -> String {
    let rows = ALL.map(|table| {
        let (name, key) = (table.name(), table.key());
        let parent = if table == Table::Job { "client::bigint::text" } else { "null" };
        format!(
            "select 'row', '{name}', {key}, uid::text, ver::text, note::text, \
             coalesce(source = 'M', false)::text, \
             (xmin in (select o.xid::xid from pgsync.own_writes as o))::text, {parent} from {name}"
        )
    });
    let rejects = "select 'reject', table_name, key, direction, reason, source_row ->> 'uid' \
                   from pgsync.rejects";
    format!("{}; {rejects}", rows.join("; "))
}
