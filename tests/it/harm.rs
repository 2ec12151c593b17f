//! What happens to databases in a firm's life: columns come and go, disks fill
//! up, servers stop taking changes, settings are set by others.

use crate::look::says;
use crate::office::{Office, Ran};
#[cfg(unix)]
use pgsync_testkit::{Db, SmallDisk};

const CLOUD: &str =
    "create table job (id int primary key, name varchar(20), pay numeric(8,2), source text)";
const DESKTOP: &str = "create table job (id int, name varchar(20), pay numeric(8,2));
    insert into job select n, 'job ' || n, n from generate_series(1, 3000) n";
const TABLES: &str = "[limits]\nchunk_rows = 500\n[tables.job]\nkey = \"id\"\n\
    owned_by_cloud = \"source = 'M'\"\nreverse = \"insert-missing\"\nforward = \"upsert\"";

async fn office() -> Office {
    Office::with(CLOUD, DESKTOP, TABLES).await
}

async fn same(office: &Office, columns: &str) {
    let rows = format!("select {columns} from job order by id");
    assert_eq!(
        office.pair.cloud.lines(&rows).await,
        office.pair.desktop.lines(&rows).await,
        "{columns}"
    );
}

async fn with_environment(office: &Office, arguments: &[&str], set: &[(&str, String)]) -> Ran {
    let mut command = office.command(arguments);
    command.envs(set.iter().map(|(name, value)| (*name, value.clone())));
    tokio::task::spawn_blocking(move || Ran::from(command.output().unwrap())).await.unwrap()
}

/// What happens to the table on either side, the columns that both have then,
/// and whether rows are refused.
const CHANGES: &[(&str, &str, &str)] = &[
    ("alter table job add phone text", "", "id, name, pay"),
    ("", "alter table job add remark text default 'x'", "id, name, pay"),
    ("alter table job add grade int", "alter table job add grade int default 7", "*"),
    ("alter table job drop pay", "", "id, name"),
    ("", "alter table job drop pay", "id, name"),
    ("alter table job rename name to title", "", "id, pay"),
    ("alter table job alter name type varchar(40)", "", "id, name, pay"),
    ("alter table job alter pay type numeric(12,4)", "", "id, name, pay::numeric(8,2)"),
];

#[tokio::test(flavor = "multi_thread")]
async fn columns_come_and_go_between_runs() {
    for (cloud_change, desktop_change, columns) in CHANGES {
        let office = Office::with(
            &CLOUD.replace(", source text", ""),
            DESKTOP,
            &TABLES.replace("owned_by_cloud = \"source = 'M'\"\n", ""),
        )
        .await;
        office.forward_twice(&[]).await;
        office.pair.cloud.run(cloud_change).await;
        office.pair.desktop.run(desktop_change).await;
        office.pair.desktop.run("update job set id = id + 10000 where id = 7").await;
        let ran = office.run(&["forward"]).await;
        assert_eq!(ran.code, 0, "{cloud_change} {desktop_change} {ran}");
        office.pair.cloud.run("delete from job where id = 7").await;
        office.forward_twice(&[]).await;
        same(&office, columns).await;
        office.reverse_twice().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_becomes_narrower_rejects_what_does_not_fit_any_more() {
    let office = office().await;
    office.configure_tables(
        &TABLES.replace("chunk_rows = 500", "chunk_rows = 500\nmax_rejects = 5_000"),
    );
    office.forward_twice(&[]).await;
    let narrower = "alter table job alter name type varchar(7) using left(name, 7)";
    office.pair.cloud.run(narrower).await;
    office.pair.desktop.run("update job set pay = 5 where id in (5, 2000)").await;
    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    says(&ran.stderr, &["rejected: job [\"1000\"]: value too long for type character varying(7)"]);
    assert_eq!(office.pair.cloud.count("pgsync.rejects").await, 2_001);
    let five =
        office.pair.cloud.lines("select pay from job where id in (5, 2000) order by id").await;
    assert_eq!(five, ["5.00", "2000.00"]);
    office.pair.cloud.run("alter table job alter name type varchar(20)").await;
    office.forward_twice(&[]).await;
    // What the cloud has cut off itself is set back by a full run.
    office.forward_twice(&["--full"]).await;
    same(&office, "id, name, pay").await;
}

/// What happens to the cloud's or the desktop's table between two chunks, and
/// the columns that both have then. Values fit whatever becomes of their types.
const IN_THE_MIDDLE: &[(&str, &str, &str)] = &[
    ("cloud", "drop pay", "id, name"),
    ("cloud", "rename name to title", "id, pay"),
    ("cloud", "alter name type varchar(8)", "id, name, pay"),
    ("cloud", "add phone text", "id, name, pay"),
    ("desktop", "drop pay", "id, name"),
    ("desktop", "rename name to title", "id, pay"),
    ("desktop", "alter pay type numeric(6,1)", "id, name, pay::numeric(8,2)"),
    ("desktop", "add phone text default 'x'", "id, name, pay"),
];

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_change_in_the_middle_of_a_run_lose_nothing() {
    for (side, change, columns) in IN_THE_MIDDLE {
        let office = office().await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        cloud
            .run(
                "create function rests() returns trigger language plpgsql as $$ begin
                    if new.id = 1200 then perform pg_sleep(1); end if; return new; end $$;
                 create trigger rests before insert on job for each row execute function rests()",
            )
            .await;
        let run = office.run(&["forward"]);
        let changing = async {
            let resting = "pg_stat_activity where wait_event = 'PgSleep' \
                and datname = current_database()";
            while cloud.count(resting).await == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            let changed = if *side == "cloud" { cloud } else { desktop };
            changed.run(&format!("alter table job {change}")).await;
        };
        let (ran, ()) = tokio::join!(run, changing);
        assert!(matches!(ran.code, 0 | 1), "{side}: {change}\n{ran}");
        office.forward_twice(&[]).await;
        same(&office, columns).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_takes_no_changes_is_said_and_caught_up_with() {
    let office = office().await;
    office.forward_twice(&[]).await;
    office.pair.desktop.run("update job set pay = 7 where id < 100").await;
    let cloud = &office.pair.cloud;
    let name = cloud.name().to_owned();
    cloud.run(&format!("alter database \"{name}\" set default_transaction_read_only = on")).await;
    let before = office.cloud_versions().await;
    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.code, 3, "{ran}");
    says(&ran.stderr, &["read-only", "make room there, then run again"]);
    assert_eq!(office.cloud_versions().await, before);
    let mut writer = cloud.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "set transaction_read_only = off; alter database \"{name}\" reset default_transaction_read_only"
    )))
    .execute(&mut writer)
    .await
    .unwrap();
    let ran = office.forward_twice(&[]).await;
    // Row 7 has had that value before.
    assert_eq!(ran.all_figures("job")[2], "98", "{ran}");
    same(&office, "id, name, pay").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timeouts_that_the_server_sets_do_not_end_a_run() {
    let office = office().await;
    for db in [&office.pair.cloud, &office.pair.desktop] {
        db.run(SLOW).await;
        // A machine at its limits may need some of the half second to connect.
        for (setting, value) in [
            ("statement_timeout", "500ms"),
            ("idle_in_transaction_session_timeout", "20ms"),
            ("lock_timeout", "20ms"),
        ] {
            db.run(&format!("alter database \"{}\" set {setting} = '{value}'", db.name())).await;
        }
    }
    office.forward(&[]).await;
    same(&office, "id, name, pay").await;
    office
        .pair
        .cloud
        .run("set statement_timeout = 0; insert into job values (9007, 'p', 1, 'M')")
        .await;
    let ran = office.reverse().await;
    assert_eq!(ran.all_figures("job")[2], "1", "{ran}");
    same(&office, "id, name, pay").await;
    office.reverse_twice().await;
}

/// Two rows of which each takes longer than the server allows.
const SLOW: &str = "create function slow() returns trigger language plpgsql as $$
    begin
      perform pg_sleep(1);
      return new;
    end $$;
    create trigger slow before insert on job for each row when (new.id % 9000 = 7)
      execute function slow()";

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_of_this_machine_does_not_matter() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    // The zone is the only thing of a clock that a process can be given.
    for zone in ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"] {
        office.pair.desktop.run("update job set pay = pay + 1 where id <= 10").await;
        let set = [("TZ", zone.to_owned())];
        let ran = with_environment(&office, &["forward"], &set).await;
        assert_eq!(ran.code, 0, "{ran}");
        same(&office, "id, name, pay").await;
    }
    // Watermarks are the source's own clock, so a source that is days ahead or
    // behind another one is read in full once, and nothing is lost.
    let ahead = "update _sync_metadata set last_sync_timestamp = now() + interval '9 days',
        horizon_timestamp = now() + interval '9 days'";
    office.pair.cloud.run(ahead).await;
    office.pair.desktop.run("update job set pay = 0 where id = 77").await;
    let ran = office.forward(&[]).await;
    assert_eq!(ran.all_figures("job")[2], "1", "{ran}");
    same(&office, "id, name, pay").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_held_for_long_is_said_and_carried_later() {
    let office = office().await;
    office.forward_twice(&[]).await;
    office.pair.desktop.run("update job set pay = 8 where id = 8").await;
    let mut holder = office.pair.cloud.connect().await;
    sqlx::raw_sql("begin; lock table job in access exclusive mode")
        .execute(&mut holder)
        .await
        .unwrap();
    let text = std::fs::read_to_string(office.config()).unwrap();
    office.configure(
        &text
            .replace(
                "url = \"${CLOUD_DATABASE_URL}\"",
                "url = \"${CLOUD_DATABASE_URL}\"\nlock_timeout = \"300ms\"",
            )
            .replace("[retry]", "[retry]\nattempts = 1"),
    );
    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.code, 1, "{ran}");
    says(&ran.stderr, &["another session holds job"]);
    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    office.forward_twice(&[]).await;
    same(&office, "id, name, pay").await;
}

/// A full disk as the server tells of it, behind so many rows.
fn plays_a_full_disk(rows: u32) -> String {
    format!(
        "create function full_disk() returns trigger language plpgsql as $$ begin
            if (select count(*) from job) > {rows} then
                raise 'could not extend file \"base/1/2\": No space left on device'
                    using errcode = '53100';
            end if; return null; end $$;
        create trigger full_disk after insert on job for each statement
            execute function full_disk()"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_table_where_it_is_and_the_next_run_goes_on() {
    let office = office().await;
    let cloud = &office.pair.cloud;
    cloud.run(&plays_a_full_disk(1_200)).await;
    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.code, 1, "{ran}");
    says(&ran.stderr, &["No space left on device", "make room, then run again"]);
    let came = cloud.count("job").await;
    assert!((1..3000).contains(&came), "{came}");
    cloud.run("drop trigger full_disk on job").await;
    office.forward_twice(&[]).await;
    same(&office, "id, name, pay").await;
}

/// How a target comes to a full disk.
#[cfg(unix)]
enum FullDisk {
    /// Its table stands on one of a megabyte.
    Small(SmallDisk),
    /// Nobody may mount one here, so a trigger plays it.
    Played,
}

#[cfg(unix)]
impl FullDisk {
    async fn under_job_of(target: &Db) -> Self {
        match SmallDisk::mount(1) {
            Ok(disk) => {
                let place = disk.folder().display();
                target.run(&format!("create tablespace small location '{place}'")).await;
                target.run("alter table job set tablespace small").await;
                Self::Small(disk)
            }
            Err(error) => {
                println!("a trigger plays the full disk: {error:#}");
                target.run(&plays_a_full_disk(5_200)).await;
                Self::Played
            }
        }
    }

    async fn make_room(&self, target: &Db) {
        match self {
            Self::Small(disk) => disk.grow(16).unwrap(),
            Self::Played => target.run("drop trigger full_disk on job").await,
        }
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_really_full_loses_nothing() {
    for direction in ["forward", "reverse"] {
        let tables = TABLES.replace("chunk_rows = 500", "chunk_rows = 5_000");
        let office = Office::alone(CLOUD, DESKTOP, &tables).await;
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        let (source, target) =
            if direction == "forward" { (desktop, cloud) } else { (cloud, desktop) };
        target.run("truncate job").await;
        let disk = FullDisk::under_job_of(target).await;
        source.run("truncate job").await;
        let rows = "insert into job (id, name) select n, 'job ' || n";
        source.run(&format!("{rows} from generate_series(1, 30000) n")).await;

        let ran = office.run(&[direction]).await;
        assert_eq!(ran.code, 1, "{ran}");
        says(&ran.stderr, &["No space left on device", "make room, then run again"]);
        let came = target.count("job").await;
        assert!((1..30_000).contains(&came), "{direction}: {came}");

        disk.make_room(target).await;
        match direction {
            "forward" => office.forward_twice(&[]).await,
            _ => office.reverse_twice().await,
        };
        same(&office, "id, name, pay").await;
    }
}
