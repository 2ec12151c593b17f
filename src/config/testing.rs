//! What the tests of these rooms share: a made-up environment, short files,
//! and damaged ones.

use super::{Config, TablePair, check};
use crate::error::{Error, Result};
use std::env::VarError;
use std::path::Path;

/// A harmless environment, with one password that must never be printed.
pub(super) fn environment(name: &str) -> Result<String, VarError> {
    match name {
        "URL" => Ok("postgres://me@localhost/d".to_owned()),
        "BAD_URL" => Ok("postgres://u:hunter2@h:0/d".to_owned()),
        "PASSWORD" => Ok("hunter2".to_owned()),
        "EMPTY" => Ok(String::new()),
        _ => Err(VarError::NotPresent),
    }
}

/// Reads a file that lies nowhere, so no `.env` lies beside it.
pub(super) fn read(text: &str) -> Result<Config> {
    check::configuration(text.as_bytes(), Path::new("nowhere/pgsync.toml"), &environment)
}

pub(super) fn error(text: &str) -> Error {
    read(text).expect_err("a mistake")
}

/// What is said about a file; nothing if it is right.
pub(super) fn causes(text: &str) -> Vec<String> {
    read(text).err().map(|error| error.causes()).unwrap_or_default()
}

/// Five right lines, and then these tables.
pub(super) fn with_tables(tables: &str) -> String {
    let url = "url = \"${URL}\"";
    format!("desktop_time_zone = \"UTC\"\n[desktop]\n{url}\n[cloud]\n{url}\n{tables}")
}

pub(super) fn pair(text: &str, name: &str) -> TablePair {
    let config = read(text).map_err(|error| error.causes()).expect("a right file");
    config.pair(name).expect("the pair").clone()
}

/// A right file around these lines, which begin in line 2.
pub(super) fn config(lines: &str) -> String {
    let section = |name: &str| {
        let missing = !lines.contains(&format!("[{name}]"));
        if missing { format!("[{name}]\nurl = \"${{URL}}\"\n") } else { String::new() }
    };
    let tables = if lines.contains("[tables") { "" } else { "[tables]\na = {}\n" };
    let (desktop, cloud) = (section("desktop"), section("cloud"));
    format!("desktop_time_zone = \"UTC\"\n{lines}\n{desktop}{cloud}{tables}")
}

/// A configuration with these lines in its section `[desktop]`.
pub(super) fn config_with(desktop: &str) -> Config {
    let text = config(&format!("[desktop]\n{desktop}"));
    read(&text).map_err(|error| error.causes()).expect("a right file")
}

/// The warnings about these lines in the section `[desktop]`.
pub(super) fn warnings(desktop: &str) -> Vec<String> {
    config_with(desktop).warnings
}

/// The text cut off, with a letter missing, and with a wrong one, at every place.
pub(super) fn mutations(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let mut mutations = Vec::new();
    for at in 0..bytes.len() {
        let (before, after) = (&bytes[..at], &bytes[at + 1..]);
        mutations.push(before.to_vec());
        mutations.push([before, after].concat());
        for wrong in [b"\"", b"=", b"[", b"{", b"\n", b"\0", b"\xe9", b"'", b"$", b"7"] {
            mutations.push([before, wrong, after].concat());
        }
    }
    mutations
}
