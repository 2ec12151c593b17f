//! Columns whose types differ: what fits arrives as it is, what does not is
//! refused, and nothing is rounded or cut.

use crate::look::says;
use crate::office::Office;
use std::fmt::Write;

/// A table per pair of types, `t0` and so on, each with one row.
async fn office(types: &[(&str, &str, &str)]) -> Office {
    let (mut cloud, mut desktop, mut pairs) = (String::new(), String::new(), String::new());
    for (n, (from, to, value)) in types.iter().enumerate() {
        writeln!(cloud, "create table t{n} (id int, v {from});").unwrap();
        writeln!(cloud, "insert into t{n} values (7, {value});").unwrap();
        writeln!(desktop, "create table t{n} (id int, v {to});").unwrap();
        writeln!(pairs, "t{n} = {{ key = \"id\" }}").unwrap();
    }
    Office::inserting(&cloud, &desktop, &pairs).await
}

/// Type on the cloud, type on the desktop, value there, text here.
const FITS: &[(&str, &str, &str, &str)] = &[
    ("int", "bigint", "-5", "-5"),
    ("bigint", "int", "2147483647", "2147483647"),
    ("int", "numeric(7)", "1234567", "1234567"),
    ("numeric", "bigint", "9007199254740993", "9007199254740993"),
    ("numeric(10,4)", "numeric(7,2)", "12345.6700", "12345.67"),
    ("numeric", "numeric(5,-2)", "'12300'", "12300"),
    ("numeric", "numeric(5,2)", "'NaN'", "NaN"),
    ("float8", "numeric(9,3)", "0.125", "0.125"),
    ("float4", "float8", "0.1", "0.1"),
    ("float8", "float4", "0.1", "0.1"),
    ("numeric", "float8", "12.50", "12.5"),
    ("numeric", "float4", "'NaN'", "NaN"),
    ("bigint", "float8", "9007199254740992", "9.007199254740992e+15"),
    ("numeric", "money", "1.500", "$1.50"),
    ("text", "varchar(3)", "'ab '", "ab "),
    ("text", "char(5)", "'ab'", "ab   "),
    ("char(5)", "text", "'ab'", "ab   "),
    ("char(5)", "varchar(5)", "'ab'", "ab   "),
    (
        "text",
        "uuid",
        "'{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ),
    ("text", "int", "'12'", "12"),
    ("bool", "text", "true", "t"),
    ("date", "timestamp", "'2026-03-01'", "2026-03-01 00:00:00"),
    ("timestamp", "timestamp(0)", "'2026-03-01 10:00:00'", "2026-03-01 10:00:00"),
    ("time", "interval", "'10:00:00.5'", "10:00:00.5"),
    ("json", "text", "'{\"a\":  1}'", "{\"a\":  1}"),
    ("int[]", "bigint[]", "'{1,null}'", "{1,NULL}"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_arrives() {
    let types: Vec<_> = FITS.iter().map(|&(from, to, value, _)| (from, to, value)).collect();
    let office = office(&types).await;
    assert_eq!(office.pair.desktop.count("t0").await, 0);
    office.reverse_twice().await;
    for (n, (from, to, _, text)) in FITS.iter().enumerate() {
        let held = office.desktop(&format!("select id, v from t{n}")).await;
        assert_eq!(held, [format!("7|{text}")], "{from} to {to}");
    }
}

/// Type on the cloud, type on the desktop, value.
const DOES_NOT_FIT: &[(&str, &str, &str)] = &[
    ("bigint", "int", "2147483648"),
    ("numeric", "int", "1.5"),
    ("text", "int", "'x'"),
    ("text", "varchar(3)", "'abcd'"),
    ("text", "varchar(3)", "'abc '"),
    ("varchar(9)", "char(3)", "'abc '"),
    ("numeric", "numeric(5,0)", "1.5"),
    ("numeric(10,4)", "numeric(7,2)", "12345.6701"),
    ("numeric", "numeric(5,-2)", "12345"),
    ("int", "numeric(5,-2)", "12345"),
    ("numeric", "numeric(5,2)", "1000"),
    ("numeric", "numeric(5,2)", "'Infinity'"),
    ("float8", "numeric(9,3)", "0.0625"),
    ("timestamp", "timestamp(0)", "'2026-03-01 10:00:00.4'"),
    ("timestamptz(3)", "timestamp(2)", "'2026-03-01 10:00:00.001'"),
    ("timestamp", "timestamptz(0)", "'2026-03-01 10:00:00.6'"),
    ("time", "time(0)", "'23:59:59.9'"),
    ("interval", "interval(0)", "'0.5 seconds'"),
    ("interval", "interval day to minute", "'1 day 00:00:30'"),
    ("float8", "float4", "0.1::float8 + 0.2"),
    ("numeric", "float8", "0.12345678901234567890"),
    ("bigint", "float8", "9007199254740993"),
    ("int", "float4", "16777217"),
    ("numeric", "money", "1.005"),
    ("inet", "cidr", "'10.0.0.1/8'"),
    ("bit varying", "bit(3)", "B'1010'"),
    ("bit varying", "bit varying(3)", "B'1010'"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_with_its_key() {
    let office = office(DOES_NOT_FIT).await;
    let ran = office.run(&["reverse"]).await;
    assert_eq!(ran.code, 4, "{ran}");
    for (n, (from, to, _)) in DOES_NOT_FIT.iter().enumerate() {
        let line = ran.stderr.lines().find(|line| line.starts_with(&format!("rejected: t{n} ")));
        let line = line.unwrap_or_else(|| panic!("{from} to {to}: {ran}"));
        says(line, &["[\"7\"]: ", "(column \"v\")"]);
        assert_eq!(office.pair.desktop.count(&format!("t{n}")).await, 0);
    }
}

/// Pairs that lose a part of nearly every value are refused before the first
/// row; who means it says so with an expression.
const LOSES: &[(&str, &str)] = &[
    ("timestamp", "date"),
    ("timestamp with time zone", "date"),
    ("timestamp", "time"),
    ("timestamp with time zone", "timetz"),
    ("time with time zone", "time"),
    ("text", "name"),
    ("text", "\"char\""),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_always_loses_is_refused_at_planning() {
    let types: Vec<_> = LOSES.iter().map(|&(from, to)| (from, to, "null")).collect();
    let office = office(&types).await;
    let ran = office.reverse_refuses("t0").await;
    let mut pairs = "[tables]\n".to_owned();
    for (n, (from, to)) in LOSES.iter().enumerate() {
        says(
            &ran.stderr,
            &[&format!("could not plan table t{n}\n  cause: column \"v\" is {from}")],
        );
        let rules = format!("mode = \"insert-missing\", columns = {{ v = 'v::{to}' }}");
        writeln!(pairs, "t{n} = {{ key = \"id\", reverse = {{ {rules} }} }}").unwrap();
    }
    office.configure_tables(&pairs);
    office.reverse_twice().await;
    for n in 0..LOSES.len() {
        assert_eq!(office.desktop(&format!("select * from t{n}")).await, ["7|NULL"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_rounds_as_little_as_its_type() {
    let office = Office::inserting(
        "create table t (id int, v numeric); insert into t values (1, 1.50), (2, 1.505)",
        "create domain amount as numeric(5,2); create table t (id int, v amount)",
        "t = { key = \"id\" }",
    )
    .await;
    let ran = office.reverse_rejects("t", &["2"]).await;
    says(&ran.stderr, &["rejected: t [\"2\"]: ", "(column \"v\")"]);
    office.pair.cloud.run("update t set v = 1.51 where id = 2").await;
    office.reverse_twice().await;
    assert_eq!(office.both("select * from t order by 1").await, ["1|1.50", "2|1.51"]);
}

/// The same through staging, and for a column of the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_scale_rounds_no_row_on_either_path() {
    let office = Office::inserting(
        "create table t (id numeric, v numeric); insert into t values (1, 1.5), (2.00, 2.50)",
        "create table t (id numeric(5,0), v numeric(5,1)); insert into t values (1, 1.5)",
        "t = { key = \"id\" }",
    )
    .await;
    office.reverse_twice().await;
    assert_eq!(office.desktop("select * from t order by id").await, ["1|1.5", "2|2.5"]);
    office.pair.cloud.run("insert into t values (3, 1), (4, 1.25)").await;
    let ran = office.reverse_rejects("t", &["4"]).await;
    says(&ran.stderr, &["rejected: t [\"4\"]: ", "(column \"v\")"]);
    office.pair.cloud.run("update t set v = 1.2 where id = 4; insert into t values (5.5, 0)").await;
    let ran = office.reverse_rejects("t", &["5.5"]).await;
    says(&ran.stderr, &["rejected: t [\"5.5\"]: ", "(column \"id\")"]);
    office.pair.cloud.run("delete from t where id = 5.5").await;
    office.reverse_twice().await;
    assert_eq!(office.pair.desktop.count("t").await, 4);
}
