//! Column rules on the way to the cloud: constants, lookups, renamed columns,
//! and columns that the cloud fills by itself.

use crate::office::Office;

const LOOKUP: &str = "[tables.job]
key = \"id\"
[tables.job.forward]
mode = \"MODE\"
[tables.job.forward.columns]
origin = { value = \"it's the desk\" }
nothing = { null = true }
client_id = \"(select c.client_id from client as c where c.code = job.code)\"
[tables.other]
key = \"id\"
forward = \"upsert\"";

/// A lookup of `client_id`, a column of this type in the cloud.
async fn lookup(mode: &str, client_id: &str) -> Office {
    Office::with(
        &format!(
            "create table job (id int primary key, code text, client_id {client_id}, origin text,
                nothing text default 'something', kept text default 'of the cloud');
             create table other (id int primary key, v text)"
        ),
        "create table job (id int, code text);
         create table client (code text, client_id int);
         insert into client values ('a', 1), ('b', 2);
         insert into job values (1, 'a'), (2, 'b'), (3, 'nobody'), (4, null);
         create table other (id int, v text); insert into other values (1, 'one')",
        &LOOKUP.replace("MODE", mode),
    )
    .await
}

const JOBS: &str = "select id, client_id, origin, nothing, kept from job order by id";

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_that_finds_nothing_gives_null() {
    for mode in ["upsert", "mirror"] {
        let office = lookup(mode, "int").await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        let before = desktop.lines("select *, xmin from job order by id").await;
        office.forward_twice(&[]).await;
        let expected = ["1|1", "2|2", "3|NULL", "4|NULL"];
        let expected = expected.map(|row| format!("{row}|it's the desk|NULL|of the cloud"));
        assert_eq!(cloud.lines(JOBS).await, expected);
        assert_eq!(desktop.lines("select *, xmin from job order by id").await, before);

        // A column that only the cloud has stays; the constant comes back.
        cloud.run("update job set kept = 'changed', origin = 'x' where id = 3").await;
        desktop.run("insert into client values ('nobody', 9); update job set code = 'nobody' where id = 3").await;
        let ran = office.forward_twice(&[]).await;
        assert_eq!(ran.all_figures("job")[1..], ["0", "1", "0", "0"], "{ran}");
        let row = cloud.lines(&JOBS.replace("order by", "where id = 3 order by")).await;
        assert_eq!(row, ["3|9|it's the desk|NULL|changed"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_needs_a_value_refuses_the_row_by_name() {
    for mode in ["upsert", "mirror"] {
        let office = lookup(mode, "int not null").await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        desktop.run("delete from job where id = 4").await;
        let ran = office.run(&["forward"]).await;
        assert_eq!(ran.code, 4, "{ran}");
        let named = ran.stderr.contains("rejected: job [\"3\"]: ");
        assert!(named && ran.stderr.contains("column \"client_id\""), "{mode} {ran}");
        assert_eq!((cloud.count("job").await, cloud.count("other").await), (2, 1));
        desktop.run("insert into client values ('nobody', 3)").await;
        office.forward_twice(&[]).await;
        assert_eq!(cloud.count("job").await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_that_finds_two_rows_stops_its_table_only() {
    for mode in ["upsert", "mirror"] {
        let office = lookup(mode, "int").await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        // In the first run, and in one that reads what is new.
        for round in 1..3 {
            desktop
                .run(&format!(
                    "insert into client values ('a', 7); update job set code = code;
                     insert into other values (10 + {round}, 'new')"
                ))
                .await;
            let before = cloud.lines("select *, xmin from job order by id").await;
            let ran = office.run(&["forward"]).await;
            assert_eq!(ran.code, 1, "{ran}");
            assert!(ran.stderr.contains("more than one row returned by a subquery"), "{ran}");
            assert!(ran.stdout.contains("1 of 2 tables failed"), "{ran}");
            assert_eq!(cloud.count(&format!("other where id = 10 + {round}")).await, 1, "{ran}");
            assert_eq!(cloud.lines("select *, xmin from job order by id").await, before);
            desktop.run("delete from client where client_id = 7").await;
            office.forward_twice(&[]).await;
            assert_eq!(cloud.text("select client_id from job where id = 1").await, "1");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renamed_columns_go_both_ways() {
    let office = Office::with(
        "create table job (job_no int primary key, headline text, \"Größe\" int,
            source char(1) default 'D')",
        "create table job (id int, title text, size int, source char(1));
         insert into job values (1, 'one', 10), (2, 'two', 20)",
        "[tables.job]
owned_by_cloud = \"source = 'M'\"
forward = { mode = \"upsert\", key = \"job_no\", columns = { job_no = { from = \"id\" }, headline = { from = \"title\" }, \"Größe\" = { from = \"size\" }, source = { skip = true } } }
reverse = { mode = \"insert-missing\", key = \"id\", columns = { id = { from = \"job_no\" }, title = { from = \"headline\" }, size = { from = \"Größe\" } } }",
    )
    .await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    office.forward_twice(&[]).await;
    cloud.run("insert into job values (3, 'three', 30, 'M')").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("job")[2], "1");
    office.forward_twice(&[]).await;
    desktop.run("update job set title = 'edited', size = 11 where id in (1, 3)").await;
    let ran = office.forward_twice(&[]).await;
    assert_eq!(ran.all_figures("job")[1..], ["0", "1", "0", "1"], "{ran}");
    let rows = cloud.lines("select * from job order by 1").await;
    assert_eq!(rows, ["1|edited|11|D", "2|two|20|D", "3|three|30|M"]);
    let rows = desktop.lines("select id, title, size from job order by 1").await;
    assert_eq!(rows, ["1|edited|11", "2|two|20", "3|edited|11"]);
    office.reverse_twice().await;
    assert_eq!(office.forward(&["--full"]).await.all_figures("job")[1..3], ["0", "0"]);
}

const HANDED_OUT: &str = "create table job (code text primary key, v text,
        always int generated always as identity (start with 100),
        by_default int generated by default as identity (start with 200),
        counted serial, twice text generated always as (v || v) stored,
        made timestamptz default '2020-01-01')";

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cloud_hands_out_itself_is_not_touched_by_an_update() {
    for mode in ["upsert", "mirror"] {
        // Once without these columns on the desktop, once with other values.
        for columns in ["", ", always int, by_default int, twice text"] {
            let office = Office::with(
                HANDED_OUT,
                &format!("create table job (code text, v text{columns})"),
                &format!("[tables.job]\nkey = \"code\"\nforward = \"{mode}\""),
            )
            .await;
            let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
            desktop.run("insert into job (code, v) values ('a', 'x'), ('b', 'y')").await;
            if !columns.is_empty() {
                desktop.run("update job set always = 500, by_default = 600").await;
            }
            office.forward_twice(&[]).await;
            let all = "select code, always, by_default, counted, twice, made from job order by 1";
            let first = cloud.lines(all).await;
            desktop.run("update job set v = 'edited' where code = 'a'").await;
            if !columns.is_empty() {
                desktop.run("update job set always = 1, by_default = 2 where code = 'b'").await;
            }
            office.forward_twice(&[]).await;
            let full = office.forward(&["--full"]).await;
            assert_eq!(full.all_figures("job")[1..], ["0", "0", "0", "0"], "{mode} {full}");
            let second = cloud.lines(all).await;
            assert_eq!(second[0], first[0].replace("xx", "editededited"));
            assert_eq!(second[1], first[1]);

            // The next row of the cloud's own meets no number that is taken.
            desktop.run("insert into job (code, v) values ('c', 'z')").await;
            if !columns.is_empty() {
                desktop.run("update job set always = 777, by_default = 888 where code = 'c'").await;
            }
            office.forward_twice(&[]).await;
            cloud.run("insert into job (code, v) values ('phone', 'p')").await;
            let taken = "select count(*) from job as o join job as p on p.code = 'phone' and
                o.code <> 'phone' and (o.always >= p.always or o.by_default >= p.by_default
                or o.counted >= p.counted)";
            assert_eq!(cloud.text(taken).await, "0");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_an_identity_or_serial_column_moves_its_sequence() {
    for kind in
        ["int generated always as identity", "bigint generated by default as identity", "serial"]
    {
        for rows in [20, 30_000] {
            let office = Office::with(
                &format!("create table job (id {kind} primary key, v text)"),
                &format!(
                    "create table job (id int, v text);
                    insert into job select n, 'v' from generate_series(1, {rows}) n"
                ),
                "[tables.job]\nkey = \"id\"\nforward = \"upsert\"",
            )
            .await;
            office.forward_twice(&[]).await;
            office.pair.cloud.run("insert into job (v) values ('of the cloud')").await;
            let id = office.pair.cloud.text("select id from job where v = 'of the cloud'").await;
            assert_eq!(id, (rows + 1).to_string());
            office
                .pair
                .desktop
                .run("insert into job values (50000, 'new'); update job set v = 'x' where id = 1")
                .await;
            office.forward_twice(&[]).await;
            let next = "insert into job (v) values ('second') returning id";
            assert_eq!(office.pair.cloud.text(next).await, "50001");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clouds_own_stamp_moves_with_real_updates_only() {
    for mode in ["upsert", "mirror"] {
        let office = Office::with(
            "create table job (id int primary key, v text, updated_at timestamptz default now(),
                touched int default 0);
             create function stamp() returns trigger language plpgsql as
                'begin new.updated_at = clock_timestamp(); new.touched = old.touched + 1; return new; end';
             create trigger stamp before update on job for each row execute function stamp()",
            "create table job (id int, v text, updated_at timestamp);
             insert into job select n, 'v' || n, '2020-01-01' from generate_series(1, 20) n",
            &format!("[tables.job]\nkey = \"id\"\nforward = {{ mode = \"{mode}\", columns = {{ updated_at = {{ skip = true }} }} }}"),
        )
        .await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        office.forward_twice(&[]).await;
        desktop
            .run("update job set v = v, updated_at = now(); update job set v = 'new' where id = 4")
            .await;
        let ran = office.forward_twice(&[]).await;
        assert_eq!(ran.all_figures("job")[1..3], ["0", "1"], "{ran}");
        office.forward(&["--full"]).await;
        assert_eq!(
            cloud.lines("select id, v, touched from job where touched > 0").await,
            ["4|new|1"]
        );
    }
}
