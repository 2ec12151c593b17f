//! Every figure that pgsync has to reach, measured in one run.
//!
//! ```text
//! cargo bench                      everything; about ten minutes
//! cargo bench -- firm wan          only the scenes whose name holds one of the words
//! PGSYNC_BENCH_ROUNDS=1 PGSYNC_BENCH_ROWS=100000 cargo bench      a quick look
//! ```
//!
//! Each figure is the median of five runs of the real program. What it is
//! compared with runs in turn with it, on the same two servers. No time counts
//! before the rows have been counted on both sides.
//!
//! - [`scale`]: how many rounds, how many rows
//! - [`program`]: pgsync as a process: seconds and peak memory
//! - [`pipe`]: `psql | psql`, what pgsync is compared with
//! - [`firm`], [`wan`], [`empty`], [`million`], [`forward`],
//!   [`rejects`], [`verify`]: the scenes
//! - [`branches`]: many desktops on one cloud
//! - [`median`], [`table`]: figures and goals to a table

mod branches;
mod empty;
mod firm;
mod forward;
mod large;
mod median;
mod million;
mod pipe;
mod program;
mod rejects;
mod scale;
mod table;
mod verify;
mod wan;

use anyhow::Result;
use pipe::Psql;
use program::Peaks;
use scale::Scale;
use table::Table;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let scale = Scale::from_environment()?;
    let psql = Psql::find();
    let wanted = wanted();
    let mut table = Table::new(&scale, psql.is_some());
    let mut peaks = Peaks::default();
    if wanted("firm") {
        firm::measure(&scale, &mut table, &mut peaks).await?;
    }
    if wanted("wan") {
        wan::measure(&scale, &mut table, &mut peaks).await?;
    }
    if wanted("forward") {
        forward::measure(&scale, psql.as_ref(), &mut table, &mut peaks).await?;
    }
    if wanted("rejects") {
        rejects::measure(&scale, &mut table, &mut peaks).await?;
    }
    if wanted("verify") {
        verify::measure(&scale, &mut table, &mut peaks).await?;
    }
    if wanted("million") {
        million::measure(&scale, psql.as_ref(), &mut table, &mut peaks).await?;
    }
    if wanted("empty") {
        empty::measure(&scale, psql.as_ref(), &mut table, &mut peaks).await?;
    }
    if wanted("branches") {
        branches::measure(&mut table, &mut peaks).await?;
    }
    table.memory(&peaks);
    table.print();
    Ok(())
}

/// Whether a scene was asked for. Cargo adds words of its own, which begin with `--`.
fn wanted() -> impl Fn(&str) -> bool {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    move |scene| words.is_empty() || words.iter().any(|word| scene.contains(word.as_str()))
}
