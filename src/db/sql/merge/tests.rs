//! What an upsert asks, word for word.

use super::*;
use crate::db::sql::mapping::tests::{ident, mapping};

fn by_key() -> Mapping {
    Mapping { comparison: Comparison::RowsByKey, ..mapping() }
}

/// The same where some rows of the target are not ours to touch, and some
/// rows of the source came from the target.
fn with_owners() -> Mapping {
    Mapping {
        protected: Some("(source = 'M')".to_owned()),
        came_back: Some("(true)".to_owned()),
        ..by_key()
    }
}

#[test]
fn rows_are_staged_in_the_targets_types() {
    assert_eq!(
        create_rows(&by_key()).to_string(),
        "create temporary table pgsync_rows on commit drop as select t.\"rem_id\" as \
         c1, t.\"title\" as c2, false as came_back from \"public\".\"mbreminder\" as t with \
         no data"
    );
}

#[test]
fn staged_columns_are_numbered() {
    let into = |columns: &str| Into {
        table: "pg_temp.pgsync_rows".to_owned(),
        columns: columns.to_owned(),
    };
    assert_eq!(into_rows(&by_key()), into("c1, c2, came_back"));
}

#[test]
fn a_key_on_several_rows_is_set_aside_with_all_of_them() {
    assert_eq!(
        reject_duplicates(&by_key(), "forward", "run 1").to_string(),
        "analyze pg_temp.pgsync_rows;\n\
         create temporary table pgsync_duplicates on commit drop as select r.c1 as \
         k1, count(*) as copies from pg_temp.pgsync_rows as r group by r.c1 having \
         count(*) > 1;\n\
         insert into pgsync.rejects as known (direction, table_name, key, row_hash, \
         reason, message, source_row, run_id) select 'forward', 'mbreminder', \
         min(json_build_array(trim_scale((r.c1)::numeric)::text)::text), '', \
         'duplicate key', 'the key stands on ' || d.copies || ' rows of the source', \
         min((jsonb_build_object('rem_id', r.c1) || jsonb_build_object('title', \
         r.c2))::text)::jsonb, 'run 1' from pg_temp.pgsync_duplicates as d join \
         pg_temp.pgsync_rows as r on r.c1 = d.k1 group by d.ctid, d.copies on conflict \
         (direction, table_name, key, row_hash) do update set reason = \
         excluded.reason, sqlstate = excluded.sqlstate, message = excluded.message, \
         source_row = excluded.source_row, target_row = excluded.target_row, run_id = \
         excluded.run_id, last_seen = now(), attempts = known.attempts + 1;\n\
         delete from pg_temp.pgsync_rows as r using pg_temp.pgsync_duplicates as d \
         where r.c1 = d.k1;\n\
         select count(*) from pg_temp.pgsync_duplicates"
    );
}

#[test]
fn the_latest_of_several_rows_is_kept() {
    assert_eq!(
        keep_latest(&by_key(), &ident("title")).unwrap().to_string(),
        "analyze pg_temp.pgsync_rows;\n\
         with passed_over as (delete from pg_temp.pgsync_rows as r using (select \
         r.ctid as at, row_number() over (partition by r.c1 order by r.c2 desc nulls \
         last, r::text desc) as place from pg_temp.pgsync_rows as r) as o where \
         o.place > 1 and r.ctid = o.at returning \
         json_build_array(trim_scale((r.c1)::numeric)::text)::text as key) \
         select count(*), (select string_agg(key, ' ' order by key) from (select \
         distinct key from passed_over order by key limit 10) as named) from passed_over"
    );
}

#[test]
fn every_staged_row_meets_the_targets_row() {
    assert_eq!(
        matched(&by_key()).to_string(),
        "create temporary table pgsync_matched on commit drop as select r.ctid as \
         row_at, t.pgsync_at as at, t.pgsync_part as part, case when t.pgsync_at is \
         null then case when r.came_back then 'protected' else 'missing' end when not \
         (trim_scale((t.\"rem_id\")::numeric)::text is distinct from \
         trim_scale((r.c1)::numeric)::text or (t.\"title\")::text is distinct from \
         (r.c2)::text) then 'equal' when not t.pgsync_protected then 'update' when \
         true then 'protected' else 'conflict' end as fate from pg_temp.pgsync_rows \
         as r left join (select x.*, x.ctid as pgsync_at, x.tableoid as pgsync_part, \
         coalesce(false, false) as pgsync_protected from \"public\".\"mbreminder\" as x) \
         as t on t.\"rem_id\" = r.c1;\n\
         analyze pg_temp.pgsync_matched;\n\
         select count(*) filter (where fate = 'update'), count(distinct row_at) \
         filter (where fate = 'protected'), count(distinct row_at) filter (where fate \
         = 'conflict'), count(*) filter (where fate = 'missing') from \
         pg_temp.pgsync_matched"
    );
}

#[test]
fn a_row_that_came_back_is_no_conflict() {
    assert_eq!(
        matched(&with_owners()).to_string(),
        "create temporary table pgsync_matched on commit drop as select r.ctid as \
         row_at, t.pgsync_at as at, t.pgsync_part as part, case when t.pgsync_at is \
         null then case when r.came_back then 'protected' else 'missing' end when not \
         (trim_scale((t.\"rem_id\")::numeric)::text is distinct from \
         trim_scale((r.c1)::numeric)::text or (t.\"title\")::text is distinct from \
         (r.c2)::text) then 'equal' when not t.pgsync_protected then 'update' when \
         r.came_back then 'protected' else 'conflict' end as fate from \
         pg_temp.pgsync_rows as r left join (select x.*, x.ctid as pgsync_at, \
         x.tableoid as pgsync_part, coalesce((source = 'M'), false) as \
         pgsync_protected from \"public\".\"mbreminder\" as x) as t on t.\"rem_id\" = r.c1;\n\
         analyze pg_temp.pgsync_matched;\n\
         select count(*) filter (where fate = 'update'), count(distinct row_at) \
         filter (where fate = 'protected'), count(distinct row_at) filter (where fate \
         = 'conflict'), count(*) filter (where fate = 'missing') from \
         pg_temp.pgsync_matched"
    );
}

#[test]
fn a_dry_run_asks_for_the_keys() {
    assert_eq!(
        keys_to_update(&by_key(), 5).to_string(),
        "select json_build_array(trim_scale((r.c1)::numeric)::text)::text from \
         pg_temp.pgsync_matched as m join pg_temp.pgsync_rows as r on r.ctid = \
         m.row_at where m.fate = 'update' order by 1 limit 5"
    );
}

#[test]
fn updates_and_inserts_follow_what_was_matched() {
    assert_eq!(
        update_and_insert(&by_key(), Part::All).to_string(),
        "update \"public\".\"mbreminder\" as t set \"title\" = r.c2 from \
         pg_temp.pgsync_matched as m join pg_temp.pgsync_rows as r on r.ctid = \
         m.row_at where m.fate = 'update' and t.ctid = m.at and t.tableoid = m.part;\n\
         insert into \"public\".\"mbreminder\" (\"rem_id\", \"title\") overriding system \
         value select r.c1, r.c2 from pg_temp.pgsync_matched as m join \
         pg_temp.pgsync_rows as r on r.ctid = m.row_at where m.fate = 'missing'"
    );
}

#[test]
fn a_key_that_a_trigger_dropped_is_found() {
    assert_eq!(
        find_vanished(&by_key()).to_string(),
        "select min(json_build_array(trim_scale((r.c1)::numeric)::text)::text), \
         count(*) from pg_temp.pgsync_matched as m join pg_temp.pgsync_rows as r on \
         r.ctid = m.row_at where m.fate = 'missing' and not exists (select from \
         \"public\".\"mbreminder\" as t where t.\"rem_id\" = r.c1) having count(*) > 0"
    );
}

#[test]
fn both_rows_of_a_conflict_are_kept() {
    assert_eq!(
        record_conflicts(&with_owners(), "forward", "run 1").to_string(),
        "insert into pgsync.rejects as known (direction, table_name, key, row_hash, \
         reason, message, source_row, target_row, run_id) select distinct on (3) \
         'forward', 'mbreminder', \
         json_build_array(trim_scale((r.c1)::numeric)::text)::text, '', 'key \
         conflict', 'the key stands on both sides with different values', \
         jsonb_build_object('rem_id', r.c1) || jsonb_build_object('title', r.c2), \
         to_jsonb(t.*), 'run 1' from pg_temp.pgsync_matched as m join \
         pg_temp.pgsync_rows as r on r.ctid = m.row_at join \"public\".\"mbreminder\" as \
         t on t.ctid = m.at and t.tableoid = m.part where m.fate = 'conflict' on \
         conflict (direction, table_name, key, row_hash) do update set reason = \
         excluded.reason, sqlstate = excluded.sqlstate, message = excluded.message, source_row = \
         excluded.source_row, target_row = excluded.target_row, run_id = \
         excluded.run_id, last_seen = now(), attempts = known.attempts + 1"
    );
}

#[test]
fn only_a_written_column_can_say_which_row_is_the_latest() {
    assert_eq!(keep_latest(&by_key(), &ident("updated_at")), None);
}

#[test]
fn an_identity_column_is_neither_compared_nor_updated() {
    let mut mapping = by_key();
    mapping.columns[1].update = Update::Never;
    assert!(!differs(&mapping).contains("title"));
    assert!(assignments(&mapping).is_empty());
    // A key is compared, whatever it is.
    mapping.columns[0].update = Update::Never;
    assert!(differs(&mapping).contains("rem_id"));
}
