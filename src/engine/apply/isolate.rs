//! Finds the row that the target refuses, so that the error can name its key.
//!
//! The slice is read again, in text and with its keys in front, and put in in
//! small parts under savepoints; the part that fails is halved until one row
//! is left. Everything is undone in the end.

use crate::db::copy::{Rows, send};
use crate::db::failure::{Failure, Result as Answer};
use crate::db::sql::Sql;
use crate::db::sql::mapping::{Comparison, Existence, Mapping};
use crate::db::sql::select::{Selection, Slice, copy_named_rows};
use crate::db::sql::session::{release_savepoint, rollback_to_savepoint, savepoint};
use crate::db::sql::{merge, stage};
use crate::engine::apply::Job;
use crate::engine::target::Target;
use crate::engine::trouble::Trouble;
use crate::error::{Error, Kind};
use bytes::Bytes;

/// Rows that are tried at once.
const PART: usize = 512;

/// A row in text, and its key.
#[derive(Debug)]
struct Named {
    key: String,
    row: Bytes,
}

impl Job<'_> {
    /// Undoes the open checkpoint and, where one row is to blame, finds it.
    pub(super) async fn undo_and_name(&mut self, trouble: Trouble, slice: &Slice) -> Trouble {
        if let Err(failure) = self.target.undo().await {
            tracing::debug!("the rollback was refused: {failure}");
            return trouble;
        }
        if trouble.is_the_sources()
            && let Err(failure) = self.source.recover().await
        {
            tracing::debug!("the snapshot could not be taken up again: {failure}");
            return trouble;
        }
        if !trouble.blames_a_row() {
            return trouble;
        }
        let Trouble::Failed { failure, .. } = &trouble else { return trouble };
        match self.find_refused(slice).await {
            Ok(Some((key, failure))) => self.refused(&key, failure),
            Ok(None) => {
                tracing::debug!("no single row is refused: {failure}");
                trouble
            }
            Err(failure) => {
                tracing::debug!("the refused row could not be found: {failure}");
                trouble
            }
        }
    }

    fn refused(&self, key: &str, failure: Failure) -> Trouble {
        let (name, target) = (&self.plan.name, self.target.side.word());
        let (source, direction) = (self.source.side.word(), self.settings.direction.word());
        let column = self.refused_column(&failure);
        let place = column.map_or(String::new(), |column| format!(", column \"{column}\""));
        let message = format!("could not insert key {key} into {name} on the {target}{place}");
        Trouble::refused(Error::new(Kind::Table, message).because(failure).hint(format!(
            "correct that row on the {source} (or the table on the {target}), then run: \
             pgsync {direction} {name}"
        )))
    }

    /// The column by its own name: a value that does not fit is refused in
    /// staging already, where the columns of a merge are `c1`, `c2`, ...
    fn refused_column(&self, failure: &Failure) -> Option<String> {
        let Failure::Server(refusal) = failure else { return None };
        let name = refusal.column.as_deref()?;
        let in_staging =
            refusal.sqlstate.starts_with("22") && self.plan.mapping.comparison != Comparison::Keys;
        let number = name.strip_prefix('c').filter(|_| in_staging);
        let index = number.and_then(|number| number.parse::<usize>().ok()?.checked_sub(1));
        let column = index.and_then(|index| self.plan.mapping.columns.get(index));
        Some(column.map_or(name, |column| column.target.as_str()).to_owned())
    }

    /// Whatever comes of the search, nothing of it stays: the next pair's
    /// commit would keep the rows that were tried.
    async fn find_refused(&mut self, slice: &Slice) -> Answer<Option<(String, Failure)>> {
        self.target.begin(create_rows(&self.plan.mapping)).await?;
        let found = self.search(slice).await;
        self.target.undo().await?;
        if let Err(Failure::Server(_)) = &found {
            self.source.recover().await?;
        }
        found
    }

    async fn search(&mut self, slice: &Slice) -> Answer<Option<(String, Failure)>> {
        let mapping = &self.plan.mapping;
        let selection = Selection { changed: &self.plan.changed, slice, again: &self.plan.again };
        let mut rows =
            Rows::open(&mut self.source.session, &copy_named_rows(mapping, selection)).await?;
        let mut found = Ok(None);
        let mut part = Vec::with_capacity(PART);
        // Read to the end even when the answer is known: a stream that is
        // dropped half-way costs the session.
        while let Some(row) = rows.next().await? {
            if found != Ok(None) {
                continue;
            }
            part.extend(named(&row));
            if part.len() == PART {
                found = try_part(self.target, mapping, std::mem::take(&mut part)).await;
            }
        }
        if found == Ok(None) {
            found = try_part(self.target, mapping, part).await;
        }
        found
    }
}

/// Splits the key off a line of COPY's text format.
fn named(line: &Bytes) -> Option<Named> {
    let tab = line.iter().position(|&byte| byte == b'\t')?;
    let key = String::from_utf8_lossy(line.get(..tab)?).replace("\\\\", "\\");
    Some(Named { key, row: line.slice(tab + 1..) })
}

/// Puts a part in; where it is refused, halves it until one row is left.
async fn try_part(
    target: &mut Target,
    mapping: &Mapping,
    part: Vec<Named>,
) -> Answer<Option<(String, Failure)>> {
    let mut parts = vec![part];
    while let Some(mut part) = parts.pop() {
        let Err(failure) = put_in(target, mapping, &part).await else { continue };
        if !failure.blames_a_row() {
            return Err(failure);
        }
        if part.len() == 1 {
            return Ok(part.pop().map(|row| (row.key, failure)));
        }
        let second = part.split_off(part.len() / 2);
        parts.push(second);
        parts.push(part);
    }
    Ok(None)
}

async fn put_in(target: &mut Target, mapping: &Mapping, part: &[Named]) -> Answer<()> {
    if part.is_empty() {
        return Ok(());
    }
    target.session.execute(&savepoint()).await?;
    let outcome = insert(target, mapping, part).await;
    let ending = if outcome.is_ok() { release_savepoint() } else { rollback_to_savepoint() };
    target.session.execute(&ending).await?;
    outcome
}

fn create_rows(mapping: &Mapping) -> Sql {
    match mapping.comparison {
        Comparison::Keys => stage::create_rows(mapping),
        Comparison::RowsByKey | Comparison::Rows => merge::create_rows(mapping),
    }
}

async fn insert(target: &mut Target, mapping: &Mapping, part: &[Named]) -> Answer<()> {
    let rows: Vec<Bytes> = part.iter().map(|named| named.row.clone()).collect();
    let (into, apply) = match (mapping.comparison, mapping.existence) {
        (Comparison::Keys, Existence::InTable) => {
            (stage::into_rows(mapping), stage::insert_plainly(mapping))
        }
        (Comparison::Keys, Existence::InLedger) => {
            (stage::into_rows(mapping), stage::insert_missing(mapping))
        }
        (Comparison::RowsByKey | Comparison::Rows, _) => {
            (merge::into_rows_alone(mapping), merge::merge_plainly(mapping))
        }
    };
    send(&mut target.session, &into, &rows).await?;
    let settle = Sql::new("set constraints all immediate; truncate pg_temp.pgsync_rows");
    target.session.execute(&Sql::batch([apply, settle])).await
}
