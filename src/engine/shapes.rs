//! The shapes of a run's tables on both sides.
//!
//! A table that somebody holds keeps back its own pair only: the catalogs
//! cannot tell its size meanwhile.

use crate::db::catalog::{self, Table};
use crate::db::connection::Row;
use crate::db::failure::{Failure, Result as Answer};
use crate::db::sql::Sql;
use crate::engine::plan::Pair;
use crate::engine::read_point::Source;
use crate::engine::target::Target;
use crate::engine::trouble::failed;
use crate::error::{Error, Kind, Result};
use crate::ident::TableName;
use crate::metadata::migrations::Side;
use std::slice;

/// A table's shape; `None` if there is no such table.
pub type Shape = Result<Option<Table>>;

/// The shapes of a pair's tables, source and target; one that is not there is
/// an error of its pair alone.
pub type Tables = Result<(Table, Table)>;

/// A side that can be asked.
enum Asked<'a> {
    Source(&'a mut Source),
    Target(&'a mut Target),
}

/// `lock_not_available`
///
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const HELD: &str = "55P03";

/// Reads the shapes of all pairs' tables.
///
/// # Errors
/// When a side does not answer at all.
pub async fn read(source: &mut Source, target: &mut Target, pairs: &[Pair]) -> Result<Vec<Tables>> {
    both(Asked::Source(source), Asked::Target(target), pairs).await
}

/// The same where both sides are only read.
///
/// # Errors
/// When a side does not answer at all.
pub async fn read_only(
    source: &mut Source,
    target: &mut Source,
    pairs: &[Pair],
) -> Result<Vec<Tables>> {
    both(Asked::Source(source), Asked::Source(target), pairs).await
}

async fn both(mut source: Asked<'_>, mut target: Asked<'_>, pairs: &[Pair]) -> Result<Vec<Tables>> {
    let names = |side: fn(&Pair) -> &TableName| pairs.iter().map(side).cloned().collect();
    let (sources, targets): (Vec<_>, Vec<_>) =
        (names(|pair| &pair.source), names(|pair| &pair.target));
    let (of_source, of_target) = tokio::join!(source.shapes(&sources), target.shapes(&targets));
    let sides = (source.side(), target.side());
    let shapes = of_source?.into_iter().zip(of_target?).zip(pairs);
    Ok(shapes.map(|((source, target), pair)| tables(pair, source, target, sides)).collect())
}

fn tables(pair: &Pair, source: Shape, target: Shape, sides: (Side, Side)) -> Tables {
    let source = source?.ok_or_else(|| missing(pair, &pair.source, sides.0))?;
    let target = target?.ok_or_else(|| missing(pair, &pair.target, sides.1))?;
    Ok((source, target))
}

fn missing(pair: &Pair, table: &TableName, side: Side) -> Error {
    let message = format!("could not find table {table} on the {}", side.word());
    Error::new(Kind::Table, message)
        .hint(format!("correct its name or schema in [tables.{}], or make the table", pair.name))
}

/// Reads the shapes of one pair's tables, where both sides are only read.
///
/// # Errors
/// When a side does not answer, or has no such table.
pub async fn of_pair(source: &mut Source, target: &mut Source, pair: &Pair) -> Tables {
    let side = source.side;
    let tables = read_only(source, target, slice::from_ref(pair)).await?;
    tables.into_iter().next().unwrap_or_else(|| Err(missing(pair, &pair.source, side)))
}

/// Reads the shapes of tables of a side that is only read.
///
/// # Errors
/// When the side does not answer at all.
pub async fn of(source: &mut Source, tables: &[TableName]) -> Result<Vec<Shape>> {
    Asked::Source(source).shapes(tables).await
}

impl Asked<'_> {
    async fn shapes(&mut self, tables: &[TableName]) -> Result<Vec<Shape>> {
        match self.ask(&catalog::describe(tables)).await {
            Err(failure) if failure.sqlstate() == Some(HELD) => Ok(self.each(tables).await),
            rows => {
                let shapes = rows.and_then(|rows| catalog::tables(&rows, tables.len()));
                let shapes = shapes.map_err(|failure| not_read(self.side(), failure))?;
                Ok(shapes.into_iter().map(Ok).collect())
            }
        }
    }

    async fn each(&mut self, tables: &[TableName]) -> Vec<Shape> {
        let mut shapes = Vec::new();
        for table in tables {
            let rows = self.ask(&catalog::describe(slice::from_ref(table))).await;
            let shape = rows.and_then(|rows| catalog::tables(&rows, 1));
            let shape = shape.map(|mut shapes| shapes.pop().flatten());
            shapes.push(shape.map_err(|failure| failed("look at", self.side(), table, failure)));
        }
        shapes
    }

    async fn ask(&mut self, question: &Sql) -> Answer<Vec<Row>> {
        match self {
            Self::Source(source) => source.ask(question).await,
            Self::Target(target) => target.ask(question).await,
        }
    }

    fn side(&self) -> Side {
        match self {
            Self::Source(source) => source.side,
            Self::Target(target) => target.side,
        }
    }
}

fn not_read(side: Side, failure: Failure) -> Error {
    let message = format!("could not read the catalogs of the {}", side.word());
    Error::new(Kind::Start, message).because(failure)
}
