//! The firm: its two schemas, and data with the row counts and the faults of the real one.
//!
//! Every row is made from fixed seeds, so two loads are equal to the last byte. Nothing is a real
//! person's. In it are: job numbers given out up to 24 times, jobs of clients that do not exist,
//! contractors 0, NULL and unknown, texts in three scripts with quotes, backslashes, tabs and line
//! breaks, stamps that thousands of rows share, and rows that only phones have made.
//! It must not know how tests use it.

mod day;
mod diary;
mod jobs;
mod lines;
mod masters;
mod prng;
mod reminders;
mod stamps;
mod tables;
mod tasks;
pub mod wide;
mod words;

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::programs::Side;
use tables::{TABLES, Table};

pub use jobs::SHARED_NUMBERS;

/// Tables that exist on both sides and have never held a row.
pub const EMPTY_TABLES: [&str; 3] = ["taskmaster", "jobmaster", "cliunimaster"];

const CLOUD: &str = include_str!("firm/cloud.sql");
const CLOUD_INDEXES: &str = include_str!("firm/cloud_indexes.sql");
const DESKTOP: &str = include_str!("firm/desktop.sql");
const BOOKKEEPING: &str = include_str!("firm/bookkeeping.sql");

/// The names of the tables that hold rows on some side, parents before children.
pub fn tables(side: Side) -> Vec<&'static str> {
    TABLES.iter().map(|table| table.name(side)).collect()
}

/// Makes the side's tables in an empty database.
pub async fn create_schema(side: Side, connection: &mut PgConnection) -> Result<()> {
    create_tables(side, connection).await?;
    create_indexes(side, connection).await
}

/// Loads the side's rows into its empty tables. The session's zone does not matter.
pub async fn load(side: Side, connection: &mut PgConnection) -> Result<()> {
    // The rows are right (a test looks), so the foreign keys need not be checked at every load.
    set_role("replica", connection).await?;
    for table in &TABLES {
        let loaded = load_table(table, side, connection).await;
        loaded.with_context(|| format!("could not load {}", table.name(side)))?;
    }
    if side == Side::Cloud {
        sqlx::raw_sql(BOOKKEEPING).execute(&mut *connection).await?;
    }
    set_role("origin", connection).await
}

/// Schema and rows, quicker than one after the other: the indexes come last.
pub async fn create_and_load(side: Side, connection: &mut PgConnection) -> Result<()> {
    create_tables(side, connection).await?;
    load(side, connection).await?;
    create_indexes(side, connection).await
}

async fn create_tables(side: Side, connection: &mut PgConnection) -> Result<()> {
    let schema = match side {
        Side::Cloud => CLOUD,
        Side::Desktop => DESKTOP,
    };
    let made = sqlx::raw_sql(schema).execute(connection).await;
    made.with_context(|| format!("could not make the {} tables", side.name()))?;
    Ok(())
}

/// The desktop has none.
async fn create_indexes(side: Side, connection: &mut PgConnection) -> Result<()> {
    if side == Side::Cloud {
        sqlx::raw_sql(CLOUD_INDEXES).execute(connection).await?;
    }
    Ok(())
}

async fn set_role(role: &str, connection: &mut PgConnection) -> Result<()> {
    let statement = format!("set session_replication_role = {role}");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

async fn load_table(table: &Table, side: Side, connection: &mut PgConnection) -> Result<()> {
    let lines = table.lines(side);
    let rows = lines.rows().unsigned_abs();
    let (name, columns) = (table.name(side), table.columns(side).join(", "));
    let mut copy = connection.copy_in_raw(&format!("copy {name} ({columns}) from stdin")).await?;
    copy.send(lines.into_text().into_bytes()).await?;
    let arrived = copy.finish().await?;
    ensure!(arrived == rows, "{arrived} rows arrived of {rows}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rows_are_made_every_time() {
        for table in &TABLES {
            for side in [Side::Cloud, Side::Desktop] {
                assert!(table.lines(side).into_text() == table.lines(side).into_text());
            }
        }
    }

    #[test]
    fn both_sides_list_as_many_tables() {
        assert_eq!(tables(Side::Cloud).len(), tables(Side::Desktop).len());
        assert!(tables(Side::Desktop).contains(&"mbreminder"));
    }
}
