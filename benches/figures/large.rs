//! The large table of all scenes that have one, on both sides.
//! It knows nothing of what is measured.

use crate::program::configuration;
use anyhow::{Result, ensure};
use pgsync_testkit::{Pair, firm::wide};

/// It alone, with its primary key, carried so: e.g. `forward = "upsert"`.
pub fn carried(how: &str) -> String {
    configuration(&format!("big = {{ key = \"id\", {how} }}"))
}

/// The same rows on both sides.
pub async fn equal(rows: u64) -> Result<Pair> {
    let pair = Pair::empty().await;
    let (cloud, desktop) = (pair.cloud.url(), pair.desktop.url());
    tokio::try_join!(wide::create(&cloud, rows, true), wide::create(&desktop, rows, true))?;
    leave_alone(&pair).await;
    Ok(pair)
}

/// Rows in the cloud, and an empty table on the desktop.
pub async fn in_the_cloud(rows: u64) -> Result<Pair> {
    let pair = Pair::empty().await;
    wide::create(&pair.cloud.url(), rows, true).await?;
    wide::create(&pair.desktop.url(), rows, false).await?;
    leave_alone(&pair).await;
    Ok(pair)
}

/// Keeps the servers from tidying up while somebody is being timed.
pub async fn leave_alone(pair: &Pair) {
    for db in [&pair.cloud, &pair.desktop] {
        db.run("alter table big set (autovacuum_enabled = false)").await;
    }
}

/// Makes sure that both sides have so many rows.
pub async fn same_count(pair: &Pair, rows: u64) -> Result<()> {
    for db in [&pair.cloud, &pair.desktop] {
        let standing = db.count("big").await;
        ensure!(u64::try_from(standing)? == rows, "{} has {standing} rows, not {rows}", db.name());
    }
    Ok(())
}
