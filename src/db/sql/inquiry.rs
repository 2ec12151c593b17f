//! Everything both sides know of the rows with one key.
//!
//! The key comes from a person, as texts; the server casts them, and says so
//! if they are none of its type. Of the rows' values only hashes are answered.

use crate::db::sql::Sql;
use crate::db::sql::changed::{Changed, changed_condition};
use crate::db::sql::fingerprint::column_hashes;
use crate::db::sql::mapping::{Mapping, View};
use crate::ident::literal;

/// Rows that are told of, at most.
const MOST_ROWS: usize = 1_000;

/// Whether a table's row versions tell who wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// By their transaction and `pgsync.own_writes`.
    Known,
    Unknown,
}

/// Spells a key as our own tables do; refuses one that is of another type.
#[must_use]
pub fn spell_key(mapping: &Mapping, key: &[String]) -> Sql {
    let parts: Vec<String> = mapping
        .key
        .iter()
        .zip(key)
        .map(|(column, text)| {
            column.form.text(&format!("{}::{}", literal(text), column.source_type))
        })
        .collect();
    Sql::new(format!("select json_build_array({})::text", parts.join(", ")))
}

/// The source's rows with a key. Answers: in scope, the source's own, came
/// from the target, written since the watermark (NULL: all are looked at), run
/// of ours that wrote it, when, and a hash per compared column.
#[must_use]
pub fn of_source(mapping: &Mapping, key: &[String], changed: &Changed, writers: Writers) -> Sql {
    let table = mapping.source.table.sql();
    let flag = |condition: Option<&str>, otherwise: &str| {
        format!("coalesce({}, false)", condition.unwrap_or(otherwise))
    };
    let mut columns = vec![
        flag(mapping.scope.as_deref(), "true"),
        flag(mapping.owned.as_deref(), "false"),
        flag(mapping.came_back.as_deref(), "false"),
        changed_condition(changed).unwrap_or_else(|| "null".to_owned()),
    ];
    columns.extend(writer(&table, writers));
    columns.extend(column_hashes(mapping, View::Source));
    let equal = mapping.key.iter().zip(key).map(|(column, text)| {
        format!("{} = {}::{}", column.source, literal(text), column.source_type)
    });
    rows(&columns, &mapping.source.sql(), &equal.collect::<Vec<_>>())
}

/// The target's rows with a key. Answers: protected, run of ours that wrote
/// it, when, and a hash per compared column.
#[must_use]
pub fn of_target(mapping: &Mapping, key: &[String], writers: Writers) -> Sql {
    let protected = mapping.protected.as_deref().unwrap_or("false");
    let mut columns = vec![format!("coalesce({protected}, false)")];
    columns.extend(writer("t", writers));
    columns.extend(column_hashes(mapping, View::Target("t")));
    let equal = mapping.key.iter().zip(key).map(|(column, text)| {
        format!("t.{} = {}::{}", column.target.sql(), literal(text), column.staged_type)
    });
    let from = format!("{} as t", mapping.target.sql());
    rows(&columns, &from, &equal.collect::<Vec<_>>())
}

fn rows(columns: &[String], from: &str, equal: &[String]) -> Sql {
    let (columns, equal) = (columns.join(", "), equal.join(" and "));
    Sql::new(format!("select {columns} from {from} where {equal} limit {MOST_ROWS}"))
}

/// The run of ours that wrote the row version, and when.
fn writer(alias: &str, writers: Writers) -> [String; 2] {
    let own = |what: &str| match writers {
        Writers::Unknown => "null".to_owned(),
        Writers::Known => format!(
            "(select {what} from pgsync.own_writes as own where own.xid::xid = {alias}.xmin \
             order by own.xid desc limit 1)"
        ),
    };
    [own("own.run_id"), own(&in_utc("own.written_at"))]
}

fn in_utc(stamp: &str) -> String {
    format!("to_char({stamp} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')")
}

/// When a key was delivered. Answers: run, time; no row if it never was.
#[must_use]
pub fn delivery(table: &str, key: &str) -> Sql {
    Sql::new(format!(
        "select d.run_id, {} from pgsync.delivered_keys as d \
         where d.table_name = {} and d.key = {}",
        in_utc("d.delivered_at"),
        literal(table),
        literal(key)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::changed::{Echoes, Ids};
    use crate::db::sql::mapping::tests::{composite, mapping};

    fn key(parts: &[&str]) -> Vec<String> {
        parts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_server_spells_the_key() {
        assert_eq!(
            spell_key(&composite(), &key(&["7", "it's"])).to_string(),
            "select json_build_array(trim_scale(('7'::numeric)::numeric)::text, \
             ('it''s'::text)::text)::text"
        );
    }

    #[test]
    fn the_source_tells_scope_owner_and_writer() {
        let mut mapping = mapping();
        mapping.scope = Some("(a)".into());
        mapping.owned = Some("(b)".into());
        let (ids, echoes) = (Ids::ByAge, Echoes::Unknown);
        let changed = Changed::SinceHorizon { horizon: 7, ids, echoes };
        let own = "from pgsync.own_writes as own where own.xid::xid = \"reminder\".xmin \
                   order by own.xid desc limit 1)";
        assert_eq!(
            of_source(&mapping, &key(&["5"]), &changed, Writers::Known).to_string(),
            format!(
                "select coalesce((a), false), coalesce((b), false), coalesce(false, false), \
                 age(xmin) <= (select age('7'::xid8::xid)), (select own.run_id {own}, \
                 (select to_char(own.written_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') {own}, \
                 hash_numeric_extended((\"rem_id\")::numeric, 0), \
                 hashtextextended(((upper(remtitle)))::text collate \"C\", 0) \
                 from \"public\".\"reminder\" where \"rem_id\" = '5'::numeric limit 1000"
            )
        );
    }

    #[test]
    fn the_target_tells_whose_it_is() {
        assert_eq!(
            of_target(&composite(), &key(&["5", "en"]), Writers::Unknown).to_string(),
            "select coalesce(false, false), null, null, \
             hash_numeric_extended((t.\"rem_id\")::numeric, 0), \
             hashtextextended((t.\"title\")::text collate \"C\", 0) \
             from \"public\".\"mbreminder\" as t where t.\"rem_id\" = '5'::numeric \
             and t.\"lang\" = 'en'::character varying limit 1000"
        );
    }

    #[test]
    fn a_delivery_is_looked_up_by_table_and_key() {
        assert_eq!(
            delivery("job", "[\"5\"]").to_string(),
            "select d.run_id, to_char(d.delivered_at at time zone 'UTC', \
             'YYYY-MM-DD HH24:MI:SS') from pgsync.delivered_keys as d \
             where d.table_name = 'job' and d.key = '[\"5\"]'"
        );
    }
}
