//! What a mirror asks, word for word.

use super::*;
use crate::db::sql::changed::Changed;
use crate::db::sql::mapping::Comparison;
use crate::db::sql::mapping::tests::{ident, mapping};

fn by_content() -> Mapping {
    Mapping { comparison: Comparison::Rows, ..mapping() }
}

#[test]
fn both_sides_are_compared_as_multisets() {
    assert_eq!(
        compare(&by_content(), &Slice::All).to_string(),
        "analyze pg_temp.pgsync_rows;\n\
         create temporary table pgsync_want on commit drop as select r.ctid as \
         row_at, row(trim_scale((r.c1)::numeric)::text, (r.c2)::text)::text as \
         content, case when num_nonnulls(r.c1) > 0 then \
         row(trim_scale((r.c1)::numeric)::text)::text end as key, row_number() \
         over (partition by row(trim_scale((r.c1)::numeric)::text, \
         (r.c2)::text)::text) as copy from pg_temp.pgsync_rows as r;\n\
         create temporary table pgsync_have on commit drop as select t.ctid as at, \
         t.tableoid as part, row(trim_scale((t.\"rem_id\")::numeric)::text, \
         (t.\"title\")::text)::text as content, \
         case when num_nonnulls(t.\"rem_id\") > 0 then \
         row(trim_scale((t.\"rem_id\")::numeric)::text)::text end as key, row_number() over \
         (partition by row(trim_scale((t.\"rem_id\")::numeric)::text, \
         (t.\"title\")::text)::text) as copy from \"public\".\"mbreminder\" as t where true \
         and true;\n\
         analyze pg_temp.pgsync_want;\n\
         analyze pg_temp.pgsync_have;\n\
         create temporary table pgsync_surplus on commit drop as select h.*, \
         row_number() over (partition by h.key) as place from pg_temp.pgsync_have as \
         h where not exists (select from pg_temp.pgsync_want as w where w.content = \
         h.content and w.copy = h.copy);\n\
         create temporary table pgsync_lacking on commit drop as select w.*, \
         row_number() over (partition by w.key) as place from pg_temp.pgsync_want as \
         w where not exists (select from pg_temp.pgsync_have as h where h.content = \
         w.content and h.copy = w.copy);\n\
         create temporary table pgsync_changed on commit drop as select s.at, s.part, \
         l.row_at, l.key from pg_temp.pgsync_surplus as s join pg_temp.pgsync_lacking \
         as l on l.key = s.key and l.place = s.place;\n\
         analyze pg_temp.pgsync_changed;\n\
         select (select count(*) from pg_temp.pgsync_changed), (select count(*) from \
         pg_temp.pgsync_surplus) - (select count(*) from pg_temp.pgsync_changed), \
         (select count(*) from pg_temp.pgsync_lacking) - (select count(*) from \
         pg_temp.pgsync_changed), (select count(*) from pg_temp.pgsync_have)"
    );
}

#[test]
fn only_our_rows_of_the_slices_buckets_are_compared() {
    let mut mapping = by_content();
    mapping.protected = Some("(source = 'M')".to_owned());
    let buckets = Slice::Buckets { count: 64, wanted: vec![3, 9] };
    let sql = compare(&mapping, &buckets).to_string();
    assert!(
        sql.contains(
            "from \"public\".\"mbreminder\" as t where not coalesce((source = 'M'), false) \
             and ((coalesce(hash_numeric_extended((t.\"rem_id\")::numeric, 1), 0) # \
             coalesce(hashtextextended((t.\"title\")::text collate \"C\", 2), 0)) & 63) \
             = any ('{3,9}'::bigint[]);\n"
        ),
        "{sql}"
    );
}

#[test]
fn without_a_key_no_row_is_a_changed_one() {
    let mapping = Mapping { key: Vec::new(), ..by_content() };
    assert_eq!(key(&mapping, ROWS), "null::text");
}

#[test]
fn a_dry_run_asks_for_the_keys() {
    assert_eq!(
        keys_to_update(5).to_string(),
        "select key from pg_temp.pgsync_changed order by 1 limit 5"
    );
}

#[test]
fn surplus_rows_go_before_others_come() {
    assert_eq!(
        delete(&by_content()).to_string(),
        "delete from \"public\".\"mbreminder\" as t using pg_temp.pgsync_surplus as s \
         where t.ctid = s.at and t.tableoid = s.part and not exists (select from \
         pg_temp.pgsync_changed as c where c.at = s.at and c.part = s.part)"
    );
    assert_eq!(
        update_and_insert(&by_content(), Part::All).to_string(),
        "update \"public\".\"mbreminder\" as t set \"rem_id\" = r.c1, \"title\" = r.c2 from \
         pg_temp.pgsync_changed as c join pg_temp.pgsync_rows as r on r.ctid = \
         c.row_at where t.ctid = c.at and t.tableoid = c.part;\n\
         insert into \"public\".\"mbreminder\" (\"rem_id\", \"title\") overriding system \
         value select r.c1, r.c2 from pg_temp.pgsync_lacking as l join \
         pg_temp.pgsync_rows as r on r.ctid = l.row_at where not exists (select from \
         pg_temp.pgsync_changed as c where c.row_at = l.row_at)"
    );
}

#[test]
fn rows_that_share_a_key_with_a_changed_one_are_compared() {
    let changed = Changed::SinceInstant { column: ident("at"), instant: "2026-01-01".into() };
    let sql = compare(&by_content(), &Slice::SharingKeys(changed)).to_string();
    assert!(
        sql.contains(
            "from \"public\".\"mbreminder\" as t where true \
             and (trim_scale((t.\"rem_id\")::numeric)::text) in (select \
             trim_scale((r.c1)::numeric)::text from pg_temp.pgsync_rows as r);\n"
        ),
        "{sql}"
    );
}

#[test]
fn as_many_rows_of_a_key_stay_as_were_refused() {
    assert_eq!(
        keep_for_unstaged(&by_content()).to_string(),
        "delete from pg_temp.pgsync_surplus as s using (select k.at, k.part, k.key, \
         row_number() over (partition by k.key order by k.at) as n from \
         (select g.at, g.part, json_build_array(trim_scale((t.\"rem_id\")::numeric)::text)::text \
         as key from pg_temp.pgsync_surplus as g \
         join \"public\".\"mbreminder\" as t on t.ctid = g.at and t.tableoid = g.part \
         where not exists (select from pg_temp.pgsync_changed as c \
         where c.at = g.at and c.part = g.part) and num_nonnulls(t.\"rem_id\") > 0) as k) as k, \
         (select key, count(*) as rows from pg_temp.pgsync_refused \
         where row_at is null group by key) as f \
         where f.key = k.key and k.n <= f.rows and s.at = k.at and s.part = k.part"
    );
}
