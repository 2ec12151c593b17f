//! The whole file: as written -> as valid.
//!
//! It is the table of contents of the format. Every mistake of the file is
//! noted on the way, and with any of them there is no configuration.

use super::connection::{branch, connection};
use super::log::log;
use super::notes::Notes;
use super::notify::notify;
use super::pairs::pairs;
use super::schedule::schedule;
use super::section::{Reading, Section};
use super::variables::{Environment, Variables};
use super::{Config, Limits, Retry, file};
use crate::error::Result;
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

const KEYS: [&str; 10] = [
    "desktop_time_zone",
    "desktop",
    "cloud",
    "limits",
    "retry",
    "log",
    "notify",
    "schedule",
    "defaults",
    "tables",
];

const LIMITS: Limits = Limits { chunk_rows: 200_000, max_rejects: 1_000, max_run_time: None };
const MOST_CHUNK_ROWS: u64 = 10_000_000;
const MOST_REJECTS: u64 = 1_000_000_000;

const RETRY: Retry =
    Retry { attempts: 5, first_pause: Duration::from_secs(1), max_total: Duration::from_secs(300) };
const MOST_ATTEMPTS: u64 = 1_000;

/// Makes a configuration of the bytes of a file.
pub(super) fn configuration(
    bytes: &[u8],
    path: &Path,
    environment: Environment<'_>,
) -> Result<Config> {
    let text = file::text(bytes, path)?;
    let tree = file::tree(text, path)?;
    let reading = Reading {
        path,
        text,
        variables: Variables::new(environment, path),
        notes: RefCell::new(Notes::default()),
    };
    let config = whole(&Section::root(&reading, &tree, &KEYS));
    let notes = reading.notes.into_inner();
    match config {
        Some(config) if !notes.is_bad() => Ok(Config { warnings: notes.into_warnings(), ..config }),
        _ => Err(notes.into_error(path)),
    }
}

/// Every part is read before the first missing one ends it.
fn whole(file: &Section<'_>) -> Option<Config> {
    let desktop_time_zone = time_zone(file);
    let (desktop, cloud) = (connection(file, "desktop"), connection(file, "cloud"));
    let branch = branch(file);
    let (limits, retry, pairs) = (limits(file), retry(file), pairs(file));
    Some(Config {
        path: file.reading.path.to_owned(),
        branch: branch?,
        desktop: desktop?,
        cloud: cloud?,
        desktop_time_zone: desktop_time_zone?,
        limits,
        retry,
        schedule: schedule(file),
        log: log(file),
        notify: notify(file),
        pairs,
        warnings: Vec::new(),
    })
}

fn limits(file: &Section<'_>) -> Limits {
    let Some(section) = file.section("limits", &["chunk_rows", "max_rejects", "max_run_time"])
    else {
        return LIMITS;
    };
    let limit = |key, range, default| section.integer(key, range).unwrap_or(default);
    Limits {
        chunk_rows: limit("chunk_rows", 1..=MOST_CHUNK_ROWS, LIMITS.chunk_rows),
        max_rejects: limit("max_rejects", 0..=MOST_REJECTS, LIMITS.max_rejects),
        max_run_time: section.duration("max_run_time").filter(|span| !span.is_zero()),
    }
}

fn retry(file: &Section<'_>) -> Retry {
    let Some(section) = file.section("retry", &["attempts", "first_pause", "max_total"]) else {
        return RETRY;
    };
    let span = |key, default| section.duration(key).unwrap_or(default);
    Retry {
        attempts: section.integer("attempts", 1..=MOST_ATTEMPTS).unwrap_or(RETRY.attempts),
        first_pause: span("first_pause", RETRY.first_pause),
        max_total: span("max_total", RETRY.max_total),
    }
}

/// A name of the time zone database; whether it is one, the server decides.
fn time_zone(file: &Section<'_>) -> Option<String> {
    let key = "desktop_time_zone";
    if !file.has(key) {
        file.mistake_at(
            0,
            "desktop_time_zone is missing; write for example desktop_time_zone = \
             \"Asia/Kolkata\" above the first section"
                .to_owned(),
        );
    }
    let zone = file.filled_text(key)?;
    if let Some(why) = why_no_zone(&zone.value) {
        file.mistake(key, &format!("is {}, which is {why}", zone.shown()));
    }
    Some(zone.value)
}

/// `IST` is India's time to an Indian and Israel's time to PostgreSQL, and
/// `UTC+5` means five hours *west* of Greenwich to it: only names that mean
/// one thing are taken.
///
/// Source: <https://www.postgresql.org/docs/current/datetime-posix-timezone-specs.html>
pub(super) fn why_no_zone(zone: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+-/".contains(c);
    let begins_with_letter = zone.starts_with(|first: char| first.is_ascii_alphabetic());
    if !begins_with_letter || !zone.chars().all(allowed) || zone.ends_with('/') {
        return Some("no time zone name like \"Asia/Kolkata\"");
    }
    let full_name = zone.contains('/') || zone.contains(|c: char| c.is_ascii_lowercase());
    let unmistakable = full_name || ["UTC", "GMT"].contains(&zone);
    (!unmistakable).then_some("an abbreviation; write the full name, like \"Asia/Kolkata\"")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{causes, error, read, with_tables};
    use super::*;

    const CONNECTIONS: &str = "[desktop]\nurl = \"${URL}\"\n[cloud]\nurl = \"${URL}\"\n";

    fn told(head: &str, tail: &str) -> Vec<String> {
        causes(&format!("{head}\n{CONNECTIONS}{tail}\n[tables]\na = {{}}"))
    }

    const ZONE: &str = "desktop_time_zone = \"UTC\"";

    #[test]
    fn names_of_zones_are_checked() {
        let zone = |name: &str| told(&format!("desktop_time_zone = \"{name}\""), "");
        for good in ["Asia/Kolkata", "UTC", "GMT", "Etc/GMT+5", "America/Port-au-Prince", "Japan"] {
            assert_eq!(zone(good), [""; 0], "{good}");
        }
        assert_eq!(
            zone("+05:30"),
            [
                "line 1: desktop_time_zone at the top level is \"+05:30\", which is no time zone name \
              like \"Asia/Kolkata\""
            ]
        );
        assert_eq!(
            zone("IST"),
            ["line 1: desktop_time_zone at the top level is \"IST\", which is an abbreviation; \
              write the full name, like \"Asia/Kolkata\""]
        );
        for bad in ["UTC+5", "Asia/Kolkata'", "a b", "/etc/passwd", "Asia/", "5", "EST5EDT"] {
            assert_eq!(zone(bad).len(), 1, "{bad}");
        }
        assert_eq!(
            told("", ""),
            ["desktop_time_zone is missing; write for example desktop_time_zone = \
              \"Asia/Kolkata\" above the first section"]
        );
    }

    #[test]
    fn limits_have_defaults_and_bounds() {
        let limits = |lines: &str| {
            let text = format!("{ZONE}\n{CONNECTIONS}{lines}\n[tables]\na = {{}}");
            let limits = read(&text).unwrap().limits;
            (limits.chunk_rows, limits.max_rejects, limits.max_run_time.map(|span| span.as_secs()))
        };
        assert_eq!(limits(""), (200_000, 1_000, None));
        assert_eq!(limits("[limits]\nchunk_rows = 1_000"), (1_000, 1_000, None));
        assert_eq!(limits("[limits]\nmax_rejects = 0"), (200_000, 0, None));
        assert_eq!(limits("[limits]\nmax_run_time = \"0\""), (200_000, 1_000, None));
        assert_eq!(limits("[limits]\nmax_run_time = \"50m\""), (200_000, 1_000, Some(3_000)));
        for bad in ["0", "10_000_001", "-1", "99999999999999999999999", "0x10", "\"x\""] {
            assert_eq!(
                told(ZONE, &format!("[limits]\nchunk_rows = {bad}")),
                ["line 7: chunk_rows in [limits] must be a whole number from 1 to 10000000"],
                "{bad}"
            );
        }
        assert_eq!(
            told(ZONE, "[limits]\nchunk_rows = 1.5"),
            ["line 7: chunk_rows in [limits] must be a whole number, not a decimal number"]
        );
    }

    #[test]
    fn retries_have_defaults_and_bounds() {
        let retry = |lines: &str| {
            let text = format!("{ZONE}\n{CONNECTIONS}{lines}\n[tables]\na = {{}}");
            let retry = read(&text).unwrap().retry;
            (retry.attempts, retry.first_pause.as_millis(), retry.max_total.as_secs())
        };
        assert_eq!(retry(""), (5, 1_000, 300));
        assert_eq!(retry("[retry]\nattempts = 1"), (1, 1_000, 300));
        let all = "[retry]\nattempts = 9\nfirst_pause = \"50ms\"\nmax_total = \"2h\"";
        assert_eq!(retry(all), (9, 50, 7_200));
        assert_eq!(
            told(ZONE, "[retry]\nattempts = 0\nmax_total = 5"),
            [
                "line 7: attempts in [retry] must be a whole number from 1 to 1000",
                "line 8: max_total in [retry] has no unit; write a number with its unit, like \
                 \"500ms\", \"10s\", \"15m\", \"2h\" or \"1d\""
            ]
        );
    }

    #[test]
    fn unknown_keys_are_refused_at_every_depth() {
        assert_eq!(
            told("desktop_timezone = \"UTC\"\ndesktop_time_zone = \"UTC\"", "[limit]"),
            [
                "line 1: unknown key \"desktop_timezone\" at the top level; did you mean \
              \"desktop_time_zone\"?",
                "line 7: unknown key \"limit\" at the top level; did you mean \"limits\"?"
            ]
        );
        assert_eq!(
            causes(&with_tables("[tables]\norgmaster = { key = \"a\",\n shema = \"x\" }")),
            ["line 8: unknown key \"shema\" in [tables.orgmaster]; did you mean \"schema\"?"]
        );
        assert_eq!(
            told(ZONE, "[defaults]\nbanana = 1"),
            ["line 7: unknown key \"banana\" in [defaults]; known are schema, desktop_schema, \
              cloud_schema, owned_by_cloud, scope, reverse and forward"]
        );
        assert_eq!(
            told(ZONE, "[defaults]\nreverse = { mod = \"off\", mode = \"off\" }"),
            ["line 7: unknown key \"mod\" in [defaults.reverse]; did you mean \"mode\"?"]
        );
        assert_eq!(
            told(ZONE, "[limits]\n\"postgres://u:hunter2@h\" = 1"),
            ["line 7: unknown key (not a word) in [limits]; known are chunk_rows, \
              max_rejects and max_run_time"]
        );
    }

    #[test]
    fn missing_variables_are_named_together() {
        let text = "desktop_time_zone = \"${ZONE}\"\n[desktop]\nurl = \"${A}\"\n\n[cloud]\n\
                    url = \"postgres://${B}@h/d\"\n[tables]\na = {}";
        let error = error(text);
        assert_eq!(
            error.causes(),
            [
                "the environment variable ZONE is not set (needed by desktop_time_zone, line 1)",
                "the environment variable A is not set (needed by [desktop] url, line 3)",
                "the environment variable B is not set (needed by [cloud] url, line 6)"
            ]
        );
        let file = Path::new("nowhere").join(".env");
        let expected =
            format!("set them, or write ZONE=... and A=... and B=... into {}", file.display());
        assert_eq!(error.advice(), Some(expected.as_str()));
    }

    #[test]
    fn values_of_variables_are_never_repeated() {
        assert_eq!(
            told("desktop_time_zone = \"${PASSWORD}!\"", ""),
            [
                "line 1: desktop_time_zone at the top level is the value of PASSWORD, which is no time \
              zone name like \"Asia/Kolkata\""
            ]
        );
        let long = "x".repeat(60);
        assert_eq!(
            causes(&with_tables(&format!(
                "[tables]\na = {{ cloud = \"{long}${{PASSWORD}}\",\nreverse = \"${{PASSWORD}}\" }}"
            ))),
            [
                "line 7: cloud in [tables.a]: the value of PASSWORD is no name",
                "line 8: reverse in [tables.a] is the value of PASSWORD, no mode of reverse; known are \
              insert-missing and off"
            ]
        );
    }

    #[test]
    fn sections_must_be_there_and_be_sections() {
        assert_eq!(
            causes("desktop_time_zone = \"UTC\"\ncloud = 5"),
            [
                "the section [desktop] with its url is missing",
                "the section [tables] with at least one table is missing",
                "line 2: cloud at the top level must be a table, not an integer"
            ]
        );
        assert_eq!(causes("").len(), 4);
    }
}
