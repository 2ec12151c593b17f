//! Both directions through a transaction pooler, while other clients use the
//! same pool.

use crate::office::{Office, Ran};
use crate::pooler::{Pooler, ask};
use sqlx::Connection as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinHandle;

const CLOUD: &str = "create table job (id int primary key, what text, pay numeric(8,2),
        source char(1) default 'D', updated_at timestamptz default now());
    create type mood as enum ('good', 'bad');
    create table task (t_id bigserial primary key, job_id numeric(10), note varchar(40),
        mood mood, seen timestamptz, source char(1) default 'D');
    insert into job values (9001, 'made on a phone', 1, 'M');
    insert into task (job_id, note, source) values (1, 'made on a phone', 'M')";
const DESKTOP: &str = "create table job (id int, what text, pay numeric, source char(1));
    create table task (job_id numeric(10), note varchar(40), mood text, seen timestamp,
        source char(1));
    insert into job select n, 'job ' || n, n from generate_series(1, 3000) n;
    insert into task select n, 'task ' || n, 'good', '2025-01-01 10:00'
        from generate_series(1, 6000) n";
const TABLES: &str = "[limits]
chunk_rows = 1000
[defaults]
owned_by_cloud = \"source = 'M'\"
[defaults.forward.columns]
source = { skip = true }
updated_at = { skip = true }
[tables]
job = { key = \"id\", forward = \"upsert\", reverse = \"insert-missing\" }
[tables.task]
key = \"t_id\"
forward = { mode = \"mirror\", key = \"job_id\", where = \"source is distinct from 'M'\" }
reverse = { mode = \"insert-missing\", where = \"source = 'M'\", delivered = true }";

/// Other clients of the pool, which look for what is not theirs.
struct Neighbours {
    go_on: Arc<AtomicBool>,
    work: Vec<JoinHandle<usize>>,
}

/// Settings that no start-up message of ours and no answer of the pooler can
/// hide, and temporary tables that outlived their transaction.
const LEAKS: &str = "select current_setting('timezone'), current_setting('row_security'),
    current_setting('jit'), current_setting('lock_timeout'),
    current_setting('idle_in_transaction_session_timeout'), current_setting('bytea_output'),
    (select count(*) from pg_class where relname like 'pgsync\\_%' and relpersistence = 't')::text,
    (select count(*) from pg_locks where locktype = 'advisory'
        and pid = pg_backend_pid())::text";

impl Neighbours {
    async fn of(pooler: &Pooler) -> Self {
        let go_on = Arc::new(AtomicBool::new(true));
        let mut work = Vec::new();
        for _ in 0..3 {
            let (mut client, go_on) = (pooler.connect().await.unwrap(), Arc::clone(&go_on));
            let untouched = ask(&mut client, LEAKS).await;
            assert!(untouched.ends_with("|hex|0|0"), "{untouched}");
            work.push(tokio::spawn(async move {
                let mut asked = 0;
                while go_on.load(Ordering::Relaxed) {
                    assert_eq!(ask(&mut client, LEAKS).await, untouched);
                    asked += 1;
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                client.close().await.unwrap();
                asked
            }));
        }
        Self { go_on, work }
    }

    async fn leave(self) {
        self.go_on.store(false, Ordering::Relaxed);
        for work in self.work {
            assert!(work.await.unwrap() > 10);
        }
    }
}

struct Pooled {
    office: Office,
    pooler: Pooler,
}

impl Pooled {
    async fn new() -> Self {
        let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
        let pooler = Pooler::before(&office.pair.cloud).await;
        Self { office, pooler }
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let ran = self.start(arguments).await.unwrap();
        assert_eq!(ran.code, 0, "{ran}");
        ran
    }

    fn start(&self, arguments: &[&str]) -> JoinHandle<Ran> {
        let mut command = self.office.command(arguments);
        command.env("CLOUD_DATABASE_URL", self.pooler.url());
        tokio::task::spawn_blocking(move || Ran::from(command.output().unwrap()))
    }

    /// Figures of a forward run for both tables, which a dry run says before.
    async fn forward(&self, more: &[&str]) -> [String; 2] {
        let before = self.office.cloud_versions().await;
        let dry = self.run(&[&["forward", "--dry-run"], more].concat()).await;
        assert_eq!(self.office.cloud_versions().await, before);
        let real = self.run(&[&["forward"], more].concat()).await;
        assert_eq!(figures(&dry), figures(&real), "{dry}\n{real}");
        figures(&real)
    }

    async fn rests(&self) {
        let before = self.office.cloud_versions().await;
        for command in ["forward", "reverse", "reverse", "forward"] {
            let ran = self.run(&[command]).await;
            assert!(ran.stdout.contains("done: nothing new as of "), "{ran}");
        }
        assert_eq!(self.office.cloud_versions().await, before);
    }

    async fn both_sides_hold_the_same(&self) {
        let pair = &self.office.pair;
        for rows in [
            "select id, what, pay::numeric(8,2) from job order by id",
            "select job_id, note, mood, seen::timestamptz at time zone 'Asia/Kolkata' from task
                where source is distinct from 'M' order by 1, 2, 3",
        ] {
            let (cloud, desktop) = (pair.cloud.lines(rows).await, pair.desktop.lines(rows).await);
            assert!(cloud == desktop, "differs: {rows}");
        }
    }
}

fn figures(ran: &Ran) -> [String; 2] {
    ["job", "task"].map(|table| ran.all_figures(table).join(" "))
}

const PHONES: &str = "select 'job', id::text, what, pay::text, xmin from job where source = 'M'
    union all select 'task', t_id::text, note, job_id::text, xmin from task where source = 'M'
    order by 1, 2";

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_and_nothing_leaks_to_other_clients() {
    let pooled = Pooled::new().await;
    let (cloud, desktop) = (&pooled.office.pair.cloud, &pooled.office.pair.desktop);
    let neighbours = Neighbours::of(&pooled.pooler).await;
    let phones = cloud.lines(PHONES).await;

    let first = pooled.forward(&[]).await;
    assert_eq!(first, ["3,000 3,000 0 0 0", "6,000 6,000 0 0 0"]);
    let reverse = pooled.run(&["reverse"]).await;
    assert_eq!(reverse.figures("job")[2], "1");
    assert_eq!(reverse.figures("task")[2], "1");
    pooled.both_sides_hold_the_same().await;
    pooled.rests().await;

    desktop
        .run(
            "update job set what = 'edited' where id in (7, 2500); insert into job values (4000);
            update job set what = 'edited' where id = 9001; delete from task where job_id = 5;
            update task set mood = 'bad' where job_id = 6; insert into task values (7000, 'new')",
        )
        .await;
    cloud
        .run("update job set pay = 5 where id = 8; update task set note = 'x' where job_id = 9")
        .await;
    assert_eq!(pooled.forward(&[]).await, ["4 1 2 0 1", "6,000 1 2 1 0"]);
    assert_eq!(pooled.forward(&["--full"]).await, ["3,002 0 1 0 1", "6,000 0 0 0 0"]);
    desktop.run("update job set what = 'made on a phone' where id = 9001").await;
    pooled.both_sides_hold_the_same().await;
    pooled.rests().await;
    assert_eq!(cloud.lines(PHONES).await, phones);
    neighbours.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_tables_are_made_through_it_and_neighbours_writes_are_seen() {
    let pooled = Pooled::new().await;
    let made = pooled.run(&["init-metadata"]).await;
    assert!(made.stdout.contains("made pgsync's own tables"), "{made}");
    let again = pooled.run(&["init-metadata"]).await;
    assert_eq!(again.stdout.matches("pgsync's own tables are up to date").count(), 2, "{again}");
    pooled.run(&["forward"]).await;
    pooled.run(&["status"]).await;

    // A phone's application in the same pool, between the runs.
    let mut phone = pooled.pooler.connect().await.unwrap();
    ask(&mut phone, "insert into job values (9002, 'phone', 3, 'M') returning id::text").await;
    let ran = pooled.run(&["reverse"]).await;
    assert_eq!(ran.figures("job")[2], "2");
    let written = "job where xmin in (select xid::xid from pgsync.own_writes)";
    assert_eq!(pooled.office.pair.cloud.count(written).await, 3000);
    pooled.rests().await;
    phone.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_leaves_the_pool_clean() {
    let pooled = Pooled::new().await;
    pooled.run(&["forward"]).await;
    pooled.run(&["reverse"]).await;
    let neighbours = Neighbours::of(&pooled.pooler).await;
    pooled.office.pair.desktop.run("update task set mood = 'none' where job_id = 3").await;
    let ran = pooled.start(&["forward"]).await.unwrap();
    assert_eq!(ran.code, 4, "{ran}");
    assert!(ran.stderr.contains("rejected: task [\"3\"]: "), "{ran}");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    neighbours.leave().await;
    pooled.office.pair.desktop.run("update task set mood = 'good' where job_id = 3").await;
    pooled.rests().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_looks_sees_the_same_through_it() {
    let pooled = Pooled::new().await;
    pooled.run(&["forward"]).await;
    pooled.run(&["reverse"]).await;
    let neighbours = Neighbours::of(&pooled.pooler).await;
    let ran = pooled.run(&["verify"]).await;
    assert!(ran.stdout.contains("equal: both sides are as they should be"), "{ran}");
    let ran = pooled.run(&["explain", "job", "9001"]).await;
    assert!(ran.stdout.contains("both sides have it"), "{ran}");
    pooled.run(&["check"]).await;

    pooled.office.pair.cloud.run("update job set what = 'harm' where id = 5").await;
    let ran = pooled.start(&["verify", "job", "--rows"]).await.unwrap();
    assert_eq!(ran.code, 7, "{ran}");
    assert!(ran.stdout.contains("[\"5\"]"), "{ran}");
    let ran = pooled.run(&["explain", "job", "5"]).await;
    assert!(ran.stdout.contains("columns that differ: what"), "{ran}");
    neighbours.leave().await;
}

/// How the pooler lets go of a run: it goes away itself, or the connection
/// behind it is cut.
#[derive(Debug, Clone, Copy)]
enum Drops {
    Clients,
    Server,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_pooler_drops_is_taken_up_again() {
    for (command, drops) in [
        ("forward", Drops::Clients),
        ("forward", Drops::Server),
        ("reverse", Drops::Clients),
        ("reverse", Drops::Server),
    ] {
        let mut pooled = Pooled::new().await;
        let cloud = &pooled.office.pair.cloud;
        if command == "reverse" {
            pooled.run(&["forward"]).await;
            cloud
                .run("insert into job select n, 'phone', 1, 'M' from generate_series(5001, 8000) n")
                .await;
        }
        let slow = "create sequence slowed;
            create function slow() returns trigger language plpgsql security definer as $$ begin
                if new.id in (1500, 6500) and nextval('slowed') = 1 then perform pg_sleep(3); end if;
                return new; end $$;
            create trigger slow before insert on job for each row execute function slow()";
        let target = if command == "reverse" { &pooled.office.pair.desktop } else { cloud };
        target.run(slow).await;
        let run = pooled.start(&[command]);
        let resting =
            "pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
        while target.count(resting).await == 0 {
            assert!(!run.is_finished(), "{}", run.await.unwrap());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        match drops {
            Drops::Server => {
                let end = "select pg_terminate_backend(pid) from pg_stat_activity \
                    where datname = current_database() and pid <> pg_backend_pid()";
                cloud.run(end).await;
            }
            Drops::Clients => {
                pooled.pooler.restart(&pooled.office.pair.cloud).await;
            }
        }
        let ran = run.await.unwrap();
        assert_eq!(ran.code, 0, "{command} {drops:?} {ran}");
        assert!(ran.stderr.contains("attempt 2 of "), "{command} {drops:?} {ran}");
        pooled.run(&["forward"]).await;
        pooled.run(&["reverse"]).await;
        pooled.both_sides_hold_the_same().await;
        pooled.rests().await;
    }
}
