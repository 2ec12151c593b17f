//! Keys of every kind: a row whose key is there is left alone, a row whose key
//! is missing comes in, and nothing comes in twice.

use crate::look::says;
use crate::office::Office;
use std::fmt::Write;

/// A key's type on both sides, keys that both sides hold (each in its own
/// spelling), keys that only the cloud holds.
struct Kind {
    cloud: &'static str,
    desktop: &'static str,
    both: &'static [(&'static str, &'static str)],
    new: &'static [&'static str],
}

const fn kind(
    cloud: &'static str,
    desktop: &'static str,
    both: &'static [(&'static str, &'static str)],
    new: &'static [&'static str],
) -> Kind {
    Kind { cloud, desktop, both, new }
}

const KINDS: &[Kind] = &[
    kind("int", "int", &[("0", "0"), ("-1", "-1")], &["'-2147483648'", "1"]),
    kind("bigint", "numeric", &[("0", "0.00"), ("5", "5.0")], &["-5", "'9223372036854775807'"]),
    kind("numeric", "bigint", &[("1", "1"), ("-0", "0")], &["2.0::numeric(9)", "-7"]),
    kind("numeric", "numeric", &[("1", "1.00"), ("1.5", "1.50")], &["1.25", "'NaN'", "1e30"]),
    kind("numeric(9,2)", "numeric(9,0)", &[("1", "1")], &["2.00", "-3.00"]),
    kind("smallint", "int", &[("1", "1")], &["'-32768'"]),
    kind(
        "text",
        "text",
        &[("'a'", "'a'"), ("''", "''")],
        &["'A'", "'a '", "' a'", r"E'\t\n\\'", r"'\N'"],
    ),
    kind("text collate \"C\"", "varchar(9) collate \"POSIX\"", &[("'é'", "'é'")], &["'É'", "'e'"]),
    kind("text collate \"C\"", "text collate \"und-x-icu\"", &[("'b'", "'b'")], &["'B'", "'ß'"]),
    kind("char(5)", "char(5)", &[("'a'", "'a   '")], &["'b  '", "'A'"]),
    kind("varchar(5)", "char(5)", &[("'a'", "'a'")], &["'b'", "' c'"]),
    kind("char(5)", "varchar(5)", &[("'a'", "'a    '")], &["'b'"]),
    kind(
        "uuid",
        "uuid",
        &[("'00000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000000'")],
        &["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"],
    ),
    kind(
        "uuid",
        "text",
        &[("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'")],
        &["'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    ),
    kind(
        "timestamptz",
        "timestamp",
        &[("'2026-03-01 00:00+00'", "'2026-03-01 05:30'")],
        &["'2026-03-01 05:30+00'", "'infinity'", "'2026-03-01 00:00:00.000001+00'"],
    ),
    kind(
        "timestamp",
        "timestamptz",
        &[("'2026-03-01 05:30'", "'2026-03-01 00:00+00'")],
        &["'2026-03-01'", "'-infinity'"],
    ),
    kind("timestamp", "timestamp", &[("'0001-01-01'", "'0001-01-01'")], &["'0044-03-15 BC'"]),
    kind("date", "timestamp", &[("'2026-03-01'", "'2026-03-01'")], &["'2026-03-02'"]),
    kind("bytea", "bytea", &[("''", "''")], &[r"'\x00ff5c'"]),
    kind("bool", "bool", &[("true", "true")], &["false"]),
    kind("float8", "float8", &[("0.1", "0.1")], &["'NaN'", "'-Infinity'", "5e-324"]),
    kind("inet", "inet", &[("'10.0.0.1/8'", "'10.0.0.1/8'")], &["'10.0.0.1'"]),
    kind("interval", "interval", &[("'1 day'", "'1 day'")], &["'-1 mon 3 days'"]),
];

/// So many rows on both sides that first runs compare buckets, not keys.
const FILLER: &str = "insert into big select n, 'filler' from generate_series(1, 5000) n;";

/// A table per kind, `t0` and so on.
async fn tables() -> Office {
    let (mut cloud, mut desktop, mut pairs) = (String::new(), String::new(), String::new());
    for (n, kind) in KINDS.iter().enumerate() {
        writeln!(cloud, "create table t{n} (id {}, v text);", kind.cloud).unwrap();
        writeln!(desktop, "create table t{n} (id {}, v text);", kind.desktop).unwrap();
        writeln!(pairs, "t{n} = {{ key = \"id\" }}").unwrap();
        for (theirs, ours) in kind.both {
            writeln!(cloud, "insert into t{n} values ({theirs}, 'cloud');").unwrap();
            writeln!(desktop, "insert into t{n} values ({ours}, 'desktop');").unwrap();
        }
        for new in kind.new {
            writeln!(cloud, "insert into t{n} values ({new}, 'cloud');").unwrap();
        }
    }
    Office::inserting(&cloud, &desktop, &pairs).await
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_type_meet_their_likes() {
    let office = tables().await;
    let ran = office.reverse_twice().await;
    for (n, Kind { cloud, desktop, both, new }) in KINDS.iter().enumerate() {
        assert_eq!(ran.figures(&format!("t{n}"))[1], new.len().to_string(), "{cloud} {desktop}");
        let held = |from| format!("select count(*) from t{n} where v = '{from}'");
        assert_eq!(office.desktop(&held("desktop")).await, [both.len().to_string()]);
        assert_eq!(office.desktop(&held("cloud")).await, [new.len().to_string()]);
    }
    let ran = office.run(&["reverse", "--full"]).await;
    says(&ran.stdout, &["done: nothing new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_key_is_whole_or_another_one() {
    let office = Office::inserting(
        "create table t (a int, b varchar, c numeric, v text);
         insert into t values (1, 'x', 1, 'cloud'), (1, 'y', 1, 'cloud'), (2, 'x', 1, 'cloud'),
            (11, '1', 1, 'cloud'), (1, '11', 1, 'cloud'), (1, 'x', 2, 'cloud'), (0, '', 0, 'cloud')",
        "create table t (a numeric(5,2), b char(4), c int, v text);
         insert into t values (1.00, 'x', 1, 'desktop'), (11, '1', 1, 'desktop')",
        "t = { key = [\"a\", \"b\", \"c\"] }",
    )
    .await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t"), ["7", "5", "5"]);
    assert_eq!(
        office.desktop("select a::int, trim(b), c, v from t order by 1, 2, 3").await,
        [
            "0||0|cloud",
            "1|11|1|cloud",
            "1|x|1|desktop",
            "1|x|2|cloud",
            "1|y|1|cloud",
            "2|x|1|cloud",
            "11|1|1|desktop"
        ]
    );
    let ran = office.run(&["reverse", "--full"]).await;
    assert_eq!(ran.figures("t")[1..], ["0", "0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_tables_are_compared_by_buckets() {
    let office = Office::inserting(
        &format!("create table big (id int, v text); {FILLER} insert into big values (0, 'new'),
            (-1, 'new'), (90000, 'new')"),
        &format!("create table big (id numeric(9,2), v text); {FILLER} insert into big values (7777, 'ours')"),
        "big = { key = \"id\" }",
    )
    .await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("big"), ["5,003", "3", "3"]);
    assert_eq!(office.pair.desktop.count("big").await, 5_004);
    assert_eq!(office.pair.desktop.count("big where v = 'new'").await, 3);
}

const TWICE: &str = "create table t (id int, v text);
    insert into t values (1, 'a'), (1, 'b'), (2, 'c'), (3, 'd'), (3, 'd')";

#[tokio::test(flavor = "multi_thread")]
async fn all_rows_that_share_a_missing_key_come_in() {
    let office =
        Office::inserting(TWICE, "create table t (id int, v text)", "t = { key = \"id\" }").await;
    office.brings("t", 5).await;
    let more = "insert into t values (4, 'e'), (4, 'f'), (4, 'f'), (1, 'late')";
    office.pair.cloud.run(more).await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t")[1..], ["3", "3"]);
    assert_eq!(office.pair.desktop.count("t where id = 4").await, 3);
    assert_eq!(office.pair.desktop.count("t where id = 1").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_stand_twice_on_the_desktop_stay_as_they_are() {
    let office = Office::inserting(
        "create table t (id int primary key, v text); insert into t values (1, 'x'), (2, 'y')",
        "create table t (id int, v text); insert into t values (1, 'a'), (1, 'b')",
        "t = {}",
    )
    .await;
    office.reverse_twice().await;
    assert_eq!(office.desktop("select * from t order by 1, 2").await, ["1|a", "1|b", "2|y"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_that_allows_one_row_a_key_is_not_given_the_first_of_two() {
    let office = Office::inserting(
        TWICE,
        "create table t (id int primary key, v text)",
        "t = { key = \"id\" }",
    )
    .await;
    let ran = office.reverse_rejects("t", &["1", "3"]).await;
    says(&ran.stderr, &["the key stands on 2 rows of the source, but the target allows one"]);
    assert_eq!(office.desktop("select * from t").await, ["2|c"]);
    let unique = "delete from t where v = 'b'; delete from t where ctid =
        (select max(ctid) from t where id = 3)";
    office.pair.cloud.run(unique).await;
    office.reverse_twice().await;
    assert_eq!(office.both("select * from t order by 1").await, ["1|a", "2|c", "3|d"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_key_is_kept_until_it_has_one() {
    let table = "create table t (a int, b text, v text)";
    let office = Office::inserting(
        &format!(
            "{table}; insert into t values (1, 'x', 'good'), (null, 'x', 'bad'),
            (2, null, 'bad too'), (null, null, 'same'), (null, null, 'same')"
        ),
        table,
        "t = { key = [\"a\", \"b\"] }",
    )
    .await;
    let rejects =
        "select key, reason, source_row ->> 'v', attempts from pgsync.rejects order by 1, 3";
    for attempt in 1..=2 {
        let ran = office.run(&["reverse"]).await;
        assert_eq!(ran.code, 4, "{ran}");
        assert_eq!(office.desktop("select v from t").await, ["good"]);
        let kept = [
            r#"["2", null]|no key|bad too"#,
            r#"[null, "x"]|no key|bad"#,
            "[null, null]|no key|same",
        ];
        assert_eq!(office.desktop(rejects).await, kept.map(|kept| format!("{kept}|{attempt}")));
    }
    office.pair.cloud.run("update t set b = 'y' where a = 2; delete from t where v = 'same'").await;
    let ran = office.run(&["reverse"]).await;
    assert_eq!((ran.code, &ran.figures("t")[2]), (4, &"1".to_owned()), "{ran}");
    office.pair.cloud.run("update t set a = 3 where a is null").await;
    office.reverse_twice().await;
    assert_eq!(office.both("select * from t order by a").await.len(), 3);
    assert_eq!(office.pair.desktop.count("pgsync.rejects").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_desktops_type_would_change_stays_out() {
    for there in ["", "insert into t values (7, 'there')"] {
        let office = Office::inserting(
            "create table t (id numeric, v text); insert into t values (1.5, 'a'), (2, 'b'), (7, 'c')",
            &format!("create table t (id numeric(5,0), v text); {there}"),
            "t = { key = \"id\" }",
        )
        .await;
        let ran = office.reverse_rejects("t", &["1.5"]).await;
        says(&ran.stderr, &["rejected: t [\"1.5\"]: ", "(column \"id\")"]);
        office.pair.cloud.run("update t set id = 15 where id = 1.5").await;
        office.reverse_twice().await;
        assert_eq!(office.both("select id from t order by 1").await, ["2", "7", "15"]);
    }
}

/// The desktop's type takes `ab` and `ab ` for the same key.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_one_key_on_the_desktop_are_not_lost_silently() {
    let office = Office::inserting(
        "create table t (id text, v text); insert into t values ('ab', '1'), ('ab ', '2'), ('x ', '3')",
        "create table t (id char(5), v text); insert into t values ('other', 'ours')",
        "t = { key = \"id\" }",
    )
    .await;
    let ran = office.reverse_refuses("t").await;
    says(&ran.stderr, &["lacks the keys of 3 rows", "finds only 1 rows", "key of t the same type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_the_primary_key_of_either_side() {
    let office = Office::inserting(
        "create table c (id int, v text, primary key (id)); insert into c values (1, 'a');
         create table d (id int, v text); insert into d values (1, 'a'), (2, 'b');
         create table e (id int primary key deferrable initially deferred); insert into e values (1)",
        "create table c (id int, v text); create table e (id int);
         create table d (id int, v text, primary key (id)); insert into d values (1, 'mine')",
        "c = {}\nd = {}\ne = {}",
    )
    .await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("c"), ["1", "1", "1"]);
    assert_eq!(ran.figures("d"), ["2", "1", "1"]);
    assert_eq!(office.desktop("select * from d order by 1").await, ["1|mine", "2|b"]);
    assert_eq!(office.both("select id from e").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_without_a_key_is_refused() {
    let office = Office::inserting(
        "create table t (id int); insert into t values (1); create table u (id int, w int)",
        "create table t (id int); create table u (id int)",
        "t = {}\nu = { key = \"w\" }",
    )
    .await;
    let ran = office.reverse_refuses("t").await;
    says(&ran.stderr, &["could not plan table t", "[tables.t] key = "]);
    says(&ran.stderr, &["could not plan table u", "key column \"w\" is not on both sides"]);
}
