//! `pgsync init-metadata`: makes our own tables, or resets watermarks.

use crate::cli;
use crate::commands::{connect, pairs};
use crate::config::{Config, TablePair};
use crate::db::connection::Session;
use crate::db::failure::Failure;
use crate::error::{Error, Exit, Kind, Result};
use crate::ident::Ident;
use crate::metadata::migrations::{self, Side};
use crate::metadata::{Direction, watermark};
use crate::report::Report;
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
    seed(&mut desktop, Direction::Reverse, config, report).await?;
    make(&mut cloud, Side::Cloud, config, report).await?;
    seed(&mut cloud, Direction::Forward, config, report).await?;
    desktop.close().await;
    cloud.close().await;
    Ok(Exit::Done)
}

async fn make(session: &mut Session, side: Side, config: &Config, report: &Report) -> Result<()> {
    let word = side.word();
    let pending =
        migrations::pending(session, side).await.map_err(|failure| refused(side, failure))?;
    if pending.is_empty() {
        report.line(format_args!("{word}: pgsync's own tables are up to date"));
        return Ok(());
    }
    match migrations::apply(session, &pending).await {
        Ok(()) => {
            for migration in &pending {
                report.line(format_args!(
                    "{word}: applied {} {}",
                    migration.version, migration.description
                ));
            }
            Ok(())
        }
        Err(failure) => {
            print_for_administrator(side, &pending, config, report);
            let advice = format!(
                "have an administrator run the SQL above on the {word}, then run: \
                 pgsync init-metadata"
            );
            Err(refused(side, failure).hint(advice))
        }
    }
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
    let watermarks = match side {
        Side::Desktop => Direction::Reverse.watermark_table(),
        Side::Cloud => Direction::Forward.watermark_table(),
    };
    report.line(format_args!("-- to be run on the {} by an administrator:", side.word()));
    report.line(migrations::script(pending));
    report.line(format_args!(
        "grant usage on schema pgsync to {role};\n\
         grant select, insert, update, delete on all tables in schema pgsync to {role};\n\
         grant select, insert, update on {watermarks} to {role};"
    ));
}

async fn seed(
    session: &mut Session,
    direction: Direction,
    config: &Config,
    report: &Report,
) -> Result<()> {
    for pair in &config.pairs {
        let (side, name) = target(pair, direction);
        let new = watermark::ensure(session, direction, &name)
            .await
            .map_err(|failure| refused(side, failure))?;
        let what = if new { "new, starts at 1970-01-01" } else { "kept" };
        report.line(format_args!("{}: {name}: {what}", side.word()));
    }
    Ok(())
}

fn target(pair: &TablePair, direction: Direction) -> (Side, String) {
    match direction {
        Direction::Reverse => (Side::Desktop, pair.desktop.to_string()),
        Direction::Forward => (Side::Cloud, pair.cloud.to_string()),
    }
}

async fn reset(config: &Config, arguments: &cli::InitMetadata, report: &Report) -> Result<Exit> {
    let names = names(config, arguments)?;
    let mut desktop = connect::open(config, Side::Desktop, APPLICATION).await?;
    connect::lock(&mut desktop, Direction::Reverse).await?;
    make(&mut desktop, Side::Desktop, config, report).await?;
    for name in names {
        watermark::ensure(&mut desktop, Direction::Reverse, &name)
            .await
            .map_err(|failure| refused(Side::Desktop, failure))?;
        watermark::reset(&mut desktop, Direction::Reverse, &name)
            .await
            .map_err(|failure| refused(Side::Desktop, failure))?;
        report.line(format_args!("desktop: {name}: the next reverse compares it in full"));
    }
    desktop.close().await;
    Ok(Exit::Done)
}

fn names(config: &Config, arguments: &cli::InitMetadata) -> Result<Vec<String>> {
    if arguments.reset_all {
        return Ok(config.pairs.iter().map(|pair| pair.desktop.to_string()).collect());
    }
    let name = |name: &String| {
        let pair = config.pair(name).ok_or_else(|| pairs::unknown(config, name))?;
        Ok(pair.desktop.to_string())
    };
    arguments.reset.iter().map(name).collect()
}
