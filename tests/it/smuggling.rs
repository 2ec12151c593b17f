//! SQL that hides in names, in values, and in what the configuration calls
//! SQL: none of it is run where it should not be.

use crate::office::Office;
use pgsync_testkit::Db;

const VICTIM: &str = "create table victim (n int); insert into victim values (1)";

/// Each would end a text, a name or a statement of ours, if it were let.
const SMUGGLED: [&str; 12] = [
    "'; drop table victim; --",
    "'); drop table victim; --",
    "\"; drop table victim; --",
    "\"); drop table victim; --",
    "\\'; drop table victim; --",
    "\\\\'; drop table victim; --",
    "*/; drop table victim; /*",
    "$$; drop table victim; $$",
    "\\.\n; drop table victim; --",
    "\t\\N\t'); drop table victim; --",
    "%s %I %L {} ${PATH} $1 :x ?",
    "\u{2019}; drop table victim; \u{ff07}--",
];

fn literal(text: &str) -> String {
    format!("e'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

async fn victim_lives(office: &Office) {
    assert_eq!(office.pair.cloud.count("victim").await, 1);
    assert_eq!(office.pair.desktop.count("victim").await, 1);
}

/// As keys and as values, through inserts, updates, conflicts and deletes, and
/// as the texts that our own tables keep.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_never_run() {
    let rows: Vec<String> = SMUGGLED
        .iter()
        .map(|text| format!("({0}, {0}, 'M')", literal(text)))
        .chain([format!("(null, {}, 'M')", literal(SMUGGLED[0]))])
        .collect();
    let table = format!("{VICTIM}; create table t (k text, v text, source char(1))");
    let cloud = format!("{table}; insert into t values {}", rows.join(", "));
    let office = Office::with(
        &cloud,
        &table,
        "[defaults]\nowned_by_cloud = \"source = 'M'\"\n[tables.t]\nkey = \"k\"\n\
         reverse = \"insert-missing\"\nforward = \"upsert\"",
    )
    .await;
    // The row without a key is a reject, so the code is 4.
    for _ in 0..2 {
        let ran = office.run(&["reverse"]).await;
        assert_eq!(ran.code, 4, "{ran}");
    }
    let all = "select k, v from t where k is not null order by 1";
    assert_eq!(office.pair.desktop.lines(all).await, office.pair.cloud.lines(all).await);
    assert_eq!(office.pair.desktop.count("t").await, 12);

    // The desktop's own rows under the same keys, and changed ones.
    office
        .pair
        .desktop
        .run("update t set source = null, v = v || v; delete from t where k like '$%'")
        .await;
    office.pair.cloud.run("update t set source = null where k like '%victim%'").await;
    let values: Vec<String> = SMUGGLED
        .iter()
        .map(|text| format!("({0}, {0}, null)", literal(&format!("new {text}"))))
        .collect();
    office.pair.desktop.run(&format!("insert into t values {}", values.join(", "))).await;
    for arguments in [&["forward", "--dry-run"][..], &["forward"], &["forward", "--full"]] {
        let ran = office.run(arguments).await;
        assert!([0, 4].contains(&ran.code), "{ran}");
    }
    assert_eq!(office.pair.cloud.count("t where k like 'new %'").await, 12);
    victim_lives(&office).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_runs_no_value_either() {
    let rows: Vec<String> =
        SMUGGLED.iter().map(|text| format!("({0}, {0})", literal(text))).collect();
    let table = format!("{VICTIM}; create table t (k text, v text)");
    let office = Office::with(
        &table,
        &format!("{table}; insert into t values {}", rows.join(", ")),
        "[tables.t]\nkey = \"k\"\nforward = { mode = \"mirror\", max_delete = \"100%\" }",
    )
    .await;
    office.forward_twice(&[]).await;
    office.pair.desktop.run("update t set v = v || k; delete from t where k like '$%'").await;
    office.forward_twice(&[]).await;
    assert_eq!(office.pair.cloud.count("t").await, 11);
    victim_lives(&office).await;
}

/// As the names of schema, table and columns on both sides.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_never_run() {
    let names =
        ["a'; drop table victim; --", "a\"; drop table victim; --", "$$); drop table victim"];
    for name in names {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let in_toml = format!("'''{name}'''");
        let table = format!(
            "{VICTIM}; create schema {quoted}; create table {quoted}.{quoted} ({quoted} text, v text)"
        );
        let office = Office::with(
            &format!("{table}; insert into {quoted}.{quoted} values ('1', 'a'), ('2', 'b')"),
            &table,
            &format!(
                "[tables.x]\ndesktop = {in_toml}\ncloud = {in_toml}\nschema = {in_toml}\n\
                 key = {in_toml}\nreverse = {{ mode = \"insert-missing\", columns = {{ v = \
                 {{ value = {in_toml} }} }} }}\nforward = \"upsert\""
            ),
        )
        .await;
        let ran = office.reverse_twice().await;
        assert!(ran.stdout.contains("2 rows inserted"), "{ran}");
        let brought = format!("select v from {quoted}.{quoted}");
        assert_eq!(office.pair.desktop.lines(&brought).await, [name, name]);
        office.forward(&[]).await;
        assert_eq!(office.run(&["status"]).await.code, 0);
        victim_lives(&office).await;
    }
}

/// What would leave its place in a statement is refused before anything is
/// connected.
#[tokio::test(flavor = "multi_thread")]
async fn expressions_cannot_leave_their_place() {
    let table = format!("{VICTIM}; create table t (id int, v text); insert into t values (1, 'a')");
    let office = Office::with(&table, &table, "").await;
    for text in SMUGGLED {
        if text.contains("%s") {
            continue;
        }
        for rule in [
            "where = '''SQL'''",
            "columns = { v = '''SQL''' }",
            "columns = { v = { sql = '''SQL''' } }",
        ] {
            let rule = rule.replace("SQL", &format!("true {text}"));
            office.configure_tables(&format!(
                "[tables.t]\nkey = \"id\"\n[tables.t.reverse]\nmode = \"insert-missing\"\n{rule}"
            ));
            let ran = office.run(&["reverse"]).await;
            // A closed text in dollars, and letters of other alphabets, are for
            // the server to refuse.
            let closed = text.starts_with("$$") || !text.is_ascii();
            assert_eq!(ran.code, if closed { ran.code.clamp(1, 2) } else { 2 }, "{rule} {ran}");
        }
    }
    let config = std::fs::read_to_string(office.config()).unwrap();
    let (_, rest) = config.split_once('\n').unwrap();
    for zone in ["UTC'; drop table victim; --", "UTC\\\"; drop table victim"] {
        office.configure(&format!("desktop_time_zone = \"{zone}\"\n{rest}"));
        assert_eq!(office.run(&["reverse"]).await.code, 2);
    }
    victim_lives(&office).await;
}

async fn sequence_is_untouched(db: &Db) {
    assert_eq!(db.text("select is_called from counter").await, "f");
    assert_eq!(db.count("victim").await, 1);
}

/// What the configuration calls SQL may be any expression, but it runs where
/// nothing can be written.
#[tokio::test(flavor = "multi_thread")]
async fn expressions_only_read() {
    let source = format!(
        "{VICTIM}; create sequence counter; create table t (id int primary key, v text);
         insert into t values (1, 'a');
         create function writes() returns bool language plpgsql volatile as $$
         begin insert into victim values (2); return true; end $$;
         create function opens() returns bool language plpgsql volatile as $$
         begin perform set_config('transaction_read_only', 'off', true);
           insert into victim values (3); return true; end $$;
         create function drops() returns bool language plpgsql volatile as $$
         begin drop table victim; return true; end $$"
    );
    let target = "create table t (id int, v text)";
    let reverse = Office::with(&source, target, "").await;
    let forward = Office::with(target, &source, "").await;
    for expression in
        ["nextval('counter') > 0", "setval('counter', 9) > 0", "writes()", "opens()", "drops()"]
    {
        for rule in ["where = \"SQL\"", "columns = { v = \"(SQL)::text\" }"] {
            let rule = rule.replace("SQL", expression);
            for (office, direction, mode) in [
                (&reverse, "reverse", "insert-missing"),
                (&forward, "forward", "upsert"),
                (&forward, "forward", "mirror"),
            ] {
                office.configure_tables(&format!(
                    "[tables.t]\nkey = \"id\"\n[tables.t.{direction}]\nmode = \"{mode}\"\n{rule}"
                ));
                for more in [&[][..], &["--full"]] {
                    let ran = office.run(&[&[direction][..], more].concat()).await;
                    assert_eq!(ran.code, 1, "{mode} {rule} {ran}");
                    let told = ran.stderr.contains("read-only transaction")
                        && ran.stderr.contains("they may only read: take it out");
                    assert!(told, "{mode} {rule} {ran}");
                }
            }
        }
    }
    sequence_is_untouched(&reverse.pair.cloud).await;
    sequence_is_untouched(&forward.pair.desktop).await;
    assert_eq!(reverse.pair.desktop.count("t").await, 0);
    assert_eq!(forward.pair.cloud.count("t").await, 0);
}
