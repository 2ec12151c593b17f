//! `explain`: why one row did or did not arrive, and nothing written by it.

use crate::look::says;
use crate::office::{Office, Ran};
use crate::told::Told;

const CLOUD: &str = "create table job (id int primary key, what varchar(20), pay numeric(8,2),
        source char(1) default 'D');
    insert into job select n, 'job ' || n, n, 'D' from generate_series(1, 9) n;
    insert into job values (50, 'of a phone', 1, 'M')";
const DESKTOP: &str = "create table job (id int, what text, pay numeric, source char(1));
    insert into job select n, 'job ' || n, n from generate_series(1, 9) n";

fn tables(forward: &str) -> String {
    format!(
        "[tables]\njob = {{ key = \"id\", owned_by_cloud = \"source = 'M'\", \
         reverse = {{ mode = \"insert-missing\", where = \"id < 100\" }}, forward = {forward} }}"
    )
}

const UPSERT: &str =
    "{ mode = \"upsert\", where = \"id < 200\", columns = { source = { skip = true } } }";
const MIRROR: &str = "{ mode = \"mirror\", columns = { source = { skip = true } } }";

async fn new(forward: &str) -> Office {
    Office::alone(CLOUD, DESKTOP, &tables(forward)).await
}

/// After a first run of both directions.
async fn office(forward: &str) -> Office {
    let office = new(forward).await;
    office.forward(&[]).await;
    office.reverse().await;
    office
}

impl Office {
    /// Explains a job; nothing may be written by it.
    async fn explain(&self, key: &str, parts: &[&str]) -> Ran {
        let before = self.everything().await;
        let ran = self.run(&["explain", "job", key]).await;
        assert_eq!(ran.code, 0, "{ran}");
        assert!(self.everything().await == before, "something was written\n{ran}");
        says(&ran.stdout, parts);
        ran
    }

    /// The same, and then a run of a direction, which must end so.
    async fn explain_and(&self, key: &str, parts: &[&str], run: &str, code: i32) -> Ran {
        self.explain(key, parts).await;
        let ran = self.run(&[run]).await;
        assert_eq!(ran.code, code, "{ran}");
        ran
    }
}

const INSERTS: &str = "next run: inserts it on the ";
const LEAVES: &str = "next run: leaves it as it is";

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_run_everything_waits() {
    let office = new(UPSERT).await;
    office.explain("50", &["only the cloud has it", INSERTS, "belongs to the phones"]).await;
    office.explain("3", &["both sides have it", "Both sides hold the same.", "first run"]).await;
    office.pair.desktop.run("insert into job values (60, 'new', 1)").await;
    let parts = [
        "only the desktop has it",
        "next run: inserts it on the cloud",
        "has not dealt with this table yet",
    ];
    office.explain("60", &parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phones_row_from_its_making_to_its_end() {
    let office = new(UPSERT).await;
    office.forward(&[]).await;
    let parts = [
        "reverse (cloud to desktop)\n  The desktop does not have it yet.\n",
        "next run: inserts it on the desktop",
    ];
    office.explain_and("50", &parts, "reverse", 0).await;

    // Delivered, by an own write.
    let ran = office.explain("[\"50\"]", &["both sides have it", LEAVES]).await;
    says(&ran.stdout, &["desktop: 1 row, last written by pgsync, ", "brought to the desktop: 20"]);
    says(&ran.stdout, &["cloud: 1 row, belongs to the phones, last written by a phone"]);

    // The office edits it: the cloud keeps its own.
    office.pair.desktop.run("update job set what = 'edited' where id = 50").await;
    let parts = [
        "belongs to the phones. Somebody has changed it on the desktop",
        "columns that differ: what",
        "by somebody on the desktop",
    ];
    let ran = office.explain_and("50", &parts, "forward", 0).await;
    assert_eq!(ran.all_figures("job")[1..], ["0", "0", "0", "1"], "{ran}");

    // A phone deletes it: it is not sent back.
    office.pair.cloud.run("delete from job where id = 50").await;
    office.pair.desktop.run("update job set what = 'again' where id = 50").await;
    let parts =
        ["only the desktop has it", "It came from the cloud, where somebody has deleted it."];
    let ran = office.explain_and("50", &parts, "forward", 0).await;
    assert_eq!(ran.all_figures("job")[1..], ["0", "0", "0", "1"], "{ran}");

    office.pair.desktop.run("delete from job where id = 50").await;
    office.explain("50", &["neither side has it", "It was brought to the desktop on 20"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_the_desktop_from_its_making_to_its_end() {
    let office = office(UPSERT).await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    desktop.run("insert into job values (60, 'new', 1)").await;
    let parts = ["The cloud does not have it yet.", "incremental; the row was written since"];
    office.explain_and("60", &parts, "forward", 0).await;
    let parts =
        ["Both sides hold the same.", "last written by pgsync", "the row was written before"];
    office.explain("60", &parts).await;

    desktop.run("update job set pay = 2 where id = 60").await;
    let parts = ["Both sides have it, with different values (pay).", "writes the desktop's values"];
    let ran = office.explain_and("60", &parts, "forward", 0).await;
    assert_eq!(ran.all_figures("job")[2], "1", "{ran}");

    // Somebody changes it in the cloud: that stands until the desktop's changes.
    cloud.run("update job set pay = 3 where id = 60").await;
    let parts = [
        "The two differ (pay), but the desktop's row has not changed",
        "does not look at it; this does: pgsync forward --full job",
    ];
    let ran = office.explain_and("60", &parts, "forward", 0).await;
    says(&ran.stdout, &["nothing new"]);

    // Somebody deletes it there: nobody looks again, but in full.
    cloud.run("delete from job where id = 60").await;
    let parts = ["it was dealt with before", "pgsync forward --full job"];
    office.explain_and("60", &parts, "forward", 0).await;
    assert_eq!(cloud.count("job where id = 60").await, 0);
    assert_eq!(office.run(&["forward", "--full"]).await.code, 0);
    assert_eq!(cloud.count("job where id = 60").await, 1);

    desktop.run("delete from job where id = 60").await;
    let ran = office.explain("60", &["only the cloud has it", "An upsert never deletes."]).await;
    says(&ran.stdout, &[LEAVES, "The desktop does not have it, and it was dealt with before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_filter_leaves_out_and_what_nobody_has() {
    let office = office(UPSERT).await;
    office.pair.cloud.run("insert into job values (150, 'far', 1, 'D')").await;
    office.pair.desktop.run("insert into job values (250, 'farther', 1)").await;
    let out = "where in the configuration leaves it out.";
    let parts = ["reverse (cloud to desktop)\n  The cloud has it, but where", out, LEAVES];
    office.explain_and("150", &parts, "reverse", 0).await;
    let parts = ["forward (desktop to cloud)\n  The desktop has it, but where", out, LEAVES];
    office.explain_and("250", &parts, "forward", 0).await;
    let mut told = Told::default();
    told.run(&office, &["explain", "job", "999"]).await;
    told.run(&office, &["explain", "job", "9"]).await;
    told.is("explain");
    let parts = ["neither side has it", "look at the number again", "pgsync rejects job"];
    office.explain("999", &parts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_conflicts_and_duplicates_come_with_what_to_do() {
    let office = office(UPSERT).await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    desktop
        .run(
            "insert into job values (70, 'much too long for it there', 1), (71, 'a', 1), (71, 'b', 1);
            insert into job values (72, 'of the office', 1)",
        )
        .await;
    cloud.run("insert into job values (72, 'of a phone', 1, 'M')").await;
    let parts = ["2 rows of the desktop share this key", "lists it as rejected, until all but one"];
    office.explain("71", &parts).await;
    let parts =
        ["Two people have given this number", "columns that differ: what", "keeps both rows"];
    let ran = office.explain("72", &parts).await;
    assert_eq!(ran.stdout.matches("(a key conflict)").count(), 2, "{ran}");
    assert_eq!(office.run(&["forward"]).await.code, 4);
    assert_eq!(office.run(&["reverse"]).await.code, 4);
    let parts = [
        "The cloud has not taken it.\n  rejected: value too long for type character varying(20)",
        "(22001)\n  do: shorten the value on the desktop",
        "next run: tries again: inserts it on the cloud",
        "tried 1 time, last 20",
    ];
    office.explain("70", &parts).await;
    office.explain("71", &["rejected: the key stands on 2 rows of the source"]).await;
    office.explain("72", &["do: two people took the same number"]).await;
    desktop.run("update job set what = 'short' where id = 70").await;
    assert_eq!(office.run(&["forward"]).await.code, 4);
    office.explain("70", &["Both sides hold the same."]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_sets_back_and_deletes() {
    let office = office(MIRROR).await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    cloud.run("update job set pay = 0 where id = 3").await;
    desktop.run("delete from job where id = 4").await;
    let parts =
        ["with different values (pay).", "writes the desktop's values into the cloud's row"];
    office.explain("3", &parts).await;
    let parts =
        ["The cloud has it, and the desktop does not", "deletes it on the cloud, if max_delete"];
    office.explain("4", &parts).await;
    // The phone's row on the desktop is an echo there, and not the cloud's loss.
    office.explain("50", &["came from the cloud, and is not sent back.", LEAVES]).await;
    let ran = office.forward(&[]).await;
    assert_eq!(ran.all_figures("job")[1..4], ["0", "1", "1"], "{ran}");
    office.explain("3", &["Both sides hold the same."]).await;
    cloud.run("insert into job values (90, 'new', 1, 'M')").await;
    office.explain("90", &["It belongs to the phones, and forward does not touch", INSERTS]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_cloud_makes_and_keys_of_several_columns() {
    let office = Office::alone(
        "create table diary (d_id serial primary key, day date, who text, note text, source char(1));
         insert into diary values (7, '2026-01-01', 'x', 'a', 'M'), (8, '2026-01-02', 'y', 'b', 'D')",
        "create table diary (day date, who text, note text, source char(1));
         insert into diary values ('2026-01-02', 'y', 'b', 'D')",
        "[tables.diary]\nkey = \"d_id\"\nowned_by_cloud = \"source = 'M'\"\n\
         reverse = { mode = \"insert-missing\", where = \"source = 'M'\", delivered = true }\n\
         forward = { mode = \"mirror\", key = [\"day\", \"who\"], where = \"source is distinct from 'M'\" }",
    )
    .await;
    let explain = async |key: &str, code: i32| {
        let ran = office.run(&["explain", "diary", key]).await;
        assert_eq!(ran.code, code, "{ran}");
        ran
    };
    let ran = explain("7", 0).await;
    says(&ran.stdout, &["the desktop has no column for its key", "does not have it yet", INSERTS]);
    office.reverse().await;
    let ran = explain("7", 0).await;
    says(&ran.stdout, &["It was brought to the desktop on 20", "it is not brought again.", LEAVES]);
    says(&explain("8", 0).await.stdout, &["The cloud has it, but where"]);
    for key in ["2026-01-02,y", "[\"2026-01-02\",\"y\"]"] {
        let ran = explain(key, 0).await;
        says(&ran.stdout, &["diary [\"2026-01-02\", \"y\"]: both sides have it", "hold the same"]);
    }
    let ran = explain("[\"1\",\"2\",\"3\"]", 2).await;
    says(&ran.stderr, &["its key is: d_id; or day, who", "hint: run: pgsync explain diary <d_id>"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_or_no_table_is_said() {
    let office = new(UPSERT).await;
    for (arguments, said) in [
        (["job", "abc"], "could not look for key abc in job"),
        (["job", "1,2"], "could not look for key 1,2 in job"),
        (["job", "[null]"], "a column of the key is NULL"),
        (["job", "[\"1\",\"2\"]"], "its key is: id"),
        (["jobb", "1"], "did you mean job?"),
    ] {
        let ran = office.run(&[&["explain"][..], &arguments].concat()).await;
        assert_eq!(ran.code, 2, "{ran}");
        says(&ran.stderr, &["error: ", "hint: ", said]);
    }
    office.configure_tables("[tables]\njob = { forward = \"mirror\" }");
    let ran = office.run(&["explain", "job", "1"]).await;
    assert_eq!(ran.code, 2, "{ran}");
    says(&ran.stderr, &["its rows have no key", "key = [...]"]);
}
