//! Asks both sides about the pairs of a direction, as far as each of them
//! answers. Pairs are planned by the functions that plan a run.

use crate::commands::check::pair::{self, Half, Seen};
use crate::commands::check::reach::{OwnTables, Reached, Up};
use crate::commands::pairs;
use crate::config::{Config, TablePair};
use crate::db::catalog::{self, Table};
use crate::db::failure::Result as Answer;
use crate::db::rights::Rights;
use crate::engine::inspection::Looked;
use crate::engine::plan::cursor::Reading;
use crate::engine::plan::questions::{self, Asked};
use crate::engine::plan::{self, Facts, Pair, TablePlan};
use crate::engine::shapes::{self, Shape};
use crate::error::{Error, Kind, Result};
use crate::ident::TableName;
use crate::metadata::Direction;
use crate::metadata::migrations::Side;
use crate::report::check::Finding;

/// What is to be said about the chosen pairs of a direction.
pub(super) async fn direction(
    config: &Config,
    direction: Direction,
    chosen: &[&TablePair],
    source: &mut Reached,
    target: &mut Reached,
) -> Vec<Finding> {
    // A parent is a parent even if nobody asked about it.
    let all: Vec<&TablePair> = config.pairs.iter().collect();
    let pairs = pairs::taking_part(&all, direction);
    let wanted = |pair: &TablePair| chosen.iter().any(|one| std::ptr::eq(*one, pair));
    let wanted: Vec<bool> = pairs.iter().map(|(pair, _)| wanted(pair)).collect();
    let told = match (source, target) {
        (Reached::Up(source), Reached::Up(target)) => {
            both(direction, &pairs, &wanted, source, target).await
        }
        (Reached::Up(up), Reached::Down(_)) => {
            half(direction, &pairs, &wanted, up, |pair| &pair.source).await
        }
        (Reached::Down(_), Reached::Up(up)) => {
            half(direction, &pairs, &wanted, up, |pair| &pair.target).await
        }
        (Reached::Down(_), Reached::Down(_)) => Ok(Vec::new()),
    };
    told.unwrap_or_else(|error| vec![pair::not_read(direction, &error)])
}

/// What one side alone knows.
async fn half(
    direction: Direction,
    pairs: &[(&TablePair, Pair)],
    wanted: &[bool],
    up: &mut Up,
    name: fn(&Pair) -> &TableName,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let names: Vec<TableName> = pairs.iter().map(|(_, pair)| name(pair).clone()).collect();
    let shapes = shapes::of(&mut up.source, &names).await?;
    let of = up.source.side;
    let mut inspection = up.inspection();
    for (((configured, _), table), (shape, _)) in
        pairs.iter().zip(names).zip(shapes.into_iter().zip(wanted)).filter(|(_, (_, on))| **on)
    {
        let looked = match &shape {
            Ok(Some(_)) => inspection.size(&table).await,
            _ => Looked::LeftOut,
        };
        let section = configured.desktop.to_string();
        findings.extend(pair::half(Half {
            direction,
            section,
            side: of,
            table,
            shape,
            size: looked,
        }));
    }
    Ok(findings)
}

/// What is known of a side's tables.
struct Known {
    shapes: Vec<Shape>,
    rights: Vec<Option<Rights>>,
    tables: Vec<TableName>,
}

async fn known(up: &mut Up, names: &[TableName]) -> Result<Known> {
    let side = up.source.side;
    let refused = |failure| {
        let message = format!("could not read the catalogs of the {}", side.word());
        Error::new(Kind::Start, message).because(failure)
    };
    let shapes = shapes::of(&mut up.source, names).await?;
    let rights = up.inspection().rights(names).await.map_err(refused)?;
    let rows: Answer<_> = up.source.ask(&catalog::list()).await;
    let tables = rows.and_then(|rows| catalog::names(&rows)).map_err(refused)?;
    Ok(Known { shapes, rights, tables })
}

async fn both(
    direction: Direction,
    pairs: &[(&TablePair, Pair)],
    wanted: &[bool],
    source: &mut Up,
    target: &mut Up,
) -> Result<Vec<Finding>> {
    let names = |side: fn(&Pair) -> &TableName| -> Vec<TableName> {
        pairs.iter().map(|(_, pair)| side(pair).clone()).collect()
    };
    let (sources, targets) = (names(|pair| &pair.source), names(|pair| &pair.target));
    let (from, to) = tokio::join!(known(source, &sources), known(target, &targets));
    let (from, to) = (from?, to?);
    let mut seen: Vec<Seen> = Vec::new();
    for (at, (configured, pair)) in pairs.iter().enumerate() {
        let shape = |known: &Known| match known.shapes.get(at) {
            Some(Ok(shape)) => Ok(shape.clone()),
            Some(Err(error)) => Err(error.one_line()),
            None => Ok(None),
        };
        let rights = |known: &Known| known.rights.get(at).copied().flatten();
        let mut one = Seen {
            direction,
            section: configured.desktop.to_string(),
            pair: pair.clone(),
            source: pair::End::of(source, shape(&from), rights(&from)),
            target: pair::End::of(target, shape(&to), rights(&to)),
            plan: None,
            asked: Asked::default(),
            size: Looked::LeftOut,
            rows: Looked::LeftOut,
            keys: Looked::LeftOut,
        };
        one.plan = planned(&one, source, target);
        seen.push(one);
    }
    ask_of_all(&mut seen);
    look_at_rows(&mut seen, wanted, source, target).await;
    let told = seen.iter().zip(wanted).filter(|(_, on)| **on);
    Ok(told.flat_map(|(one, _)| pair::told(one, &from.tables, &to.tables)).collect())
}

/// The plan of a run, where both tables are there.
fn planned(seen: &Seen, source: &Up, target: &Up) -> Option<Result<TablePlan>> {
    let watermarks = match &target.own_tables {
        OwnTables::Ready(watermarks) => Some(watermarks),
        _ => None,
    };
    let facts = Facts {
        source: table(&seen.source.shape)?,
        target: table(&seen.target.shape)?,
        point: &source.source.point,
        reading: Reading::Incremental,
        watermark: watermarks.and_then(|known| known.get(&seen.pair.name)),
        rejected: &[],
        branch: target.source.session.branch(),
    };
    Some(plan::table(&seen.pair, facts))
}

fn table(shape: &std::result::Result<Option<Table>, String>) -> Option<&Table> {
    shape.as_ref().ok()?.as_ref()
}

fn ask_of_all(seen: &mut [Seen]) {
    let plans: Vec<&TablePlan> = seen.iter().filter_map(Seen::plan).collect();
    let asked: Vec<Asked> = seen
        .iter()
        .map(|one| match (one.plan(), table(&one.source.shape)) {
            (Some(plan), Some(source)) => questions::of(plan, source, &plans),
            _ => Asked::default(),
        })
        .collect();
    for (one, asked) in seen.iter_mut().zip(asked) {
        one.asked = asked;
    }
}

/// Both sides work at the same time, each through all of its tables.
async fn look_at_rows(seen: &mut [Seen], wanted: &[bool], source: &mut Up, target: &mut Up) {
    let (mut from, mut to) = (source.inspection(), target.inspection());
    for (one, _) in seen.iter_mut().zip(wanted).filter(|(_, on)| **on) {
        let readable = |end: &pair::End| end.rights.is_some_and(|it| it.select && !it.hidden);
        let Some(Ok(plan)) = &one.plan else { continue };
        let (may_source, may_target) = (readable(&one.source), readable(&one.target));
        let of_source = async {
            if !may_source {
                return (Looked::LeftOut, Looked::LeftOut);
            }
            let size = from.size(&plan.mapping.source).await;
            (size, from.source(&plan.mapping, &one.asked.questions).await)
        };
        let of_target =
            async { if may_target { to.target(&plan.mapping).await } else { Looked::LeftOut } };
        let ((size, mut rows), keys) = tokio::join!(of_source, of_target);
        if let (Looked::Found(rows), true) = (&mut rows, may_target) {
            to.spare_what_is_there(&one.asked.questions, rows).await;
        }
        (one.size, one.rows, one.keys) = (size, rows, keys);
    }
}

impl pair::End {
    fn of(
        up: &Up,
        shape: std::result::Result<Option<Table>, String>,
        rights: Option<Rights>,
    ) -> Self {
        let side: Side = up.source.side;
        Self { side, role: up.server.role.clone(), shape, rights }
    }
}
