//! Keys on the way to the cloud: of several columns, of texts, of numbers that
//! are spelled differently, missing, and standing on several rows.

use crate::office::Office;

async fn same(office: &Office, rows: &str) {
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    assert_eq!(cloud.lines(rows).await, desktop.lines(rows).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn composite_keys_of_texts_and_numbers() {
    let office = Office::with(
        "create table line (doc varchar(20), no numeric(5), v text, primary key (doc, no))",
        "create table line (doc text, no int, v text);
         insert into line select 'doc' || n % 40, n / 40, 'v' || n from generate_series(0, 3999) n;
         insert into line values ('it''s \"a\\b', 1, 'quotes'), ('', 0, 'empty'), ('ä,b', 1, 'comma')",
        "[limits]\nchunk_rows = 100\n[tables.line]\nkey = [\"doc\", \"no\"]\nforward = \"upsert\"",
    )
    .await;
    let rows = "select doc, no, v from line order by doc collate \"C\", no";
    let desktop = &office.pair.desktop;
    office.forward_twice(&[]).await;
    same(&office, rows).await;
    desktop.run("update line set v = 'edited' where no = 7 or doc like 'it%'; insert into line values ('doc1', 500, 'new')").await;
    let ran = office.forward_twice(&[]).await;
    assert_eq!(ran.all_figures("line")[1..], ["1", "41", "0", "0"], "{ran}");
    same(&office, rows).await;
    // What others did is found by the comparison, in chunks.
    office
        .pair
        .cloud
        .run("update line set v = 'x' where no % 3 = 0; delete from line where no % 50 = 1")
        .await;
    let wrong = office.pair.cloud.count("line where v = 'x'").await;
    let gone = desktop.count("line where no % 50 = 1").await;
    let dry = office.forward(&["--full", "--dry-run"]).await;
    let ran = office.forward_twice(&["--full"]).await;
    assert_eq!(ran.all_figures("line")[1..3], [gone.to_string(), wrong_figure(wrong)], "{ran}");
    assert_eq!(dry.all_figures("line"), ran.all_figures("line"));
    same(&office, rows).await;
}

/// 1,234 as the program writes it.
fn wrong_figure(count: i64) -> String {
    if count < 1000 { count.to_string() } else { format!("{},{:03}", count / 1000, count % 1000) }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_spelled_differently_are_one_key() {
    for target in ["numeric", "numeric(10,2)", "numeric(10)"] {
        for unique in ["primary key", ""] {
            let office = Office::with(
                &format!("create table job (id {target} {unique}, v text)"),
                "create table job (id numeric, v text); insert into job values (1.0, 'a'), (2, 'b'), (3.00, 'c')",
                "[tables.job]\nkey = \"id\"\nforward = \"upsert\"",
            )
            .await;
            let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
            office.forward_twice(&[]).await;
            desktop
                .run("update job set id = 1, v = 'x' where v = 'a'; update job set id = 2.000")
                .await;
            desktop
                .run(
                    "update job set id = 3.0 where v = 'c'; update job set id = 1.00 where v = 'x'",
                )
                .await;
            office.forward_twice(&[]).await;
            office.forward_twice(&["--full"]).await;
            assert_eq!(cloud.count("job").await, 3);
            assert_eq!(cloud.lines("select v from job order by id").await, ["x", "b", "c"]);
            // Two spellings of one number are a duplicate key.
            desktop.run("insert into job values (2, 'twice')").await;
            let ran = office.run(&["forward"]).await;
            assert_eq!(ran.code, 4, "{ran}");
            assert_eq!(
                cloud.lines("select key, reason from pgsync.rejects").await,
                ["[\"2\"]|duplicate key"]
            );
            assert_eq!(cloud.lines("select v from job order by id").await, ["x", "b", "c"]);
            desktop.run("delete from job where v = 'twice'").await;
            office.forward_twice(&[]).await;
            assert_eq!(cloud.count("pgsync.rejects").await, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_no_integer_as_it_is_spelled_is_refused_under_its_own_name() {
    for mode in ["upsert", "mirror"] {
        let office = Office::with(
            "create table job (id int primary key, hours int)",
            "create table job (id int, hours numeric); insert into job values (1, 2), (2, 2.0)",
            &format!("[tables.job]\nkey = \"id\"\nforward = \"{mode}\""),
        )
        .await;
        let ran = office.run(&["forward"]).await;
        assert_eq!(ran.code, 4, "{ran}");
        let told = ran.stderr.contains("rejected: job [\"2\"]: ");
        assert!(told && ran.stderr.contains("(column \"hours\")"), "{ran}");
        office.pair.desktop.run("update job set hours = trim_scale(hours)").await;
        office.forward_twice(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_key_that_only_the_clouds_type_finds_equal_comes_once() {
    for (target, one, other) in
        [("int", "7", "07"), ("char(5)", "a", "a  "), ("numeric", "7", "7.0")]
    {
        for unique in ["primary key", ""] {
            let office = Office::with(
                &format!("create table job (id {target} {unique}, v text)"),
                &format!("create table job (id text, v text); insert into job values ('{one}', 'a'), ('{other}', 'b')"),
                "[tables.job]\nkey = \"id\"\nforward = \"upsert\"",
            )
            .await;
            let ran = office.run(&["forward"]).await;
            assert_eq!(ran.code, 4, "{target} {unique} {ran}");
            assert_eq!(office.pair.cloud.count("job").await, 0);
            office.pair.desktop.run("delete from job where v = 'b'").await;
            office.forward_twice(&[]).await;
            assert_eq!(office.pair.cloud.lines("select v from job").await, ["a"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_key_are_set_aside_until_they_have_one() {
    let office = Office::with(
        "create table job (id int, part int, v text)",
        "create table job (id int, part int, v text);
         insert into job values (1, 1, 'fine'), (null, 2, 'no id'), (3, null, 'no part'), (null, null, 'neither')",
        "[tables.job]\nkey = [\"id\", \"part\"]\nforward = \"upsert\"",
    )
    .await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    for more in [&["forward", "--dry-run"][..], &["forward"], &["forward"], &["forward", "--full"]]
    {
        let ran = office.run(more).await;
        assert_eq!(ran.code, 4, "{ran}");
        assert!(ran.stdout.contains("; 3 rejected"), "{ran}");
        assert_eq!(cloud.count("job").await, i64::from(!more.contains(&"--dry-run")));
    }
    let rejects = "select key, reason, source_row ->> 'v' from pgsync.rejects order by 3";
    let expected = [
        "[null, null]|no key|neither",
        "[null, \"2\"]|no key|no id",
        "[\"3\", null]|no key|no part",
    ];
    let told: Vec<String> = cloud.lines(rejects).await;
    assert_eq!(told.len(), 3, "{told:?} {expected:?}");
    desktop.run("update job set id = coalesce(id, 9), part = coalesce(part, 9)").await;
    office.forward_twice(&[]).await;
    assert_eq!((cloud.count("job").await, cloud.count("pgsync.rejects").await), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_cloud_with_the_key_is_brought_up_to_date() {
    let office = Office::with(
        "create table job (id int, v text, own text, source char(1));
         insert into job values (1, 'old', 'first', 'D'), (1, 'old', 'second', 'D'), (1, 'phone', 'third', 'M')",
        "create table job (id int, v text); insert into job values (1, 'new'), (2, 'two')",
        "[tables.job]\nkey = \"id\"\nowned_by_cloud = \"source = 'M'\"\nforward = \"upsert\"",
    )
    .await;
    let ran = office.run(&["forward"]).await;
    assert!(ran.code == 0 || ran.code == 4, "{ran}");
    let rows = "select id, v, own from job order by id, own";
    let expected = ["1|new|first", "1|new|second", "1|phone|third", "2|two|NULL"];
    assert_eq!(office.pair.cloud.lines(rows).await, expected);
    let versions = office.cloud_versions().await;
    for more in [&["forward"][..], &["forward", "--full"]] {
        let again = office.run(more).await;
        assert_eq!(again.all_figures("job")[1..4], ["0", "0", "0"], "{again}");
    }
    assert_eq!(office.cloud_versions().await, versions);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_of_several_rows_is_the_same_in_every_run() {
    let office = Office::with(
        "create table job (id int primary key, v text, at timestamptz)",
        "create table job (id int, v text, at timestamp);
         insert into job values (1, 'null', null), (1, 'early', '2025-01-01'), (1, 'late', '2025-02-01'),
            (2, 'a', '2025-01-01'), (2, 'b', '2025-01-01'), (3, 'x', null), (3, 'y', null), (4, 'one', null)",
        "[tables.job]\nkey = \"id\"\nforward = { mode = \"upsert\", on_duplicate = { latest = \"at\" } }",
    )
    .await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    office.forward_twice(&[]).await;
    let rows = "select id, v from job order by id";
    let first = cloud.lines(rows).await;
    assert_eq!(first, ["1|late", "2|b", "3|y", "4|one"]);
    // Other places in the table, and other transactions, change nothing.
    desktop.run("create table c as select * from job order by random(); truncate job; insert into job select * from c").await;
    office.forward_twice(&[]).await;
    office.forward_twice(&["--full"]).await;
    assert_eq!(cloud.lines(rows).await, first);
    desktop.run("update job set at = '2025-03-01' where v in ('early', 'a')").await;
    office.forward_twice(&[]).await;
    assert_eq!(cloud.lines(rows).await, ["1|early", "2|a", "3|y", "4|one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_passed_over_are_counted_and_listed() {
    let office = Office::with(
        "create table job (id int primary key, v text, at timestamptz)",
        "create table job (id int, v text, at timestamp);
         insert into job values (1, 'a', '2025-01-01'), (1, 'b', '2025-02-01'), (2, 'only', null);
         insert into job select 3, 'n' || n, '2025-01-01' from generate_series(1, 24) n",
        "[tables.job]\nkey = \"id\"\nforward = { mode = \"upsert\", on_duplicate = { latest = \"at\" } }",
    )
    .await;
    let ran = office.forward_twice(&[]).await;
    let told = "job: 24 of the rows that share a key were passed over, because another has the \
                latest \"at\": keys [\"1\"] [\"3\"] ...";
    assert!(ran.stderr.contains(told), "{ran}");
    assert_eq!(office.pair.cloud.count("job").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_means_the_same_number_is_noticed_although_only_one_has_changed() {
    let office = Office::with(
        "create table job (id numeric primary key, v text)",
        "create table job (id text, v text); insert into job values ('7', 'a'), ('8', 'b')",
        "[tables.job]\nkey = \"id\"\nforward = \"upsert\"",
    )
    .await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    office.forward_twice(&[]).await;
    desktop.run("insert into job values ('07', 'another')").await;
    for _ in 0..2 {
        let ran = office.run(&["forward"]).await;
        assert_eq!(ran.code, 4, "{ran}");
        assert_eq!(ran.how("job"), "reconcile: the sides' types of the key differ; 1 rejected");
        assert_eq!(cloud.lines("select id, v from job order by 1").await, ["7|a", "8|b"]);
    }
    desktop.run("delete from job where id = '7'").await;
    office.forward_twice(&[]).await;
    assert_eq!(cloud.lines("select id, v from job order by 1").await, ["7|another", "8|b"]);
}
