//! `verify`: what is missing, extra or different, and nothing written by it.

use crate::look::says;
use crate::office::{Office, Ran};
use crate::told::Told;

impl Office {
    /// Runs `verify`, which must write nothing on either side.
    async fn verify(&self, more: &[&str], code: i32) -> Ran {
        let before = self.everything().await;
        let ran = self.run(&[&["verify"], more].concat()).await;
        assert_eq!(ran.code, code, "{ran}");
        assert!(self.everything().await == before, "something was written\n{ran}");
        ran
    }

    /// Every row version of both sides, our own tables with them.
    pub async fn everything(&self) -> Vec<String> {
        let selects = "select format('select %L, xmin::text, ctid::text from %I.%I',
                n.nspname || '.' || c.relname, n.nspname, c.relname)
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
            order by 1";
        let mut versions = Vec::new();
        for db in [&self.pair.cloud, &self.pair.desktop] {
            let selects = db.lines(selects).await.join(" union all ");
            versions.extend(db.lines(&format!("{selects} order by 1, 3")).await);
        }
        versions
    }
}

/// Desktop, cloud, missing, extra, different, cloud-owned, rejected, result.
fn line(ran: &Ran, table: &str, direction: &str) -> Vec<String> {
    let is_it = |line: &&str| line.split_whitespace().take(2).eq([table, direction]);
    let line = ran.stdout.lines().find(is_it).unwrap_or_else(|| panic!("{table} in\n{ran}"));
    line.split_whitespace().skip(2).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_firm_is_equal_after_both_directions_and_differs_after_harm() {
    let office = Office::firm().await;
    // Before the first run nothing of ours is there, and the phones' rows wait.
    let ran = office.verify(&[], 7).await;
    assert_eq!(line(&ran, "workdiary", "reverse")[2..], ["12", "-", "0", "12", "0", "DIFFERENT"]);
    assert_eq!(office.run(&["forward"]).await.code, 0);
    office.reverse().await;
    let ran = office.verify(&[], 0).await;
    says(&ran.stdout, &["equal: both sides are as they should be, in "]);
    let equal = ["24,564", "24,564", "0", "0", "0", "2", "0", "equal"];
    assert_eq!(line(&ran, "jobshead", "forward"), equal);

    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    cloud
        .run(
            "update climaster set clientphone = 'harm' where client_id = 2;
            delete from taskchecklist where tc_id = (select min(tc_id) from taskchecklist);
            update workdiary set doc_ref = 'harm' where source is distinct from 'M'
              and wd_id = (select min(wd_id) from workdiary where source is distinct from 'M');
            alter table jobtasks drop constraint jobtasks_job_task_unique;
            create temporary table copy as select * from jobtasks order by jt_id limit 1;
            update copy set jt_id = (select max(jt_id) + 1 from jobtasks), task_desc = 'stray';
            insert into jobtasks select * from copy",
        )
        .await;
    desktop.run("delete from jobshead where job_id = 90001").await;
    let ran = office.verify(&["--rows"], 7).await;
    let found = |table, direction| line(&ran, table, direction)[2..5].join(" ");
    assert_eq!(found("climaster", "forward"), "0 0 1");
    assert_eq!(found("climaster", "reverse"), "0 - 0");
    assert_eq!(found("taskchecklist", "forward"), "1 0 0");
    assert_eq!(found("workdiary", "forward"), "0 0 1");
    assert_eq!(found("jobtasks", "forward"), "0 1 0");
    // It is a phone's job.
    assert_eq!(found("jobshead", "forward"), "0 0 0");
    assert_eq!(found("jobshead", "reverse"), "1 - 0");
    says(&ran.stdout, &["    different: [\"2\"]: clientphone\n", ": doc_ref\n"]);
    says(&ran.stdout, &["DIFFERENT: 2 rows missing, 1 row extra, 2 rows different, in "]);
    says(&ran.stderr, &["pgsync reverse --full jobshead\n", "pgsync forward --full climaster "]);
    let named = ran.stdout.lines().filter(|line| line.starts_with("    ")).count();
    assert_eq!(named, 5, "{ran}");

    // The commands that it names mend it.
    assert_eq!(office.run(&["forward", "--full"]).await.code, 0);
    assert_eq!(office.run(&["reverse", "--full"]).await.code, 0);
    office.verify(&[], 0).await;
}

const CLOUD: &str =
    "create table job (id int primary key, what text, pay numeric(8,2), seen boolean,
        source char(1) default 'D');
    insert into job select n, 'job ' || n, n / 4.0, true, 'D' from generate_series(1, 20) n";
const DESKTOP: &str = "create table job (id int, what text, pay numeric, source char(1));
    insert into job select n, 'job ' || n, n / 4.0 from generate_series(1, 20) n";

fn tables(forward: &str) -> String {
    format!(
        "[tables]\njob = {{ key = \"id\", owned_by_cloud = \"source = 'M'\", \
         reverse = \"insert-missing\", forward = {forward} }}"
    )
}

const UPSERT: &str = "{ mode = \"upsert\", columns = { source = { skip = true } } }";
const MIRROR: &str = "{ mode = \"mirror\", where = \"source is distinct from 'M'\", \
    columns = { source = { skip = true } } }";

async fn office(forward: &str) -> Office {
    let office = Office::alone(CLOUD, DESKTOP, &tables(forward)).await;
    office.run(&["forward"]).await;
    office.reverse().await;
    office.verify(&[], 0).await;
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_differ_is_told_apart() {
    for mode in [UPSERT, MIRROR] {
        let office = office(mode).await;
        office
            .pair
            .cloud
            .run(
                "insert into job values (50, 'of a phone', 1, true, 'M'), (51, 'stray', 1, true, 'D');
                update job set what = 'x', pay = 0 where id = 3; update job set seen = false where id = 4;
                delete from job where id = 5",
            )
            .await;
        let mut told = Told::default();
        told.run(&office, &["verify", "job", "--rows"]).await;
        told.is(if mode == UPSERT { "verify_upsert" } else { "verify_mirror" });
        office.verify(&[], 7).await;
        // A row of the phones is not the desktop's to bring, nor to differ. The
        // stray one stands on both sides now, but to a mirror it is the cloud's.
        office.reverse().await;
        office.pair.desktop.run("update job set what = 'edited' where id = 50").await;
        let ran = office.verify(&[], 7).await;
        assert_eq!(line(&ran, "job", "reverse")[2..5], ["0", "-", "0"], "{ran}");
        let extra = if mode == MIRROR { "1" } else { "0" };
        assert_eq!(line(&ran, "job", "forward")[2..6], ["1", extra, "1", "1"], "{ran}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_with_the_same_number_differ_until_it_is_listed() {
    let office = office(UPSERT).await;
    office.pair.cloud.run("insert into job values (30, 'of a phone', 1, true, 'M')").await;
    office.pair.desktop.run("insert into job values (30, 'of the office', 1)").await;
    let ran = office.verify(&["--rows"], 7).await;
    assert_eq!(line(&ran, "job", "reverse")[2..7], ["0", "-", "1", "1", "0"], "{ran}");
    assert_eq!(line(&ran, "job", "forward")[2..7], ["0", "0", "1", "1", "0"], "{ran}");
    assert_eq!(ran.stdout.matches("    different: [\"30\"]: what\n").count(), 2, "{ran}");
    assert_eq!(office.run(&["reverse"]).await.code, 4);
    assert_eq!(office.run(&["forward"]).await.code, 4);
    let ran = office.verify(&["--rows"], 4).await;
    assert_eq!(line(&ran, "job", "reverse")[2..], ["0", "-", "0", "1", "1", "rejected"], "{ran}");
    assert_eq!(line(&ran, "job", "forward")[2..], ["0", "0", "0", "1", "1", "rejected"], "{ran}");
    says(&ran.stdout, &["    rejected: [\"30\"]: what\n", "but for 2 rows that the other side"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_and_doubled_rows_are_counted_apart() {
    let office = office(UPSERT).await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    desktop
        .run(
            "insert into job values (40, 'a', 1), (40, 'b', 1), (41, 'c', 99999999), (null, 'd', 1);
            update job set pay = 99999999 where id = 7",
        )
        .await;
    let ran = office.verify(&[], 7).await;
    assert_eq!(line(&ran, "job", "forward")[2..5], ["3", "0", "1"], "{ran}");
    assert_eq!(office.run(&["forward"]).await.code, 4);
    let ran = office.verify(&["--rows"], 4).await;
    assert_eq!(line(&ran, "job", "forward")[2..7], ["0", "0", "0", "0", "4"], "{ran}");
    says(
        &ran.stdout,
        &["rejected: [\"7\"]: pay\n", "rejected: [\"40\"]\n", "rejected: [\"41\"]\n"],
    );

    cloud.run("alter table job drop constraint job_pkey").await;
    cloud.run("insert into job select * from job where id in (2, 3)").await;
    let ran = office.verify(&["--rows"], 7).await;
    assert_eq!(line(&ran, "job", "forward")[2..5], ["0", "2", "0"], "{ran}");
    says(&ran.stdout, &["extra on the cloud: [\"2\"]\n", "extra on the cloud: [\"3\"]\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_are_compared_in_buckets_and_the_first_are_named() {
    for mode in [UPSERT, MIRROR] {
        let office = office(mode).await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        desktop
            .run("insert into job select n, 'many', 1 from generate_series(1000, 30999) n")
            .await;
        office.run(&["forward"]).await;
        office.verify(&[], 0).await;
        cloud
            .run(
                "update job set pay = 2 where id % 1000 = 7; delete from job where id = 2000;
                insert into job values (99999, 'stray', 1, true, 'D')",
            )
            .await;
        let ran = office.verify(&["--rows"], 7).await;
        assert_eq!(line(&ran, "job", "forward")[2..5], ["1", "1", "31"], "{ran}");
        assert_eq!(ran.stdout.matches(": pay\n").count(), 31, "{ran}");
        assert_eq!(line(&ran, "job", "reverse")[2..5], ["1", "-", "0"], "{ran}");
        // Without a limit nobody could read it.
        cloud.run("update job set what = 'other' where id < 3000").await;
        let ran = office.verify(&["--rows"], 7).await;
        says(&ran.stdout, &["different: [\"1\"]: what\n", "    and 1,0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_key_are_named_by_their_place() {
    let cloud = "create table note (what text, n int); insert into note values ('b', 2), ('c', 3)";
    let desktop =
        "create table note (what text, n int); insert into note values ('a', 1), ('b', 2)";
    let office = Office::with(cloud, desktop, "[tables]\nnote = { forward = \"mirror\" }").await;
    let ran = office.verify(&["--rows"], 7).await;
    assert_eq!(line(&ran, "note", "forward")[2..5], ["1", "1", "0"], "{ran}");
    says(
        &ran.stdout,
        &["missing on the cloud: desktop row (0,1)", "extra on the cloud: cloud row (0,2)"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_compared_does_not_hide_the_others() {
    let office = Office::with(
        "create table a (id int primary key); create table b (id int primary key)",
        "create table a (id int); insert into a values (1)",
        "[defaults]\nforward = \"upsert\"\n[tables]\na = { key = \"id\" }\nb = { key = \"id\" }\n\
         c = { key = \"id\", forward = \"off\" }",
    )
    .await;
    let ran = office.verify(&[], 1).await;
    assert_eq!(line(&ran, "a", "forward")[2..5], ["1", "0", "0"]);
    says(
        &ran.stdout,
        &["FAILED, see below", "DIFFERENT: 1 row missing; 1 table could not be compared"],
    );
    says(&ran.stderr, &["error: could not find table b on the desktop"]);
    office.verify(&["a"], 7).await;
    let ran = office.verify(&["c"], 2).await;
    says(&ran.stderr, &["error: could not look at c", "both directions are off"]);
    let ran = office.verify(&["aa"], 2).await;
    says(&ran.stderr, &["could not find table aa", "did you mean a?"]);
}

/// Nothing that would write is sent: a server that takes no changes will do.
#[tokio::test(flavor = "multi_thread")]
async fn read_only_servers_are_enough() {
    let office = office(UPSERT).await;
    for db in [&office.pair.cloud, &office.pair.desktop] {
        let name = db.name();
        db.run(&format!("alter database {name} set default_transaction_read_only = on")).await;
    }
    office.verify(&["--rows"], 0).await;
}
