//! `pgsync init-metadata`: makes our own tables, or resets watermarks.

use crate::cli;
use crate::commands::{connect, pairs};
use crate::config::{Config, TablePair};
use crate::db::connection::Session;
use crate::db::failure::{Failure, Result as Answer};
use crate::error::{Error, Exit, Kind, Result};
use crate::ident::Ident;
use crate::metadata::migrations::{self, Side};
use crate::metadata::{Direction, watermark};
use crate::report::Report;
use crate::report::init_metadata::{self as told, Mark};
use sqlx::migrate::Migration;

const APPLICATION: &str = "pgsync init-metadata";

/// Runs it.
///
/// # Errors
/// When a side cannot be reached, or refuses; the SQL for an administrator is
/// printed then.
pub async fn run(config: &Config, arguments: &cli::InitMetadata, report: &Report) -> Result<Exit> {
    if arguments.reset_all || !arguments.reset.is_empty() {
        return reset(config, arguments, report).await;
    }
    let (mut cloud, mut desktop) = connect::both(config, APPLICATION).await?;
    make(&mut desktop, Side::Desktop, config, report).await?;
    seed(&mut desktop, Side::Desktop, config, report).await?;
    make(&mut cloud, Side::Cloud, config, report).await?;
    seed(&mut cloud, Side::Cloud, config, report).await?;
    told::done(report, "pgsync reverse --dry-run");
    desktop.close().await;
    cloud.close().await;
    Ok(Exit::Done)
}

/// Makes our tables on a side, and only then begins to tell about it: what
/// comes first is for an administrator where the role may not make them.
async fn make(session: &mut Session, side: Side, config: &Config, report: &Report) -> Result<()> {
    let pending =
        migrations::pending(session, side).await.map_err(|failure| refused(side, failure))?;
    if let Err(failure) = apply(session, &pending).await {
        print_for_administrator(side, &pending, config, report);
        return Err(refused(side, failure).hint(format!(
            "have an administrator run the SQL above on the {}, then run: pgsync init-metadata",
            side.word()
        )));
    }
    let made: Vec<(i64, &str)> =
        pending.iter().map(|made| (made.version, made.description.as_ref())).collect();
    told::side(report, side.word(), &connect::connection(config, side).label(), &made);
    Ok(())
}

async fn apply(session: &mut Session, pending: &[&Migration]) -> Answer<()> {
    if pending.is_empty() { Ok(()) } else { migrations::apply(session, pending).await }
}

fn refused(side: Side, failure: Failure) -> Error {
    Error::new(Kind::Start, format!("could not make pgsync's own tables on the {}", side.word()))
        .because(failure)
}

/// Whoever may create tables can run the same statements, and let our role
/// use what they make.
fn print_for_administrator(
    side: Side,
    pending: &[&'static Migration],
    config: &Config,
    report: &Report,
) {
    let role = Ident::new(&connect::connection(config, side).user);
    let role = role.map_or_else(|_| "<role>".to_owned(), |role| role.sql());
    let watermarks = direction(side).watermark_table();
    // Nobody but their owner sees our tables there, and every row of the
    // phones' tables has to be seen too.
    let bypass = match side {
        Side::Cloud => format!("\nalter role {role} bypassrls;"),
        Side::Desktop => String::new(),
    };
    let sql = format!(
        "{}\n\
         grant usage on schema pgsync to {role};\n\
         grant select, insert, update, delete on all tables in schema pgsync to {role};\n\
         grant select, insert, update on {watermarks} to {role};{bypass}",
        migrations::script(pending)
    );
    told::for_administrator(report, side.word(), &sql);
}

/// Whose watermarks lie on a side.
fn direction(side: Side) -> Direction {
    match side {
        Side::Desktop => Direction::Reverse,
        Side::Cloud => Direction::Forward,
    }
}

async fn seed(session: &mut Session, side: Side, config: &Config, report: &Report) -> Result<()> {
    let mut marks = Vec::new();
    for pair in &config.pairs {
        let name = name_on(side, pair);
        let is_new = watermark::ensure(session, direction(side), &name)
            .await
            .map_err(|failure| refused(side, failure))?;
        marks.push((name, if is_new { Mark::New } else { Mark::Kept }));
    }
    told::watermarks(report, direction(side), &marks);
    Ok(())
}

fn name_on(side: Side, pair: &TablePair) -> String {
    match side {
        Side::Desktop => pair.desktop.to_string(),
        Side::Cloud => pair.cloud.to_string(),
    }
}

/// Lets the next run of either direction compare these tables in full.
async fn reset(config: &Config, arguments: &cli::InitMetadata, report: &Report) -> Result<Exit> {
    let chosen = chosen(config, arguments)?;
    let (mut cloud, mut desktop) = connect::both(config, APPLICATION).await?;
    for direction in [Direction::Reverse, Direction::Forward] {
        connect::lock(&mut desktop, direction).await?;
    }
    reset_on(&mut desktop, Side::Desktop, config, &chosen, report).await?;
    reset_on(&mut cloud, Side::Cloud, config, &chosen, report).await?;
    told::done(report, "pgsync reverse, or pgsync forward");
    desktop.close().await;
    cloud.close().await;
    Ok(Exit::Done)
}

async fn reset_on(
    session: &mut Session,
    side: Side,
    config: &Config,
    chosen: &[&TablePair],
    report: &Report,
) -> Result<()> {
    make(session, side, config, report).await?;
    let (direction, refused) = (direction(side), |failure| refused(side, failure));
    let mut marks = Vec::new();
    for pair in chosen {
        let name = name_on(side, pair);
        watermark::ensure(session, direction, &name).await.map_err(refused)?;
        watermark::reset(session, direction, &name).await.map_err(refused)?;
        marks.push((name, Mark::Reset));
    }
    told::watermarks(report, direction, &marks);
    Ok(())
}

fn chosen<'a>(config: &'a Config, arguments: &cli::InitMetadata) -> Result<Vec<&'a TablePair>> {
    if arguments.reset_all {
        return Ok(config.pairs.iter().collect());
    }
    let pair = |name: &String| config.pair(name).ok_or_else(|| pairs::unknown(config, name));
    arguments.reset.iter().map(pair).collect()
}
