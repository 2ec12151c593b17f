//! Foreign keys in the cloud: parents come before their children, whatever the
//! order of the configuration.

use crate::office::Office;

const CLOUD: &str = "create table parent (id int primary key, v varchar(5));
    create table child (id int primary key, parent_id int not null references parent);
    create table grandchild (id int primary key, child_id int not null references child);
    create table other (id int primary key)";
const DESKTOP: &str = "create table parent (id int, v text);
    create table child (id int, parent_id int); create table grandchild (id int, child_id int);
    create table other (id int)";

/// Three generations, the youngest first.
async fn family(mode: &str) -> Office {
    let tables = ["grandchild", "other", "child", "parent"];
    let tables = tables.map(|t| format!("{t} = {{ key = \"id\", forward = \"{mode}\" }}"));
    Office::with(CLOUD, DESKTOP, &format!("[tables]\n{}", tables.join("\n"))).await
}

async fn born(office: &Office, ids: &str) {
    let insert = format!(
        "insert into parent select n, 'p' from generate_series({ids}) n;
         insert into child select n, n from generate_series({ids}) n;
         insert into grandchild select n, n from generate_series({ids}) n;
         insert into other select n from generate_series({ids}) n"
    );
    office.pair.desktop.run(&insert).await;
}

async fn both_sides_hold_the_same(office: &Office) {
    for table in ["parent", "child", "grandchild", "other"] {
        let rows = format!("select * from {table} order by id");
        let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
        assert_eq!(cloud.lines(&rows).await, desktop.lines(&rows).await, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_generations_come_in_one_run() {
    for mode in ["upsert", "mirror"] {
        let office = family(mode).await;
        for ids in ["1, 10", "11, 12", "13, 2000"] {
            born(&office, ids).await;
            office.forward_twice(&[]).await;
            both_sides_hold_the_same(&office).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_whose_parent_was_refused_is_rejected_and_heals_with_it() {
    for mode in ["upsert", "mirror"] {
        let office = family(mode).await;
        born(&office, "1, 3").await;
        office.forward_twice(&[]).await;
        office.pair.desktop.run("insert into parent values (4, 'too long')").await;
        office
            .pair
            .desktop
            .run("insert into child values (4, 4); insert into other values (4)")
            .await;
        let ran = office.run(&["forward"]).await;
        assert_eq!(ran.code, 4, "{ran}");
        assert!(ran.stderr.contains("rejected: parent [\"4\"]: value too long"), "{ran}");
        let told = "rejected: child [\"4\"]: violates foreign key constraint \
                    \"child_parent_id_fkey\": Key (parent_id)=(4) is not present in table \
                    \"parent\". That row was rejected itself. (SQLSTATE 23503)";
        assert!(ran.stderr.contains(told), "{ran}");
        assert_eq!(office.pair.cloud.count("other").await, 4);
        assert_eq!(office.pair.cloud.count("child").await, 3);
        office.pair.desktop.run("update parent set v = 'fits' where id = 4").await;
        office.forward_twice(&[]).await;
        both_sides_hold_the_same(&office).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_family_that_is_gone_goes_with_two_runs_at_most() {
    let office = family("mirror").await;
    born(&office, "1, 100").await;
    office.forward_twice(&[]).await;
    let gone = ["grandchild", "child", "parent"].map(|t| format!("delete from {t} where id = 50"));
    office.pair.desktop.run(&gone.join(";")).await;
    for _ in 0..3 {
        office.run(&["forward"]).await;
    }
    office.forward_twice(&[]).await;
    both_sides_hold_the_same(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_points_to_itself_comes_whole() {
    for mode in ["upsert", "mirror"] {
        for deferred in ["", "deferrable initially deferred"] {
            let office = Office::with(
                &format!("create table staff (id int primary key, boss int references staff {deferred})"),
                // Everybody's boss comes later, and in another chunk.
                "create table staff (id int, boss int);
                 insert into staff select n, nullif(n + 1, 3001) from generate_series(1, 3000) n",
                &format!("[limits]\nchunk_rows = 100\n[tables]\nstaff = {{ key = \"id\", forward = \"{mode}\" }}"),
            )
            .await;
            office.forward_twice(&[]).await;
            // Into a table that is not empty, by the change cursor and in full.
            for (range, more) in [("4001, 6000", &[][..]), ("7001, 12000", &["--full"])] {
                let last = range.split(", ").last().unwrap();
                office
                    .pair
                    .desktop
                    .run(&format!(
                        "insert into staff select n, case when n < {last} then n + 1 end
                         from generate_series({range}) n"
                    ))
                    .await;
                office.forward_twice(more).await;
            }
            let rows = "select * from staff order by id";
            let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
            assert!(cloud.lines(rows).await == desktop.lines(rows).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circle_of_foreign_keys_is_told_and_heals() {
    for order in [["a", "b"], ["b", "a"]] {
        for deferred in ["", "deferrable initially deferred"] {
            let tables = order.map(|t| format!("{t} = {{ key = \"id\", forward = \"upsert\" }}"));
            let office = Office::with(
                &format!(
                    "create table a (id int primary key, b int);
                     create table b (id int primary key, a int references a {deferred});
                     alter table a add foreign key (b) references b {deferred}"
                ),
                "create table a (id int, b int); create table b (id int, a int);
                 insert into a values (1, null), (2, 1); insert into b values (1, null)",
                &format!("[tables]\n{}", tables.join("\n")),
            )
            .await;
            let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
            let ran = office.run(&["forward"]).await;
            assert!(ran.stderr.contains("point to each other in a circle"), "{ran}");
            assert!(matches!(ran.code, 0 | 4), "{ran}");
            assert_eq!(cloud.count("b").await, 1);
            office.forward_twice(&[]).await;
            // The other way round.
            desktop.run("insert into b values (3, 3); insert into a values (3, null)").await;
            let ran = office.run(&["forward"]).await;
            assert!(matches!(ran.code, 0 | 4), "{ran}");
            office.forward_twice(&[]).await;
            for table in ["a", "b"] {
                let rows = format!("select * from {table} order by id");
                assert_eq!(cloud.lines(&rows).await, desktop.lines(&rows).await);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_sees_the_parents_that_would_have_come() {
    for mode in ["upsert", "mirror"] {
        let office = family(mode).await;
        for ids in ["1, 10", "11, 12"] {
            born(&office, ids).await;
            let before = office.cloud_versions().await;
            let dry = office.forward(&["--dry-run"]).await;
            assert_eq!(office.cloud_versions().await, before);
            let real = office.forward_twice(&[]).await;
            for table in ["parent", "child", "grandchild", "other"] {
                assert_eq!(dry.all_figures(table), real.all_figures(table), "{dry}\n{real}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parents_go_after_their_children() {
    let office = family("mirror").await;
    born(&office, "1, 40").await;
    office.forward_twice(&[]).await;
    let desktop = &office.pair.desktop;
    for table in ["parent", "child", "grandchild"] {
        desktop.run(&format!("delete from {table} where id in (3, 7)")).await;
    }
    let ran = office.forward_twice(&[]).await;
    for table in ["parent", "child", "grandchild"] {
        assert_eq!(ran.all_figures(table)[3], "2", "{ran}");
    }
    both_sides_hold_the_same(&office).await;
    // A parent whose child stays cannot go, today or in the next run.
    desktop.run("delete from parent where id = 5").await;
    for _ in 0..2 {
        let ran = office.run(&["forward"]).await;
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.contains("violates foreign key constraint"), "{ran}");
        assert_eq!(office.pair.cloud.count("parent").await, 38);
    }
}
