//! `pgsync init`: a configuration that is made from two databases passes
//! `check` and runs; and nothing of anybody's is overwritten.

use crate::look::says;
use crate::office::{Office, Ran};
use crate::told::Told;
use pgsync_testkit::Pair;
use std::process::Command;

const TABLES: &str = "[tables]\nnobody = { reverse = \"off\" }";

async fn done(office: &Office, arguments: &[&str]) -> Ran {
    let ran = office.run(arguments).await;
    assert_eq!(ran.code, 0, "pgsync {}: {ran}", arguments.join(" "));
    ran
}

/// What a file says of each table in both directions, as words.
fn modes(text: &str) -> Vec<String> {
    let file: toml::Table = text.parse().unwrap();
    let mode = |table: &toml::Table, way: &str, usual: &str| match table.get(way) {
        Some(toml::Value::String(mode)) => mode.clone(),
        Some(rules) => rules.get("mode").map_or(usual, |mode| mode.as_str().unwrap()).to_owned(),
        None => usual.to_owned(),
    };
    let tables = file["tables"].as_table().unwrap().iter();
    let mut modes: Vec<String> = tables
        .map(|(name, table)| {
            let table = table.as_table().unwrap();
            let cloud = table.get("cloud").map_or(name.as_str(), |cloud| cloud.as_str().unwrap());
            let key = table.get("key").map(ToString::to_string).unwrap_or_default();
            let (forward, reverse) =
                (mode(table, "forward", "off"), mode(table, "reverse", "insert-missing"));
            format!("{name} = {cloud} by {key}: {forward}, {reverse}")
        })
        .collect();
    modes.sort();
    modes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_firm_is_set_up_from_nothing() {
    let office = Office::new(Pair::firm().await, TABLES);
    done(&office, &["init", "--force"]).await;
    let made = std::fs::read_to_string(office.config()).unwrap();
    assert!(!made.contains("postgres://") && made.is_ascii(), "{made}");

    let check = done(&office, &["check"]).await;
    assert!(!check.stdout.contains("[FAIL]"), "{check}");
    done(&office, &["init-metadata"]).await;
    done(&office, &["check"]).await;
    let reverse = done(&office, &["reverse"]).await;
    assert_eq!(reverse.figures("workdiary"), ["12", "12", "12"], "{reverse}");
    assert_eq!(reverse.figures("jobshead"), ["24,564", "2", "2"], "{reverse}");
    done(&office, &["forward"]).await;
    for command in ["reverse", "forward", "reverse", "forward"] {
        let again = done(&office, &[command]).await;
        assert!(again.stdout.contains("done: nothing new as of"), "{command}: {again}");
    }
    assert_eq!(office.pair.cloud.count("jobshead").await, 24_564);
    assert_eq!(office.pair.desktop.count("workdiary").await, 30_012);
    assert_eq!(office.pair.cloud.count("jobtasks").await, 64_542);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("init_firm", made);
    });
}

/// Somebody who knew the firm wrote the shipped file by hand.
#[tokio::test(flavor = "multi_thread")]
async fn the_firm_is_nearly_what_people_made_of_it() {
    let office = Office::new(Pair::firm().await, TABLES);
    done(&office, &["init", "--force"]).await;
    let made = modes(&std::fs::read_to_string(office.config()).unwrap());
    let shipped = modes(include_str!("../../config/pgsync.toml"));
    let differ = |ours: &[String], theirs: &[String]| -> Vec<String> {
        ours.iter().filter(|one| !theirs.contains(one)).cloned().collect()
    };
    // Nobody but a person knows who else gives out remdetid, or where a
    // request's staff_id comes from.
    assert_eq!(
        differ(&made, &shipped),
        [
            "learequest = learequest by \"learequest_id\": off, insert-missing",
            "mbremdetail = remdetail by \"remdetid\": upsert, insert-missing",
        ]
    );
    assert_eq!(differ(&shipped, &made).len(), 2);
    assert_eq!(made.len(), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_and_what_is_refused_is_told() {
    let cloud = "create table client (client_id int primary key, name text, born date,
            source char(1) default 'D', updated_at timestamptz default now());
        create table entry (entry_id serial primary key, client_id int references client, what text,
            at timestamptz, source char(1) default 'D');
        create table memo (a text, b text, source char(1) default 'D');
        create table plain (p_id serial primary key, v text);
        create table cloud_only (x int);
        insert into client values (1, 'one'), (2, 'two'); insert into entry (what, source) values ('by phone', 'M')";
    let desktop =
        "create table mbclient (client_id int, name varchar(5), born timestamp, source char(1));
        create table entry (client_id int, what text, at timestamp, source char(1));
        create table memo (a text, b text, source char(1)); create table plain (v text);
        create table desktop_only (x int);
        insert into mbclient values (1, 'one'), (2, 'two')";
    let office = Office::with(cloud, desktop, TABLES).await;
    let before = std::fs::read_to_string(office.config()).unwrap();
    let mut told = Told::default();
    assert_eq!(told.run(&office, &["init"]).await.code, 2);
    assert_eq!(std::fs::read_to_string(office.config()).unwrap(), before);

    let output = office.folder().join("new.toml");
    let ran = told.run(&office, &["init", "--output", output.to_str().unwrap()]).await;
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(std::fs::read_to_string(office.config()).unwrap(), before);
    told.note(&format!("the file:\n{}", std::fs::read_to_string(&output).unwrap()));
    told.hide(office.folder().to_str().unwrap(), "FOLDER");

    assert_eq!(told.run(&office, &["init", "--force"]).await.code, 0);
    assert_eq!(
        std::fs::read_to_string(office.config()).unwrap(),
        std::fs::read_to_string(&output).unwrap()
    );
    let check = told.run(&office, &["check"]).await;
    assert_eq!(check.code, 0, "{check}");
    for command in ["reverse", "forward"] {
        done(&office, &[command]).await;
    }
    assert_eq!(office.pair.desktop.lines("select what from entry").await, ["by phone"]);
    told.is("init_told");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_can_be_given_without_a_password() {
    let tables = "create table t (id int primary key)";
    let office = Office::with(tables, tables, TABLES).await;
    let (cloud, desktop) = (office.pair.cloud.url(), office.pair.desktop.url());
    let mut command =
        office.command(&["init", "--force", "--cloud", &cloud, "--desktop", &desktop]);
    command.env_remove("CLOUD_DATABASE_URL").env_remove("DESKTOP_DATABASE_URL");
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran}");
    let made = std::fs::read_to_string(office.config()).unwrap();
    says(&made, &[&format!("url = \"{cloud}\"\n# password = \"${{CLOUD_PASSWORD}}\"")]);
    done(&office, &["check"]).await;

    let secret = cloud.replace("postgres@", "postgres:hunter2@");
    let ran = office.run(&["init", "--force", "--cloud", &secret]).await;
    assert_eq!(ran.code, 2, "{ran}");
    says(&ran.stderr, &["could not use --cloud", "it holds a password", "leave --cloud out"]);
    assert!(!format!("{ran}").contains("hunter2"), "{ran}");
    assert_eq!(std::fs::read_to_string(office.config()).unwrap(), made);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_both_sides_nothing_is_written() {
    let office = Office::with("create table a (x int)", "create table b (y int)", TABLES).await;
    let output = office.folder().join("new.toml");
    let path = output.to_str().unwrap();
    let init = || office.command(&["init", "--output", path]);
    let run = |mut command: Command, code: i32, words: &[&str]| {
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, code, "{ran}");
        says(&ran.stderr, words);
        assert!(!output.exists(), "{ran}");
    };
    run(init(), 2, &["could not find a table that both sides have"]);
    let mut command = init();
    command.env_remove("CLOUD_DATABASE_URL");
    run(
        command,
        2,
        &["could not tell where the two databases are", "CLOUD_DATABASE_URL is not set"],
    );
    let mut command = init();
    command.env("CLOUD_DATABASE_URL", "postgres://postgres@127.0.0.1:1/firm");
    run(command, 3, &["could not connect to the cloud at postgres@127.0.0.1:1/firm"]);
}
