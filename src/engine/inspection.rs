//! What can be known of a pair before a run. It only reads, it takes no lock,
//! and it stops where it would take too long.
//!
//! What is good or bad about the answers is not decided here.

use crate::db::connection::Row;
use crate::db::failure::{Failure, Result as Answer};
use crate::db::rights::{self, Rights};
use crate::db::sql::Sql;
use crate::db::sql::inspect::{self, Questions, Reference};
use crate::db::sql::mapping::Mapping;
use crate::engine::read_point::Source;
use crate::ident::{Ident, TableName};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// An answer, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked<T> {
    Found(T),
    /// It would have taken too long.
    LeftOut,
    Refused(Failure),
}

impl<T> Looked<T> {
    /// The answer, if there is one.
    pub fn found(&self) -> Option<&T> {
        if let Self::Found(found) = self { Some(found) } else { None }
    }
}

/// How much there is of a table, and how long the server looks through it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    pub rows: u64,
    pub bytes: u64,
    pub scan: Duration,
}

/// What the rows of a side say about the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keys {
    pub rows: u64,
    /// Rows without a whole key.
    pub keyless: u64,
    /// Keys that stand on several rows.
    pub shared: u64,
    /// Rows under such keys.
    pub sharing: u64,
}

/// What the source's rows say, in the order of the questions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRows {
    pub keys: Keys,
    /// The longest text, and rows that are too long.
    pub lengths: Vec<(u64, u64)>,
    pub nulls: Vec<u64>,
    pub orphans: Vec<Orphans>,
}

/// Values that point to nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orphans {
    /// The values, and how many rows have each.
    pub values: BTreeMap<String, u64>,
    /// Whether there may be more, of which nobody looked on the target.
    pub more: bool,
}

impl Orphans {
    /// How many rows have such a value.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.values.values().sum()
    }
}

/// What the rows say about columns that could be a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    pub rows: u64,
    /// Rows with the mark that was asked for.
    pub marked: u64,
    /// For each candidate: rows with a NULL in it, different values.
    pub counts: Vec<(u64, u64)>,
}

/// A side that is asked, for so long at most.
pub struct Inspection<'a> {
    pub side: &'a mut Source,
    pub until: Instant,
}

/// `query_canceled`, which is what a statement's time limit says.
const TOO_LONG: &str = "57014";

impl Inspection<'_> {
    /// What our role may do with tables.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn rights(&mut self, tables: &[TableName]) -> Answer<Vec<Option<Rights>>> {
        rights::read(&self.side.ask(&rights::ask(tables)).await?, tables.len())
    }

    /// How large a table is.
    pub async fn size(&mut self, table: &TableName) -> Looked<Size> {
        self.look(&inspect::size(table), size).await
    }

    /// What the source's rows say.
    pub async fn source(&mut self, mapping: &Mapping, asked: &Questions) -> Looked<SourceRows> {
        self.look(&inspect::source(mapping, asked), |rows| source_rows(rows, asked)).await
    }

    /// Takes from the values that point to nothing on the source those that the
    /// target has itself; asked of the target.
    pub async fn spare_what_is_there(&mut self, asked: &Questions, rows: &mut SourceRows) {
        let orphans = rows.orphans.iter_mut().zip(&asked.references);
        let (mut orphans, references): (Vec<_>, Vec<_>) =
            orphans.filter(|(orphans, _)| !orphans.values.is_empty()).unzip();
        if references.is_empty() {
            return;
        }
        let values = orphans.iter().map(|it| it.values.keys().map(String::as_str).collect());
        let questions: Vec<(&Reference, Vec<&str>)> = references.into_iter().zip(values).collect();
        let read = |rows: &[Row]| {
            rows.iter().map(|row| Ok((row.number(0)?, row.text(1)?.to_owned()))).collect()
        };
        let question = inspect::on_target(&questions);
        let Looked::Found(found): Looked<Vec<(usize, String)>> = self.look(&question, read).await
        else {
            return orphans
                .into_iter()
                .for_each(|one| *one = Orphans { more: true, ..Orphans::default() });
        };
        for (number, value) in found {
            if let Some(one) = orphans.get_mut(number) {
                one.values.remove(&value);
            }
        }
    }

    /// What the target's rows say about the key; nothing where it has none.
    pub async fn target(&mut self, mapping: &Mapping) -> Looked<Keys> {
        if !inspect::has_key_on_target(mapping) {
            return Looked::Found(Keys::default());
        }
        self.look(&inspect::target(mapping), target_keys).await
    }

    /// What the rows say about columns that could be a key.
    pub async fn candidates(
        &mut self,
        table: &TableName,
        columns: &[Vec<Ident>],
        mark: Option<&str>,
    ) -> Looked<Candidates> {
        let question = inspect::candidates(table, columns, mark);
        self.look(&question, |rows| candidates(rows, columns.len())).await
    }

    async fn look<T>(
        &mut self,
        question: &Sql,
        read: impl FnOnce(&[Row]) -> Answer<T>,
    ) -> Looked<T> {
        if Instant::now() >= self.until {
            return Looked::LeftOut;
        }
        match self.side.ask(question).await.and_then(|rows| read(&rows)) {
            Ok(found) => Looked::Found(found),
            Err(failure) if failure.sqlstate() == Some(TOO_LONG) => Looked::LeftOut,
            Err(failure) => Looked::Refused(failure),
        }
    }
}

/// The numbers of an answer, one after the other.
struct Numbers<'a> {
    row: &'a Row,
    at: usize,
}

impl<'a> Numbers<'a> {
    fn of(rows: &'a [Row]) -> Answer<Self> {
        let row = rows.first().ok_or_else(|| Failure::Unexpected("no answer".to_owned()))?;
        Ok(Self { row, at: 0 })
    }

    fn next(&mut self) -> Answer<u64> {
        self.at += 1;
        self.row.number(self.at - 1)
    }

    fn text(&mut self) -> Answer<&'a str> {
        self.at += 1;
        self.row.text(self.at - 1)
    }

    fn several(&mut self, count: usize) -> Answer<Vec<u64>> {
        (0..count).map(|_| self.next()).collect()
    }

    fn pairs(&mut self, count: usize) -> Answer<Vec<(u64, u64)>> {
        (0..count).map(|_| Ok((self.next()?, self.next()?))).collect()
    }
}

fn size(rows: &[Row]) -> Answer<Size> {
    let [before, size, after] = rows else {
        return Err(Failure::Unexpected("a size is three answers".to_owned()));
    };
    let seconds: f64 = after.number::<f64>(0)? - before.number::<f64>(0)?;
    Ok(Size {
        rows: size.number(0)?,
        bytes: size.number(1)?,
        scan: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
    })
}

fn target_keys(rows: &[Row]) -> Answer<Keys> {
    let mut numbers = Numbers::of(rows)?;
    let [rows, keyless, shared, sharing] =
        [numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?];
    Ok(Keys { rows, keyless, shared, sharing })
}

fn source_rows(rows: &[Row], asked: &Questions) -> Answer<SourceRows> {
    let mut numbers = Numbers::of(rows)?;
    let (rows, keyless) = (numbers.next()?, numbers.next()?);
    let lengths = numbers.pairs(asked.lengths.len())?;
    let nulls = numbers.several(asked.not_null.len())?;
    let (shared, sharing) = (numbers.next()?, numbers.next()?);
    let keys = Keys { rows, keyless, shared, sharing };
    let orphans = asked.references.iter().map(|_| orphans(&mut numbers)).collect::<Answer<_>>()?;
    Ok(SourceRows { keys, lengths, nulls, orphans })
}

fn orphans(numbers: &mut Numbers<'_>) -> Answer<Orphans> {
    let different = numbers.next()?;
    let values: BTreeMap<String, u64> = serde_json::from_str(numbers.text()?)
        .map_err(|error| Failure::Unexpected(format!("values have another shape: {error}")))?;
    Ok(Orphans { more: different > values.len() as u64, values })
}

/// NULLs stand with the rows, the different values behind them.
fn candidates(rows: &[Row], count: usize) -> Answer<Candidates> {
    let mut numbers = Numbers::of(rows)?;
    let (rows, marked) = (numbers.next()?, numbers.next()?);
    let (nulls, different) = (numbers.several(count)?, numbers.several(count)?);
    Ok(Candidates { rows, marked, counts: nulls.into_iter().zip(different).collect() })
}
