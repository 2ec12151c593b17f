//! The rooms of the house: who may know whom, and how large one may be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A room, and the rooms that it may name.
const MAY_KNOW: [(&str, &[&str]); 11] = [
    ("cli", &["config"]),
    (
        "commands",
        &[
            "cli",
            "config",
            "engine",
            "metadata",
            "db",
            "report",
            "logging",
            "schedule",
            "error",
            "ident",
            "branch",
            "failpoint",
        ],
    ),
    (
        "report",
        &["cli", "config", "engine", "metadata", "logging", "schedule", "error", "ident", "fault"],
    ),
    ("schedule", &["config"]),
    ("engine", &["metadata", "db", "config", "ident", "error", "branch", "failpoint"]),
    ("metadata", &["db", "ident", "error", "branch"]),
    ("db", &["ident", "error", "branch", "failpoint"]),
    ("config", &["ident", "error", "branch"]),
    ("logging", &["error"]),
    ("ident", &[]),
    ("error", &[]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    files
        .into_iter()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"))
        .chain(below)
        .collect()
}

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room that a file belongs to: its folder, or its own name.
fn room(file: &Path) -> String {
    let inside = file.strip_prefix(house()).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms that a file names.
fn named(text: &str) -> BTreeSet<String> {
    let word = |rest: &str| {
        rest.split(|letter: char| !letter.is_ascii_lowercase()).next().map(str::to_owned)
    };
    text.split("crate::").skip(1).filter_map(word).collect()
}

#[test]
fn every_room_knows_only_those_below_it() {
    let files = sources(&house());
    assert!(files.len() > 100, "only {} files were found", files.len());
    for file in files {
        let room = room(&file);
        let Some((_, may_know)) = MAY_KNOW.iter().find(|(name, _)| *name == room) else { continue };
        for other in named(&std::fs::read_to_string(&file).unwrap()) {
            let allowed = other == room || may_know.contains(&other.as_str());
            assert!(allowed, "{} must not know the room {other}", file.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in sources(&house()) {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} does not say what it is for", file.display());
    }
}

/// Printing, unchecked SQL and the end of the process have one door each.
#[test]
fn every_danger_has_one_door() {
    let doors = [
        ("AssertSqlSafe", "db"),
        ("stdout()", "report"),
        ("process::exit", "main"),
        ("copy_in_raw", "db"),
    ];
    for file in sources(&house()) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (danger, door) in doors {
            let stays = room(&file) == door || !text.contains(danger);
            assert!(stays, "{} holds {danger}, whose door is {door}", file.display());
        }
    }
}
