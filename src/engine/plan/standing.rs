//! What a mirror may take for granted since both sides were last equal. Pure.

use crate::config::{ColumnRule, SqlFragment};
use crate::db::catalog::{self, Table};
use crate::db::sql::changed::{Changed, Echoes, Ids};
use crate::db::sql::mapping::{Form, KeyColumn, Mapping};
use crate::engine::plan::{Pair, types_differ};
use crate::ident::Ident;
use crate::metadata::watermark::Watermark;

/// What the change cursor says about a row's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A row that has not changed is carried as it was, and under its key.
    OfTheRow,
    /// Filter or columns may ask other tables or the clock, or the sides may
    /// not agree which keys are the same.
    Uncertain,
}

/// How both sides stood when a mirror last made them equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEqual {
    /// Source rows written since.
    pub source: Changed,
    /// Target rows written since, by others.
    pub target: Changed,
    /// Whose counter of transactions that goes by.
    pub target_identity: String,
    pub source_rows: u64,
    pub target_rows: u64,
}

pub(super) fn last_equal(changed: &Changed, watermark: Option<&Watermark>) -> Option<LastEqual> {
    let Changed::SinceHorizon { .. } = changed else { return None };
    let standing = watermark?.standing.as_ref()?;
    // The target is asked in a snapshot of its own, which nobody knows yet.
    let (horizon, ids) = (standing.target_xid, Ids::ByAge);
    Some(LastEqual {
        source: changed.clone(),
        target: Changed::SinceHorizon { horizon, ids, echoes: Echoes::LeftOut },
        target_identity: standing.target_identity.clone(),
        source_rows: standing.source_rows,
        target_rows: standing.target_rows,
    })
}

pub(super) fn content(mapping: &Mapping, pair: &Pair, source: &Table) -> Content {
    let of_columns = pair.rules.columns.values().filter_map(|rule| match rule {
        ColumnRule::Sql(sql) => Some(sql),
        _ => None,
    });
    let mut fragments = pair.rules.filter.iter().chain(of_columns);
    let looks_beyond = fragments.any(SqlFragment::looks_beyond_its_row);
    let certain = |key: &KeyColumn| {
        is_column(source, &key.source) && key.form != Form::Instant && !types_differ(key)
    };
    if !looks_beyond && !mapping.key.is_empty() && mapping.key.iter().all(certain) {
        Content::OfTheRow
    } else {
        Content::Uncertain
    }
}

fn is_column(table: &Table, expression: &str) -> bool {
    let quoted = |column: &catalog::Column| Ident::new(&column.name).map(|name| name.sql());
    table.columns.iter().any(|column| quoted(column).is_ok_and(|sql| sql == expression))
}
