//! Rows that belong to the source alone: which were delivered, and which stand
//! on the target as somebody else's.
//!
//! Reads the staging tables of `stage`.

use crate::db::sql::Sql;
use crate::db::sql::mapping::{Column, Mapping, View};
use crate::ident::literal;

const KEYS: View<'static> = View::Staged("k");
const WANTED: View<'static> = View::Staged("w");
const INSERTED: View<'static> = View::Staged("i");
const TARGET: View<'static> = View::Target("t");
const ROWS: View<'static> = View::Target("r");

/// Writes the delivered keys of a pair whose keys the target has no column for.
#[must_use]
pub fn record_delivered(mapping: &Mapping, run: &str) -> Sql {
    insert_delivered(mapping, run, "from pg_temp.pgsync_wanted as w", WANTED, "")
}

/// Writes the owned keys of `pgsync_keys` as delivered: the target was empty,
/// so all of them were inserted.
#[must_use]
pub fn record_all_owned(mapping: &Mapping, run: &str) -> Sql {
    let rows = "from pg_temp.pgsync_keys as k where k.owned";
    insert_delivered(mapping, run, rows, KEYS, " on conflict do nothing")
}

/// Writes the owned keys as delivered that this transaction inserted, or that
/// stand on the target with the same values; an earlier tool brought them.
#[must_use]
pub fn record_owned(mapping: &Mapping, run: &str) -> Sql {
    let rows = format!(
        "from pg_temp.pgsync_wanted as w where w.owned and ({} or {})",
        was_inserted(mapping),
        stands_equal(mapping)
    );
    insert_delivered(mapping, run, &rows, WANTED, " on conflict do nothing")
}

fn insert_delivered(
    mapping: &Mapping,
    run: &str,
    rows: &str,
    keys: View<'_>,
    on_conflict: &str,
) -> Sql {
    Sql::new(format!(
        "insert into pgsync.delivered_keys (table_name, key, run_id) \
         select {}, {}, {} {rows}{on_conflict}",
        mapping.ledger_name(),
        mapping.key_text(keys),
        literal(run),
    ))
}

fn was_inserted(mapping: &Mapping) -> String {
    format!(
        "exists (select from pg_temp.pgsync_inserted as i where {})",
        mapping.same_key(INSERTED, WANTED)
    )
}

/// Columns that an earlier tool dropped on its way; they do not make two rows
/// different.
pub const BOOKKEEPING: [&str; 3] = ["source", "created_at", "updated_at"];

fn stands_equal(mapping: &Mapping) -> String {
    let compared =
        mapping.columns.iter().filter(|column| !BOOKKEEPING.contains(&column.target.as_str()));
    let mut conditions = vec![mapping.same_key(ROWS, WANTED)];
    conditions.extend(compared.map(equal_values));
    format!(
        "exists (select from pg_temp.pgsync_rows as r join {} as t on {} where {})",
        mapping.target.sql(),
        mapping.same_key(ROWS, TARGET),
        conditions.join(" and "),
    )
}

/// Compared as text, because some types (json, point) have no equality; in
/// the form in which 1.0 and 1.00 are the same.
fn equal_values(column: &Column) -> String {
    let spell = |alias: &str| column.form.text(&format!("{alias}.{}", column.target.sql()));
    format!("{} is not distinct from {}", spell("r"), spell("t"))
}

/// Writes every owned key as a reject that stands on the target with other
/// values and was never delivered: two people have taken the same number.
/// Answers with the number of such keys.
#[must_use]
pub fn record_conflicts(mapping: &Mapping, direction: &str, run: &str) -> Sql {
    let target = mapping.target.sql();
    Sql::new(format!(
        "with conflicts as (insert into pgsync.rejects as known \
         (direction, table_name, key, row_hash, reason, message, source_row, target_row, run_id) \
         select {direction}, {name}, {key}, '', 'key conflict', \
         'the key stands on both sides with different values', \
         (select to_jsonb(r.*) from pg_temp.pgsync_rows as r where {fetched} limit 1), \
         (select to_jsonb(t.*) from {target} as t where {standing} limit 1), {run} \
         from pg_temp.pgsync_wanted as w where w.owned and not ({inserted} or {equal}) \
         {again} returning 1) select count(*) from conflicts",
        direction = literal(direction),
        name = mapping.ledger_name(),
        key = mapping.key_text(WANTED),
        fetched = mapping.same_key(ROWS, WANTED),
        standing = mapping.same_key(TARGET, WANTED),
        run = literal(run),
        inserted = was_inserted(mapping),
        equal = stands_equal(mapping),
        again = REJECTED_AGAIN,
    ))
}

/// A reject that is met again keeps the time when it was first seen.
pub(crate) const REJECTED_AGAIN: &str = "on conflict (direction, table_name, key, row_hash) \
     do update set reason = excluded.reason, sqlstate = excluded.sqlstate, \
     message = excluded.message, \
     source_row = excluded.source_row, target_row = excluded.target_row, \
     run_id = excluded.run_id, last_seen = now(), attempts = known.attempts + 1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::mapping::Form;
    use crate::db::sql::mapping::tests::{column, mapping};

    #[test]
    fn bookkeeping_columns_do_not_make_rows_different() {
        let mut mapping = mapping();
        let column = |name: &str| column(name, "", Form::Text);
        mapping.columns = vec![column("title"), column("source"), column("updated_at")];
        assert!(
            stands_equal(&mapping)
                .ends_with("and (r.\"title\")::text is not distinct from (t.\"title\")::text)")
        );
    }
}
