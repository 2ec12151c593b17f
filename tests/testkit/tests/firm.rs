//! The firm's data is what the real firm's is, and the same every time.

use pgsync_testkit::firm::{self, wide};
use pgsync_testkit::{Db, Pair, Side};

const COUNTS: [(&str, i64, &str, i64); 15] = [
    ("orgmaster", 2, "orgmaster", 2),
    ("locmaster", 1, "locmaster", 1),
    ("conmaster", 4, "conmaster", 5),
    ("climaster", 726, "climaster", 726),
    ("mbstaff", 16, "mbstaff", 16),
    ("taskmaster", 0, "taskmaster", 0),
    ("jobmaster", 0, "jobmaster", 0),
    ("cliunimaster", 0, "cliunimaster", 0),
    ("jobshead", 24_562, "jobshead", 24_564),
    ("jobtasks", 64_542, "jobtasks", 64_542),
    ("taskchecklist", 2_894, "taskchecklist", 2_894),
    ("workdiary", 30_000, "workdiary", 30_012),
    ("mbreminder", 129, "reminder", 132),
    ("mbremdetail", 37, "remdetail", 37),
    ("learequest", 0, "learequest", 5),
];

/// An order-free checksum over whole rows.
async fn checksum(db: &Db, from: &str) -> String {
    db.text(&format!("select sum(hashtextextended(t::text, 0)::numeric) from {from} t")).await
}

#[tokio::test]
async fn every_table_has_its_rows() {
    let pair = Pair::firm().await;
    for (desktop, on_desktop, cloud, in_cloud) in COUNTS {
        assert_eq!(pair.desktop.count(desktop).await, on_desktop, "{desktop}");
        assert_eq!(pair.cloud.count(cloud).await, in_cloud, "{cloud}");
    }
}

#[tokio::test]
async fn ten_job_numbers_stand_on_many_rows() {
    let pair = Pair::firm().await;
    let shared = "select job_id, count(*) from jobshead group by 1 having count(*) > 1 order by 1";
    let mut expected = firm::SHARED_NUMBERS.to_vec();
    expected.sort_unstable();
    let expected: Vec<_> = expected.iter().map(|(id, jobs)| format!("{id}|{jobs}")).collect();
    assert_eq!(pair.desktop.lines(shared).await, expected);
    assert_eq!(pair.cloud.lines(shared).await, expected);
}

#[tokio::test]
async fn jobs_point_to_clients_that_do_not_exist() {
    let pair = Pair::firm().await;
    let orphans = "jobshead j where not exists \
                   (select from climaster c where c.client_id = j.client_id)";
    assert_eq!(pair.desktop.count(orphans).await, 3_942);
    assert_eq!(pair.cloud.count(orphans).await, 3_942);
    assert_eq!(pair.desktop.count("climaster where con_id = 0").await, 440);
    assert_eq!(pair.desktop.count("climaster where con_id is null").await, 151);
    let tasks = "(select distinct job_id, task_id from jobtasks) t";
    assert_eq!(pair.desktop.count(tasks).await, 64_542);
}

#[tokio::test]
async fn both_sides_hold_the_same_rows() {
    let pair = Pair::firm().await;
    for (table, columns) in [
        ("jobshead", "job_id, client_id, year_id, jobdate, targetdate, work_desc, drivefolderkey"),
        ("jobtasks", "job_id, task_id, taskorder, jobdet_man_hrs, actual_man_hrs, checklistlinked"),
        ("workdiary", "staff_id, job_id, task_id, timefrom, timeto, tasknotes, doc_ref"),
        ("climaster", "con_id, client_id, clientname, clientmail, clientphone"),
    ] {
        let desktop = checksum(&pair.desktop, &format!("(select {columns} from {table})")).await;
        let ours = format!("(select {columns} from {table} where source is distinct from 'M')");
        assert_eq!(desktop, checksum(&pair.cloud, &ours).await, "{table}");
    }
}

#[tokio::test]
async fn the_clouds_foreign_keys_hold() {
    let Pair { cloud, .. } = Pair::firm().await;
    let again = "select format('alter table %s add %s', conrelid::regclass, pg_get_constraintdef(oid)) \
                 from pg_constraint where contype = 'f'";
    let checks = cloud.lines(again).await;
    assert!(checks.len() > 30, "{}", checks.len());
    cloud.run(&checks.join(";")).await;
}

#[tokio::test]
async fn stamps_are_shared_as_the_real_ones() {
    let pair = Pair::firm().await;
    for table in ["jobshead", "jobtasks", "mbreminder"] {
        let stamps = format!("select count(distinct updated_at) from {table}");
        assert_eq!(pair.desktop.text(&stamps).await, "1", "{table}");
    }
    let most = "select max(n) from (select count(*) n from jobtasks group by updated_at) t";
    assert_eq!(pair.cloud.text(most).await, "160");
    assert_eq!(pair.cloud.count("jobshead where source = 'M'").await, 2);
    for table in ["jobshead", "jobtasks", "taskchecklist", "workdiary", "reminder", "remdetail"] {
        let watermark = format!(
            "select last_sync_timestamp = (select max(updated_at) from {table} where source = 'D') \
             from _sync_metadata where table_name = '{table}'"
        );
        assert_eq!(pair.cloud.text(&watermark).await, "t", "{table}");
    }
}

#[tokio::test]
async fn sequences_stand_behind_their_highest_value() {
    let Pair { cloud, .. } = Pair::firm().await;
    for (sequence, next) in [
        ("jobtasks_jt_id_seq", "182347"),
        ("taskchecklist_tc_id_seq", "52895"),
        ("workdiary_wd_id_seq", "130013"),
    ] {
        assert_eq!(cloud.text(&format!("select nextval('{sequence}')")).await, next);
    }
}

#[tokio::test]
async fn texts_hold_what_breaks_naive_programs() {
    let Pair { desktop, .. } = Pair::firm().await;
    for pattern in ["chr(9)", "chr(10)"] {
        let found = format!("workdiary where strpos(tasknotes, {pattern}) > 0");
        assert!(desktop.count(&found).await > 1000, "{pattern}");
    }
    for pattern in ["'", "\\", "\"", "சரவணன்", "मीना"] {
        let found = format!("climaster where strpos(clientname, $q${pattern}$q$) > 0");
        assert!(desktop.count(&found).await > 0, "{pattern}");
    }
}

#[tokio::test]
async fn two_loads_are_equal() {
    let (template, own) = (Pair::firm().await, Pair::empty().await);
    for (side, db, copied) in [
        (Side::Cloud, &own.cloud, &template.cloud),
        (Side::Desktop, &own.desktop, &template.desktop),
    ] {
        let mut connection = db.connect().await;
        firm::create_schema(side, &mut connection).await.unwrap();
        firm::load(side, &mut connection).await.unwrap();
        for table in firm::tables(side) {
            assert_eq!(checksum(db, table).await, checksum(copied, table).await, "{table}");
        }
        let indexes = "select indexdef from pg_indexes where schemaname = 'public' order by 1";
        assert_eq!(db.lines(indexes).await, copied.lines(indexes).await);
    }
}

#[tokio::test]
async fn the_cloud_can_be_empty() {
    let pair = Pair::firm_before_the_cloud().await;
    assert_eq!(pair.desktop.count("jobshead").await, 24_562);
    assert_eq!(pair.cloud.count("jobshead").await, 0);
    assert_eq!(Pair::firm_without_rows().await.desktop.count("jobshead").await, 0);
}

#[tokio::test]
async fn the_wide_table_is_wide() {
    let pair = Pair::empty().await;
    wide::create(&pair.cloud.url(), 1_000, true).await.unwrap();
    wide::create(&pair.desktop.url(), 1_000, false).await.unwrap();
    assert_eq!(pair.cloud.count("big").await, 1_000);
    assert_eq!(pair.desktop.count("big").await, 0);
    let columns = "pg_attribute where attrelid = 'big'::regclass and attnum > 0";
    assert_eq!(pair.desktop.count(columns).await, 25);
    let length = pair.cloud.text("select avg(length(big::text))::int from big").await;
    assert!((390..430).contains(&length.parse::<i32>().unwrap()), "{length}");
}
