//! Values that are easily altered on their way: texts, zones, lengths, scales.

use crate::look::says;
use crate::office::{Office, Ran};
use sqlx::{Connection, PgConnection};

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_of_the_machine_moves_no_stamp() {
    let office = Office::inserting(
        "create table t (id int primary key, a timestamptz, b timestamp, c timestamptz, d timestamp)",
        "create table t (id int primary key, a timestamp, b timestamptz, c timestamptz, d timestamp)",
        "t = {}",
    )
    .await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    let zone = |name: &str, zone: &str| format!("alter database {name} set timezone = '{zone}'");
    cloud.run(&zone(cloud.name(), "America/St_Johns")).await;
    desktop.run(&zone(desktop.name(), "Pacific/Apia")).await;
    let zones = ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati"];
    for (id, zone) in zones.iter().enumerate() {
        cloud
            .run(&format!(
                "insert into t values ({id}, '2026-03-01 20:00:00.000001+00',
                '2026-03-02 01:30:00.000001', '2026-03-01 20:00+00', '2026-03-02 01:30')"
            ))
            .await;
        let mut command = office.command(&["reverse"]);
        command.env("TZ", zone).env("PGTZ", zones[3 - id]).env("PGDATESTYLE", "German");
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, 0, "{ran}");
    }
    assert_eq!(
        office.desktop("select distinct a, b, c, d from t").await,
        ["2026-03-02 01:30:00.000001|2026-03-01 20:00:00.000001+00|2026-03-01 20:00:00+00|\
          2026-03-02 01:30:00"]
    );
    assert_eq!(desktop.count("t").await, 4);
    office.reverse_twice().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ends_of_time_have_no_zone() {
    let office = Office::inserting(
        "create table t (id int primary key, a timestamptz, b timestamp);
         insert into t values (1, 'infinity', 'infinity'), (2, '-infinity', '-infinity'),
            (3, '0001-01-01 00:00+00', '0001-01-01'), (4, '294276-12-31 00:00+00', '294276-12-31'),
            (5, '4713-01-02 00:00+00 BC', '4713-01-02 BC'), (6, null, null)",
        "create table t (id int primary key, a timestamp, b timestamptz)",
        "t = {}",
    )
    .await;
    assert_eq!(office.pair.desktop.count("t").await, 0);
    office.reverse_twice().await;
    let local = "select id, a at time zone 'Asia/Kolkata', b from t order by id";
    let on_cloud = office.cloud(local).await;
    let on_desktop = "select id, a, b at time zone 'Asia/Kolkata' from t order by id";
    assert_eq!(office.desktop(on_desktop).await, on_cloud);
    assert_eq!(on_cloud.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn habits_of_a_database_alter_nothing() {
    let table = "create table t (id int primary key, d date, i interval, f float8, b bytea,
        a text[], x xml, ts timestamptz)";
    let office = Office::inserting(
        &format!(
            "{table}; insert into t values (1, '2026-02-03', '-1 day +02:03', 0.1::float8 + 0.2,
             '\\x005c'::bytea, array['NULL', null, 'x'], 'a <b/>', '2026-02-03 04:05+00'),
             (2, '2026-03-02', '1 year -3 days', 1e-300, '', '{{}}', '<a/>', 'infinity')"
        ),
        table,
        "t = {}",
    )
    .await;
    for side in [&office.pair.cloud, &office.pair.desktop] {
        for habit in [
            "datestyle = 'German, DMY'",
            "intervalstyle = 'sql_standard'",
            "extra_float_digits = -9",
            "bytea_output = 'escape'",
            "array_nulls = off",
            "xmloption = 'document'",
            "default_transaction_isolation = 'serializable'",
            "search_path = 'pg_catalog'",
        ] {
            side.run(&format!("alter database {} set {habit}", side.name())).await;
        }
    }
    assert_eq!(office.pair.desktop.count("public.t").await, 0);
    office.reverse_twice().await;
    let held = office.both("select * from public.t order by id").await;
    says(&held.join("\n"), &["|0.30000000000000004|", "|{\"NULL\",NULL,x}|a <b/>|"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_becomes_a_stamp_by_an_expression() {
    let office = Office::inserting(
        "create table t (id int primary key, date date, timefrom time);
         insert into t values (1, '2026-03-01', '09:30:00.5'), (2, null, '09:30'), (3, '2026-03-01', '24:00')",
        "create table t (id int primary key, date date, timefrom timestamp)",
        "t = { reverse = { mode = \"insert-missing\", columns = { timefrom = \"date + timefrom\" } } }",
    )
    .await;
    assert_eq!(office.pair.desktop.count("t").await, 0);
    office.reverse_twice().await;
    assert_eq!(
        office.desktop("select id, timefrom from t order by id").await,
        ["1|2026-03-01 09:30:00.5", "2|NULL", "3|2026-03-02 00:00:00"]
    );
}

/// Without the expression the clock times would land in the year 2000.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_does_not_become_a_stamp_by_itself() {
    let office = Office::inserting(
        "create table t (id int primary key, timefrom time); insert into t values (1, '09:30')",
        "create table t (id int primary key, timefrom timestamp)",
        "t = {}",
    )
    .await;
    let ran = office.reverse_rejects("t", &["1"]).await;
    says(&ran.stderr, &["(column \"timefrom\")"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_ten_megabytes_arrives() {
    let table = "create table t (id int primary key, v text, w json)";
    let office = Office::inserting(
        &format!(
            "{table}; insert into t select 1, repeat(E'0123456\\\\\\t\\n', 1048576),
             to_json(repeat('x\"', 5000000)); insert into t values (2, '', 'null'), (3, null, null)"
        ),
        table,
        "t = {}",
    )
    .await;
    assert_eq!(office.pair.desktop.count("t").await, 0);
    office.reverse_twice().await;
    let sums = "select id, length(v), md5(v), length(w::text), md5(w::text) from t order by id";
    let held = office.both(sums).await;
    says(&held[0], &["1|10485760|"]);
    assert_eq!(held[2], "3|NULL|NULL|NULL|NULL");
    // One value of that size through staging, as the one that is missing.
    office.pair.desktop.run("delete from t where id = 1").await;
    office.run(&["reverse", "--full"]).await;
    assert_eq!(office.both(sums).await, held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_too_long_stays_out_alone() {
    let office = Office::inserting(
        "create table t (id int, name text); insert into t values (1, 'short');
         create table other (id int); insert into other values (1)",
        "create table t (id int, name varchar(5)); create table other (id int)",
        "t = { key = \"id\" }\nother = { key = \"id\" }",
    )
    .await;
    office.reverse_twice().await;
    let more = "insert into t values (2, 'fits'), (3, 'too long'), (4, 'fits');
        insert into other values (2)";
    office.pair.cloud.run(more).await;

    let ran = office.reverse_rejects("t", &["3"]).await;
    says(&ran.stderr, &["rejected: t [\"3\"]: ", "(column \"name\")"]);
    says(&ran.stderr, &["value too long for type character varying(5)", "pgsync rejects"]);
    assert_eq!(office.both("select id from other order by 1").await, ["1", "2"]);

    office.pair.cloud.run("update t set name = 'fit' where id = 3").await;
    office.reverse_twice().await;
    office.both("select * from t order by id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_becomes_no_date_by_itself() {
    let office = Office::inserting(
        "create table t (id int, at timestamptz); insert into t values (1, '2026-03-01 20:00+00');
         create table other (id int); insert into other values (1)",
        "create table t (id int, at date); create table other (id int)",
        "t = { key = \"id\" }\nother = { key = \"id\" }",
    )
    .await;
    let ran = office.reverse_refuses("t").await;
    says(&ran.stderr, &["could not plan table t", "column \"at\" is timestamp with time zone"]);
    assert_eq!(office.both("select id from other").await, ["1"]);

    office.configure_tables(
        "[tables]\nt = { key = \"id\", reverse = { mode = \"insert-missing\", \
         columns = { at = \"at::date\" } } }",
    );
    office.reverse_twice().await;
    assert_eq!(office.desktop("select at from t").await, ["2026-03-02"]);
}

/// A server without an encoding sends any bytes; they are not patched up.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_refused() {
    let office =
        Office::inserting("", "create table t (id int primary key, v text)", "t = {}").await;
    let cloud = &office.pair.cloud;
    let name = format!("{}_ascii", cloud.name());
    let create = "encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0";
    cloud.run(&format!("create database {name} {create}")).await;
    let url = cloud.url().replace(cloud.name(), &name);
    let sql =
        "create table t (id int primary key, v varchar); insert into t values (1, E'caf\\xe9')";
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    let mut command = office.command(&["reverse"]);
    let ran = Ran::from(command.env("CLOUD_DATABASE_URL", url).output().unwrap());
    assert_eq!(ran.code, 1, "{ran}");
    says(&ran.stderr, &["could not read t on the cloud", "invalid byte sequence"]);
    assert_eq!(office.pair.desktop.count("t").await, 0);
}

/// Since version 17; an older server would take its binary form for a length.
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_interval_arrives_or_is_refused() {
    let table = "create table t (id int primary key, i interval)";
    let office = Office::inserting(table, table, "t = {}").await;
    let knows = "select current_setting('server_version_num')::int >= 170000";
    if office.cloud(knows).await == ["f"] {
        return;
    }
    office.pair.cloud.run("insert into t values (1, 'infinity')").await;
    if office.desktop(knows).await == ["t"] {
        assert_eq!(office.brings("t", 1).await, ["1|infinity"]);
    } else {
        let ran = office.reverse_rejects("t", &["1"]).await;
        says(&ran.stderr, &["rejected: t [\"1\"]: ", "(column \"i\")"]);
    }
}
