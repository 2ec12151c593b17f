//! Staged rows against the target's rows, by content: what a mirror asks.
//!
//! Both sides are multisets. A row that stands twice on one side and three
//! times on the other is there once too often: copies are numbered.
//!
//! - `pgsync_surplus`: target rows that no staged row equals
//! - `pgsync_lacking`: staged rows that no target row equals
//!
//! Where rows have a key, a surplus row and a lacking row with the same key
//! are one row that was changed: it is updated in its place, so that columns
//! which only the target has keep their values. The rest is deleted and
//! inserted.

use crate::db::sql::Sql;
use crate::db::sql::bucket::in_hashed;
use crate::db::sql::mapping::{Column, Form, Mapping, View};
use crate::db::sql::merge::assignments;
use crate::db::sql::refusal::Part;
use crate::db::sql::select::Slice;

const ROWS: View<'static> = View::Staged("r");
const TARGET: View<'static> = View::Target("t");

/// Finds surplus and lacking rows in a slice. Answers as [`count`].
#[must_use]
pub fn compare(mapping: &Mapping, slice: &Slice) -> Sql {
    Sql::new(format!(
        "analyze pg_temp.pgsync_rows;\n\
         create temporary table pgsync_want on commit drop as \
         select r.ctid as row_at, {row} as content, {row_key} as key, \
         row_number() over (partition by {row}) as copy from pg_temp.pgsync_rows as r;\n\
         create temporary table pgsync_have on commit drop as \
         select t.ctid as at, t.tableoid as part, {have} as content, {have_key} as key, \
         row_number() over (partition by {have}) as copy \
         from {target} as t where {mine} and {in_slice};\n\
         analyze pg_temp.pgsync_want;\nanalyze pg_temp.pgsync_have;\n\
         create temporary table pgsync_surplus on commit drop as \
         select h.*, row_number() over (partition by h.key) as place \
         from pg_temp.pgsync_have as h where not exists (select from pg_temp.pgsync_want as w \
         where w.content = h.content and w.copy = h.copy);\n\
         create temporary table pgsync_lacking on commit drop as \
         select w.*, row_number() over (partition by w.key) as place \
         from pg_temp.pgsync_want as w where not exists (select from pg_temp.pgsync_have as h \
         where h.content = w.content and h.copy = w.copy);\n\
         create temporary table pgsync_changed on commit drop as \
         select s.at, s.part, l.row_at, l.key from pg_temp.pgsync_surplus as s \
         join pg_temp.pgsync_lacking as l on l.key = s.key and l.place = s.place;\n\
         analyze pg_temp.pgsync_changed;\n{counts}",
        counts = count(),
        row = content(mapping, ROWS),
        row_key = key(mapping, ROWS),
        have = content(mapping, TARGET),
        have_key = key(mapping, TARGET),
        target = mapping.target.sql(),
        mine = mapping.compared_on_target(),
        in_slice = in_slice(mapping, slice),
    ))
}

/// Counts what is to be done. Answers with the numbers of rows: to update, to
/// delete, to insert, and compared on the target.
#[must_use]
pub fn count() -> Sql {
    Sql::new(
        "select (select count(*) from pg_temp.pgsync_changed), \
         (select count(*) from pg_temp.pgsync_surplus) - (select count(*) from pg_temp.pgsync_changed), \
         (select count(*) from pg_temp.pgsync_lacking) - (select count(*) from pg_temp.pgsync_changed), \
         (select count(*) from pg_temp.pgsync_have)",
    )
}

/// Takes the rows in `pgsync_refused` out of what is written. The target's row
/// that one of them was to replace stays as it is.
pub(in crate::db::sql) fn leave_out_refused(mapping: &Mapping) -> Sql {
    let staged = Sql::new(
        "delete from pg_temp.pgsync_surplus as s \
         using pg_temp.pgsync_changed as c, pg_temp.pgsync_refused as f \
         where c.row_at = f.row_at and s.at = c.at and s.part = c.part;\n\
         delete from pg_temp.pgsync_changed as c using pg_temp.pgsync_refused as f \
         where c.row_at = f.row_at;\n\
         delete from pg_temp.pgsync_lacking as l using pg_temp.pgsync_refused as f \
         where l.row_at = f.row_at",
    );
    let unstaged = (!mapping.key.is_empty()).then(|| keep_for_unstaged(mapping));
    Sql::batch([staged].into_iter().chain(unstaged))
}

/// Which row of its key one that did not get into staging was to replace,
/// nobody knows. As many of them stay as were refused, and no more:
///
/// 1. Three rows with one number are gone from the desktop, and a fourth one
///    is too long for the cloud.
/// 2. It may be a new version of any of the three: one of them stays.
/// 3. If all stayed, two rows that are gone would stand in the cloud.
///
/// A row with nothing of its key was to replace none.
fn keep_for_unstaged(mapping: &Mapping) -> Sql {
    Sql::new(format!(
        "delete from pg_temp.pgsync_surplus as s using (select k.at, k.part, k.key, \
         row_number() over (partition by k.key order by k.at) as n from \
         (select g.at, g.part, {key} as key from pg_temp.pgsync_surplus as g \
         join {target} as t on t.ctid = g.at and t.tableoid = g.part \
         where not exists (select from pg_temp.pgsync_changed as c \
         where c.at = g.at and c.part = g.part) and num_nonnulls({values}) > 0) as k) as k, \
         (select key, count(*) as rows from pg_temp.pgsync_refused \
         where row_at is null group by key) as f \
         where f.key = k.key and k.n <= f.rows and s.at = k.at and s.part = k.part",
        key = mapping.key_text(TARGET),
        values = mapping.key_in(TARGET).join(", "),
        target = mapping.target.sql(),
    ))
}

pub(in crate::db::sql) fn in_slice(mapping: &Mapping, slice: &Slice) -> String {
    match slice {
        Slice::Buckets { count, wanted } => in_hashed(mapping, TARGET, *count, wanted),
        Slice::Ranges { ranges, wanted } => ranges.condition(mapping, TARGET, wanted),
        Slice::SharingKeys(_) => shares_a_staged_key(mapping),
        Slice::All | Slice::Pages { .. } | Slice::Owned => "true".to_owned(),
    }
}

/// By the keys' texts, as the content is: two keys that the target's type
/// takes for equal, although the source's does not, must not meet here.
fn shares_a_staged_key(mapping: &Mapping) -> String {
    let (target, staged) = (key_parts(mapping, TARGET), key_parts(mapping, ROWS));
    format!("({target}) in (select {staged} from pg_temp.pgsync_rows as r)")
}

fn key_parts(mapping: &Mapping, view: View<'_>) -> String {
    let columns = mapping.columns.iter().zip(mapping.columns_in(view));
    let comparable = |(column, value): (&Column, String)| match column.form {
        Form::Integer => format!("({value})::bigint"),
        form => form.text(&value),
    };
    columns
        .filter(|(column, _)| is_key(mapping, column))
        .map(comparable)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The whole row as one text, in the target's own types.
fn content(mapping: &Mapping, view: View<'_>) -> String {
    let columns = mapping.columns_in(view).into_iter().zip(&mapping.columns);
    let compared = columns.filter(|(_, column)| mapping.compares(column));
    let texts: Vec<String> = compared.map(|(value, column)| column.form.text(&value)).collect();
    format!("row({})::text", texts.join(", "))
}

/// The key as one text; NULL, which equals nothing, where there is no key, or
/// nothing of it.
///
/// 1. Two rows without a number change; the cloud refuses one of them.
/// 2. Told apart by nothing, either of them may be taken for the old version
///    of the refused one, and be left as it is.
/// 3. If it was the other one, its old and its new version both stand there.
fn key(mapping: &Mapping, view: View<'_>) -> String {
    let columns = mapping.columns.iter().zip(mapping.columns_in(view));
    let key: Vec<_> = columns.filter(|(column, _)| is_key(mapping, column)).collect();
    let texts: Vec<String> = key.iter().map(|(column, value)| column.form.text(value)).collect();
    let values: Vec<String> = key.into_iter().map(|(_, value)| value).collect();
    if texts.is_empty() {
        return "null::text".to_owned();
    }
    let (values, texts) = (values.join(", "), texts.join(", "));
    format!("case when num_nonnulls({values}) > 0 then row({texts})::text end")
}

fn is_key(mapping: &Mapping, column: &Column) -> bool {
    mapping.key.iter().any(|key| key.target == column.target)
}

/// The keys of the rows that will be updated in their place, at most `limit`.
#[must_use]
pub fn keys_to_update(limit: u64) -> Sql {
    Sql::new(format!("select key from pg_temp.pgsync_changed order by 1 limit {limit}"))
}

/// Deletes what the comparison found to be gone.
#[must_use]
pub fn delete(mapping: &Mapping) -> Sql {
    Sql::new(format!(
        "delete from {} as t using pg_temp.pgsync_surplus as s \
         where t.ctid = s.at and t.tableoid = s.part and not exists \
         (select from pg_temp.pgsync_changed as c where c.at = s.at and c.part = s.part)",
        mapping.target.sql()
    ))
}

/// Updates and inserts what the comparison found.
#[must_use]
pub fn update_and_insert(mapping: &Mapping, part: Part) -> Sql {
    let target = mapping.target.sql();
    let update = format!(
        "update {target} as t set {} from pg_temp.pgsync_changed as c \
         join pg_temp.pgsync_rows as r on r.ctid = c.row_at \
         where t.ctid = c.at and t.tableoid = c.part{}",
        assignments(mapping).join(", "),
        part.condition("c.row_at")
    );
    let insert = format!(
        "insert into {target} ({}) overriding system value select {} \
         from pg_temp.pgsync_lacking as l join pg_temp.pgsync_rows as r on r.ctid = l.row_at \
         where not exists (select from pg_temp.pgsync_changed as c where c.row_at = l.row_at){}",
        mapping.target_columns(),
        mapping.columns_in(ROWS).join(", "),
        part.condition("l.row_at")
    );
    Sql::new([update, insert].join(";\n"))
}

#[cfg(test)]
mod tests;
