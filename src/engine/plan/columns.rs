//! Which column goes where, and which do not. Pure.
//!
//! Columns meet by name, unless a rule says otherwise. Nothing is cast: a
//! value travels as text into the target's own type, or in binary where both
//! types are the same plain built-in one.

use crate::branch::Branch;
use crate::config::{ColumnRule, KeyOrigin, Mode};
use crate::db::catalog::{self, Table};
use crate::db::copy::Format;
use crate::db::sql::mapping::{
    Column, Comparison, Existence, Form, KeyColumn, Mapping, TakingPart, Uniqueness, Update,
};
use crate::engine::plan::Pair;
use crate::engine::plan::loss::{Loss, loss};
use crate::error::{Error, Kind, Result};
use crate::ident::{Ident, literal};

/// A mapping, and the source columns that it leaves behind.
#[derive(Debug)]
pub struct Columns {
    pub mapping: Mapping,
    pub left_out: Vec<String>,
}

/// A target column that is written.
struct Mapped<'a> {
    target: &'a catalog::Column,
    name: Ident,
    source: Source<'a>,
}

/// Where its values come from.
enum Source<'a> {
    Column(&'a catalog::Column),
    Expression(String),
}

/// Maps the columns of a pair.
///
/// # Errors
/// When a rule names a column that is not there, a target column must have a
/// value and gets none, a value would lose a part of itself without a word,
/// or the key is not on both sides.
pub fn map(pair: &Pair, source: &Table, target: &Table) -> Result<Columns> {
    check_rules(pair, target)?;
    let mut mapped = Vec::new();
    for column in target.columns.iter().filter(|column| !column.generated) {
        match source_of(pair, source, column)? {
            Some(from) => {
                mapped.push(Mapped { target: column, name: ident(&column.name)?, source: from });
            }
            None if must_have_value(column) => return Err(no_value(pair, column)),
            None => {}
        }
    }
    for column in &mapped {
        check_loss(pair, column)?;
    }
    let existence = existence(pair);
    let key = key(pair, source, target, &mapped)?;
    let uniqueness = uniqueness(&key, target, existence);
    let mapping = Mapping {
        source: pair.source.clone(),
        target: pair.target.clone(),
        scope: pair.rules.filter.as_ref().map(crate::config::SqlFragment::sql),
        owned: pair.owned_by_source.clone(),
        protected: pair.owned_by_target.clone(),
        came_back: None,
        key,
        format: format(&mapped),
        columns: mapped.iter().map(column).collect(),
        existence,
        uniqueness,
        comparison: match pair.rules.mode {
            Mode::Off | Mode::InsertMissing => Comparison::Keys,
            Mode::Upsert => Comparison::RowsByKey,
            Mode::Mirror => Comparison::Rows,
        },
        taking_part: TakingPart::Everything,
        branch: Branch::default(),
    };
    Ok(Columns { left_out: left_out(pair, source, &mapped, &mapping), mapping })
}

fn ident(name: &str) -> Result<Ident> {
    Ident::new(name).map_err(|bad| Error::new(Kind::Table, "could not use a column").because(bad))
}

fn refusal(pair: &Pair, why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Table, format!("could not plan table {}", pair.name)).because_text(why)
}

fn check_rules(pair: &Pair, target: &Table) -> Result<()> {
    let known: Vec<&str> = target.columns.iter().map(|column| column.name.as_str()).collect();
    // A rule that leaves out what is not there does no harm, and lets defaults
    // speak of columns that only some tables have.
    let mut rules = pair.rules.columns.iter().filter(|(_, rule)| **rule != ColumnRule::Skip);
    match rules.find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((unknown, _)) => Err(refusal(
            pair,
            format!("a rule names column \"{unknown}\", which {} does not have", pair.target),
        )
        .hint(format!("its columns are: {}", known.join(", ")))),
    }
}

fn source_of<'a>(
    pair: &Pair,
    source: &'a Table,
    target: &catalog::Column,
) -> Result<Option<Source<'a>>> {
    let rule = pair.rules.columns.iter().find(|(name, _)| name.as_str() == target.name);
    Ok(match rule.map(|(_, rule)| rule) {
        None => source.column(&target.name).map(Source::Column),
        Some(ColumnRule::Skip) => None,
        Some(ColumnRule::Sql(sql)) => Some(Source::Expression(sql.sql())),
        Some(ColumnRule::Value(None)) => Some(Source::Expression("null".to_owned())),
        Some(ColumnRule::Value(Some(text))) => Some(Source::Expression(literal(text))),
        Some(ColumnRule::From(name)) => {
            Some(Source::Column(source.column(name.as_str()).ok_or_else(|| {
                refusal(
                    pair,
                    format!(
                        "a rule takes \"{}\" from \"{name}\", which {} does not have",
                        target.name, pair.source
                    ),
                )
            })?))
        }
    })
}

fn must_have_value(column: &catalog::Column) -> bool {
    column.not_null && !column.has_default && !column.identity
}

fn no_value(pair: &Pair, column: &catalog::Column) -> Error {
    refusal(
        pair,
        format!(
            "column \"{}\" of {} must not be NULL, has no default, and {} has no such column",
            column.name, pair.target, pair.source
        ),
    )
    .hint(format!(
        "give it a value in the configuration: [tables.{}] columns = {{ {} = {{ value = \"...\" }} }}",
        pair.name, column.name
    ))
}

fn loss_of(mapped: &Mapped<'_>) -> Loss {
    match &mapped.source {
        Source::Column(from) => loss(&quoted(&from.name), from, mapped.target),
        Source::Expression(_) => Loss::Nothing,
    }
}

fn check_loss(pair: &Pair, mapped: &Mapped<'_>) -> Result<()> {
    let Source::Column(from) = &mapped.source else { return Ok(()) };
    if loss_of(mapped) != Loss::OfMost {
        return Ok(());
    }
    Err(refusal(
        pair,
        format!(
            "column \"{}\" is {} on one side and {} on the other: a part would be lost",
            mapped.name, from.type_name, mapped.target.type_name
        ),
    )
    .hint(format!(
        "say which part is meant, e.g. columns = {{ {name} = \"{name}::{to}\" }}",
        name = mapped.name,
        to = mapped.target.type_name
    )))
}

fn column(mapped: &Mapped<'_>) -> Column {
    let source = match loss_of(mapped) {
        Loss::OfSome(marked) => marked,
        Loss::Nothing | Loss::OfMost => spell(&mapped.source),
    };
    Column {
        target: mapped.name.clone(),
        source,
        compared: spell(&mapped.source),
        form: form(&mapped.source, mapped.target),
        update: if mapped.target.identity { Update::Never } else { Update::Allowed },
    }
}

fn spell(source: &Source<'_>) -> String {
    match source {
        Source::Column(column) => quoted(&column.name),
        Source::Expression(sql) => sql.clone(),
    }
}

/// A name from the catalog is valid by birth.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Types whose binary form means the same to every server. `interval` is not
/// one: the endless one of version 17 is a finite one to version 16.
const PLAIN: [&str; 18] = [
    "bool",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "text",
    "varchar",
    "bpchar",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "uuid",
    "bytea",
    "jsonb",
];

fn format(mapped: &[Mapped<'_>]) -> Format {
    let same_plain_type = |mapped: &Mapped<'_>| match &mapped.source {
        Source::Column(from) => {
            from.type_name == mapped.target.type_name
                && from.builtin == mapped.target.builtin
                && from.builtin.as_deref().is_some_and(|name| PLAIN.contains(&name))
        }
        Source::Expression(_) => false,
    };
    if mapped.iter().all(same_plain_type) { Format::Binary } else { Format::Text }
}

fn existence(pair: &Pair) -> Existence {
    match pair.rules.keys {
        KeyOrigin::Shared => Existence::InTable,
        KeyOrigin::Delivered => Existence::InLedger,
    }
}

fn uniqueness(key: &[KeyColumn], target: &Table, existence: Existence) -> Uniqueness {
    let names: Vec<&str> = key.iter().map(|key| key.target.as_str()).collect();
    match existence {
        Existence::InTable if target.is_unique_over(&names) => Uniqueness::Indexed,
        _ => Uniqueness::Unguarded,
    }
}

fn key(
    pair: &Pair,
    source: &Table,
    target: &Table,
    mapped: &[Mapped<'_>],
) -> Result<Vec<KeyColumn>> {
    let names = key_names(pair, source, target)?;
    if pair.rules.mode == Mode::Mirror && pair.rules.key.is_empty() {
        // The pair's key may be one that only the other direction can use.
        let on_both = |name: &Ident| mapped.iter().any(|column| column.name == *name);
        if !names.iter().all(on_both) {
            return Ok(Vec::new());
        }
    }
    names
        .iter()
        .map(|name| match pair.rules.keys {
            KeyOrigin::Shared => shared_key(pair, name, mapped),
            KeyOrigin::Delivered => delivered_key(pair, name, source),
        })
        .collect()
}

fn key_names(pair: &Pair, source: &Table, target: &Table) -> Result<Vec<Ident>> {
    for key in [&pair.rules.key, &pair.key] {
        if !key.is_empty() {
            return Ok(key.clone());
        }
    }
    let primary = match pair.rules.keys {
        KeyOrigin::Shared => target.primary_key().or_else(|| source.primary_key()),
        KeyOrigin::Delivered => source.primary_key(),
    };
    if pair.rules.mode == Mode::Mirror {
        return Ok(Vec::new());
    }
    let columns = primary.ok_or_else(|| {
        refusal(pair, "it has no key: neither side has a primary key, and none is configured").hint(
            format!("name the columns that identify a row: [tables.{}] key = \"...\"", pair.name),
        )
    })?;
    columns.iter().map(|name| ident(name)).collect()
}

/// A key column is found by its name on the target, or on the source where a
/// rule renames it.
fn shared_key(pair: &Pair, name: &Ident, mapped: &[Mapped<'_>]) -> Result<KeyColumn> {
    let by_target = mapped.iter().find(|column| column.name == *name);
    let by_source = || {
        mapped.iter().find(
            |column| matches!(&column.source, Source::Column(from) if from.name == name.as_str()),
        )
    };
    let mapped = by_target.or_else(by_source).ok_or_else(|| {
        refusal(pair, format!("key column \"{name}\" is not on both sides")).hint(format!(
            "name columns that {} and {} both have: [tables.{}] key = \"...\"",
            pair.source, pair.target, pair.name
        ))
    })?;
    let staged_type = mapped.target.base_type.clone();
    Ok(KeyColumn {
        source: spell(&mapped.source),
        source_type: match &mapped.source {
            Source::Column(from) => from.base_type.clone(),
            Source::Expression(_) => staged_type.clone(),
        },
        target: mapped.name.clone(),
        form: form(&mapped.source, mapped.target),
        staged_type,
    })
}

fn delivered_key(pair: &Pair, name: &Ident, source: &Table) -> Result<KeyColumn> {
    let column = source
        .column(name.as_str())
        .ok_or_else(|| refusal(pair, format!("key column \"{name}\" is not in {}", pair.source)))?;
    let from = Source::Column(column);
    Ok(KeyColumn {
        source: spell(&from),
        source_type: column.base_type.clone(),
        target: name.clone(),
        staged_type: "text".to_owned(),
        form: form(&from, column),
    })
}

/// The form in which both sides' values of a key column are equal when the
/// keys are. A form that is too fine costs traffic, never a row.
fn form(source: &Source<'_>, target: &catalog::Column) -> Form {
    const INTEGERS: [&str; 3] = ["int2", "int4", "int8"];
    const NUMBERS: [&str; 4] = ["int2", "int4", "int8", "numeric"];
    const STAMPS: [&str; 2] = ["timestamp", "timestamptz"];
    let source = match source {
        Source::Column(source) => source,
        Source::Expression(_) if is_one_of(target, &NUMBERS) => return Form::Numeric,
        Source::Expression(_) => return Form::Text,
    };
    let both = |types: &[&str]| is_one_of(source, types) && is_one_of(target, types);
    if both(&INTEGERS) {
        Form::Integer
    } else if both(&NUMBERS) {
        Form::Numeric
    } else if both(&["uuid"]) {
        Form::Uuid
    } else if both(&STAMPS) && source.builtin != target.builtin {
        Form::Instant
    } else {
        Form::Text
    }
}

/// Whether a column is of one of these types of PostgreSQL's own.
fn is_one_of(column: &catalog::Column, types: &[&str]) -> bool {
    column.builtin.as_deref().is_some_and(|name| types.contains(&name))
}

fn left_out(pair: &Pair, source: &Table, mapped: &[Mapped<'_>], mapping: &Mapping) -> Vec<String> {
    let is_skipped = |name: &str| {
        let rule = pair.rules.columns.iter().find(|(column, _)| column.as_str() == name);
        rule.is_some_and(|(_, rule)| *rule == ColumnRule::Skip)
    };
    let is_used = |column: &catalog::Column| {
        let name = quoted(&column.name);
        is_skipped(&column.name)
            || mapping.key.iter().any(|key| key.source == name)
            || mapped.iter().any(|mapped| match &mapped.source {
                Source::Column(from) => from.name == column.name,
                Source::Expression(sql) => sql.contains(&column.name),
            })
    };
    let unused = source.columns.iter().filter(|column| !is_used(column));
    unused.map(|column| column.name.clone()).collect()
}
