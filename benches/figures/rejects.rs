//! What refused rows cost: a table of the firm's size in which 16 % of the rows
//! break a rule of the cloud, against the same table without them.

use crate::firm::settle;
use crate::median::Samples;
use crate::program::{Peaks, Program, configuration};
use crate::scale::Scale;
use crate::table::{Amount, Goal, Line, Table};
use anyhow::{Result, ensure};
use pgsync_testkit::Pair;

const ROWS: u64 = 24_562;

const TABLES: &str = r#"job = { key = "job_id", forward = "upsert" }
[limits]
max_rejects = 10_000"#;

const CLOUD: &str = "
create table client (client_id int primary key);
insert into client select n from generate_series(1, 2000) n;
create table job (job_id int primary key, client_id int references client, name varchar(40) not null,
  code text unique, fee numeric(12,2) check (fee >= 0), note text, day date, at timestamptz)";

const DESKTOP: &str = "
create table job (job_id int, client_id int, name text, code text, fee numeric(12,2), note text,
  day date, at timestamp)";

/// The rule that every sixth row or so breaks, and how.
const REASONS: [(&str, &str); 5] = [
    ("foreign key", "client_id = 9999"),
    ("not null", "name = null"),
    ("length", "name = repeat('too long ', 9)"),
    ("check", "fee = -1"),
    ("unique", "code = 'c1'"),
];

/// Measures every reason, each in turn with the clean table.
pub async fn measure(scale: &Scale, table: &mut Table, peaks: &mut Peaks) -> Result<()> {
    let pair = Pair::empty().await;
    pair.cloud.run(CLOUD).await;
    pair.desktop.run(DESKTOP).await;
    let program = Program::new(&pair, &configuration(TABLES))?;
    for (reason, breaks) in REASONS {
        let (mut clean, mut broken) = (Samples::default(), Samples::default());
        for _ in 0..scale.rounds {
            clean.push(carry(&pair, &program, "", peaks).await?);
            broken.push(carry(&pair, &program, breaks, peaks).await?);
        }
        table.add(
            Line::new(format!("16 % of {ROWS} rows refused: {reason}"), &broken, Amount::Seconds)
                .against(&clean, Amount::Seconds)
                .goal(Goal::Times(2.0)),
        );
    }
    Ok(())
}

async fn carry(pair: &Pair, program: &Program, breaks: &str, peaks: &mut Peaks) -> Result<f64> {
    let forget = "truncate job; drop schema if exists pgsync cascade; \
                  drop table if exists public._sync_metadata";
    pair.cloud.run(forget).await;
    let fill = format!(
        "truncate job; insert into job select n, 1 + n % 2000, 'Job ' || n, 'c' || n, n % 900, \
         repeat('audit ', 8), '2025-04-01', '2025-04-01 10:00' from generate_series(1, {ROWS}) n"
    );
    pair.desktop.run(&fill).await;
    let mut refused = 0;
    if !breaks.is_empty() {
        pair.desktop
            .run(&format!("update job set {breaks} where job_id % 25 in (2, 8, 14, 20)"))
            .await;
        refused = 3_930;
    }
    settle(pair).await;
    let ran = program.run_expecting(&["forward"], if refused == 0 { 0 } else { 4 })?;
    peaks.note("refused rows", &ran);
    let came = pair.cloud.count("job").await;
    ensure!(came + refused == i64::try_from(ROWS)?, "{came} rows came\n{}", ran.stdout);
    Ok(ran.seconds)
}
