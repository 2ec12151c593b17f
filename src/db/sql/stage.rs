//! Staging tables, and what is asked of them on the target.
//!
//! All of them are temporary and live for one transaction:
//!
//! - `pgsync_keys`: the keys of a slice, with `owned`
//! - `pgsync_wanted`: the distinct keys whose rows have to be fetched;
//!   `present` marks those that stand on the target already
//! - `pgsync_rows`: the fetched rows, in the target's own types; with
//!   `pgsync_key` before them where the target has no column for the key
//! - `pgsync_inserted`: the keys that this transaction has inserted

use crate::db::copy::Into;
use crate::db::sql::Sql;
use crate::db::sql::mapping::{Existence, Mapping, Uniqueness, View};
use crate::db::sql::refusal::Part;

const KEYS: View<'static> = View::Staged("k");
const WANTED: View<'static> = View::Staged("w");
const TARGET: View<'static> = View::Target("t");
const ROWS: View<'static> = View::Target("r");

/// Makes `pgsync_keys`. A column takes type and collation from the target's,
/// but not the length, so that no key is cut to look like another.
#[must_use]
pub fn create_keys(mapping: &Mapping) -> Sql {
    let column = |(index, key): (usize, &crate::db::sql::mapping::KeyColumn)| {
        let value = match mapping.existence {
            Existence::InTable => format!("(t.{})::{}", key.target.sql(), key.staged_type),
            Existence::InLedger => "null::text".to_owned(),
        };
        format!("{value} as k{}", index + 1)
    };
    // A mirror may have no key at all.
    let mut columns: Vec<String> = mapping.key.iter().enumerate().map(column).collect();
    columns.push("false as owned".to_owned());
    Sql::new(format!(
        "create temporary table pgsync_keys on commit drop as \
         select {} from {} as t with no data",
        columns.join(", "),
        mapping.target.sql()
    ))
}

/// What fills `pgsync_keys`.
#[must_use]
pub fn into_keys(mapping: &Mapping) -> Into {
    Into {
        table: "pg_temp.pgsync_keys".to_owned(),
        columns: format!("{}, owned", mapping.staged_key_names()),
    }
}

/// Finds the keys that the target does not have, and the owned keys that
/// stand there without ever having been delivered. Answers with the counts
/// of both, and with the number of staged rows that have one of these keys.
#[must_use]
pub fn sift(mapping: &Mapping) -> Sql {
    let (exists, names) = (exists_on_target(mapping, KEYS), mapping.staged_key_names());
    let suspects = match (&mapping.owned, mapping.existence) {
        (Some(_), Existence::InTable) => format!(
            "\nunion all\nselect {names}, true, true, count(*) from pg_temp.pgsync_keys as k \
             where k.owned and {exists} and not {} group by {names}",
            delivered(mapping, KEYS)
        ),
        _ => String::new(),
    };
    Sql::new(format!(
        "analyze pg_temp.pgsync_keys;\n\
         create temporary table pgsync_wanted on commit drop as\n\
         select {names}, bool_or(k.owned) as owned, false as present, count(*) as rows \
         from pg_temp.pgsync_keys as k where not {exists} group by {names}{suspects};\n\
         select count(*) filter (where not present), count(*) filter (where present), \
         coalesce(sum(rows), 0) from pg_temp.pgsync_wanted"
    ))
}

fn exists_on_target(mapping: &Mapping, keys: View<'_>) -> String {
    match mapping.existence {
        Existence::InTable => format!(
            "exists (select from {} as t where {})",
            mapping.target.sql(),
            mapping.same_key(TARGET, keys)
        ),
        Existence::InLedger => delivered(mapping, keys),
    }
}

fn delivered(mapping: &Mapping, keys: View<'_>) -> String {
    format!(
        "exists (select from pgsync.delivered_keys as d \
         where d.table_name = {} and d.key = {})",
        mapping.ledger_name(),
        mapping.key_text(keys)
    )
}

/// Opens a cursor over the wanted keys, as texts.
#[must_use]
pub fn open_wanted(mapping: &Mapping) -> Sql {
    let keys = mapping.key_in(WANTED);
    let texts: Vec<String> = keys.iter().map(|key| format!("{key}::text")).collect();
    Sql::new(format!(
        "declare pgsync_wanted_keys no scroll cursor for select {} from pg_temp.pgsync_wanted as w",
        texts.join(", ")
    ))
}

/// The next wanted keys.
#[must_use]
pub fn fetch_wanted(count: u64) -> Sql {
    Sql::new(format!("fetch {count} from pgsync_wanted_keys"))
}

/// Makes `pgsync_rows`, in the target's types but without its constraints.
#[must_use]
pub fn create_rows(mapping: &Mapping) -> Sql {
    let key = match mapping.existence {
        Existence::InTable => "",
        Existence::InLedger => "null::text as pgsync_key, ",
    };
    Sql::new(format!(
        "create temporary table pgsync_rows on commit drop as select {key}{} from {} with no data",
        mapping.target_columns(),
        mapping.target.sql()
    ))
}

/// What fills `pgsync_rows`.
#[must_use]
pub fn into_rows(mapping: &Mapping) -> Into {
    let columns = mapping.target_columns();
    let columns = match mapping.existence {
        Existence::InTable => columns,
        Existence::InLedger => format!("pgsync_key, {columns}"),
    };
    Into { table: "pg_temp.pgsync_rows".to_owned(), columns }
}

/// The key of a staged row as our own tables keep it.
pub(in crate::db::sql) fn key_of_row(mapping: &Mapping) -> String {
    match mapping.existence {
        Existence::InTable => mapping.key_text(ROWS),
        Existence::InLedger => "r.pgsync_key".to_owned(),
    }
}

/// Whether the target has the key of a staged row.
pub(in crate::db::sql) fn stands_on_target(mapping: &Mapping) -> String {
    exists_on_target(mapping, ROWS)
}

/// Takes the keys in `pgsync_refused` out of what is written, and expected.
pub(in crate::db::sql) fn leave_out_refused(mapping: &Mapping) -> Sql {
    Sql::new(format!(
        "delete from pg_temp.pgsync_rows as r using pg_temp.pgsync_refused as f \
         where {} = f.key;\n\
         delete from pg_temp.pgsync_wanted as w using pg_temp.pgsync_refused as f \
         where {} = f.key",
        key_of_row(mapping),
        mapping.key_text(WANTED),
    ))
}

/// Makes `pgsync_inserted`.
#[must_use]
pub fn create_inserted(mapping: &Mapping) -> Sql {
    let names = match mapping.existence {
        Existence::InTable => mapping.staged_key_names(),
        Existence::InLedger => "null::text as key".to_owned(),
    };
    Sql::new(format!(
        "create temporary table pgsync_inserted on commit drop as \
         select {names} from pg_temp.pgsync_wanted with no data"
    ))
}

/// How many rows this transaction has inserted.
#[must_use]
pub fn count_inserted() -> Sql {
    Sql::new("select count(*) from pg_temp.pgsync_inserted")
}

/// What fills the target itself.
#[must_use]
pub fn into_target(mapping: &Mapping) -> Into {
    Into { table: mapping.target.sql(), columns: mapping.target_columns() }
}

/// Keeps other writers out until the transaction ends; readers may read.
///
/// Source: <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES>
#[must_use]
pub fn lock_target(mapping: &Mapping) -> Sql {
    Sql::new(format!("lock table {} in share row exclusive mode", mapping.target.sql()))
}

/// Asks for the transaction's own id, for the oldest one that is unfinished,
/// and for the first one after all that are finished.
///
/// Source: <https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT>
#[must_use]
pub fn transactions() -> Sql {
    Sql::new(
        "select pg_current_xact_id(), pg_snapshot_xmin(s), pg_snapshot_xmax(s) \
         from pg_current_snapshot() as s",
    )
}

/// How many rows the target has.
#[must_use]
pub fn count_target(mapping: &Mapping) -> Sql {
    Sql::new(format!("select count(*) from {}", mapping.target.sql()))
}

/// Refuses every key that stands on several fetched rows although the target
/// allows one; answers with their number.
///
/// `on conflict do nothing` would otherwise drop all but the first of them
/// without a word.
#[must_use]
pub fn refuse_doubles(mapping: &Mapping) -> Sql {
    let key = mapping.key_in(ROWS).join(", ");
    let columns: Vec<String> = mapping.key.iter().map(|key| key.target.sql()).collect();
    Sql::new(format!(
        "analyze pg_temp.pgsync_rows ({});\n\
         with doubles as (insert into pg_temp.pgsync_refused \
         select null, min({}), '23505', 'the key stands on ' || count(*) || ' rows of the source, \
         but the target allows one', min(to_jsonb(r.*)::text)::jsonb from pg_temp.pgsync_rows as r \
         where not {} group by {key} having count(*) > 1 returning 1) select count(*) from doubles",
        columns.join(", "),
        mapping.key_text(ROWS),
        exists_on_target(mapping, ROWS),
    ))
}

/// Inserts the fetched rows whose key the target still does not have.
#[must_use]
pub fn insert_missing(mapping: &Mapping, part: Part) -> Sql {
    let (missing, key) = match mapping.existence {
        Existence::InTable => (
            format!("not {}", exists_on_target(mapping, ROWS)),
            mapping.key_in(View::Target("n")).join(", "),
        ),
        Existence::InLedger => ("true".to_owned(), "null::text".to_owned()),
    };
    let columns = mapping.target_columns();
    Sql::new(format!(
        "with inserted as (insert into {} as n ({columns}) overriding system value \
         select {columns} from pg_temp.pgsync_rows as r where {missing}{} {}returning {key}) \
         insert into pg_temp.pgsync_inserted select * from inserted",
        mapping.target.sql(),
        part.condition("r.ctid"),
        on_conflict(mapping),
    ))
}

fn on_conflict(mapping: &Mapping) -> String {
    match mapping.uniqueness {
        Uniqueness::Indexed => {
            let key: Vec<String> = mapping.key.iter().map(|key| key.target.sql()).collect();
            format!("on conflict ({}) do nothing ", key.join(", "))
        }
        Uniqueness::Unguarded => String::new(),
    }
}

/// A wanted key that the target still does not have after the insert, with
/// the number of such keys; no row if all is well.
///
/// A trigger may have dropped the row, or the column's type may have changed
/// the key (1.5 into `numeric(5,0)` becomes 2): the next run would insert it
/// again, and again.
#[must_use]
pub fn find_vanished(mapping: &Mapping) -> Sql {
    Sql::new(format!(
        "select min({}), count(*) from pg_temp.pgsync_wanted as w where not {} having count(*) > 0",
        mapping.key_text(WANTED),
        exists_on_target(mapping, WANTED),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::mapping::tests::{composite, mapping};

    #[test]
    fn keys_are_staged_without_length_and_sifted_on_the_target() {
        assert_eq!(
            create_keys(&composite()).to_string(),
            "create temporary table pgsync_keys on commit drop as \
             select (t.\"rem_id\")::numeric as k1, (t.\"lang\")::character varying as k2, \
             false as owned from \"public\".\"mbreminder\" as t with no data"
        );
        assert_eq!(
            sift(&mapping()).to_string(),
            "analyze pg_temp.pgsync_keys;\n\
             create temporary table pgsync_wanted on commit drop as\n\
             select k1, bool_or(k.owned) as owned, false as present, count(*) as rows \
             from pg_temp.pgsync_keys as k where not exists (select from \
             \"public\".\"mbreminder\" as t where t.\"rem_id\" = k.k1) group by k1;\n\
             select count(*) filter (where not present), count(*) filter (where present), \
             coalesce(sum(rows), 0) from pg_temp.pgsync_wanted"
        );
    }

    #[test]
    fn an_owned_key_that_stands_there_undelivered_is_a_suspect() {
        let mut mapping = mapping();
        mapping.owned = Some("(source = 'M')".to_owned());
        let sql = sift(&mapping).to_string();
        assert!(sql.contains(
            "union all\nselect k1, true, true, count(*) from pg_temp.pgsync_keys as k where k.owned and \
             exists (select from \"public\".\"mbreminder\" as t where t.\"rem_id\" = k.k1) and \
             not exists (select from pgsync.delivered_keys as d \
             where d.table_name = 'mbreminder' and \
             d.key = json_build_array(trim_scale((k.k1)::numeric)::text)::text) group by k1"
        ));
    }

    #[test]
    fn without_an_index_the_insert_checks_under_the_lock() {
        assert_eq!(
            insert_missing(&mapping(), Part::All).to_string(),
            "with inserted as (insert into \"public\".\"mbreminder\" as n (\"rem_id\", \"title\") \
             overriding system value select \"rem_id\", \"title\" from pg_temp.pgsync_rows as r \
             where not exists (select from \"public\".\"mbreminder\" as t \
             where t.\"rem_id\" = r.\"rem_id\") returning n.\"rem_id\") \
             insert into pg_temp.pgsync_inserted select * from inserted"
        );
        assert_eq!(
            lock_target(&mapping()).to_string(),
            "lock table \"public\".\"mbreminder\" in share row exclusive mode"
        );
    }

    #[test]
    fn with_an_index_a_row_that_came_meanwhile_is_passed_over() {
        let mut mapping = composite();
        mapping.uniqueness = Uniqueness::Indexed;
        let sql = insert_missing(&mapping, Part::All).to_string();
        assert!(sql.contains("on conflict (\"rem_id\", \"lang\") do nothing returning"), "{sql}");
    }
}
