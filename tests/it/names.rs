//! Names that need quotes, and names that are ours too.

use crate::look::says;
use crate::office::Office;

/// As the catalog holds them; none needs escaping in a TOML literal.
const NAMES: &[&str] = &[
    "Order",
    "select",
    "two words",
    "a.b",
    "say \"hi\"",
    "50% $1 $$ {} \\N",
    "semi;colon -- /* comment",
    "tab\there",
    "தமிழ்நாடு é",
    "sixty-three bytes: 0123456789012345678901234567890123456789012x",
    "T",
    "xmin ",
    "pgsync_rows",
];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// TOML spells a name as JSON does.
fn toml(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t"))
}

fn tables(schema: &str) -> String {
    let table = |name: &&str| {
        let name = quoted(name);
        format!(
            "create table {schema}.{name} ({name} int, \"v {}\" text, \"V\" text);",
            &name[1..name.len().min(50)].trim_end_matches('"')
        )
    };
    format!("create schema {schema}; {}", NAMES.iter().map(table).collect::<String>())
}

fn rows(schema: &str, name: &str, first: i32) -> String {
    let table = format!("{schema}.{}", quoted(name));
    format!(
        "insert into {table} select n, 'v' || n, '' from generate_series({first}, {first} + 9) n;"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_that_the_server_takes_is_carried() {
    let (ours, theirs) = ("\"Cloud $chema.\"", "\"the \"\"desktop\"\"\"");
    let pairs: Vec<String> =
        NAMES.iter().map(|name| format!("{0} = {{ key = {0} }}\n", toml(name))).collect();
    let pairs = pairs.concat();
    let tables_toml = format!(
        "[defaults]\nreverse = \"insert-missing\"\ncloud_schema = 'Cloud $chema.'\n\
         desktop_schema = 'the \"desktop\"'\nowned_by_cloud = '\"V\" = $$M$$'\n[tables]\n{pairs}"
    );
    let office = Office::with(&tables(ours), &tables(theirs), &tables_toml).await;
    for first in [1, 11] {
        for name in NAMES {
            office.pair.cloud.run(&rows(ours, name, first)).await;
        }
        // The second time by the change cursor, through staging.
        office.reverse_twice().await;
    }
    for name in NAMES {
        let rows = |schema| format!("select * from {schema}.{} order by 1", quoted(name));
        let held = office.desktop(&rows(theirs)).await;
        assert_eq!(held, office.cloud(&rows(ours)).await, "{name}");
        assert_eq!(held.len(), 20, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_as_long_as_names_get_is_carried_or_refused() {
    let long = "x".repeat(63);
    let table =
        format!("create schema {long}; create table {long}.{long} ({long} int primary key);");
    let other = "create table other (id int primary key)";
    let office = Office::inserting(
        &format!(
            "{table} insert into {long}.{long} values (1); {other}; insert into other values (1)"
        ),
        &format!("{table} {other}"),
        &format!("{long} = {{ schema = \"{long}\" }}\nother = {{}}"),
    )
    .await;
    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 1, "{ran}");
    says(&ran.stderr, &["longer than 100"]);
    assert_eq!(office.both("select id from other").await, ["1"]);
    assert_eq!(office.pair.desktop.count(&format!("{long}.{long}")).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_schemas_may_have_a_table_of_the_same_name() {
    let tables = "create schema a; create schema b; create table t (id int);
        create table a.t (id int); create table b.t (id int);";
    let office = Office::inserting(
        &format!("{tables} insert into t values (1); insert into a.t values (1), (2);
            insert into b.t values (3)"),
        tables,
        "t = { key = \"id\" }\nt_of_a = { desktop = \"t\", cloud = \"t\", schema = \"a\", key = \"id\" }\n\
         t_of_b = { desktop = \"t\", cloud = \"t\", schema = \"b\", key = \"id\" }",
    )
    .await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("t"), ["1", "1", "1"]);
    assert_eq!(ran.figures("a.t"), ["2", "2", "2"]);
    for (table, rows) in [("t", &["1"][..]), ("a.t", &["1", "2"]), ("b.t", &["3"])] {
        assert_eq!(office.both(&format!("select id from {table} order by 1")).await, rows);
    }
    office.pair.cloud.run("insert into b.t values (4)").await;
    let ran = office.reverse_twice().await;
    assert_eq!(ran.figures("b.t")[1..], ["1", "1"]);
    assert_eq!(ran.figures("a.t")[1..], ["0", "0"]);
}

/// Columns of a user that are called as ours are.
const OURS: &str = "k1 int, k2 text, owned bool, present text, t text, r text, k int, w int, i int,
    n int, d int, own int, key text, keys text, xid int, number int, inserted int,
    pgsync_keys int, source char(1)";

/// Tables of a user that are called as our temporary ones are.
const STAGING: [&str; 5] =
    ["pgsync_keys", "pgsync_wanted", "pgsync_rows", "pgsync_inserted", "conflicts"];

#[tokio::test(flavor = "multi_thread")]
async fn our_own_names_are_free_for_users() {
    let tables = STAGING.map(|name| format!("create table {name} ({OURS});")).concat();
    let pairs = STAGING.map(|name| format!("{name} = {{ key = [\"k1\", \"k2\"] }}\n")).concat();
    let office = Office::with(
        &tables,
        &tables,
        &format!(
            "[defaults]\nreverse = \"insert-missing\"\nowned_by_cloud = \"source = 'M'\"\n\
             [tables]\n{pairs}"
        ),
    )
    .await;
    for (k1, source) in [(1, 'D'), (2, 'M'), (3, 'D'), (4, 'M')] {
        for table in STAGING {
            let row = format!(
                "insert into {table} (k1, k2, owned, t, r, n, pgsync_keys, source)
                 values ({k1}, 'k2', true, 't', 'r', {k1}, 7, '{source}')"
            );
            office.pair.cloud.run(&row).await;
        }
        office.reverse_twice().await;
    }
    for table in STAGING {
        let held = office.both(&format!("select * from {table} order by k1")).await;
        assert_eq!(held.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_keeps_both_rows_whatever_their_columns_are_called() {
    let office = Office::with(
        &format!("create table c ({OURS}); insert into c (k1, t, r, source) values (1, 't', 'r', 'M')"),
        &format!("create table c ({OURS}); insert into c (k1, t, r) values (1, 'T', 'R')"),
        "[tables]\nc = { key = \"k1\", owned_by_cloud = \"source = 'M'\", reverse = \"insert-missing\" }",
    )
    .await;
    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    says(&ran.stdout, &["1 rejected"]);
    let kept = "select key, source_row ->> 't', source_row ->> 'k1', target_row ->> 'r',
        target_row ->> 'k1' from pgsync.rejects";
    assert_eq!(office.desktop(kept).await, ["[\"1\"]|t|1|R|1"]);
}

/// Rows without a key are kept as JSON, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_may_be_called_as_its_table() {
    let table = "create table t (id int, t text)";
    let office = Office::inserting(
        &format!("{table}; insert into t values (null, 'whole')"),
        table,
        "t = { key = \"id\" }",
    )
    .await;
    assert_eq!(office.run(&["reverse"]).await.code, 4);
    let kept = "select source_row ->> 't' from pgsync.rejects";
    assert_eq!(office.desktop(kept).await, ["whole"]);
}
