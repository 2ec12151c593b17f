//! docs/configuration.md: made from the tables of its rooms below, and held to
//! the parser, which is asked through its own messages.
//!
//! After a change there: `INSTA_UPDATE=always cargo test --lib reference`

mod keys;
mod tables;

use super::{Config, check};
use crate::error::Result;
use keys::{Default, Key, PARTS, Part};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

const PAGE: &str = "docs/configuration.md";
const SECTION_WITHOUT_NAME: &str = "at the top level";

const HEAD: &str = "\
# Configuration

Made from the tables in `src/config/reference/`; a test holds it to the parser. A commented file
with the tables of a whole firm is [`config/pgsync.toml`](../config/pgsync.toml). `pgsync init` writes
one for your databases, and `pgsync check` looks whether one fits them.

- The file is [TOML](https://toml.io), in UTF-8. It is the one that `--config` names, else the variable
  `PGSYNC_CONFIG`, else `config/pgsync.toml` or `pgsync.toml` in the current folder, else the same
  beside the program. Unknown keys are refused, with the word that was probably meant.
- `${NAME}` in any text is replaced by the environment variable `NAME`, else by the line `NAME=...` of
  the file `.env` beside the configuration. `$${` means the two characters `${`.
- A *span of time* is written `\"500ms\"`, `\"10s\"`, `\"15m\"`, `\"2h\"` or `\"1d\"`.
- *SQL* is one expression; its names are the columns of the row. A `;`, a comment, or a parenthesis too
  many is refused. Write Windows paths in single quotes: `'C:\\pgsync\\ca.crt'`.
";

/// The whole page.
fn page() -> String {
    let mut page = HEAD.to_owned();
    for part in PARTS {
        write_part(&mut page, part).unwrap();
    }
    page
}

fn write_part(page: &mut String, part: &Part) -> std::fmt::Result {
    writeln!(page, "\n## {}\n\n{}\n", part.title, part.about)?;
    writeln!(page, "| key | value | default | meaning |\n| --- | --- | --- | --- |")?;
    for key in part.keys {
        let default = match key.default {
            Default::Written(value) => format!("`{value}`"),
            Default::Words(words) => words.to_owned(),
            Default::Needed => "(must be given)".to_owned(),
        };
        writeln!(page, "| `{}` | {} | {default} | {} |", key.name, key.kind, key.meaning)?;
    }
    writeln!(page, "\nAn example of each:\n\n```toml")?;
    if !part.header.is_empty() {
        writeln!(page, "{}", part.header)?;
    }
    let examples = part.keys.iter().map(|key| key.example).filter(|example| !example.is_empty());
    for example in examples {
        writeln!(page, "{example}")?;
    }
    writeln!(page, "```")
}

/// Reads a whole file around one line of a part.
fn read(part: &Part, line: &str) -> Result<Config> {
    let text = file_around(part, line).replace("certs/prod-ca-2021.crt", "system");
    let variable = |name: &str| {
        Ok(if name.ends_with("URL") { "postgres://me@localhost/firm" } else { "7" }.to_owned())
    };
    check::configuration(text.as_bytes(), Path::new("nowhere/pgsync.toml"), &variable)
}

fn file_around(part: &Part, line: &str) -> String {
    let name = |line: &str| line.split('=').next().unwrap().trim().to_owned();
    let zone = if part.header.is_empty() { "" } else { ZONE };
    let beside = part.beside.iter().filter(|usual| name(usual) != name(line)).copied();
    let mut lines: Vec<&str> =
        [zone, part.header].into_iter().chain(beside).chain([line]).collect();
    let sides = [("[desktop]", DESKTOP), ("[cloud]", CLOUD)];
    lines.extend(sides.iter().filter(|(header, _)| part.header != *header).map(|(_, side)| side));
    if !part.header.starts_with("[tables") {
        lines.push("[tables]\njobshead = {}");
    }
    lines.join("\n") + "\n"
}

const ZONE: &str = "desktop_time_zone = \"UTC\"";
const DESKTOP: &str = "[desktop]\nurl = \"postgres://me@localhost/firm\"";
const CLOUD: &str = "[cloud]\nurl = \"postgres://me@localhost/firm\"";

/// The keys that the parser knows there: it lists them when it meets another.
fn known_to_the_parser(part: &Part) -> BTreeSet<String> {
    let told = read(part, "qqqqqqqqqqqqqqqqqqqqqqqqqqqq = 1").unwrap_err().causes().join("\n");
    let (place, known) = told
        .split_once("unknown key \"qqqqqqqqqqqqqqqqqqqqqqqqqqqq\" ")
        .and_then(|(_, rest)| rest.split_once("; known are "))
        .unwrap_or_else(|| panic!("{told}"));
    let innermost = part.header.lines().last().unwrap_or(SECTION_WITHOUT_NAME);
    assert!(place.contains(innermost), "{told}");
    let known = known.lines().next().unwrap().replace(" and ", ", ");
    known.split(", ").map(str::to_owned).collect()
}

fn names(keys: &[Key]) -> BTreeSet<String> {
    keys.iter().map(|key| key.name.to_owned()).collect()
}

#[test]
fn the_parser_knows_these_keys_and_no_others() {
    for part in PARTS {
        assert_eq!(names(part.keys), known_to_the_parser(part), "{}", part.title);
    }
}

#[test]
fn every_section_of_the_parser_is_here() {
    let titles: Vec<&str> = PARTS.iter().map(|part| part.title).collect();
    for key in PARTS[0].keys.iter().filter(|key| key.kind == "section") {
        let section = [format!("`[{}]`", key.name), format!("`[{}.NAME]`", key.name)];
        assert!(titles.iter().any(|title| section.iter().any(|one| one == title)), "{}", key.name);
    }
}

#[test]
fn every_example_is_valid() {
    for part in PARTS {
        for key in part.keys {
            let read = read(part, key.example);
            assert!(read.is_ok(), "{} in {}: {:?}", key.name, part.title, read.err());
            assert!(key.example.is_empty() || key.example.starts_with(key.name));
        }
    }
}

#[test]
fn every_default_is_what_holds_anyway() {
    let without = |part: &Part| format!("{:?}", read(part, "").unwrap());
    for part in PARTS {
        for key in part.keys {
            if let Default::Written(value) = key.default {
                let with = read(part, &format!("{} = {value}", key.name));
                let with = with.unwrap_or_else(|error| panic!("{}: {error:?}", key.name));
                assert_eq!(format!("{with:?}"), without(part), "{} in {}", key.name, part.title);
            }
        }
    }
}

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    assert!(page.is_ascii(), "{PAGE}");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "{PAGE} is out of date; run: INSTA_UPDATE=always cargo test --lib reference"
    );
}
