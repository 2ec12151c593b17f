//! Which of the target's rules can be held against staged rows before it is
//! asked to take them. Pure.

use crate::db::catalog::{self, Table};
use crate::db::sql::loose::Length;
use crate::db::sql::mapping::{Column, Existence, Mapping};
use crate::db::sql::refusal::{Check, Constraints, ForeignKey};
use crate::ident::{Ident, TableName};

/// The rules over columns that are written, as far as our role can ask them.
#[must_use]
pub fn of(mapping: &Mapping, target: &Table) -> Constraints {
    let written = |name: &str| mapping.columns.iter().find(|c| c.target.as_str() == name);
    let not_null = |column: &catalog::Column| {
        let column = column.not_null.then(|| written(&column.name)).flatten()?;
        Some(column.target.clone())
    };
    Constraints {
        not_null: target.columns.iter().filter_map(not_null).collect(),
        foreign_keys: target
            .foreign_keys
            .iter()
            .filter(|key| key.readable)
            .filter_map(|key| foreign_key(key, &written))
            .collect(),
        checks: target
            .checks
            .iter()
            .filter(|check| check.columns.iter().all(|name| written(name).is_some()))
            .map(|check| Check { name: check.name.clone(), expression: check.expression.clone() })
            .collect(),
        uniques: uniques(mapping, target),
    }
}

/// The written columns that take only so many letters.
#[must_use]
pub fn lengths(mapping: &Mapping, target: &Table) -> Vec<Length> {
    let columns = mapping.columns.iter().enumerate();
    columns
        .filter_map(|(index, column)| {
            let column = target.column(column.target.as_str())?;
            let letters = letters(&column.type_name)?;
            Some(Length { index, letters, type_name: column.type_name.clone() })
        })
        .collect()
}

/// 10 of `character varying(10)` and `character(10)`.
pub(super) fn letters(type_name: &str) -> Option<u32> {
    let (name, rest) = type_name.split_once('(')?;
    let is_text = ["character varying", "character"].contains(&name);
    is_text.then(|| rest.strip_suffix(')')?.parse().ok()).flatten()
}

fn foreign_key<'a>(
    key: &catalog::ForeignKey,
    written: &impl Fn(&str) -> Option<&'a Column>,
) -> Option<ForeignKey> {
    let pairs = key.columns.iter().zip(&key.parent_columns);
    let columns: Option<Vec<_>> = pairs
        .map(|(here, there)| {
            let column = written(here)?;
            Some((column.target.clone(), column.form, Ident::new(there).ok()?))
        })
        .collect();
    Some(ForeignKey { name: key.name.clone(), columns: columns?, parent: table_name(&key.parent)? })
}

/// A name from the catalogs.
#[must_use]
pub fn table_name((schema, table): &(String, String)) -> Option<TableName> {
    Some(TableName { schema: Ident::new(schema).ok()?, table: Ident::new(table).ok()? })
}

/// Unique columns, all of them written, that are not the key: a row with the
/// key of another one is looked for by the modes themselves.
fn uniques(mapping: &Mapping, target: &Table) -> Vec<Vec<Ident>> {
    let written = |name: &String| {
        let mut columns = mapping.columns.iter().map(|column| &column.target);
        columns.find(|column| column.as_str() == name).cloned()
    };
    let is_key = |columns: &[Ident]| {
        mapping.existence == Existence::InTable
            && columns.len() == mapping.key.len()
            && columns.iter().all(|name| mapping.key.iter().any(|key| key.target == *name))
    };
    let indexes = target.unique_indexes.iter().filter(|index| index.immediate);
    indexes
        .filter_map(|index| index.columns.iter().map(written).collect::<Option<Vec<Ident>>>())
        .filter(|columns| !columns.is_empty() && !is_key(columns))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_have_a_length() {
        assert_eq!(letters("character varying(10)"), Some(10));
        assert_eq!(letters("character(1)"), Some(1));
        assert_eq!(letters("character varying"), None);
        assert_eq!(letters("numeric(10,2)"), None);
        assert_eq!(letters("bit(3)"), None);
        assert_eq!(letters("character varying(10)[]"), None);
    }
}
