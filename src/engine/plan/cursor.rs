//! How a run finds the rows that are new since the last one.
//!
//! The horizon is trusted only when nothing speaks against it; else the pair
//! is reconciled, and [`How`] says why. Pure.

use crate::config::CursorChoice;
use crate::db::sql::changed::{Changed, Echoes, Ids};
use crate::ident::Ident;
use crate::metadata::watermark::{Horizon, Watermark};
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt;
use std::time::Duration;

/// How a pair is read, in words for the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// There was no watermark of ours.
    FirstRun,
    /// By the change cursor.
    Incremental,
    /// By the stamps of a column, from this instant on.
    Since { column: String, instant: String, why: Why },
    /// In full.
    Reconcile(Why),
}

/// Why a pair is not read by its horizon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    AskedFor,
    Configured,
    /// By `init-metadata --reset`.
    Reset,
    /// `last_sync_timestamp` is not what pgsync wrote.
    SetByHand,
    /// A part of the source's identity, in words.
    SourceChanged(String),
    CounterBehind,
    TooOld,
    MappingChanged,
    ClockBehind,
    /// The target may take two keys of the source for one.
    KeysMayMeet,
    /// The source has no usable `xmin`.
    NoTransactionIds,
    /// ... and no column to go by either.
    NoCursor,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstRun => f.write_str("first run"),
            Self::Incremental => f.write_str("incremental"),
            Self::Since { column, instant, why } => {
                write!(f, "{column} since {instant}: {why}")
            }
            Self::Reconcile(why) => write!(f, "reconcile: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AskedFor => "asked for",
            Self::Configured => "configured",
            Self::Reset => "reset",
            Self::SetByHand => "the watermark was set by hand",
            Self::SourceChanged(part) if part == RECOVERY => {
                "the source has recovered from a crash"
            }
            Self::SourceChanged(part) => return write!(f, "another {part} than last time"),
            Self::CounterBehind => "the source's transaction counter went back",
            Self::TooOld => "the last run is too many transactions ago",
            Self::MappingChanged => "columns, key or filter changed",
            Self::ClockBehind => "the source's clock went back",
            Self::KeysMayMeet => "the sides' types of the key differ",
            Self::NoTransactionIds => "the source has no transaction ids",
            Self::NoCursor => "the source has no transaction ids and no updated_at",
        })
    }
}

/// Everything the choice depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    pub reading: Reading,
    pub choice: &'a CursorChoice,
    pub lookback: Duration,
    /// The column to go by where transaction ids are of no use.
    pub column: Option<&'a Ident>,
    pub transaction_ids: TransactionIds,
    pub meeting: Meeting,
    pub echoes: Echoes,
    /// As it stands on the target.
    pub watermark: Option<&'a Watermark>,
    /// What this run would write.
    pub now: &'a Horizon,
    /// The id that the source's next transaction gets.
    pub next_xid: u64,
    /// Size of the source in pages.
    pub pages: u64,
}

/// What the caller asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// What is new.
    Incremental,
    /// Both sides in full.
    Full,
}

/// Whether every row of the source carries the id of its writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionIds {
    Usable,
    Missing,
}

/// Whether keys that differ on the source may be equal to the target.
///
/// 1. The source has the texts 7 and 07, the target's key is a number.
/// 2. Only 07 has changed, so only 07 is read, and nobody sees the other.
/// 3. It would be taken for the one row 7, and overwrite it without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    Possible,
    Impossible,
}

/// Past this many transactions a 32-bit id could mean two of them.
const TOO_OLD: u64 = 1 << 30;

/// The column that many tables keep their last change in.
pub const USUAL_COLUMN: &str = "updated_at";

/// Chooses which rows are read, and says how.
#[must_use]
pub fn choose(situation: &Situation<'_>) -> (Changed, How) {
    if situation.reading == Reading::Full {
        return reconcile(Why::AskedFor);
    }
    if *situation.choice == CursorChoice::Reconcile {
        return reconcile(Why::Configured);
    }
    if situation.meeting == Meeting::Possible {
        return reconcile(Why::KeysMayMeet);
    }
    // A time that pgsync never wrote comes from an earlier tool, which set
    // `NOW()` and lost rows: it is no reason to leave anything out.
    let Some((watermark, before)) = situation.watermark.and_then(with_horizon) else {
        return first_run(situation.watermark);
    };
    if watermark.timestamp != before.timestamp {
        return since_hand_set_time(situation, watermark);
    }
    let changed = changed_part(&before.identity, &situation.now.identity);
    let from = match (changed, oldest_that_comes_again(&before.identity)) {
        (None, _) => before.xid,
        (Some(part), Some(oldest)) if part == RECOVERY => before.xid.min(oldest),
        (Some(part), _) => return reconcile(Why::SourceChanged(part)),
    };
    if before.mapping != situation.now.mapping {
        return reconcile(Why::MappingChanged);
    }
    match (situation.choice, situation.transaction_ids) {
        (CursorChoice::Auto, TransactionIds::Usable) => since_horizon(situation, from),
        _ => since_watermark(situation, watermark),
    }
}

fn first_run(watermark: Option<&Watermark>) -> (Changed, How) {
    match watermark {
        Some(watermark) if watermark.was_reset => reconcile(Why::Reset),
        _ => (Changed::Everything, How::FirstRun),
    }
}

fn reconcile(why: Why) -> (Changed, How) {
    (Changed::Everything, How::Reconcile(why))
}

fn with_horizon(watermark: &Watermark) -> Option<(&Watermark, &Horizon)> {
    watermark.horizon.as_ref().map(|horizon| (watermark, horizon))
}

fn since_horizon(situation: &Situation<'_>, horizon: u64) -> (Changed, How) {
    if situation.next_xid < horizon {
        return reconcile(Why::CounterBehind);
    }
    if situation.next_xid - horizon > TOO_OLD {
        return reconcile(Why::TooOld);
    }
    let ids = ids(situation.next_xid - horizon, situation);
    let changed = Changed::SinceHorizon { horizon, ids, echoes: situation.echoes };
    (changed, How::Incremental)
}

/// Named ids save time with every page that is scanned, and cost some ten bytes
/// each whenever they are sent. At 20 Mbit/s that is even at about one id to
/// ten pages; what fits into a packet costs nothing, and 45 kB are enough.
fn ids(count: u64, situation: &Situation<'_>) -> Ids {
    const PAGES_PER_ID: u64 = 16;
    const FEW: u64 = 64;
    const MANY: u64 = 4_096;
    if count <= (situation.pages / PAGES_PER_ID).clamp(FEW, MANY) {
        Ids::Named { below: situation.next_xid }
    } else {
        Ids::ByAge
    }
}

fn since_hand_set_time(situation: &Situation<'_>, watermark: &Watermark) -> (Changed, How) {
    match situation.column {
        Some(column) if !watermark.is_epoch => since(column, &watermark.timestamp, Why::SetByHand),
        _ => reconcile(Why::SetByHand),
    }
}

fn since_watermark(situation: &Situation<'_>, watermark: &Watermark) -> (Changed, How) {
    let Some(column) = situation.column else {
        return reconcile(Why::NoCursor);
    };
    let Some(from) = earlier(&watermark.timestamp, situation.lookback) else {
        return reconcile(Why::NoCursor);
    };
    // Both texts have the same fixed form, so they compare like their times.
    if situation.now.timestamp < watermark.timestamp {
        return reconcile(Why::ClockBehind);
    }
    let why = match situation.transaction_ids {
        TransactionIds::Usable => Why::Configured,
        TransactionIds::Missing => Why::NoTransactionIds,
    };
    since(column, &from, why)
}

fn since(column: &Ident, instant: &str, why: Why) -> (Changed, How) {
    let changed = Changed::SinceInstant { column: column.clone(), instant: instant.to_owned() };
    let how = How::Since { column: column.to_string(), instant: instant.to_owned(), why };
    (changed, how)
}

/// The instant `lookback` before a watermark's text.
fn earlier(timestamp: &str, lookback: Duration) -> Option<String> {
    let instant = DateTime::parse_from_str(timestamp, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?;
    let earlier =
        instant.with_timezone(&Utc).checked_sub_signed(TimeDelta::from_std(lookback).ok()?)?;
    Some(earlier.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string())
}

/// The first part in which two identities differ, in words.
///
/// An identity is `system 7;timeline 1;database 5;recovery 2026,730;relation 16400`.
fn changed_part(before: &str, now: &str) -> Option<String> {
    if parts(before).eq(parts(now)) {
        return None;
    }
    let differing = parts(before).zip(parts(now)).find(|(before, now)| before != now);
    let word = differing.and_then(|(_, now)| now.split(' ').next()).unwrap_or("set of partitions");
    Some(word.to_owned())
}

fn parts(identity: &str) -> impl Iterator<Item = &str> {
    identity.split(';').map(without_checkpoint)
}

/// The last checkpoint is another one every few minutes.
fn without_checkpoint(part: &str) -> &str {
    if part.starts_with(RECOVERY) { part.split(',').next().unwrap_or(part) } else { part }
}

/// The part that says when the source last recovered from a crash.
const RECOVERY: &str = "recovery";

/// The oldest id that a crash after that run can have given out again.
fn oldest_that_comes_again(identity: &str) -> Option<u64> {
    let part = identity.split(';').find(|part| part.starts_with(RECOVERY))?;
    part.split(',').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests;
