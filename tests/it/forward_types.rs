//! Values of every type on their way to the cloud: carried as they are, equal
//! where they mean the same, refused where they do not fit.

use crate::office::{Office, Ran};

const ZONES: [&str; 4] = ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Chatham"];

async fn forward_in(office: &Office, zone: &str) -> Ran {
    let mut command = office.command(&["forward"]);
    command.env("TZ", zone).env("PGTZ", zone);
    let ran = tokio::task::spawn_blocking(move || Ran::from(command.output().unwrap())).await;
    let ran = ran.unwrap();
    assert_eq!(ran.code, 0, "{ran}");
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn stamps_mean_the_desktops_zone_wherever_the_program_runs() {
    for mode in ["upsert", "mirror"] {
        for first in ZONES {
            let office = Office::with(
                "create table job (id int primary key, at timestamptz, day date, clock time)",
                "create table job (id int, at timestamp, day date, clock time);
                 insert into job values (1, '2025-03-30 02:30:00.123456', '2025-03-30', '02:30'),
                    (2, '2025-11-02 01:30', '1900-01-01', '23:59:59.999999'), (3, null, null, null),
                    (4, 'infinity', 'infinity', '24:00'), (5, '1941-10-01 00:00', null, null)",
                &format!("[tables.job]\nkey = \"id\"\nforward = \"{mode}\""),
            )
            .await;
            let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
            forward_in(&office, first).await;
            let at = "select id, at at time zone 'UTC', day, clock from job order by id";
            let expected = [
                "1|2025-03-29 21:00:00.123456|2025-03-30|02:30:00",
                "2|2025-11-01 20:00:00|1900-01-01|23:59:59.999999",
                "3|NULL|NULL|NULL",
                "4|infinity|infinity|24:00:00",
                "5|1941-09-30 18:30:00|NULL|NULL",
            ];
            let rows = cloud.lines(at).await;
            assert_eq!(rows[..4], expected[..4], "first run under {first}");
            let versions = office.cloud_versions().await;
            for zone in ZONES {
                desktop.run("update job set clock = clock").await;
                let ran = forward_in(&office, zone).await;
                assert!(ran.stdout.contains("done: nothing new as of "), "{zone} {ran}");
            }
            assert_eq!(office.cloud_versions().await, versions);
            desktop.run("update job set at = at + interval '1 microsecond' where id = 1").await;
            let ran = forward_in(&office, "America/New_York").await;
            assert_eq!(ran.all_figures("job")[1..3], ["0", "1"], "{ran}");
            assert!(cloud.lines(at).await[0].starts_with("1|2025-03-29 21:00:00.123457|"));
        }
    }
}

const CLOUD_TYPES: &str = "create type mood as enum ('good', 'bad');
    create table thing (id int primary key, b jsonb, j json, raw bytea, words text[], numbers bigint[],
        mood mood, flag bool, f float8, f4 float4, u uuid, i interval, fixed char(6), money numeric(10,2),
        j2 jsonb, b2 json, net inet, loose text, x text)";
const DESKTOP_TYPES: &str = "create table thing (id int, b jsonb, j json, raw bytea, words text[],
        numbers int[], mood text, flag bool, f float8, f4 float4, u uuid, i interval, fixed varchar(6),
        money numeric, j2 json, b2 jsonb, net text, loose varchar(20), x text);
    insert into thing values
    (1, '{\"b\": 1, \"a\": [1, null]}', '{\"b\" :1}', '\\x00ff5c', '{a,NULL,\"\",\"NULL\",\"x,y\"}',
        '{1,2,NULL}', 'good', true, 0.1, 0.1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
        '1 mon 2 days 03:04:05.6', 'ab', 1.5, '{\"z\" : 1,  \"a\":2}', '{\"z\":1,\"a\":2}',
        '10.0.0.1', 'tab\tnew\nline\\back', 'quote '' \\N \\. end'),
    (2, 'null', 'null', '', '{}', '{}', 'bad', false, 'NaN', 'Infinity',
        'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12', '-1 year', '', 0, '[]', '[]', '::1', '', ' '),
    (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
        null, null, null)";
const VALUES: &str = "select id, b, j, encode(raw, 'hex'), words, numbers, mood, flag, f, f4, u, i,
    fixed::text, money::numeric(10,2), j2::jsonb, b2::jsonb, net::inet, loose, x from thing order by id";

async fn both_sides_hold_the_same(office: &Office) {
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    assert_eq!(cloud.lines(VALUES).await, desktop.lines(VALUES).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_all_types_are_carried_and_compared() {
    for mode in ["upsert", "mirror"] {
        let office = Office::with(
            CLOUD_TYPES,
            DESKTOP_TYPES,
            &format!("[tables.thing]\nkey = \"id\"\nforward = \"{mode}\""),
        )
        .await;
        let desktop = &office.pair.desktop;
        office.forward_twice(&[]).await;
        both_sides_hold_the_same(&office).await;
        for (set, differs) in [
            // Other words for the same value.
            ("b = '{\"a\":[1,null],\"b\":1}'", "0"),
            ("fixed = 'ab '", "0"),
            ("money = 1.50", "0"),
            ("j2 = '{\"a\":2,\"z\":1}'", "0"),
            ("net = '10.0.0.1/32'", "0"),
            // Other values.
            ("b = '{\"a\":[1,null,2],\"b\":1}'", "1"),
            ("j = '{\"b\" : 1}'", "1"),
            ("raw = '\\x00ff5d'", "1"),
            ("words = '{a,\"NULL\",\"\",NULL,\"x,y\"}'", "1"),
            ("words = '{}'", "1"),
            ("words = null", "1"),
            ("numbers = '{2,1,NULL}'", "1"),
            ("mood = 'bad'", "1"),
            ("f = 0.1 + 1e-16", "1"),
            ("f4 = 0.10000001", "1"),
            ("i = '1 mon 2 days 03:04:05.600001'", "1"),
            ("loose = 'tab new\nline\\back'", "1"),
            ("x = ''", "1"),
            ("x = null", "1"),
        ] {
            desktop.run(&format!("update thing set {set} where id = 1")).await;
            let ran = office.forward_twice(&[]).await;
            assert_eq!(
                ran.all_figures("thing")[1..],
                ["0", differs, "0", "0"],
                "{mode} {set} {ran}"
            );
        }
        assert_eq!(office.forward(&["--full"]).await.all_figures("thing")[1..3], ["0", "0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_too_long_is_refused_and_named() {
    for mode in ["upsert", "mirror"] {
        let office = Office::with(
            "create table t (id int primary key, v varchar(5)); create table u (id int primary key)",
            "create table t (id int, v varchar(10)); create table u (id int);
             insert into t select n, 'short' from generate_series(1, 3000) n; insert into u values (1)",
            &format!("[tables]\nt = {{ key = \"id\", forward = \"{mode}\" }}\nu = {{ key = \"id\", forward = \"upsert\" }}"),
        )
        .await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        // On the first run, on a later one, and where only blanks would be cut.
        for (change, mend) in [
            (
                "update t set v = 'too long' where id = 2000",
                "update t set v = 'short' where id = 2000",
            ),
            ("update t set v = 'blank ' where id = 3", "update t set v = 'b' where id = 3"),
            ("insert into t values (5000, 'too long')", "update t set v = 'b' where id = 5000"),
        ] {
            desktop.run(change).await;
            let others = "select *, xmin from t order by id";
            let before = cloud.lines(others).await;
            let ran = office.run(&["forward"]).await;
            assert_eq!(ran.code, 4, "{ran}");
            let key = change
                .rsplit("id = ")
                .next()
                .filter(|_| change.starts_with("update"))
                .unwrap_or("5000");
            assert!(ran.stderr.contains(&format!("rejected: t [\"{key}\"]: ")), "{ran}");
            assert!(ran.stderr.contains("value too long for type character varying(5)"), "{ran}");
            if before.is_empty() {
                assert_eq!(cloud.count("t").await, 2999);
            } else {
                assert_eq!(cloud.lines(others).await, before);
            }
            assert_eq!(cloud.count("u").await, 1);
            desktop.run(mend).await;
            office.forward_twice(&[]).await;
        }
        let rows = "select id, v from t order by id";
        assert_eq!(cloud.lines(rows).await, desktop.lines(rows).await);
    }
}
