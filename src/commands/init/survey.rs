//! What both databases say of their tables and rows. It only reads.

use crate::commands::connect;
use crate::commands::init::pairing::{self, Shaped};
use crate::commands::init::propose::{MARK, Pair, Rows};
use crate::config::Config;
use crate::db::catalog;
use crate::db::failure::{Failure, Result as Answer};
use crate::db::server;
use crate::engine::inspection::{Candidates, Inspection, Looked};
use crate::engine::read_point::Source;
use crate::error::{Error, Kind, Result};
use crate::ident::Ident;
use crate::metadata::migrations::Side;
use std::time::{Duration, Instant};

const APPLICATION: &str = "pgsync init";

/// How long one look at a table's rows may take, and all of them together.
const STATEMENT: Duration = Duration::from_secs(30);
const TOGETHER: Duration = Duration::from_secs(300);

/// Everything that a proposal is made from.
pub(super) struct Surveyed {
    pub(super) time_zone: Option<String>,
    pub(super) pairs: Vec<(Pair, Rows)>,
    pub(super) only_on_desktop: Vec<String>,
    pub(super) only_in_cloud: Vec<String>,
}

/// Asks both sides.
///
/// # Errors
/// When one of them does not answer.
pub(super) async fn both(config: &Config) -> Result<Surveyed> {
    let (cloud, desktop) = tokio::join!(open(config, Side::Cloud), open(config, Side::Desktop));
    let (mut cloud, mut desktop) = (cloud?, desktop?);
    let time_zone = time_zone(&mut desktop).await?;
    let (in_cloud, on_desktop) = tokio::join!(tables(&mut cloud), tables(&mut desktop));
    let (in_cloud, on_desktop) = (in_cloud?, on_desktop?);
    let found = pairing::pairs(&on_desktop, &in_cloud);
    let name = |(name, _): &Shaped| name.to_string();
    let left = |tables: &[Shaped], is_paired: &dyn Fn(usize) -> bool| -> Vec<String> {
        let left = tables.iter().enumerate().filter(|(at, _)| !is_paired(*at));
        left.map(|(_, table)| name(table)).collect()
    };
    let only_on_desktop = left(&on_desktop, &|at| found.iter().any(|pair| pair.desktop == at));
    let only_in_cloud = left(&in_cloud, &|at| found.iter().any(|pair| pair.cloud == at));
    let pairs = found.iter().filter_map(|one| {
        let (desktop, cloud) = (on_desktop.get(one.desktop)?, in_cloud.get(one.cloud)?);
        Some(Pair::new(desktop.clone(), cloud.clone(), one.by))
    });
    let pairs = rows(pairs.collect(), &mut cloud, &mut desktop).await?;
    for side in [cloud, desktop] {
        side.session.close().await;
    }
    Ok(Surveyed { time_zone, pairs, only_on_desktop, only_in_cloud })
}

async fn open(config: &Config, side: Side) -> Result<Source> {
    let session = connect::open(config, side, APPLICATION).await?;
    let mut pins = connect::pins(config, side, APPLICATION);
    pins.statement_timeout = Some(STATEMENT);
    Source::open(session, side, &pins).await.map_err(|failure| not_read(side, failure))
}

fn not_read(side: Side, failure: Failure) -> Error {
    let message = format!("could not read the catalogs of the {}", side.word());
    Error::new(Kind::Start, message).because(failure)
}

/// Only some roles may read the server's own file.
async fn time_zone(desktop: &mut Source) -> Result<Option<String>> {
    match server::time_zone(&mut desktop.session).await {
        Ok(zone) => Ok(zone),
        Err(_) => match desktop.recover().await {
            Ok(()) => Ok(None),
            Err(failure) => Err(not_read(Side::Desktop, failure)),
        },
    }
}

async fn tables(side: &mut Source) -> Result<Vec<Shaped>> {
    let of = side.side;
    try_tables(side).await.map_err(|failure| not_read(of, failure))
}

async fn try_tables(side: &mut Source) -> Answer<Vec<Shaped>> {
    let names = catalog::names(&side.ask(&catalog::list()).await?)?;
    let rows = side.ask(&catalog::describe(&names)).await?;
    let shapes = catalog::tables(&rows, names.len())?;
    Ok(names.into_iter().zip(shapes).filter_map(|(name, shape)| Some((name, shape?))).collect())
}

/// Both sides look at the same time.
async fn rows(
    pairs: Vec<Pair>,
    cloud: &mut Source,
    desktop: &mut Source,
) -> Result<Vec<(Pair, Rows)>> {
    let until = Instant::now() + TOGETHER;
    let mut cloud = Inspection { side: cloud, until };
    let mut desktop = Inspection { side: desktop, until };
    let mut surveyed = Vec::new();
    for pair in pairs {
        let choices: Vec<Vec<Ident>> =
            pair.choices.iter().map(|choice| choice.columns.clone()).collect();
        let mark = pair.has_mark().then_some(MARK);
        let (of_cloud, of_desktop) = tokio::join!(
            cloud.candidates(&pair.cloud.0, &[], mark),
            desktop.candidates(&pair.desktop.0, &choices, None),
        );
        let rows = Rows {
            cloud: found(of_cloud, Side::Cloud)?,
            desktop: found(of_desktop, Side::Desktop)?,
        };
        surveyed.push((pair, rows));
    }
    Ok(surveyed)
}

/// A table that we may not read is believed to be as its catalog says.
fn found(looked: Looked<Candidates>, side: Side) -> Result<Option<Candidates>> {
    match looked {
        Looked::Found(candidates) => Ok(Some(candidates)),
        Looked::Refused(failure) if failure.loses_the_link() => Err(not_read(side, failure)),
        Looked::LeftOut | Looked::Refused(_) => Ok(None),
    }
}
