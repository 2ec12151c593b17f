//! Rows that the target refuses: set aside alone, tried again, listed, healed.

use crate::look::says;
use crate::office::{Office, Ran};

const CLOUD: &str = "create table client (id int primary key);
    create table job (id int primary key, client_id int references client, name varchar(10) not null,
        code text unique, pay numeric(6,2) check (pay >= 0), mood int);
    insert into client select n from generate_series(1, 100) n";
const DESKTOP: &str = "create table client (id int); create table job (id int, client_id int,
        name text, code text, pay numeric, mood text);
    insert into client select n from generate_series(1, 100) n";
const TABLES: &str = "[limits]\nmax_rejects = 5_000\n[tables]\nclient = { key = \"id\", forward = \"upsert\" }\n\
    job = { key = \"id\", forward = \"MODE\" }";

async fn office(mode: &str) -> Office {
    Office::with(CLOUD, DESKTOP, &TABLES.replace("MODE", mode)).await
}

async fn forward(office: &Office, code: i32) -> Ran {
    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.code, code, "{ran}");
    ran
}

/// Key, SQLSTATE and message of every reject.
async fn rejects(office: &Office) -> Vec<String> {
    let list = "select key, sqlstate, message from pgsync.rejects order by key";
    office.pair.cloud.lines(list).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_keeps_back_its_own_row_only() {
    for mode in ["upsert", "mirror"] {
        for there in [false, true] {
            let office = office(mode).await;
            let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
            if there {
                desktop.run("insert into job values (50, 1, 'there', 'there', 1, '1')").await;
                forward(&office, 0).await;
            }
            desktop
                .run(
                    "insert into job values (1, 1, 'good', 'a', 1, '1'), (2, 777, 'orphan', 'b', 1, '1'),
                    (3, 1, null, 'c', 1, '1'), (4, 1, 'much too long', 'd', 1, '1'),
                    (5, 1, 'twice', 'a', 1, '1'), (6, 1, 'negative', 'f', -1, '1'),
                    (7, 1, 'no number', 'g', 1, 'glad'), (8, null, 'fine', 'h', 1, null),
                    (9, 1, 'large', 'i', 12345, '1')",
                )
                .await;
            let ran = forward(&office, 4).await;
            let found = rejects(&office).await;
            let states = [
                ("[\"2\"]|23503|", "Key (client_id)=(777) is not present in table \"client\"."),
                ("[\"3\"]|23502|", "null value in column \"name\""),
                ("[\"4\"]|22001|", "value too long for type character varying(10)"),
                ("[\"5\"]|23505|", "Key (code)=(a) "),
                ("[\"6\"]|23514|", "violates check constraint"),
                ("[\"7\"]|22P02|", "invalid input syntax for type integer: \"glad\""),
                ("[\"9\"]|22003|", "numeric field overflow"),
            ];
            assert_eq!(found.len(), states.len(), "{mode} {there} {found:#?}\n{ran}");
            for (line, (start, message)) in found.iter().zip(states) {
                assert!(line.starts_with(start) && line.contains(message), "{mode} {there} {line}");
            }
            let came = cloud.lines("select id from job where id < 50 order by id").await;
            assert_eq!(came, ["1", "8"], "{mode} {there}");
            // Nothing changes the second time, and mended rows come.
            let before = office.cloud_versions().await;
            forward(&office, 4).await;
            assert_eq!(office.cloud_versions().await, before);
            desktop
                .run(
                    "insert into client values (777); update job set name = 'short' where id in (3, 4);
                    update job set code = 'e' where id = 5; delete from job where id = 6;
                    update job set mood = '7' where id = 7; update job set pay = 1 where id = 9",
                )
                .await;
            office.forward_twice(&[]).await;
            assert_eq!(rejects(&office).await, [""; 0], "{mode} {there}");
            let rows = "select id, client_id, name, code, pay::int, mood from job order by id";
            assert_eq!(cloud.lines(rows).await, desktop.lines(rows).await, "{mode} {there}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_is_refused_leaves_the_clouds_row_as_it_was() {
    for mode in ["upsert", "mirror"] {
        let office = office(mode).await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        desktop.run("insert into job select n, 1, 'n' || n, 'c' || n, 1, '1' from generate_series(1, 50) n").await;
        forward(&office, 0).await;
        let row = "select *, xmin from job where id in (5, 6, 7) order by id";
        let before = cloud.lines(row).await;
        desktop
            .run(
                "update job set client_id = 999 where id = 5; update job set name = 'far too long for it' where id = 6;
                update job set mood = 'x' where id = 7; update job set pay = 2 where id = 8",
            )
            .await;
        let ran = forward(&office, 4).await;
        assert_eq!(ran.all_figures("job")[1..4], ["0", "1", "0"], "{mode} {ran}");
        assert_eq!(cloud.lines(row).await, before, "{mode}");
        desktop
            .run("delete from job where id in (5, 6); update job set mood = '2' where id = 7")
            .await;
        let ran = forward(&office, 0).await;
        let gone = if mode == "mirror" { "2" } else { "0" };
        assert_eq!(ran.all_figures("job")[1..4], ["0", "1", gone], "{mode} {ran}");
        assert_eq!(rejects(&office).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_rule_foretells_is_found_by_halving() {
    let trap = "create function trap() returns trigger language plpgsql as $$ begin
            if new.id % 700 = 3 then raise 'not on a Sunday'; end if; return new; end $$;
        create trigger trap before insert or update on job for each row execute function trap()";
    for mode in ["upsert", "mirror"] {
        let office =
            Office::with(&format!("{CLOUD}; {trap}"), DESKTOP, &TABLES.replace("MODE", mode)).await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        desktop.run("insert into job select n, 1, 'n', 'c' || n, 1, '1' from generate_series(1, 3000) n").await;
        let ran = forward(&office, 4).await;
        assert_eq!(ran.all_figures("job")[1], "2,995", "{ran}");
        assert_eq!(rejects(&office).await[0], "[\"1403\"]|P0001|not on a Sunday");
        assert_eq!(rejects(&office).await.len(), 5);
        cloud.run("drop trigger trap on job").await;
        office.forward_twice(&[]).await;
        assert_eq!(cloud.count("job").await, 3000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_refused_rows_stop_the_pair_with_nothing_changed() {
    for (mode, bad) in
        [("upsert", "777, 'x'"), ("mirror", "777, 'x'"), ("upsert", "1, 'much too long a name'")]
    {
        let office = office(mode).await;
        office.configure_tables(&TABLES.replace("MODE", mode).replace("5_000", "20"));
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        desktop
            .run(&format!(
                "insert into job select n, {bad}, 'c' || n, 1, '1' from generate_series(1, 21) n"
            ))
            .await;
        let ran = forward(&office, 6).await;
        says(&ran.stderr, &["could not finish table job", "more than max_rejects"]);
        assert_eq!((cloud.count("job").await, rejects(&office).await.len()), (0, 0));
        desktop.run("delete from job where id = 21").await;
        forward(&office, 4).await;
        assert_eq!(rejects(&office).await.len(), 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_are_listed_for_people_programs_and_spreadsheets_and_forgotten() {
    let office = Office::alone(CLOUD, DESKTOP, &TABLES.replace("MODE", "upsert")).await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    desktop
        .run("insert into job values (1, 777, 'näme, \"x\"', 'a', 1, '1'), (2, 1, 'fine', 'b', 1, '=1+1')")
        .await;
    forward(&office, 4).await;
    let ran = office.run(&["rejects"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    says(
        &ran.stdout,
        &["forward job\n  [\"1\"]  violates foreign key", "do: bring the row that it points to"],
    );
    says(
        &ran.stdout,
        &["[\"2\"]  invalid input syntax", "2 rows rejected; every run tries them again"],
    );
    let ran = office.run(&["rejects", "job", "--format", "json"]).await;
    let lines: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["row"]["name"], "näme, \"x\"");
    assert_eq!((&lines[1]["sqlstate"], &lines[2]["rejects"]), (&"22P02".into(), &2.into()));
    assert!(ran.stdout.is_ascii());
    let ran = office.run(&["rejects", "--format", "csv"]).await;
    assert!(ran.stdout.starts_with("\u{feff}direction,table,key,"), "{ran}");
    assert_eq!(ran.stdout.matches("\r\n").count(), 3);
    says(&ran.stdout, &["\"forward\",\"job\",\"[\"\"1\"\"]\",\"refused\",\"23503\""]);
    // Forgotten, it is not tried until it changes.
    assert_eq!(office.run(&["rejects", "job", "--forget", "9"]).await.code, 2);
    assert_eq!(office.run(&["rejects", "job", "--forget", "2"]).await.code, 0);
    assert_eq!(rejects(&office).await.len(), 1);
    cloud.run("insert into client values (777)").await;
    let ran = office.run(&["rejects", "--retry"]).await;
    assert_eq!((ran.code, ran.all_figures("job")[1].as_str()), (0, "1"), "{ran}");
    let ran = office.run(&["rejects"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "0 rows rejected\n"), "{ran}");
    desktop.run("update job set mood = '3' where id = 2").await;
    office.forward_twice(&[]).await;
    assert_eq!(cloud.count("job").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered_rows_that_are_refused_arrive_once_when_mended() {
    let office = Office::with(
        "create table diary (d_id int primary key, note text, source text);
         insert into diary values (1, 'short', 'M'), (2, 'much too long', 'M'), (3, 'fine', 'M')",
        "create table diary (note varchar(6))",
        "[tables.diary]\nkey = \"d_id\"\nowned_by_cloud = \"source = 'M'\"\n\
         reverse = { mode = \"insert-missing\", where = \"source = 'M'\", delivered = true }",
    )
    .await;
    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    says(&ran.stderr, &["rejected: diary [\"2\"]: value too long"]);
    let held = "select note from diary order by 1";
    assert_eq!(office.pair.desktop.lines(held).await, ["fine", "short"]);
    assert_eq!(office.run(&["reverse"]).await.code, 4);
    office.pair.cloud.run("update diary set note = 'better' where d_id = 2").await;
    office.reverse_twice().await;
    assert_eq!(office.pair.desktop.lines(held).await, ["better", "fine", "short"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_rejects_cannot_be_written_the_table_fails_and_nothing_is_lost() {
    let office = office("upsert").await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    office.run(&["init-metadata"]).await;
    cloud.run("alter table pgsync.rejects add check (sqlstate <> '23503')").await;
    desktop
        .run("insert into job values (1, 777, 'x', 'a', 1, '1'), (2, 1, 'y', 'b', 1, '1')")
        .await;
    let ran = forward(&office, 1).await;
    says(&ran.stderr, &["could not", "rejects"]);
    assert_eq!((cloud.count("job").await, cloud.count("client").await), (0, 100));
    cloud.run("alter table pgsync.rejects drop constraint rejects_sqlstate_check").await;
    forward(&office, 4).await;
    assert_eq!((cloud.count("job").await, rejects(&office).await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_in_whole_or_not_at_all() {
    let office = Office::with(
        "create table t (id int, v text); insert into t values (1, 'a'), (1, 'too long'), (2, 'b')",
        "create table t (id int, v varchar(3))",
        "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }",
    )
    .await;
    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    assert_eq!(office.pair.desktop.lines("select * from t").await, ["2|b"]);
    office.pair.cloud.run("update t set v = 'c' where v = 'too long'").await;
    office.reverse_twice().await;
    let all = "select * from t order by 1, 2";
    assert_eq!(office.pair.desktop.lines(all).await, ["1|a", "1|c", "2|b"]);
}

/// Found by the torture test: the reject told of the row that had arrived.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_is_kept_as_itself_where_others_share_its_key_or_have_none() {
    for refused in ["'much too long', '1'", "'a', 'x'"] {
        let office = Office::with(
            "create table t (id int, v varchar(5), n int, mark text)",
            "create table t (id int, v text, n text, mark text)",
            "[tables]\nt = { key = \"id\", forward = \"mirror\" }",
        )
        .await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        let rows = format!(
            "insert into t values (null, 'a', '1', 'good'), (null, {refused}, 'bad'),
                (null, 'b', '1', 'good'), (7, 'a', '1', 'good'), (7, {refused}, E'b\\\\a\td'),
                (7, 'b', '1', 'good'), (8, 'a', '1', 'good')"
        );
        desktop.run(&rows).await;
        forward(&office, 4).await;
        let kept = "select key, source_row ->> 'mark' from pgsync.rejects order by 1";
        assert_eq!(cloud.lines(kept).await, ["[\"7\"]|b\\a\td", "[null]|bad"], "{refused}");
        assert_eq!(cloud.count("t where mark = 'good'").await, 5);
        forward(&office, 4).await;
        assert_eq!(cloud.lines(kept).await.len(), 2);
        desktop.run("update t set v = 'c', n = '2' where mark <> 'good'").await;
        office.forward_twice(&[]).await;
        assert_eq!((cloud.count("t").await, cloud.count("pgsync.rejects").await), (7, 0));
    }
}

/// Found by the torture test: one refused row held back every delete of its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_keeps_one_old_row_of_its_key_and_no_more() {
    for (key, stays) in [("7", 1), ("null", 0)] {
        let office = Office::with(
            "create table t (id int, v varchar(5))",
            &format!(
                "create table t (id int, v text);
                insert into t select {key}, 'v' || n from generate_series(1, 5) n"
            ),
            "[tables]\nt = { key = \"id\", forward = { mode = \"mirror\", max_delete = \"100%\" } }",
        )
        .await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        office.forward_twice(&[]).await;
        desktop.run("delete from t where v in ('v2', 'v3', 'v4')").await;
        desktop.run(&format!("insert into t values ({key}, 'too long')")).await;
        forward(&office, 4).await;
        assert_eq!(cloud.count("t").await, 2 + stays, "{key}");
        assert_eq!(cloud.count("t where v in ('v1', 'v5')").await, 2, "{key}");
        forward(&office, 4).await;
        assert_eq!(cloud.count("t").await, 2 + stays, "{key}");
        desktop.run("update t set v = 'short' where v = 'too long'").await;
        office.forward_twice(&[]).await;
        assert_eq!(cloud.lines("select v from t order by 1").await, ["short", "v1", "v5"]);
    }
}
