//! Which rows of a table are new since the last run.

use crate::ident::{Ident, literal};

/// Which rows are new since the last run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// Every row, as far as a comparison or a slice does not narrow it.
    Everything,
    /// Row versions written at or after the horizon, a 64-bit transaction id.
    SinceHorizon { horizon: u64, ids: Ids, echoes: Echoes },
    /// Rows whose stamp is at or after this instant, or missing.
    SinceInstant { column: Ident, instant: String },
}

/// How the transactions since a horizon are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// One by one, up to the first id of which the snapshot sees nothing.
    Named { below: u64 },
    /// By their age: where they are many, or the snapshot is not known.
    ByAge,
}

/// Whether the source records which row versions pgsync itself wrote there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echoes {
    /// `pgsync.own_writes` is there and readable.
    LeftOut,
    /// Nothing is recorded.
    Unknown,
}

pub(in crate::db::sql) fn changed_condition(changed: &Changed) -> Option<String> {
    match changed {
        Changed::Everything => None,
        Changed::SinceHorizon { horizon, ids, echoes: Echoes::Unknown } => {
            Some(written_since(*horizon, *ids))
        }
        Changed::SinceHorizon { horizon, ids, echoes: Echoes::LeftOut } => Some(format!(
            "({} and xmin not in \
             (select own.xid::xid from pgsync.own_writes as own \
             where own.xid >= '{horizon}' and {WRITTEN_HERE}))",
            written_since(*horizon, *ids)
        )),
        Changed::SinceInstant { column, instant } => {
            let (column, instant) = (column.sql(), literal(instant));
            Some(format!("({column} >= {instant}::timestamptz or {column} is null)"))
        }
    }
}

/// An own write counts where it was made, by this desktop: what other desktops
/// have brought to a cloud that several share is news to this one, and a
/// restored database remembers ids that its new server gives to somebody else.
pub const WRITTEN_HERE: &str = "own.server = (select pgsync.server()) \
     and own.desktop = coalesce(current_setting('pgsync.desktop', true), '')";

fn written_since(horizon: u64, ids: Ids) -> String {
    match ids {
        Ids::Named { below } => written_by(horizon, below),
        Ids::ByAge => written_at_age(horizon),
    }
}

/// Every row version that the snapshot sees carries an id under `below`, so
/// the ids from the horizon up to there are all that can have written it since.
/// Unlike `age`, an equality lets several processes share the scan, and a list
/// of constants is looked up by its hash.
///
/// A row keeps 32 bits of the id. One that was written whole epochs ago can
/// look like a new one; it is read once more, and applying it changes nothing.
///
/// Source: <https://www.postgresql.org/docs/current/parallel-safety.html>
fn written_by(horizon: u64, below: u64) -> String {
    let ids: Vec<String> = (horizon..below)
        .map(|id| id % (1 << 32))
        .filter(|id| *id >= FIRST_NORMAL_ID)
        .map(|id| id.to_string())
        .collect();
    if ids.is_empty() {
        return "false".to_owned();
    }
    format!("xmin = any ('{{{}}}'::xid[])", ids.join(","))
}

/// The ids below are PostgreSQL's own; no transaction gets one.
const FIRST_NORMAL_ID: u64 = 3;

/// `age` counts from the newest transaction, so the test is right across the
/// wrap-around of 32-bit ids; frozen rows keep their id, and the permanent ids
/// have the largest age. The horizon's own age is asked once, not per row.
///
/// Source: <https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT>
fn written_at_age(horizon: u64) -> String {
    format!("age(xmin) <= (select age('{horizon}'::xid8::xid))")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::sql::mapping::tests::ident;

    #[test]
    fn few_transactions_are_named_one_by_one() {
        let since = |horizon, below, echoes| {
            let ids = Ids::Named { below };
            changed_condition(&Changed::SinceHorizon { horizon, ids, echoes }).unwrap()
        };
        assert_eq!(since(743, 745, Echoes::Unknown), "xmin = any ('{743,744}'::xid[])");
        assert_eq!(
            since(743, 744, Echoes::LeftOut),
            "(xmin = any ('{743}'::xid[]) and xmin not in \
             (select own.xid::xid from pgsync.own_writes as own where own.xid >= '743' \
             and own.server = (select pgsync.server()) \
             and own.desktop = coalesce(current_setting('pgsync.desktop', true), '')))"
        );
        assert_eq!(since(743, 743, Echoes::Unknown), "false");
    }

    #[test]
    fn named_transactions_wrap_around_and_pass_over_the_special_ids() {
        let since = |horizon, below| {
            let ids = Ids::Named { below };
            let echoes = Echoes::Unknown;
            changed_condition(&Changed::SinceHorizon { horizon, ids, echoes }).unwrap()
        };
        let epoch = 1_u64 << 32;
        assert_eq!(
            since(5 * epoch - 2, 5 * epoch + 5),
            "xmin = any ('{4294967294,4294967295,3,4}'::xid[])"
        );
        assert_eq!(since(5 * epoch, 5 * epoch + 3), "false");
    }

    #[test]
    fn a_column_cursor_includes_its_own_instant_and_nulls() {
        let changed =
            Changed::SinceInstant { column: ident("at"), instant: "2026-01-01 00:00:00+00".into() };
        assert_eq!(
            changed_condition(&changed).unwrap(),
            "(\"at\" >= '2026-01-01 00:00:00+00'::timestamptz or \"at\" is null)"
        );
    }
}
