//! What is thrown at, and what must hold whatever is thrown: no panic, and no
//! password in what is said.
//!
//! Shared by libFuzzer (`fuzz_targets`) and by the tests of the workspace.

use clap::Parser as _;
use pgsync::cli::Cli;
use pgsync::commands::rejects::as_key;
use pgsync::config::{Config, SqlFragment, duration, probe};
use pgsync::ident::{Ident, array_literal, literal};
use std::env::VarError;
use std::sync::OnceLock;
use std::time::Duration;

/// A target and its name, which is also that of its corpus.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: [Target; 7] = [
    ("configuration", configuration),
    ("identifier", identifier),
    ("expression", expression),
    ("dotenv", dotenv),
    ("connection_string", connection_string),
    ("duration", a_duration),
    ("arguments", arguments),
];

/// Runs the target of this name.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    target.expect("a target of this name").1(input);
}

const SECRET: &str = "hunter2";

/// Where the input does not hold the secret itself, nothing that is said does.
fn keeps_the_secret(input: &[u8], said: &str) {
    let given = input.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
    assert!(given || !said.contains(SECRET), "the password is told: {said}");
}

fn environment(name: &str) -> Result<String, VarError> {
    match name {
        "URL" | "DESKTOP_DATABASE_URL" | "CLOUD_DATABASE_URL" => {
            Ok(format!("postgres://me:{SECRET}@localhost/d"))
        }
        "PASSWORD" => Ok(SECRET.to_owned()),
        "EMPTY" => Ok(String::new()),
        "BROKEN" => Err(VarError::NotUnicode("x".into())),
        _ => Err(VarError::NotPresent),
    }
}

fn configuration(input: &[u8]) {
    match probe::configuration(input, &environment) {
        Ok(config) => {
            keeps_the_secret(input, &format!("{:?}", config.desktop));
            keeps_the_secret(input, &config.warnings.join("\n"));
            for name in ["jobshead", "", "\u{0}", "public.t"] {
                let _ = (config.pair(name), config.nearest_pair(name));
            }
        }
        Err(error) => {
            keeps_the_secret(input, &error.one_line());
            keeps_the_secret(input, error.advice().unwrap_or_default());
        }
    }
}

fn identifier(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(name) = Ident::new(text.as_ref()) {
        let sql = name.sql();
        let inner = sql.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let inner = inner.expect("quotes around it");
        assert_eq!(inner.replace("\"\"", "\"").as_str(), name.as_str());
        assert!(!inner.replace("\"\"", "").contains('"'), "a quote stands alone: {sql}");
    }
    let sql = literal(&text);
    let inner = sql.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let inner = inner.expect("quotes around it");
    assert_eq!(inner.replace("''", "'"), text.replace('\0', ""));
    assert!(!inner.replace("''", "").contains('\''), "a quote stands alone: {sql}");
    let _ = array_literal([Some(text.as_ref()), None]);
}

fn expression(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match SqlFragment::parse(&text) {
        Ok(fragment) => assert_eq!(fragment.sql(), format!("({})", text.trim())),
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}

fn dotenv(input: &[u8]) {
    for file in [input.to_vec(), [b"PASSWORD=hunter2\nA='hunter2'\n", input].concat()] {
        if let Err(why) = probe::dotenv(&file) {
            keeps_the_secret(input, &why);
        }
    }
}

fn connection_string(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for url in [text.to_string(), format!("postgres://me:{SECRET}@{text}")] {
        match probe::connection_string(&url) {
            // A host, a database and a user may be shown.
            Ok(parts) => keeps_the_secret(input, &format!("{parts:?}")),
            Err(why) => keeps_the_secret(input, &why),
        }
    }
}

fn a_duration(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(span) = duration(&text) {
        assert!(span <= Duration::from_secs(101 * 366 * 86_400));
    }
}

/// A line is an argument: commands, tables, keys of rows, spans of time.
fn arguments(input: &[u8]) {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let shipped = include_str!("../config/pgsync.toml");
        let read = probe::configuration(shipped.as_bytes(), &environment);
        read.expect("the shipped configuration")
    });
    let text = String::from_utf8_lossy(input);
    let arguments: Vec<&str> = text.lines().collect();
    for name in &arguments {
        let _ = (config.pair(name), config.nearest_pair(name));
        let key: Vec<Option<String>> =
            serde_json::from_str(&as_key(name)).expect("a key in the shape of our tables");
        assert!(!key.is_empty() || *name == "[]");
    }
    let told = match Cli::try_parse_from(["pgsync"].iter().chain(&arguments)) {
        Ok(cli) => format!("{cli:?}"),
        Err(why) => why.to_string(),
    };
    assert!(!told.is_empty());
}
