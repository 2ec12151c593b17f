//! Staged rows against the target's rows, by key: what an upsert asks.
//!
//! - `pgsync_rows`: the source's rows as columns `c1`, `c2`, ... in the
//!   target's own types, with `came_back`
//! - `pgsync_matched`: which target row each of them meets, whether they
//!   differ, and whether the target's is protected
//!
//! Target rows are known by their place (`ctid`), which is safe because the
//! table is locked against writers before they are looked at.

use crate::db::copy::Into;
use crate::db::sql::Sql;
use crate::db::sql::mapping::{Comparison, Mapping, Update, View};
use crate::db::sql::owned::REJECTED_AGAIN;
use crate::db::sql::refusal::Part;
use crate::ident::{Ident, literal};

const ROWS: View<'static> = View::Staged("r");
const TARGET: View<'static> = View::Target("t");

/// Makes `pgsync_rows`.
#[must_use]
pub fn create_rows(mapping: &Mapping) -> Sql {
    let columns = mapping.columns_in(TARGET).into_iter().enumerate();
    let columns: Vec<String> =
        columns.map(|(index, column)| format!("{column} as c{}", index + 1)).collect();
    Sql::new(format!(
        "create temporary table pgsync_rows on commit drop as \
         select {}, false as came_back from {} as t with no data",
        columns.join(", "),
        mapping.target.sql()
    ))
}

/// What fills `pgsync_rows`.
#[must_use]
pub fn into_rows(mapping: &Mapping) -> Into {
    let names: Vec<String> = (1..=mapping.columns.len()).map(|n| format!("c{n}")).collect();
    Into {
        table: "pg_temp.pgsync_rows".to_owned(),
        columns: format!("{}, came_back", names.join(", ")),
    }
}

/// The staged column that stands for a target column.
fn staged(mapping: &Mapping, name: &Ident) -> Option<String> {
    let index = mapping.columns.iter().position(|column| column.target == *name)?;
    Some(format!("r.c{}", index + 1))
}

/// The key's columns among the staged ones.
fn staged_key(mapping: &Mapping) -> Vec<String> {
    mapping.key.iter().filter_map(|key| staged(mapping, &key.target)).collect()
}

fn same_key(mapping: &Mapping) -> String {
    let pairs = mapping.key_in(TARGET).into_iter().zip(staged_key(mapping));
    let equal: Vec<String> = pairs.map(|(target, staged)| format!("{target} = {staged}")).collect();
    if equal.is_empty() { "true".to_owned() } else { equal.join(" and ") }
}

/// The staged row's key as our own tables keep it.
pub(in crate::db::sql) fn key_text(mapping: &Mapping) -> String {
    let columns = staged_key(mapping).into_iter().zip(&mapping.key);
    let texts: Vec<String> = columns.map(|(value, key)| key.form.text(&value)).collect();
    format!("json_build_array({})::text", texts.join(", "))
}

/// Sets aside every key that stands on several staged rows; answers with the
/// number of such keys.
///
/// Keys are equal if the target's type says so; their texts may differ then
/// (7 and 7.0), so a text does not find all rows of a key again.
#[must_use]
pub fn reject_duplicates(mapping: &Mapping, direction: &str, run: &str) -> Sql {
    let key = staged_key(mapping);
    let numbered = || key.iter().enumerate().map(|(index, column)| (index + 1, column));
    let kept: Vec<String> = numbered().map(|(n, column)| format!("{column} as k{n}")).collect();
    let same: Vec<String> = numbered().map(|(n, column)| format!("{column} = d.k{n}")).collect();
    // Texts are made of the keys that stand there twice, and not of all.
    Sql::new(format!(
        "analyze pg_temp.pgsync_rows;\n\
         create temporary table pgsync_duplicates on commit drop as \
         select {kept}, count(*) as copies from pg_temp.pgsync_rows as r \
         group by {key} having count(*) > 1;\n\
         insert into pgsync.rejects as known \
         (direction, table_name, key, row_hash, reason, message, source_row, run_id) \
         select {direction}, {name}, min({text}), '', 'duplicate key', \
         'the key stands on ' || d.copies || ' rows of the source', min(({row})::text)::jsonb, {run} \
         from pg_temp.pgsync_duplicates as d join pg_temp.pgsync_rows as r on {same} \
         group by d.ctid, d.copies {again};\n\
         delete from pg_temp.pgsync_rows as r using pg_temp.pgsync_duplicates as d \
         where {same};\n\
         select count(*) from pg_temp.pgsync_duplicates",
        kept = kept.join(", "),
        same = same.join(" and "),
        key = key.join(", "),
        text = key_text(mapping),
        row = row_as_json(mapping),
        direction = literal(direction),
        name = mapping.ledger_name(),
        run = literal(run),
        again = REJECTED_AGAIN,
    ))
}

/// Keys that a warning names.
pub const NAMED_KEYS: usize = 10;

/// Keeps, of the staged rows with one key, the row with the highest value in
/// a column; among equals the one whose text is highest, so that every run
/// takes the same. Answers with the number of rows passed over, and with some
/// of their keys.
#[must_use]
pub fn keep_latest(mapping: &Mapping, column: &Ident) -> Option<Sql> {
    let by = staged(mapping, column)?;
    let key = staged_key(mapping).join(", ");
    Some(Sql::new(format!(
        "analyze pg_temp.pgsync_rows;\n\
         with passed_over as (delete from pg_temp.pgsync_rows as r using (\
         select r.ctid as at, row_number() over (partition by {key} \
         order by {by} desc nulls last, r::text desc) as place from pg_temp.pgsync_rows as r) as o \
         where o.place > 1 and r.ctid = o.at returning {text} as key) \
         select count(*), (select string_agg(key, ' ' order by key) from \
         (select distinct key from passed_over order by key limit {NAMED_KEYS}) as named) from passed_over",
        text = key_text(mapping),
    )))
}

/// Finds the target row that each staged row meets. Answers with the numbers
/// of rows: to update, protected, in conflict, to insert.
///
/// A staged row that came from the target is never inserted again, and meets
/// a protected row without a conflict: both are the same row.
#[must_use]
pub fn matched(mapping: &Mapping) -> Sql {
    let protected = mapping.protected.as_deref().unwrap_or("false");
    let unknown_origin = if mapping.came_back.is_some() { "r.came_back" } else { "true" };
    Sql::new(format!(
        "create temporary table pgsync_matched on commit drop as \
         select r.ctid as row_at, t.pgsync_at as at, t.pgsync_part as part, \
         case when t.pgsync_at is null then case when r.came_back then 'protected' else 'missing' end \
         when not ({differs}) then 'equal' when not t.pgsync_protected then 'update' \
         when {unknown_origin} then 'protected' else 'conflict' end as fate \
         from pg_temp.pgsync_rows as r left join \
         (select x.*, x.ctid as pgsync_at, x.tableoid as pgsync_part, \
         coalesce({protected}, false) as pgsync_protected from {target} as x) as t on {same_key};\n\
         analyze pg_temp.pgsync_matched;\n\
         select count(*) filter (where fate = 'update'), \
         count(distinct row_at) filter (where fate = 'protected'), \
         count(distinct row_at) filter (where fate = 'conflict'), \
         count(*) filter (where fate = 'missing') from pg_temp.pgsync_matched",
        differs = differs(mapping),
        target = mapping.target.sql(),
        same_key = same_key(mapping),
    ))
}

/// Compared in the form in which the hashes are, so that both agree; as text,
/// because some types have no equality.
fn differs(mapping: &Mapping) -> String {
    let pairs = mapping.columns_in(TARGET).into_iter().zip(mapping.columns_in(ROWS));
    let tests: Vec<String> = pairs
        .zip(&mapping.columns)
        .filter(|(_, column)| mapping.compares(column))
        .map(|((target, row), column)| {
            format!("{} is distinct from {}", column.form.text(&target), column.form.text(&row))
        })
        .collect();
    tests.join(" or ")
}

/// The keys of the rows that will be updated, at most `limit`.
#[must_use]
pub fn keys_to_update(mapping: &Mapping, limit: u64) -> Sql {
    Sql::new(format!(
        "select {} from pg_temp.pgsync_matched as m \
         join pg_temp.pgsync_rows as r on r.ctid = m.row_at where m.fate = 'update' \
         order by 1 limit {limit}",
        key_text(mapping)
    ))
}

/// Takes the rows in `pgsync_refused` out of what is written, and every row
/// that shares the key of one which did not even get into staging.
pub(in crate::db::sql) fn leave_out_refused(mapping: &Mapping) -> Sql {
    Sql::new(format!(
        "delete from pg_temp.pgsync_matched as m using pg_temp.pgsync_refused as f \
         where m.row_at = f.row_at;\n\
         delete from pg_temp.pgsync_matched as m using pg_temp.pgsync_rows as r, \
         pg_temp.pgsync_refused as f where f.row_at is null and m.row_at = r.ctid and {} = f.key",
        key_text(mapping)
    ))
}

/// How many rows are to be updated and inserted.
#[must_use]
pub fn count_fates() -> Sql {
    Sql::new(
        "select count(*) filter (where fate = 'update'), \
         count(*) filter (where fate = 'missing') from pg_temp.pgsync_matched",
    )
}

/// Updates and inserts what `pgsync_matched` says.
#[must_use]
pub fn update_and_insert(mapping: &Mapping, part: Part) -> Sql {
    Sql::batch([update(mapping, part), insert(mapping, part)])
}

fn update(mapping: &Mapping, part: Part) -> Sql {
    let assignments = assignments(mapping);
    if assignments.is_empty() {
        return Sql::new("select");
    }
    Sql::new(format!(
        "update {} as t set {} from pg_temp.pgsync_matched as m \
         join pg_temp.pgsync_rows as r on r.ctid = m.row_at \
         where m.fate = 'update' and t.ctid = m.at and t.tableoid = m.part{}",
        mapping.target.sql(),
        assignments.join(", "),
        part.condition("m.row_at"),
    ))
}

/// `"a" = r.c1` for every column that may get another value. The key is equal
/// already, unless rows are compared by content.
pub(in crate::db::sql) fn assignments(mapping: &Mapping) -> Vec<String> {
    let is_key = |name: &Ident| {
        mapping.comparison != Comparison::Rows && mapping.key.iter().any(|key| key.target == *name)
    };
    let columns = mapping.columns.iter().enumerate();
    columns
        .filter(|(_, column)| column.update == Update::Allowed && !is_key(&column.target))
        .map(|(index, column)| format!("{} = r.c{}", column.target.sql(), index + 1))
        .collect()
}

fn insert(mapping: &Mapping, part: Part) -> Sql {
    Sql::new(format!(
        "insert into {} ({}) overriding system value select {} from pg_temp.pgsync_matched as m \
         join pg_temp.pgsync_rows as r on r.ctid = m.row_at where m.fate = 'missing'{}",
        mapping.target.sql(),
        mapping.target_columns(),
        mapping.columns_in(ROWS).join(", "),
        part.condition("m.row_at"),
    ))
}

/// A key that should stand on the target now and does not, with the number of
/// such keys; no row if all is well.
#[must_use]
pub fn find_vanished(mapping: &Mapping) -> Sql {
    Sql::new(format!(
        "select min({}), count(*) from pg_temp.pgsync_matched as m \
         join pg_temp.pgsync_rows as r on r.ctid = m.row_at \
         where m.fate = 'missing' and not exists (select from {} as t where {}) \
         having count(*) > 0",
        key_text(mapping),
        mapping.target.sql(),
        same_key(mapping),
    ))
}

/// Keeps rows that met a protected row of another origin as rejects: two
/// people have taken the same number.
#[must_use]
pub fn record_conflicts(mapping: &Mapping, direction: &str, run: &str) -> Sql {
    Sql::new(format!(
        "insert into pgsync.rejects as known \
         (direction, table_name, key, row_hash, reason, message, source_row, target_row, run_id) \
         select distinct on (3) {direction}, {name}, {key}, '', 'key conflict', \
         'the key stands on both sides with different values', {row}, to_jsonb(t.*), {run} \
         from pg_temp.pgsync_matched as m join pg_temp.pgsync_rows as r on r.ctid = m.row_at \
         join {target} as t on t.ctid = m.at and t.tableoid = m.part \
         where m.fate = 'conflict' {again}",
        direction = literal(direction),
        name = mapping.ledger_name(),
        key = key_text(mapping),
        row = row_as_json(mapping),
        run = literal(run),
        target = mapping.target.sql(),
        again = REJECTED_AGAIN,
    ))
}

/// A staged row under the target's column names. Pairs of arguments, because
/// a function takes at most a hundred of them.
fn row_as_json(mapping: &Mapping) -> String {
    let columns = mapping.columns.iter().zip(mapping.columns_in(ROWS));
    let parts: Vec<String> = columns
        .map(|(column, value)| {
            format!("jsonb_build_object({}, {value})", literal(column.target.as_str()))
        })
        .collect();
    parts.join(" || ")
}

#[cfg(test)]
mod tests;
