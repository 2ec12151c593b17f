//! JSON Lines: what every command writes is as docs/json-schema.json says.

use crate::office::{Office, Ran};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Mutex;

const SCHEMA: &str = include_str!("../../docs/json-schema.json");
const TOLD: &str = include_str!("../../docs/json.md");

const TABLES: &str = "[defaults]\nreverse = \"insert-missing\"\n[tables]\nt = { key = \"id\" }\n\
    narrow = { key = \"id\" }\nnowhere = { key = \"id\" }";
const CLOUD: &str = "create table t (id int primary key, v text, more text);
    create table narrow (id int primary key, v text);
    insert into t values (1, 'a'), (2, '\u{e4}'); insert into narrow values (1, 'too long'), (2, 'b')";
const DESKTOP: &str = "create table t (id int, v text); create table narrow (id int, v varchar(3))";

/// Lines that the schema allows, and which kinds there were.
pub struct Judge {
    schema: jsonschema::Validator,
    seen: Mutex<BTreeSet<String>>,
}

impl Judge {
    pub fn new() -> Self {
        let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        Self { schema, seen: Mutex::default() }
    }

    /// All lines of both streams; the last one of stdout is the summary.
    fn lines(&self, ran: &Ran) -> Vec<Value> {
        let told = || ran.stdout.lines().chain(ran.stderr.lines());
        let lines: Vec<Value> = told().map(|line| self.line(line, ran)).collect();
        assert!(ran.stdout.is_ascii() && ran.stderr.is_ascii(), "{ran}");
        let summary: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(summary["message_type"], "summary", "{ran}");
        assert_eq!(summary["exit_code"], ran.code, "{ran}");
        let is_beside = |line: &Value| {
            ["error", "warning", "note", "retry"].contains(&line["message_type"].as_str().unwrap())
        };
        let (results, beside) = lines.split_at(ran.stdout.lines().count());
        assert!(!results.iter().any(is_beside) && beside.iter().all(is_beside), "{ran}");
        lines
    }

    pub fn line(&self, line: &str, ran: &Ran) -> Value {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}\n{ran}"));
        let kind = line["message_type"].as_str().unwrap().to_owned();
        let definition: Value = serde_json::from_str(SCHEMA).unwrap();
        if let Err(error) = self.schema.validate(&line) {
            let mut own = definition["$defs"][&kind].clone();
            own["$defs"] = definition["$defs"].clone();
            let why = jsonschema::validate(&own, &line).err().map(|error| error.to_string());
            panic!("{line}\n{error}\n{why:?}");
        }
        self.seen.lock().unwrap().insert(kind);
        line
    }

    async fn run(&self, office: &Office, code: i32, arguments: &[&str]) -> Vec<Value> {
        let ran = office.run(&[arguments, &["--format", "json"]].concat()).await;
        assert_eq!(ran.code, code, "{ran}");
        self.lines(&ran)
    }
}

/// The lines of a kind.
fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["message_type"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_keeps_to_the_schema() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let judge = Judge::new();

    let lines = judge.run(&office, 0, &["init-metadata"]).await;
    assert_eq!((of(&lines, "side").len(), of(&lines, "watermark").len()), (2, 6));
    assert_eq!(of(&lines, "side")[0]["migrations_made"][0]["version"], 1);
    let lines = judge.run(&office, 0, &["status"]).await;
    assert_eq!(of(&lines, "table_status")[0]["last_run"], Value::Null);

    let lines = judge.run(&office, 1, &["reverse"]).await;
    let tables = of(&lines, "table");
    let table = |name: &str| *tables.iter().find(|line| line["table"] == name).unwrap();
    assert_eq!((&table("t")["inserted"], &table("t")["result"]), (&2.into(), &"ok".into()));
    assert_eq!(
        (&table("narrow")["rejected"], &table("narrow")["inserted"]),
        (&1.into(), &1.into())
    );
    assert!(table("nowhere")["error"]["hint"].as_str().unwrap().contains("[tables.nowhere]"));
    assert_eq!(of(&lines, "run_started")[0]["run"], table("t")["run"]);
    assert!(
        of(&lines, "note")
            .iter()
            .any(|note| note["message"].as_str().unwrap().starts_with("t.more has"))
    );
    let summary = of(&lines, "summary")[0];
    assert_eq!((&summary["inserted"], &summary["tables_failed"]), (&3.into(), &1.into()));
    assert_eq!(
        (&summary["result"], &summary["runs"][0]),
        (&"table failed".into(), &table("t")["run"])
    );

    let lines = judge.run(&office, 0, &["status", "--pending"]).await;
    assert_eq!(of(&lines, "table_status")[0]["inserted"], 2);
    assert_eq!(of(&lines, "table_status")[0]["waiting"]["new"], 0);
    assert_eq!(of(&lines, "run")[0]["result"], "failed");
    assert_eq!(of(&lines, "summary")[0]["well"], false);
    let lines = judge.run(&office, 4, &["rejects"]).await;
    assert_eq!(
        (&of(&lines, "reject")[0]["row"]["v"], &of(&lines, "summary")[0]["rejects"]),
        (&"too long".into(), &1.into())
    );
    let lines = judge.run(&office, 4, &["rejects", "--retry"]).await;
    assert_eq!(of(&lines, "table").len(), 1);
    inspections(&judge, &office).await;
    judge.run(&office, 0, &["rejects", "narrow", "--forget", "1"]).await;
    judge.run(&office, 0, &["rejects"]).await;
    judge.run(&office, 0, &["rejects", "--retry"]).await;
    let lines = judge.run(&office, 1, &["verify", "--rows"]).await;
    assert_eq!(of(&lines, "difference")[0]["key"], "[\"1\"]");
    assert_eq!(
        (of(&lines, "verified").len(), &of(&lines, "summary")[0]["missing"]),
        (3, &1.into())
    );
    let lines = judge.run(&office, 0, &["explain", "narrow", "1"]).await;
    assert_eq!(of(&lines, "explained")[0]["fate"], "only_in_full");
    assert_eq!(of(&lines, "summary")[0]["found"], true);
    judge.run(&office, 0, &["init-metadata", "--reset", "t"]).await;
    judge.run(&office, 0, &["reverse", "t", "--dry-run"]).await;
    judge.run(&office, 0, &["reverse", "t", "--wait", "1s"]).await;
    let lines = judge.run(&office, 0, &["completions", "bash"]).await;
    assert!(of(&lines, "completions")[0]["script"].as_str().unwrap().contains("_pgsync()"));
    let lines = judge.run(&office, 0, &["schedule", "install"]).await;
    let cron = of(&lines, "scheduled")[0];
    assert_eq!((&cron["what"], &cron["name"]), (&"cron".into(), &"reverse".into()));
    judge.run(&office, 2, &["reverse", "banana"]).await;
    let lines = judge.run(&office, 2, &["reverse", "--ful"]).await;
    assert_eq!(of(&lines, "error")[0]["message"], "unexpected argument '--ful' found");
    proposals(&judge, &office).await;
    refusals(&judge, &office).await;

    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let known = schema["properties"]["message_type"]["enum"].as_array().unwrap();
    let known: BTreeSet<String> =
        known.iter().map(|kind| kind.as_str().unwrap().to_owned()).collect();
    // Notices are for programs, see `notices`.
    let known = &known - &BTreeSet::from(["notice".to_owned()]);
    assert_eq!(*judge.seen.lock().unwrap(), known);
}

/// The commands that look, and change nothing.
async fn inspections(judge: &Judge, office: &Office) {
    let lines = judge.run(office, 2, &["check"]).await;
    assert!(of(&lines, "check").iter().any(|line| line["table"] == "nowhere"), "{lines:?}");
    assert_eq!(of(&lines, "summary")[0]["tables"], 3);
    office.pair.cloud.run("insert into t values (9, 'new')").await;
    let lines = judge.run(office, 1, &["verify", "--rows"]).await;
    let difference = of(&lines, "difference")[0];
    assert_eq!(
        (&difference["key"], &difference["difference"]),
        (&"[\"9\"]".into(), &"missing".into())
    );
    assert_eq!(of(&lines, "verified").len(), 3);
    assert_eq!(of(&lines, "summary")[0]["missing"], 1);
    let lines = judge.run(office, 0, &["explain", "t", "9"]).await;
    assert_eq!(of(&lines, "explained")[0]["cloud_rows"], 1);
    assert_eq!(of(&lines, "summary")[0]["found"], true);
    office.pair.cloud.run("delete from t where id = 9").await;
}

/// A configuration is made beside the one that is there.
async fn proposals(judge: &Judge, office: &Office) {
    let lines = judge.run(office, 0, &["check", "t"]).await;
    assert_eq!(of(&lines, "summary")[0]["failures"], 0, "{lines:?}");
    assert!(of(&lines, "check").iter().all(|line| line["level"] != "failure"), "{lines:?}");
    office.pair.cloud.run("create table lonely (x int)").await;
    let output = office.folder().join("new.toml");
    let lines = judge.run(office, 0, &["init", "--output", output.to_str().unwrap()]).await;
    let proposals = of(&lines, "proposal");
    let names: Vec<&Value> = proposals.iter().map(|line| &line["cloud"]).collect();
    assert_eq!(names, ["narrow", "t"]);
    assert_eq!(
        (&proposals[1]["key"][0], &proposals[1]["forward"]),
        (&"id".into(), &"upsert".into())
    );
    let summary = of(&lines, "summary")[0];
    let guesses: usize =
        proposals.iter().map(|line| line["guesses"].as_array().unwrap().len()).sum();
    assert_eq!((&summary["tables"], &summary["guesses"]), (&2.into(), &guesses.into()));
    assert_eq!(summary["only_in_cloud"], serde_json::json!(["lonely"]));
    assert!(summary["file"].as_str().unwrap().ends_with("new.toml") && output.exists());
}

/// No connection, no rights, a lock, a table that is held.
async fn refusals(judge: &Judge, office: &Office) {
    let as_json = |arguments: &[&str], url: &str| {
        let mut command = office.command(&[arguments, &["--format=json"]].concat());
        command.env("DESKTOP_DATABASE_URL", url);
        let ran = Ran::from(command.output().unwrap());
        (ran.code, judge.lines(&ran))
    };
    let (code, lines) = as_json(&["reverse"], "postgres://postgres@127.0.0.1:1/firm");
    assert_eq!((code, &of(&lines, "error")[0]["exit_code"]), (3, &3.into()));
    assert!(of(&lines, "retry").len() > 1);
    let desktop = &office.pair.desktop;
    desktop.run("create database visited").await;
    desktop.run("create role visitor login").await;
    let url = desktop.url_as("visitor", "").replace(desktop.name(), "visited");
    let (code, lines) = as_json(&["init-metadata"], &url);
    assert_eq!((code, &of(&lines, "sql")[0]["side"]), (3, &"desktop".into()), "{lines:?}");
    let mut other = desktop.connect().await;
    sqlx::raw_sql("select pg_advisory_lock(1885827961, 1)").execute(&mut other).await.unwrap();
    let lines = judge.run(office, 5, &["reverse"]).await;
    assert_eq!(of(&lines, "summary")[0]["result"], "locked");
    let lines = judge.run(office, 0, &["status"]).await;
    assert_eq!(of(&lines, "lock")[0]["direction"], "reverse");
    office.configure(
        &std::fs::read_to_string(office.config())
            .unwrap()
            .replace("${CLOUD_", "postgres://u:p@h/d?${CLOUD_"),
    );
    judge.run(office, 2, &["status"]).await;
}

#[test]
fn every_kind_of_line_and_every_field_is_documented() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for (kind, definition) in schema["$defs"].as_object().unwrap() {
        let fields = definition["properties"].as_object().unwrap();
        if fields.contains_key("message_type") {
            assert!(TOLD.contains(&format!("`{kind}`")), "{kind}");
        }
        for field in fields.keys() {
            assert!(TOLD.contains(&format!("`{field}`")), "{field} of {kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_leaves_errors_and_the_last_line() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let ran = office.run(&["reverse", "t", "--quiet"]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
    assert!(
        ran.stdout.starts_with("done: 2 rows inserted in 1 table")
            && ran.stdout.lines().count() == 1,
        "{ran}"
    );
    let ran = office.run(&["reverse", "-q"]).await;
    assert_eq!((ran.code, ran.stdout.lines().count()), (1, 1), "{ran}");
    assert!(ran.stderr.starts_with("error: could not find table nowhere"), "{ran}");
    let ran = office.run(&["reverse", "--quiet", "t", "--format", "json"]).await;
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""), "{ran}");
    assert_eq!(office.run(&["reverse", "-q", "-v"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_are_used_where_they_are_wanted() {
    let office = Office::alone(CLOUD, DESKTOP, TABLES).await;
    let plain = office.run(&["reverse", "--dry-run"]).await;
    assert!(!plain.to_string().contains('\u{1b}'), "{plain}");
    let run = |color: &str, no_color: &str| {
        let mut command = office.command(&["reverse", "--dry-run", "--color", color]);
        Ran::from(command.env("NO_COLOR", no_color).output().unwrap())
    };
    let coloured = run("always", "");
    assert!(
        coloured.stderr.contains("\u{1b}[31merror:\u{1b}[0m could not find table"),
        "{coloured}"
    );
    assert!(coloured.stderr.contains("\u{1b}[36mhint:\u{1b}[0m"), "{coloured}");
    assert_eq!(anstream::adapter::strip_str(&coloured.stderr).to_string(), plain.stderr);
    for no in [run("never", ""), run("auto", "1")] {
        assert_eq!(no.stderr, plain.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shells_complete_our_commands() {
    let office = Office::alone("", "", "").await;
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = office.run(&["completions", shell]).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
        assert!(ran.stdout.contains("init-metadata") && ran.stdout.contains("dry-run"), "{ran}");
    }
}
