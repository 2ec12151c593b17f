//! Stages rows in small parts where staging refuses some of them, so that one
//! value which does not fit its column keeps back its own row only.
//!
//! Knows staging, not what becomes of the rows in it.

use crate::db::copy::{Copy, Format, Into, Rows, send};
use crate::db::failure::{Failure, Result as Answer};
use crate::db::sql::Sql;
use crate::db::sql::loose;
use crate::db::sql::mapping::Comparison;
use crate::db::sql::refusal::{Refused, refuse_unstaged};
use crate::db::sql::select::Query;
use crate::db::sql::session::{release_savepoint, rollback_to_savepoint, savepoint};
use crate::engine::apply::{Job, Step};
use crate::engine::plan::TablePlan;
use crate::engine::target::Target;
use crate::engine::trouble::Trouble;
use crate::failpoint::{self, Point};
use bytes::Bytes;

/// `string_data_right_truncation`
///
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const TOO_LONG: &str = "22001";

/// Rows that are tried at once.
const PART: usize = 512;

/// What is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// In types without lengths: no text is too long.
    Keys,
    Rows,
}

/// Whether texts are expected to fit their columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Texts {
    #[default]
    Fit,
    SomeTooLong,
}

/// What came of staging.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Staged {
    pub rows: u64,
    /// Rows that are in `pgsync_refused` instead.
    pub refused: u64,
}

/// A row in COPY's text format, with its name and all of it as JSON.
///
/// It has to bring itself along, because its name is no way back to it:
///
/// 1. two rows share their key, or have none, and one of them is refused;
/// 2. the source, asked for the row of this name, has two answers;
/// 3. with the wrong one the reject speaks of a row that has arrived, and
///    nothing speaks of the one that has not.
#[derive(Debug)]
struct Told {
    name: String,
    json: String,
    row: Bytes,
}

impl Job<'_> {
    /// Streams rows into staging; those whose values its types refuse are put
    /// into `pgsync_refused`.
    ///
    /// The caller has marked the open transaction with a savepoint, in a
    /// message of its own, so that the usual case costs no round trip more.
    pub(super) async fn stage(
        &mut self,
        what: What,
        query: &Query,
        into: Into,
        format: Format,
    ) -> Step<Staged> {
        let copy = Copy { out: query.copy(format), into, format };
        if what == What::Keys || self.texts == Texts::Fit {
            match self.relay(&copy).await {
                Ok(rows) => return Ok(Staged { rows, refused: 0 }),
                Err(trouble) if trouble.blames_a_row() => {
                    tracing::debug!("staging with care, because {trouble:?}");
                    failpoint::at(Point::StageRefused);
                    self.tell_target(&rollback_to_savepoint()).await?;
                    self.notice_length(&trouble);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        if what == What::Rows
            && self.texts == Texts::SomeTooLong
            && let Some(staged) = self.stage_loosely(query, &copy.into).await?
        {
            return Ok(staged);
        }
        self.stage_in_parts(query, &copy.into).await
    }

    /// Remembers that a row was refused for its length: more of them will be,
    /// and each attempt that fails costs a pass over the source.
    pub(super) fn notice_length(&mut self, trouble: &Trouble) {
        if trouble.sqlstate() == Some(TOO_LONG) && !self.plan.lengths.is_empty() {
            self.texts = Texts::SomeTooLong;
        }
    }

    /// Stages everything with texts of any length, and then what fits. Nothing
    /// is staged where values are refused for other reasons too.
    async fn stage_loosely(&mut self, query: &Query, into: &Into) -> Step<Option<Staged>> {
        let (mapping, lengths) = (&self.plan.mapping, &self.plan.lengths);
        let opening = [savepoint(), loose::create(mapping, lengths)];
        self.tell_target(&Sql::batch(opening)).await?;
        let out = query.copy_loosely(mapping, lengths);
        let copy = Copy { out, into: loose::instead_of(into), format: Format::Text };
        let moved = match self.relay(&copy).await {
            Ok(_) => self.ask_target(&loose::settle(mapping, into, lengths)).await,
            Err(trouble) => Err(trouble),
        };
        match moved {
            Ok(row) => {
                let count = |index| row.number(index).map_err(Trouble::target("stage"));
                let staged = Staged { rows: count(0)?, refused: count(1)? };
                self.check_refusals(staged.refused)?;
                Ok(Some(staged))
            }
            Err(trouble) if trouble.blames_a_row() => {
                self.tell_target(&rollback_to_savepoint()).await?;
                Ok(None)
            }
            Err(trouble) => Err(trouble),
        }
    }

    async fn stage_in_parts(&mut self, query: &Query, into: &Into) -> Step<Staged> {
        let (plan, most) = (self.plan, self.settings.limits.max_rejects);
        let told = query.copy_told(&plan.mapping);
        let mut source =
            Rows::open(&mut self.source.session, &told).await.map_err(Trouble::source("read"))?;
        let mut parts = Parts { plan, target: self.target, into, most, staged: Staged::default() };
        let mut part = Vec::with_capacity(PART);
        let mut outcome = Ok(());
        // Read to the end even after a failure: a stream that is dropped
        // half-way costs the session.
        while let Some(line) = source.next().await.map_err(Trouble::source("read"))? {
            if outcome.is_err() {
                continue;
            }
            match self::told(&line) {
                Ok(row) => part.push(row),
                Err(failure) => outcome = Err(failure),
            }
            if part.len() == PART {
                outcome = parts.put(std::mem::take(&mut part)).await;
            }
        }
        if outcome.is_ok() {
            outcome = parts.put(part).await;
        }
        drop(source);
        outcome.map_err(Trouble::target("stage"))?;
        let staged = parts.staged;
        self.check_refusals(staged.refused)?;
        Ok(staged)
    }
}

/// Rows on their way into staging, part by part.
struct Parts<'a> {
    plan: &'a TablePlan,
    target: &'a mut Target,
    into: &'a Into,
    /// With more refused rows than this nobody looks further.
    most: u64,
    staged: Staged,
}

impl Parts<'_> {
    /// Puts a part in; where it is refused, halves it until one row is left,
    /// which goes into `pgsync_refused`.
    async fn put(&mut self, part: Vec<Told>) -> Answer<()> {
        let (mut parts, mut refused) = (vec![part], Vec::new());
        while let Some(mut part) = parts.pop() {
            if part.is_empty() || self.staged.refused > self.most {
                continue;
            }
            let Err(failure) = self.try_in(&part).await else {
                self.staged.rows += part.len() as u64;
                continue;
            };
            if !failure.blames_a_row() {
                return Err(failure);
            }
            if part.len() == 1 {
                self.staged.refused += 1;
                refused.extend(part.pop().map(|row| self.refused(row, &failure)));
                continue;
            }
            let second = part.split_off(part.len() / 2);
            parts.push(second);
            parts.push(part);
        }
        if refused.is_empty() {
            return Ok(());
        }
        self.target.session.execute(&refuse_unstaged(&refused)).await
    }

    async fn try_in(&mut self, part: &[Told]) -> Answer<()> {
        let session = &mut self.target.session;
        session.execute(&savepoint()).await?;
        let rows: Vec<Bytes> = part.iter().map(|told| told.row.clone()).collect();
        let outcome = send(session, self.into, &rows).await.map(drop);
        let ending = if outcome.is_ok() { release_savepoint() } else { rollback_to_savepoint() };
        session.execute(&ending).await?;
        outcome
    }

    fn refused(&self, told: Told, failure: &Failure) -> Refused {
        let column = self.refused_column(failure);
        let place = column.map_or(String::new(), |column| format!(" (column \"{column}\")"));
        Refused {
            key: told.name,
            sqlstate: failure.sqlstate().unwrap_or("22000").to_owned(),
            message: format!("{}{place}", failure.words()),
            row: told.json,
        }
    }

    /// The column by its own name: the columns of a merge are staged as `c1`,
    /// `c2`, ...
    fn refused_column(&self, failure: &Failure) -> Option<String> {
        let Failure::Server(refusal) = failure else { return None };
        let name = refusal.column.as_deref()?;
        let numbered = self.plan.mapping.comparison != Comparison::Keys;
        let number = name.strip_prefix('c').filter(|_| numbered);
        let index = number.and_then(|number| number.parse::<usize>().ok()?.checked_sub(1));
        let column = index.and_then(|index| self.plan.mapping.columns.get(index));
        Some(column.map_or(name, |column| column.target.as_str()).to_owned())
    }
}

/// Splits name and JSON off a line of COPY's text format. Neither holds a tab
/// or a line break: JSON spells them.
fn told(line: &Bytes) -> Answer<Told> {
    let mut fields = line.splitn(3, |&byte| byte == b'\t');
    let (Some(name), Some(json), Some(row)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(Failure::Unexpected("the source sent a row without its name".to_owned()));
    };
    let text = |field: &[u8]| String::from_utf8_lossy(field).replace("\\\\", "\\");
    Ok(Told { name: text(name), json: text(json), row: line.slice_ref(row) })
}
