//! Several desktops on one cloud: each has to do with its own rows only, and
//! what the cloud keeps for it is kept apart.

use crate::office::{Office, Ran};
use pgsync_testkit::{Db, Pair};
use std::process::Stdio;

const CLOUD: &str = "
    create table client (org_id int, client_id int primary key, name text, source char(1) default 'D');
    create table task (org_id int, job_id int, note text, source char(1) default 'D',
        jt_id bigserial primary key);
    create table notice (notice_id int primary key, words text not null)";
const DESKTOP: &str = "
    create table client (org_id int, client_id int, name text, source char(1));
    create table task (org_id int, job_id int, note text, source char(1));
    create table notice (notice_id int, words text)";
const TABLES: &str = "
[defaults]
owned_by_cloud = \"source = 'M'\"
scope = \"org_id = ${ORG_ID}\"
[tables]
client = { key = \"client_id\", reverse = \"insert-missing\", forward = \"upsert\" }
notice = { key = \"notice_id\", scope = false, owned_by_cloud = false, reverse = \"insert-missing\", forward = \"upsert\" }
[tables.task]
key = \"job_id\"
forward = { mode = \"mirror\", where = \"source is distinct from 'M'\" }";

/// A desktop, with the number of its organisation.
struct Branch {
    office: Office,
    org: u32,
}

impl Branch {
    async fn open(org: u32) -> Self {
        let office = Office::with("", DESKTOP, "").await;
        office.configure(&format!(
            "desktop_time_zone = \"Asia/Kolkata\"\n\
             [desktop]\nname = \"branch-{org}\"\nurl = \"${{DESKTOP_DATABASE_URL}}\"\n\
             [cloud]\nurl = \"${{CLOUD_DATABASE_URL}}\"\n{TABLES}"
        ));
        let rows = format!(
            "insert into client select {org}, {org} * 100 + n, 'client ' || n, 'D' from generate_series(1, 20) n;
             insert into task select {org}, n, 'task ' || n, 'D' from generate_series(1, 30) n;
             insert into notice values ({org}, 'from {org}')"
        );
        office.pair.desktop.run(&rows).await;
        Self { office, org }
    }

    async fn run(&self, cloud: &Db, arguments: &[&str]) -> Ran {
        let mut command = self.office.command(arguments);
        command.env("CLOUD_DATABASE_URL", cloud.url()).env("ORG_ID", self.org.to_string());
        command.stdin(Stdio::null());
        tokio::task::spawn_blocking(move || Ran::from(command.output().unwrap())).await.unwrap()
    }

    async fn done(&self, cloud: &Db, arguments: &[&str]) -> Ran {
        let ran = self.run(cloud, arguments).await;
        assert_eq!(ran.code, 0, "{ran}");
        ran
    }

    fn desktop(&self) -> &Db {
        &self.office.pair.desktop
    }
}

async fn three() -> (Db, [Branch; 3]) {
    let Pair { cloud, .. } = Pair::empty().await;
    cloud.run(CLOUD).await;
    let branches = [Branch::open(1).await, Branch::open(2).await, Branch::open(3).await];
    for branch in &branches {
        let ran = branch.done(&cloud, &["forward"]).await;
        assert_eq!(ran.all_figures("task"), ["30", "30", "0", "0", "0"], "{ran}");
        assert_eq!(ran.all_figures("client"), ["20", "20", "0", "0", "0"], "{ran}");
    }
    (cloud, branches)
}

async fn nothing_to_do(cloud: &Db, branches: &[Branch]) {
    for branch in branches {
        for command in ["reverse", "forward", "forward", "reverse"] {
            let ran = branch.done(cloud, &[command]).await;
            assert!(ran.stdout.contains("done: nothing new as of"), "{}: {ran}", branch.org);
        }
    }
}

/// Reverse brings every desktop the shared notices of the others, once.
async fn share_notices(cloud: &Db, branches: &[Branch]) {
    for branch in branches {
        let ran = branch.done(cloud, &["reverse"]).await;
        assert_eq!(ran.figures("notice")[2], "2", "{}: {ran}", branch.org);
        assert_eq!(branch.desktop().count("notice").await, 3);
        assert_eq!(branch.desktop().count("client").await, 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_desktop_carries_its_own_rows_only() {
    let (cloud, branches) = three().await;
    let per_org = "select org_id, count(*) from task group by 1 order by 1";
    assert_eq!(cloud.lines(per_org).await, ["1|30", "2|30", "3|30"]);
    assert_eq!(cloud.count("client").await, 60);
    assert_eq!(cloud.count("notice").await, 3);
    share_notices(&cloud, &branches).await;
    nothing_to_do(&cloud, &branches).await;

    let others = "select *, xmin from task where org_id <> 2 order by jt_id";
    let before = cloud.lines(others).await;
    branches[1]
        .desktop()
        .run("delete from task where job_id in (3, 4); update task set note = 'x' where job_id = 9")
        .await;
    let ran = branches[1].done(&cloud, &["forward"]).await;
    assert_eq!(ran.all_figures("task"), ["28", "0", "1", "2", "0"], "{ran}");
    assert_eq!(cloud.lines(per_org).await, ["1|30", "2|28", "3|30"]);
    assert_eq!(cloud.lines(others).await, before);
    nothing_to_do(&cloud, &branches).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_not_disturbed_by_its_neighbours() {
    let (cloud, branches) = three().await;
    for round in 0..3 {
        for branch in &branches {
            let note =
                format!("update task set note = 'round {round}' where job_id = {}", branch.org);
            branch.desktop().run(&note).await;
        }
        for branch in &branches {
            let ran = branch.done(&cloud, &["forward", "-vv"]).await;
            assert_eq!(ran.all_figures("task"), ["30", "0", "1", "0", "0"], "{ran}");
            assert!(!ran.stderr.contains("more than the changed rows differ"), "{ran}");
        }
    }
    let emptied = "delete from task";
    branches[0].desktop().run(emptied).await;
    let ran = branches[0].run(&cloud, &["forward", "--allow-deletes"]).await;
    assert_eq!(ran.code, 6, "{ran}");
    assert_eq!(cloud.count("task").await, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phones_row_reaches_the_desktop_that_it_is_for() {
    let (cloud, branches) = three().await;
    share_notices(&cloud, &branches).await;
    cloud.run("insert into client values (2, 999, 'by a phone', 'M')").await;
    for branch in &branches {
        let ran = branch.done(&cloud, &["reverse"]).await;
        assert_eq!(ran.figures("client")[2], if branch.org == 2 { "1" } else { "0" }, "{ran}");
    }
    nothing_to_do(&cloud, &branches).await;
}

/// Nobody overwrites what another desktop has brought under the same number.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_two_desktops_have_taken_is_said() {
    let (cloud, branches) = three().await;
    share_notices(&cloud, &branches).await;
    branches[2].desktop().run("insert into client values (3, 105, 'mine', 'D')").await;
    let ran = branches[2].run(&cloud, &["forward"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    let row = "select org_id, name from client where client_id = 105";
    assert_eq!(cloud.lines(row).await, ["1|client 5"]);
    let listed = branches[2].run(&cloud, &["rejects", "client"]).await;
    assert_eq!(listed.code, 4, "{listed}");
    assert!(listed.stdout.contains("105"), "{listed}");
    let neighbour = branches[0].done(&cloud, &["rejects"]).await;
    assert!(!neighbour.stdout.contains("105"), "{neighbour}");
    assert_eq!(branches[0].done(&cloud, &["forward"]).await.code, 0);
    branches[2].desktop().run("delete from client where client_id = 105").await;
    branches[2].done(&cloud, &["forward"]).await;
    assert_eq!(cloud.count("pgsync.rejects").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cloud_keeps_them_apart() {
    let (cloud, branches) = three().await;
    let names = "select table_name from _sync_metadata where table_name like '%task' order by 1";
    assert_eq!(cloud.lines(names).await, ["branch-1/task", "branch-2/task", "branch-3/task"]);
    branches[1].done(&cloud, &["init-metadata", "--reset", "task"]).await;
    let compared = branches[1].done(&cloud, &["forward", "task"]).await;
    assert_eq!(compared.how("task"), "reconcile: reset");
    let own = branches[0].done(&cloud, &["forward", "task"]).await;
    assert_eq!(own.how("task"), "incremental");
    let status = branches[2].done(&cloud, &["status"]).await;
    assert!(!status.stdout.contains("branch-1"), "{status}");
    let runs = "select desktop, count(*) from pgsync.runs where direction = 'forward' group by 1 order by 1";
    assert_eq!(cloud.lines(runs).await, ["branch-1|2", "branch-2|2", "branch-3|1"]);
    let writers = "select distinct desktop from pgsync.own_writes order by 1";
    assert_eq!(cloud.lines(writers).await, ["branch-1", "branch-2", "branch-3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_must_fit_into_the_records() {
    let branch = Branch::open(1).await;
    let text = std::fs::read_to_string(branch.office.config()).unwrap();
    branch.office.configure(&text.replace("branch-1", "a/b"));
    let ran = branch.run(&branch.office.pair.cloud, &["forward"]).await;
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("name in [desktop] must be up to 30 letters"), "{ran}");
}
