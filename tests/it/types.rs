//! Every type and its hardest values, there and back.

use crate::office::Office;
use std::fmt::Write;

/// Types whose rows travel in binary, with values as SQL literals.
const PLAIN: &[(&str, &[&str])] = &[
    ("bool", &["true", "false"]),
    ("int2", &["-32768", "32767"]),
    ("int4", &["-2147483648", "2147483647", "0"]),
    ("int8", &["-9223372036854775808", "9223372036854775807"]),
    ("float4", &["'NaN'", "'-Infinity'", "'1e-45'", "'-0'", "'3.4028235e38'", "0.1"]),
    ("float8", &["'NaN'", "'Infinity'", "'5e-324'", "'-0'", "'1.7976931348623157e308'", "0.1"]),
    (
        "numeric",
        &["'NaN'", "'Infinity'", "1.00", "0", "1e-300", "123456789012345678901234567890.5"],
    ),
    ("numeric(7,3)", &["9999.999", "-0.001", "'NaN'"]),
    (
        "text",
        &[
            "''",
            r"E'tab\t nl\n cr\r crlf\r\n \\ \\N \\. \b\f\v\x01'",
            r"'\N'",
            r"'\.'",
            "'தமிழ் 🚲 é'",
        ],
    ),
    ("varchar(5)", &["'12345'", "''", "'a    '", "'தமிழ்'"]),
    ("char(5)", &["'ab'", "''", "'     '", "'12345'"]),
    ("date", &["'0001-01-01'", "'4714-11-24 BC'", "'5874897-12-31'", "'infinity'", "'-infinity'"]),
    ("time", &["'00:00'", "'24:00'", "'23:59:59.999999'"]),
    ("timetz", &["'00:00+15:59'", "'24:00-15:59'", "'12:34:56.789012+05:30'"]),
    (
        "timestamp",
        &[
            "'0001-01-01'",
            "'4713-01-01 BC'",
            "'294276-12-31 23:59:59.999999'",
            "'infinity'",
            "'-infinity'",
        ],
    ),
    (
        "timestamptz",
        &[
            "'0001-01-01 UTC'",
            "'4713-01-01 UTC BC'",
            "'294276-12-31 23:59:59.999999 UTC'",
            "'infinity'",
            "'-infinity'",
            "'1890-01-01 UTC'",
        ],
    ),
    ("timestamp(0)", &["'2026-03-01 10:00:00'"]),
    ("uuid", &["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-4fff-bfff-ffffffffffff'"]),
    ("bytea", &[r"'\x00ff5c0a09'", "''"]),
    ("jsonb", &[r#"'{"a": [1.50, null, "\\\\N \\t é"], "b": {}}'"#, "'null'", "'1e400'"]),
];

/// Types whose rows travel as text.
const OTHERS: &[(&str, &[&str])] = &[
    (
        "interval",
        &["'1 year -2 mons 3 days -04:05:06.789'", "'-178000000 years'", "'0'", "'-1 day +02:03'"],
    ),
    ("interval day to second(3)", &["'3 days 04:05:06.789'"]),
    ("json", &[r#"'{"b":1,  "a" : "x\ty", "a":2}'"#, "'null'"]),
    ("xml", &["'<a b=\"1\">t\n</a>'", "'text <b/> only'"]),
    ("money", &["'-1234.56'", "'92233720368547758.07'"]),
    ("inet", &["'10.0.0.1/8'", "'fe80::1/64'", "'::'"]),
    ("cidr", &["'10.0.0.0/8'", "'2001:db8::/32'"]),
    ("macaddr", &["'08:00:2b:01:02:03'"]),
    ("macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
    ("bit(5)", &["B'10110'"]),
    ("bit varying(9)", &["B'101'", "B''"]),
    ("tsvector", &["$$'a b':1A,2 'it''s \\\\':3$$", "''"]),
    ("tsquery", &["'a & !b <2> c:*A'"]),
    ("point", &["'(1.5,-0)'", "'(NaN,Infinity)'"]),
    ("line", &["'{1,-1,0}'"]),
    ("lseg", &["'[(0,0),(1,1)]'"]),
    ("box", &["'(2,2),(0,0.1)'"]),
    ("path", &["'[(0,0),(1,1)]'", "'((0,0),(1,1))'"]),
    ("polygon", &["'((0,0),(1,1),(1,0))'"]),
    ("circle", &["'<(0,0),1.5>'"]),
    ("name", &["'a name'", "''"]),
    ("oid", &["4294967295"]),
    ("xid8", &["'18446744073709551615'"]),
    ("pg_lsn", &["'16/B374D848'"]),
    ("tid", &["'(4294967294,65535)'"]),
    ("regclass", &["'pg_catalog.pg_class'"]),
    ("regtype", &["'integer'"]),
    ("jsonpath", &["'$.a[*] ? (@ > 1)'"]),
    ("pg_snapshot", &["'10:20:10,14,15'"]),
    ("int2vector", &["'1 2 3'"]),
    ("\"char\"", &["'a'", "' '", r"'\'"]),
    ("int4range", &["'[1,5)'", "'empty'", "'(,)'"]),
    ("int8range", &["'[1,)'"]),
    ("numrange", &["'[1.50,NaN)'"]),
    ("daterange", &["'[2026-01-01,infinity)'"]),
    ("tsrange", &["'[0001-01-01,294276-01-01)'"]),
    ("tstzrange", &["'[2026-01-01 00:00+00,2026-01-02 00:00+00]'"]),
    ("int4multirange", &["'{[1,3),[5,9)}'", "'{}'"]),
    ("tstzmultirange", &["'{[2026-01-01 00:00+00,)}'"]),
    ("int4[]", &["'{1,NULL,3}'", "'{}'", "'[0:1][5:6]={{1,2},{3,4}}'"]),
    ("text[]", &[r#"array['a,b', 'NULL', null, '', E'q"\\{}\n\t']"#]),
    ("timestamptz[]", &["'{infinity,2026-01-01 00:00+00}'"]),
    ("bytea[]", &[r"array['\x005c'::bytea]"]),
    ("numeric(5,2)[]", &["'{1.00,NaN}'"]),
    ("mood", &["'it''s, \"fine\"'", "''"]),
    ("mood[]", &["array['', null, 'ok']::mood[]"]),
    ("positive", &["1.50"]),
    ("many", &["'{1,2}'"]),
    ("pair", &["row(1, E'a,\"b\\\\(\\n')", "row(null, '')"]),
    ("pair[]", &["array[row(1, 'x')::pair, null]"]),
    ("floats", &["'[-0,Infinity]'"]),
];

const OWN_TYPES: &str = "create type mood as enum ('ok', '', 'it''s, \"fine\"');
    create domain positive as numeric(9,2) check (value > 0);
    create domain many as int[] check (array_length(value, 1) > 1);
    create type pair as (n int, t text);
    create type floats as range (subtype = float8);";

fn table(types: &[(&str, &[&str])]) -> String {
    let columns = types.iter().enumerate().map(|(n, (name, _))| format!(", c{n} {name}"));
    let columns = columns.collect::<Vec<_>>().concat();
    format!("{OWN_TYPES} create table every (id int primary key{columns});")
}

/// So many rows that they are not sent by INSERT.
const COPIES: usize = 300;

/// A row per value, many times; types with fewer values have NULL in the rest.
fn rows(types: &[(&str, &[&str])]) -> String {
    let most = types.iter().map(|(_, values)| values.len()).max().unwrap();
    let mut rows: Vec<String> = Vec::new();
    for id in 0..=most {
        let mut row = id.to_string();
        for (name, values) in types {
            let value = values.get(id).copied().unwrap_or("null");
            write!(row, ", cast({value} as {name})").unwrap();
        }
        rows.push(format!("({row})"));
    }
    let columns: Vec<String> = (0..types.len()).map(|n| format!(", c{n}")).collect();
    let columns = columns.concat();
    format!(
        "insert into every select id + 10 * n{columns} from (values {}) as v (id{columns}), \
         generate_series(0, {COPIES} - 1) as n",
        rows.join(", ")
    )
}

const EVERY: &str = "select * from every order by id";

/// Runs `reverse`; the rows must leave the cloud in this format.
async fn reverse_in(office: &Office, full: &[&str], format: &str) {
    let ran = office.run(&[&["reverse", "-vvv"], full].concat()).await;
    assert_eq!(ran.code, 0, "{ran}");
    let wanted = |line: &&str| line.contains("copy (select \"id\", \"c0\"");
    let copies: Vec<&str> = ran.stderr.lines().filter(wanted).collect();
    assert!(!copies.is_empty(), "{ran}");
    assert!(copies.iter().all(|line| line.ends_with(format)), "{copies:#?}");
}

/// Many rows into an empty table, a few through staging, many through staging.
async fn there_and_back(types: &[(&str, &[&str])], format: &str) {
    let cloud = format!("{} {}", table(types), rows(types));
    let office = Office::inserting(&cloud, &table(types), "every = {}").await;
    let there = office.cloud(EVERY).await;
    assert_eq!(office.pair.desktop.count("every").await, 0);
    reverse_in(&office, &[], format).await;
    assert!(office.both(EVERY).await == there);
    office.pair.desktop.run("delete from every where id < 10").await;
    reverse_in(&office, &["--full"], "to stdout").await;
    assert!(office.both(EVERY).await == there);
    office.pair.desktop.run("delete from every where id >= 10").await;
    reverse_in(&office, &["--full"], format).await;
    assert!(office.both(EVERY).await == there);
    office.reverse_twice().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_plain_type_travels_in_binary() {
    there_and_back(PLAIN, "to stdout (format binary)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_travels_as_text() {
    there_and_back(&[PLAIN, OTHERS].concat(), "to stdout").await;
}

/// Few rows, so that no COPY is worth its while.
#[tokio::test(flavor = "multi_thread")]
async fn every_type_travels_by_insert() {
    let types = [PLAIN, OTHERS].concat();
    let cloud = format!("{} {}; delete from every where id > 9", table(&types), rows(&types));
    let office = Office::inserting(&cloud, &table(&types), "every = {}").await;
    let there = office.cloud(EVERY).await;
    assert_eq!(office.brings("every", there.len()).await, there);
}
