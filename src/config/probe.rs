//! The parsers of these rooms, opened for those who throw damaged input at
//! them (`fuzz/`). The program itself does not use this file.

use super::variables::Environment;
use super::{Config, check, url, variables};
use crate::error::Result;
use std::path::Path;

/// Reads the bytes of a configuration that lies nowhere.
///
/// # Errors
/// With every mistake that they hold.
pub fn configuration(bytes: &[u8], environment: Environment<'_>) -> Result<Config> {
    check::configuration(bytes, Path::new("nowhere/pgsync.toml"), environment)
}

/// Reads the bytes of a `.env`; how many variables it has.
///
/// # Errors
/// Why it cannot be read.
pub fn dotenv(bytes: &[u8]) -> Result<usize, String> {
    variables::count(bytes)
}

/// Takes a connection string apart; host, port, database and user.
///
/// # Errors
/// Why it is none.
pub fn connection_string(text: &str) -> Result<[Option<String>; 4], String> {
    let parts = url::parse(text).map_err(|why| why.to_string())?;
    let port = parts.port.map(|port| port.to_string());
    Ok([parts.host, port, parts.database, parts.user])
}
