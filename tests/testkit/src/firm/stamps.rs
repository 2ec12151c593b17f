//! `source`, `created_at` and `updated_at` of a table's rows, as years of use and one tool before
//! us left them. It must not know what else a row holds.
//!
//! - On the desktop the columns were added late, with `default now()`: every row of a table has the
//!   same microsecond, in the wall clock of Asia/Kolkata.
//! - In the cloud, master tables were updated at a stroke: one stamp with microseconds for all.
//! - In the cloud, other tables were stamped row by row by a client's clock: milliseconds, about
//!   160 rows to each.
//! - Rows made by phones carry the phone's microseconds and `source = 'M'`.

use super::lines::{Column, Lines, On};
use crate::programs::Side;

/// The columns that end every table on both sides.
pub const COLUMNS: [Column; 3] =
    [("source", On::Both), ("created_at", On::Both), ("updated_at", On::Both)];

/// How the rows of a table came into the cloud.
#[derive(Clone, Copy)]
pub enum Sent {
    /// As a master table, last updated at this time after 04:30, in seconds.
    AtOnce(&'static str),
    /// Row by row, beginning so many seconds after 04:30.
    RowByRow(i64),
}

/// The stamps of one table.
pub struct Stamps {
    side: Side,
    /// The table's place in the order in which the desktop's columns were added.
    place: i64,
    sent: Sent,
}

impl Stamps {
    pub fn new(side: Side, place: i64, sent: Sent) -> Stamps {
        Stamps { side, place, sent }
    }

    /// Ends the row with this number.
    pub fn end(&self, lines: &mut Lines, row: i64) {
        match (self.side, self.sent) {
            (Side::Desktop, _) => {
                let (minute, micros) = (10 + self.place, 104_729 * (self.place + 1) % 1_000_000);
                let added = format!("2025-10-30 18:{minute}:07.{micros:06}");
                lines.null().put(&added).put(&added).end();
            }
            (Side::Cloud, Sent::AtOnce(seconds)) => {
                let updated = format_args!("2025-10-31 04:30:{seconds}+00");
                lines.null().put("2025-10-30 12:40:07.104+00").put(updated).end();
            }
            (Side::Cloud, Sent::RowByRow(second)) => {
                let sent = format!("2025-10-31 04:30:{second:02}.{:03}+00", row / 160);
                lines.put("D").put(&sent).put(&sent).end();
            }
        }
    }
}

/// Ends a row that somebody made in the cloud itself.
pub fn end_in_cloud(lines: &mut Lines, source: &str, stamp: &str) {
    lines.put(source).put(stamp).put(stamp).end();
}
