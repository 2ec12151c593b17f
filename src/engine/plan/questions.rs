//! What of a pair's rows is worth knowing before a run: values that the
//! target would refuse. Pure.

use crate::db::catalog::Table;
use crate::db::sql::inspect::{Duplicates, Parent, Questions, Reference};
use crate::db::sql::mapping::Mapping;
use crate::db::sql::refusal::ForeignKey;
use crate::engine::plan::{TablePlan, constraints};
use crate::ident::{Ident, TableName};

/// The questions, and what each of them is about, in the same order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    pub questions: Questions,
    /// Columns that must not be NULL on the target.
    pub not_null: Vec<Ident>,
    /// Columns with less room on the target, and how many letters it is.
    pub lengths: Vec<(Ident, u32)>,
    /// Columns that point to a table.
    pub references: Vec<(Vec<Ident>, TableName)>,
}

/// What to ask about a pair, of all pairs of its direction.
#[must_use]
pub fn of(plan: &TablePlan, source: &Table, all: &[&TablePlan]) -> Asked {
    let mut asked = Asked::default();
    if source_is_unique(plan, source) {
        asked.questions.duplicates = Duplicates::Impossible;
    }
    let known_not_null = |value: &str| {
        source.columns.iter().any(|column| column.not_null && quoted(&column.name) == value)
    };
    for name in &plan.constraints.not_null {
        let value = value_of(&plan.mapping, name).filter(|value| !known_not_null(value));
        if let Some(value) = value {
            asked.questions.not_null.push(value);
            asked.not_null.push(name.clone());
        }
    }
    for length in &plan.lengths {
        let Some(column) = plan.mapping.columns.get(length.index) else { continue };
        if room(source, &column.compared).is_none_or(|room| room > length.letters) {
            asked.questions.lengths.push((column.compared.clone(), length.letters));
            asked.lengths.push((column.target.clone(), length.letters));
        }
    }
    for key in &plan.constraints.foreign_keys {
        let columns = key.columns.iter().map(|(here, _, _)| here.clone()).collect();
        if let Some(reference) = reference(plan, key, all) {
            asked.questions.references.push(reference);
            asked.references.push((columns, key.parent.clone()));
        }
    }
    asked
}

/// Whether an index of the source lets no key stand twice.
#[must_use]
pub fn source_is_unique(plan: &TablePlan, source: &Table) -> bool {
    let name = |sql: &str| {
        let mut names = source.columns.iter().map(|column| column.name.as_str());
        names.find(|name| quoted(name) == sql)
    };
    let names: Option<Vec<&str>> = plan.mapping.key.iter().map(|key| name(&key.source)).collect();
    names.is_some_and(|names| !names.is_empty() && source.is_unique_over(&names))
}

fn quoted(name: &str) -> String {
    Ident::new(name).map(|name| name.sql()).unwrap_or_default()
}

fn value_of(mapping: &Mapping, target: &Ident) -> Option<String> {
    let column = mapping.columns.iter().find(|column| column.target == *target)?;
    Some(column.compared.clone())
}

/// How many letters a source column takes, if it is one and has a limit.
fn room(source: &Table, value: &str) -> Option<u32> {
    let column = source.columns.iter().find(|column| quoted(&column.name) == value)?;
    constraints::letters(&column.type_name)
}

fn reference(plan: &TablePlan, key: &ForeignKey, all: &[&TablePlan]) -> Option<Reference> {
    let there = || key.columns.iter().map(|(_, _, there)| there);
    let columns =
        key.columns.iter().map(|(here, form, _)| Some((value_of(&plan.mapping, here)?, *form)));
    let parent = all.iter().find(|other| other.mapping.target == key.parent);
    let source = parent.and_then(|parent| {
        let columns = there().map(|there| value_of(&parent.mapping, there));
        let table = parent.mapping.source.clone();
        Some(Parent { table, columns: columns.collect::<Option<_>>()? })
    });
    Some(Reference {
        columns: columns.collect::<Option<_>>()?,
        source,
        target: Parent { table: key.parent.clone(), columns: there().map(Ident::sql).collect() },
    })
}
