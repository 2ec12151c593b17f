//! The account that a server runs under: PostgreSQL refuses to run as root.
//! It must not know what is run.

use std::process::Command;
use std::sync::OnceLock;

#[cfg(unix)]
use anyhow::{Context, Result};

/// A user of this machine.
#[cfg(unix)]
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub user: u32,
    pub group: u32,
}

pub fn runs_as_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| cfg!(unix) && id(&["-u"]) == Some(0))
}

/// Whom to become; none when we may stay who we are.
#[cfg(unix)]
pub fn to_become() -> Result<Option<Account>> {
    if !runs_as_root() {
        return Ok(None);
    }
    let found = ["postgres", "nobody"].into_iter().find_map(named);
    found
        .map(Some)
        .context("could not find the user postgres or nobody, as whom a server could run")
}

#[cfg(unix)]
fn named(name: &str) -> Option<Account> {
    Some(Account { user: id(&["-u", name])?, group: id(&["-g", name])? })
}

/// Asks `id`, because the standard library cannot.
fn id(arguments: &[&str]) -> Option<u32> {
    let told = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(told.stdout).ok()?.trim().parse().ok()
}
