//! Shapes of tables for the tests of these rooms.

use crate::db::catalog::{Column, Kind, Table, UniqueIndex};
use crate::ident::{Ident, TableName};

pub(super) fn shaped(name: &str, table: Table) -> (TableName, Table) {
    let ident = |name| Ident::new(name).unwrap();
    (TableName { schema: ident("public"), table: ident(name) }, table)
}

/// A table with these columns, all texts: `*` stands behind those of the
/// primary key, `!` behind those that must not be NULL.
pub(super) fn table_with(columns: &str) -> Table {
    let words: Vec<&str> = columns.split_whitespace().collect();
    let name = |word: &str| word.trim_end_matches(['*', '!']).to_owned();
    let primary: Vec<String> =
        words.iter().filter(|word| word.ends_with('*')).map(|word| name(word)).collect();
    let index = UniqueIndex { primary: true, immediate: true, columns: primary.clone() };
    Table {
        oid: 1,
        kind: Kind::Table,
        leaves: Vec::new(),
        pages: 1,
        columns: words.iter().map(|word| column(name(word), word.ends_with('!'))).collect(),
        unique_indexes: if primary.is_empty() { Vec::new() } else { vec![index] },
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        insert_trigger: false,
    }
}

fn column(name: String, not_null: bool) -> Column {
    let text = "text".to_owned();
    Column {
        name,
        type_name: text.clone(),
        base_type: text.clone(),
        builtin: Some(text.clone()),
        plain_type: text.clone(),
        plain_builtin: Some(text),
        not_null,
        has_default: false,
        generated: false,
        identity: false,
        sequence: None,
    }
}
