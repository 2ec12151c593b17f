//! `pgsync init`: makes a configuration from the two databases, and writes
//! nothing into them.
//!
//! - `pairing`: which table is which (DECIDE)
//! - `propose`: what to do with each pair (DECIDE)
//! - `survey`: what both databases say (DO)
//!
//! How a configuration is spelled is known to `config::draft`.

mod pairing;
mod propose;
mod survey;
#[cfg(test)]
mod testing;

use crate::cli;
use crate::commands::init::propose::Pair;
use crate::commands::init::survey::Surveyed;
use crate::config::Config;
use crate::config::draft::{Draft, DraftTable, Way};
use crate::engine::plan::order::parents_first;
use crate::error::{Error, Exit, Kind, Result};
use crate::ident::{Ident, TableName};
use crate::report::Report;
use crate::report::figures::of;
use crate::report::init::{self, Made};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Makes it.
///
/// # Errors
/// When it may not be written, where the databases are is not known, or one of
/// them does not answer.
pub async fn run(config: Option<&Path>, arguments: &cli::Init, report: &Report) -> Result<Exit> {
    let path = output(config, arguments);
    refuse_to_overwrite(&path, arguments)?;
    let connections = connections(&path, arguments)?;
    let surveyed = survey::both(&connections).await?;
    let draft = draft(arguments, &surveyed);
    if draft.tables.is_empty() {
        return Err(nothing_to_pair(&surveyed));
    }
    let text = draft.spell();
    let checked = Config::of_text(&text, &path);
    checked.map_err(|error| error.hint("correct the names of these tables or columns"))?;
    write(&path, &text, arguments)?;
    init::tell(report, &Made { file: path.display().to_string(), draft });
    Ok(Exit::Done)
}

/// Where the file goes: as asked, else where commands will look for it.
fn output(config: Option<&Path>, arguments: &cli::Init) -> PathBuf {
    let given = arguments.output.as_deref().or(config).map(Path::to_owned);
    given.unwrap_or_else(|| {
        let folder = if Path::new("config").is_dir() { "config" } else { "" };
        Path::new(folder).join("pgsync.toml")
    })
}

fn refuse_to_overwrite(path: &Path, arguments: &cli::Init) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(Error::new(Kind::Usage, format!("could not write {}", path.display()))
            .because_text(format!("there is no folder {}", folder.display()))
            .hint(format!("make it: mkdir {}", folder.display())));
    }
    if !path.exists() || arguments.force {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, format!("could not write {}", path.display()))
        .because_text("it is there already")
        .hint(
            "write another file: pgsync init --output NEW.toml; or replace it: pgsync init --force",
        ))
}

/// A password on a command line stands in the list of processes.
fn connections(path: &Path, arguments: &cli::Init) -> Result<Config> {
    let urls = [arguments.desktop.as_deref(), arguments.cloud.as_deref()];
    let config = Config::of_connections(path, urls).map_err(|error| not_known(&error))?;
    let sides = [
        (&config.desktop, "desktop", "DESKTOP_DATABASE_URL"),
        (&config.cloud, "cloud", "CLOUD_DATABASE_URL"),
    ];
    for ((connection, option, variable), url) in sides.into_iter().zip(urls) {
        if url.is_some() && connection.password.is_some() {
            let file = path.with_file_name(".env");
            return Err(Error::new(Kind::Usage, format!("could not use --{option}"))
                .because_text("it holds a password, and others can read command lines")
                .hint(format!(
                    "write {variable}='...' with that URL into {}, and leave --{option} out",
                    file.display()
                )));
        }
    }
    Ok(config)
}

fn not_known(error: &Error) -> Error {
    let hint = error.advice().unwrap_or("give --desktop URL and --cloud URL").to_owned();
    Error::new(Kind::Usage, "could not tell where the two databases are")
        .because_text(error.causes().join("; "))
        .hint(hint)
}

fn nothing_to_pair(surveyed: &Surveyed) -> Error {
    let (desktop, cloud) = (surveyed.only_on_desktop.len(), surveyed.only_in_cloud.len());
    Error::new(Kind::Usage, "could not find a table that both sides have")
        .because_text(format!("the desktop has {desktop} tables, the cloud {cloud}"))
        .hint("look whether both addresses lead to the right databases")
}

fn draft(arguments: &cli::Init, surveyed: &Surveyed) -> Draft {
    let (time_zone, time_zone_why) = time_zone(surveyed.time_zone.as_deref());
    let pairs: Vec<&Pair> = surveyed.pairs.iter().map(|(pair, _)| pair).collect();
    let way = |url: &Option<String>, variable, password| match url {
        Some(url) => Way::Url(url.clone(), password),
        None => Way::Variable(variable),
    };
    let mut draft = Draft {
        time_zone,
        time_zone_why,
        desktop: way(&arguments.desktop, "DESKTOP_DATABASE_URL", "DESKTOP_PASSWORD"),
        cloud: way(&arguments.cloud, "CLOUD_DATABASE_URL", "CLOUD_PASSWORD"),
        owned_by_cloud: owned(surveyed),
        skipped: skipped(&pairs),
        tables: tables(surveyed),
        only_on_desktop: surveyed.only_on_desktop.clone(),
        only_in_cloud: surveyed.only_in_cloud.clone(),
    };
    if draft.owned_by_cloud.is_none() {
        draft.tables.iter_mut().for_each(|table| table.owned_by_nobody = false);
    }
    draft
}

fn time_zone(told: Option<&str>) -> (String, String) {
    match told.filter(|zone| crate::config::is_time_zone(zone)) {
        Some(zone) => (zone.to_owned(), "the desktop's server is set to it".to_owned()),
        None => (
            "UTC".to_owned(),
            "the desktop's server does not tell; write the zone in which its times are meant"
                .to_owned(),
        ),
    }
}

fn owned(surveyed: &Surveyed) -> Option<(String, String)> {
    let marked = surveyed.pairs.iter().filter(|(pair, _)| pair.has_mark());
    let rows: Vec<u64> = marked
        .map(|(_, rows)| rows.cloud.as_ref().map_or(0, |candidates| candidates.marked))
        .collect();
    let (tables, rows): (usize, u64) = (rows.len(), rows.iter().sum());
    let (have, are) = (of(tables as u64, "table"), of(rows, "row"));
    let why = format!("such a column: {have}; such rows in the cloud: {are}");
    (tables > 0).then(|| (propose::MARK.to_owned(), why))
}

/// Columns that the cloud fills by itself wherever it has them.
fn skipped(pairs: &[&Pair]) -> Vec<String> {
    let columns = || pairs.iter().flat_map(|pair| &pair.cloud.1.columns);
    let mut names: Vec<String> = Vec::new();
    for column in columns().filter(|column| propose::is_bookkeeping(&column.name)) {
        let always = columns().filter(|it| it.name == column.name).all(|it| it.has_default);
        if always && !names.contains(&column.name) {
            names.push(column.name.clone());
        }
    }
    names
}

/// Parents first, so that the file reads like a run.
fn tables(surveyed: &Surveyed) -> Vec<DraftTable> {
    let parents = |(schema, table): &(String, String)| {
        Some(TableName { schema: Ident::new(schema).ok()?, table: Ident::new(table).ok()? })
    };
    let with_parents: Vec<(TableName, Vec<TableName>)> = surveyed
        .pairs
        .iter()
        .map(|(pair, _)| {
            let keys = pair.cloud.1.foreign_keys.iter();
            (pair.cloud.0.clone(), keys.filter_map(|key| parents(&key.parent)).collect())
        })
        .collect();
    let order = parents_first(&with_parents).positions.into_iter();
    order
        .filter_map(|at| surveyed.pairs.get(at))
        .map(|(pair, rows)| propose::table(pair, rows))
        .collect()
}

fn write(path: &Path, text: &str, arguments: &cli::Init) -> Result<()> {
    let refused = |error| {
        Error::new(Kind::Usage, format!("could not write {}", path.display())).because(error)
    };
    let mut options = OpenOptions::new();
    options.write(true);
    // Between our look and now somebody else may have made it.
    let options = if arguments.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(path).map_err(refused)?;
    file.write_all(text.as_bytes()).map_err(refused)
}
