//! `initdb` takes a second, a copy of its work a tenth: one cluster a process, side and version.
//!
//! A cluster for each side, because the copies share a system identifier, and two databases that
//! are meant to be two must not look like one.
//! It must not know how a cluster is started.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use super::keeper::Keeper;
use super::settings;
use crate::programs::{Programs, Side};

/// Keepers stand in a static and are never dropped: they remove their folders when we are gone.
type Clusters = Mutex<Option<HashMap<Programs, Keeper>>>;

/// One lock a side, so that both sides can be made at the same time.
static CLOUD: Clusters = Mutex::new(None);
static DESKTOP: Clusters = Mutex::new(None);

/// The data folder to copy from.
pub fn of(side: Side, programs: &Programs) -> Result<PathBuf> {
    let clusters = match side {
        Side::Cloud => &CLOUD,
        Side::Desktop => &DESKTOP,
    };
    let mut clusters = clusters.lock().unwrap_or_else(PoisonError::into_inner);
    let clusters = clusters.get_or_insert_default();
    if let Some(keeper) = clusters.get(programs) {
        return Ok(keeper.data());
    }
    let mut keeper = Keeper::hire(programs)?;
    make(&mut keeper, side)?;
    Ok(clusters.entry(programs.clone()).or_insert(keeper).data())
}

/// A new cluster in the keeper's folder.
pub fn make(keeper: &mut Keeper, side: Side) -> Result<()> {
    keeper.init()?;
    settings::write(&keeper.data(), side)
}
