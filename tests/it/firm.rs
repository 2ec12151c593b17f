//! The firm's real tables, with the shipped configuration.

use crate::office::Office;
use pgsync_testkit::Pair;

#[tokio::test(flavor = "multi_thread")]
async fn the_first_reverse_brings_what_the_phones_made_and_nothing_else() {
    let office = Office::firm().await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    assert_eq!(desktop.count("jobshead").await, 24_562);
    assert_eq!(cloud.count("jobshead").await, 24_564);

    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("jobshead"), ["24,564", "2", "2"]);
    assert_eq!(desktop.count("jobshead").await, 24_564);
    assert_eq!(desktop.count("jobshead where source = 'M'").await, 2);
}

/// The cloud's desktop-owned rows, and the desktop's, in the columns that
/// travel.
async fn assert_mirrored(office: &Office, table: &str, columns: &str) {
    let rows =
        |scope: &str| format!("select {columns} from {table} where {scope} order by {columns}");
    let cloud = office.pair.cloud.lines(&rows("source is distinct from 'M'")).await;
    let desktop = office.pair.desktop.lines(&rows("source is distinct from 'M'")).await;
    assert!(cloud == desktop, "{table} differs");
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_and_reverse_bring_the_firm_to_rest() {
    let office = Office::firm().await;
    let phones = "select *, xmin from workdiary where source = 'M' order by wd_id";
    let before = office.pair.cloud.lines(phones).await;
    let numbers = "select jt_id from jobtasks order by 1";
    let tasks = office.pair.cloud.lines(numbers).await;

    let forward = office.run(&["forward"]).await;
    assert_eq!(forward.code, 0, "{forward}");
    let reverse = office.reverse().await;
    assert_eq!(reverse.figures("workdiary"), ["12", "12", "12"]);
    for command in ["forward", "reverse", "forward", "forward", "reverse", "reverse"] {
        let ran = office.run(&[command]).await;
        assert!(ran.stdout.contains("done: nothing new as of"), "{command}: {ran}");
    }
    let full = office.run(&["forward", "--full"]).await;
    assert!(full.stdout.contains("done: nothing new as of"), "{full}");

    assert_eq!(office.pair.cloud.lines(phones).await, before);
    assert_eq!(office.pair.cloud.lines(numbers).await, tasks);
    assert_eq!(office.pair.desktop.count("workdiary").await, 30_012);
    assert_eq!(office.pair.cloud.count("jobshead").await, 24_564);
    assert_mirrored(&office, "jobshead", "job_id, client_id, work_desc, jobdate").await;
    assert_mirrored(&office, "jobtasks", "job_id, task_id, task_desc, actual_man_hrs").await;
    assert_mirrored(&office, "taskchecklist", "task_id, checklistdesc, comments").await;
    assert_mirrored(&office, "workdiary", "staff_id, date, timefrom, tasknotes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_stands_on_24_rows_is_carried_as_24_rows() {
    let office = Office::firm().await;
    office.run(&["forward"]).await;
    office
        .pair
        .desktop
        .run(
            "update jobshead set work_desc = 'edited' where ctid =
        (select min(ctid) from jobshead where job_id = 8533)",
        )
        .await;
    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.all_figures("jobshead")[1..], ["0", "1", "0", "0"], "{ran}");
    assert_eq!(office.pair.cloud.count("jobshead where job_id = 8533").await, 24);
    assert_mirrored(&office, "jobshead", "job_id, client_id, work_desc, jobdate").await;
}

/// As the cloud was before its foreign key to the clients was dropped: 16 % of
/// the jobs name a client who is not there.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_unknown_clients_are_set_aside_and_heal_when_the_clients_come() {
    let office = Office::new(Pair::firm_before_the_cloud().await, "");
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    let shipped = include_str!("../../config/pgsync.toml");
    office.configure(&shipped.replace("max_rejects = 1000", "max_rejects = 50_000"));
    cloud.run("alter table jobshead add foreign key (client_id) references climaster").await;
    desktop.run("insert into conmaster (org_id, con_id) values (1, 0)").await;
    let orphan = "not exists (select from climaster as c where c.client_id = j.client_id)";
    let (jobs, orphans) = (24_562, desktop.count(&format!("jobshead as j where {orphan}")).await);
    assert!((3_900..4_000).contains(&orphans), "{orphans}");

    let ran = office.run(&["forward"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    assert_eq!(cloud.count("jobshead").await, jobs - orphans);
    let rejected = "pgsync.rejects where table_name = 'jobshead' and sqlstate = '23503'";
    assert_eq!(cloud.count(rejected).await, orphans);
    let versions = office.cloud_versions().await;
    assert_eq!(office.run(&["forward"]).await.code, 4);
    assert_eq!(office.cloud_versions().await, versions);

    let come = format!(
        "insert into climaster (org_id, con_id, loc_id, client_id, clientname)
         select distinct on (client_id) org_id, con_id, loc_id, client_id, 'came later'
         from jobshead as j where {orphan}"
    );
    desktop.run(&come).await;
    office.forward_twice(&[]).await;
    assert_eq!(cloud.count("pgsync.rejects").await, 0);
    assert_eq!(cloud.count("jobshead").await, jobs);
    assert_mirrored(&office, "jobshead", "job_id, client_id, work_desc, jobdate").await;
}
