//! Forward while others are at work: a power cut, another run, phones that
//! write the same rows, a table that somebody holds.

use crate::office::{Office, Ran};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::process::Stdio;
use std::time::Duration;

const CLOUD: &str =
    "create table job (id int, what text, note text default 'cloud', source char(1));
    create index on job (id);
    insert into job select n, 'phone ' || n, 'n', 'M' from generate_series(100001, 100050) n";
const DESKTOP: &str = "create table job (id int, what text);
    insert into job select n, 'job ' || n from generate_series(1, 4000) n";

fn tables(mode: &str) -> String {
    format!(
        "[limits]\nchunk_rows = 300\n[tables.job]\nkey = \"id\"\nowned_by_cloud = \"source = 'M'\"\n\
         reverse = \"insert-missing\"\nforward = {{ mode = \"{mode}\", max_delete = \"50%\" }}"
    )
}

const PHONES: &str = "select *, xmin from job where source = 'M' order by id";

async fn same(office: &Office, when: &str) {
    let rows = "select id, what from job order by 1, 2";
    let ours = "select id, what from job where source is distinct from 'M' order by 1, 2";
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    assert!(cloud.lines(ours).await == desktop.lines(rows).await, "the sides differ {when}");
}

async fn kill_after(office: &Office, arguments: &[&str], pause: Duration) {
    let mut command = office.command(arguments);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    tokio::time::sleep(pause).await;
    run.kill().unwrap();
    run.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_any_moment_loses_and_doubles_nothing() {
    for mode in ["upsert", "mirror"] {
        let office = Office::with(CLOUD, DESKTOP, &tables(mode)).await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        let phones = cloud.lines(PHONES).await;
        office.forward(&[]).await;
        for (round, pause) in
            [5, 10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640].iter().enumerate()
        {
            // Every third round is a first run, every third a full one.
            let more = if round % 3 == 1 { &["forward", "--full"][..] } else { &["forward"] };
            if round % 3 == 0 {
                cloud.run("delete from job where source is null; delete from _sync_metadata").await;
            }
            let delete = if mode == "mirror" {
                format!("; delete from job where id % 97 = {round}")
            } else {
                String::new()
            };
            desktop
                .run(&format!(
                    "update job set what = 'round {round} ' || id where id % 3 = 0;
                     insert into job select n, 'new' from generate_series({0}000, {0}400) n{delete}",
                    round + 5
                ))
                .await;
            kill_after(&office, more, Duration::from_millis(*pause)).await;
            assert_eq!(cloud.lines(PHONES).await, phones, "killed after {pause} ms");
            office.forward(&[]).await;
            same(&office, &format!("in {mode} after it was killed at {pause} ms")).await;
            assert_eq!(cloud.lines(PHONES).await, phones);
        }
        office.forward_twice(&["--full"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_and_the_other_direction_double_nothing() {
    for mode in ["upsert", "mirror"] {
        let office = Office::with(CLOUD, DESKTOP, &tables(mode)).await;
        if mode == "mirror" {
            office.configure_tables(
                &tables(mode).replace("reverse = \"insert-missing\"\n", "reverse = \"off\"\n"),
            );
        }
        for round in 0..4 {
            let sql = format!(
                "update job set what = 'round {round}' where id % 5 = {round};
                insert into job select n, 'new' from generate_series({0}0000, {0}0500) n",
                round + 1
            );
            office.pair.desktop.run(&sql).await;
            let (one, two, reverse) =
                tokio::join!(office.run(&["forward"]), office.run(&["forward"]), async {
                    if mode == "mirror" { None } else { Some(office.run(&["reverse"]).await) }
                });
            for ran in [&one, &two] {
                assert!(ran.code == 0 || ran.code == 5, "{ran}");
            }
            assert!(one.code == 0 || two.code == 0, "{one}\n{two}");
            assert!(reverse.as_ref().is_none_or(|ran| ran.code == 0), "{}", reverse.unwrap());
        }
        office.forward_twice(&[]).await;
        let doubles = "(select id from job group by id having count(*) > 1) as d";
        assert_eq!(office.pair.cloud.count(doubles).await, 0);
        assert_eq!(office.pair.desktop.count(doubles).await, 0);
        if mode == "upsert" {
            office.reverse_twice().await;
            office.forward_twice(&["--full"]).await;
            assert_eq!(
                office.pair.cloud.count("job").await,
                office.pair.desktop.count("job").await
            );
        } else {
            same(&office, "after two runs at once").await;
        }
    }
}

/// A phone takes rows over, edits and adds its own, and remembers them all.
async fn phone(office: &Office) -> Vec<(i32, String)> {
    let mut phone = office.pair.cloud.connect().await;
    let mut written = Vec::new();
    for n in 0..150 {
        let (id, what) = match n % 3 {
            0 => (100_001 + n % 50, format!("edited {n}")),
            1 => (n * 20, format!("taken over {n}")),
            _ => (200_000 + n, format!("added {n}")),
        };
        let sql = format!(
            "with u as (update job set what = '{what}', source = 'M' where id = {id} returning 1)
             insert into job select {id}, '{what}', 'n', 'M' where not exists (select from u)"
        );
        phone.execute(AssertSqlSafe(sql)).await.unwrap();
        written.push((id, what));
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_phone_writes_during_a_run_is_not_lost() {
    for mode in ["upsert", "mirror"] {
        let office =
            Office::with(CLOUD, DESKTOP, &tables(mode).replace("insert-missing", "off")).await;
        office.forward(&[]).await;
        let runs = async {
            for round in 0..5 {
                let sql = format!("update job set what = 'desk {round} ' || id");
                office.pair.desktop.run(&sql).await;
                let more: &[&str] =
                    if round % 2 == 0 { &["forward"] } else { &["forward", "--full"] };
                let ran = office.run(more).await;
                assert!(ran.code == 0 || ran.code == 4, "{ran}");
            }
        };
        let (written, ()) = tokio::join!(phone(&office), runs);
        let last: std::collections::BTreeMap<i32, String> = written.into_iter().collect();
        for (id, what) in last {
            let row = format!("select what from job where id = {id} and source = 'M'");
            assert_eq!(office.pair.cloud.lines(&row).await, [what], "{mode} {id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_holds_in_the_cloud_stops_only_itself() {
    for mode in ["upsert", "mirror"] {
        let office = Office::with(
            &format!("{CLOUD}; create table other (id int)"),
            &format!("{DESKTOP}; create table other (id int); insert into other values (1)"),
            &format!("{}\n[tables.other]\nkey = \"id\"\nforward = \"upsert\"", tables(mode)),
        )
        .await;
        let text = std::fs::read_to_string(office.config()).unwrap();
        office.configure(&text.replace("[cloud]", "[cloud]\nlock_timeout = \"300ms\""));
        let mut holder = office.pair.cloud.connect().await;
        let mut holder = holder.begin().await.unwrap();
        holder.execute("lock table job in row exclusive mode").await.unwrap();
        let ran = office.run(&["forward"]).await;
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.contains("hint: another session holds job; close the program"), "{ran}");
        assert_eq!(office.pair.cloud.count("job").await, 50);
        assert_eq!(office.pair.cloud.count("other").await, 1);
        holder.rollback().await.unwrap();
        office.forward_twice(&[]).await;
        same(&office, "after the table was free").await;
    }
}

/// The cloud refuses row 2000 for its contents, and when it is tried again for
/// another reason. The rows that were tried meanwhile must not stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_the_refused_row_that_fails_leaves_nothing() {
    let trap = "create sequence tries;
        create function trap() returns trigger language plpgsql as $$ begin
            if new.id = 2000 and nextval('tries') = 1 then raise 'not this row'; end if;
            if new.id = 2000 then raise 'busy' using errcode = '55P03'; end if;
            return new; end $$;
        create trigger trap before insert on job for each row execute function trap();
        create table later (id int)";
    for mode in ["upsert", "mirror"] {
        let office = Office::with(
            &format!("{CLOUD}; {trap}"),
            &format!("{DESKTOP}; create table later (id int); insert into later values (1)"),
            &format!(
                "{}\n[tables.later]\nkey = \"id\"\nforward = \"upsert\"",
                tables(mode).replace("300", "5000")
            ),
        )
        .await;
        let ran = office.run(&["forward"]).await;
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.contains("busy"), "{ran}");
        assert_eq!(office.pair.cloud.count("job").await, 50, "{ran}");
        assert_eq!(office.pair.cloud.count("later").await, 1, "{ran}");
        office.pair.cloud.run("drop trigger trap on job").await;
        office.forward_twice(&[]).await;
        same(&office, "after the trap was gone").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_an_earlier_tool_is_taken_over() {
    let old = "create table _sync_metadata (id serial primary key, table_name varchar(100) unique,
            last_sync_timestamp timestamp, last_sync_id bigint, sync_status varchar(20),
            records_synced int, error_message text);
        insert into _sync_metadata (table_name, last_sync_timestamp, last_sync_id, records_synced)
            values ('job', now(), 77, 5), ('gone', '2025-01-01', 1, 2)";
    let office = Office::with(&format!("{CLOUD}; {old}"), DESKTOP, &tables("upsert")).await;
    let ran = office.forward_twice(&[]).await;
    assert_eq!(ran.all_figures("job")[1], "4,000", "{ran}");
    let kept = "select table_name, last_sync_id, records_synced from _sync_metadata order by 1";
    assert_eq!(office.pair.cloud.lines(kept).await, ["gone|1|2", "job|77|5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_create_in_the_cloud_gets_the_sql() {
    let office =
        Office::with(CLOUD, DESKTOP, &tables("upsert").replace("insert-missing", "off")).await;
    let cloud = &office.pair.cloud;
    let role = format!("phone_{}", cloud.name());
    cloud
        .run(&format!(
            "create role \"{role}\" login; revoke create on schema public from public;
             grant select, insert, update, delete on job to \"{role}\""
        ))
        .await;
    let run = |arguments: &[&str]| {
        let mut command = office.command(arguments);
        command.env("CLOUD_DATABASE_URL", cloud.url_as(&role, ""));
        Ran::from(command.output().unwrap())
    };
    let refused = run(&["forward"]);
    assert_eq!(refused.code, 3, "{refused}");
    assert_eq!(
        (cloud.count("job").await, cloud.count("pg_namespace where nspname = 'pgsync'").await),
        (50, 0)
    );
    let told = run(&["init-metadata"]);
    assert_eq!(told.code, 3, "{told}");
    assert!(told.stderr.contains("have an administrator run the SQL above on the cloud"), "{told}");
    cloud.run(told.stdout.rsplit_once("administrator:\n").unwrap().1).await;
    let works = run(&["forward"]);
    assert_eq!(works.code, 0, "{works}");
    same(&office, "by the role").await;
    let again = run(&["forward"]);
    assert!(again.stdout.contains("done: nothing new as of "), "{again}");
}
