//! A table of 25 columns and any number of rows, made by the server itself, for measuring.
//! It must not know what is measured.

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

const CREATE: &str = "
create table big (
  id bigint not null,
  i1 integer, i2 integer, i3 integer, i4 integer,
  b1 bigint, b2 bigint,
  n1 numeric(12,2), n2 numeric(18,4), n3 numeric,
  t1 text, t2 text, t3 text, t4 text,
  v1 varchar(40), v2 varchar(80), v3 varchar(20),
  d1 date, d2 date,
  s1 timestamptz, s2 timestamptz,
  f1 boolean, f2 boolean,
  p1 double precision, p2 double precision
)";

/// One row for each `g`, the same every time; some columns are NULL in every seventh row.
const ROW: &str = "
  g,
  g % 100, g * 7 % 1000003, nullif(g % 7, 0), g % 2,
  g * 1000003, g * 7919 % 1000000007,
  (g % 1000000) / 100.0, (g * 31 % 100000000) / 10000.0, g % 977,
  md5(g::text), 'Ledger ' || g, repeat('abcde ', 15), case when g % 7 > 0 then md5((g + 1)::text) end,
  'client ' || g % 5000, 'Statutory audit FY 2024-25, branch ' || g % 90, lpad((g % 100000)::text, 8, '0'),
  date '2019-04-01' + (g % 2400)::int, case when g % 7 > 0 then date '2020-01-01' + (g % 1500)::int end,
  timestamptz '2023-01-01 00:00:00+00' + g * interval '61.000001 s', timestamptz '2025-10-31 04:30:00+00',
  g % 3 = 0, g % 11 = 0,
  g / 7.0::float8, sqrt(g)";

/// Makes the table `big` in the database at `url`, with the key 1 to `rows` if it is populated.
///
/// It has no `updated_at` and no trigger. A row is about 410 bytes of COPY text.
pub async fn create(url: &str, rows: u64, populated: bool) -> Result<()> {
    let mut steps = vec![CREATE.to_owned()];
    if populated {
        steps.push(insert(1, rows));
    }
    steps.push("alter table big add primary key (id)".to_owned());
    steps.push("vacuum analyze big".to_owned());
    run(url, steps).await
}

/// Adds as many rows to it, with the keys from `first` on.
pub async fn add(url: &str, first: u64, rows: u64) -> Result<()> {
    run(url, vec![insert(first, rows)]).await
}

fn insert(first: u64, rows: u64) -> String {
    let last = first + rows - 1;
    format!("insert into big select {ROW} from generate_series({first}::bigint, {last}) g")
}

async fn run(url: &str, steps: Vec<String>) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for step in steps {
        sqlx::raw_sql(AssertSqlSafe(step)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}
