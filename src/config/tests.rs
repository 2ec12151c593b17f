//! Tests of `config`, by value.

use super::testing::{mutations, read, with_tables};
use super::*;

const SHIPPED: &str = include_str!("../../config/pgsync.toml");
const EXAMPLE: &str = include_str!("../../config/.env.example");

fn shipped() -> Config {
    check::configuration(SHIPPED.as_bytes(), Path::new("config/pgsync.toml"), &|name| {
        let line = EXAMPLE.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        Ok(line.unwrap_or_default().trim_matches('\'').to_owned())
    })
    .unwrap()
}

fn names(pairs: &[&TablePair]) -> String {
    pairs.iter().map(|pair| pair.desktop.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_shipped_file_covers_the_firm() {
    let config = shipped();
    let (on, off): (Vec<_>, Vec<_>) =
        config.pairs.iter().partition(|pair| pair.reverse.mode == Mode::InsertMissing);
    assert_eq!(
        names(&on),
        "orgmaster locmaster conmaster climaster mbstaff taskmaster jobmaster cliunimaster \
         mbreminder learequest jobshead workdiary"
    );
    assert_eq!(names(&off), "mbremdetail jobtasks taskchecklist");
    let (mirrored, upserted): (Vec<_>, Vec<_>) =
        config.pairs.iter().partition(|pair| pair.forward.mode == Mode::Mirror);
    assert_eq!(names(&mirrored), "jobshead jobtasks taskchecklist workdiary");
    assert!(upserted.iter().all(|pair| pair.forward.mode == Mode::Upsert));
    assert_eq!(config.pairs.len(), 15);
    assert_eq!(config.pair("mbreminder").unwrap().cloud.to_string(), "reminder");
    assert_eq!(config.pair("mbremdetail").unwrap().cloud.to_string(), "remdetail");
    let owner = |pair: &TablePair| pair.owned_by_cloud.as_ref().map(SqlFragment::sql);
    assert!(config.pairs.iter().all(|p| owner(p).as_deref() == Some("(source = 'M')")));
    assert!(config.pairs.iter().all(|pair| pair.key.len() == 1));
    assert_eq!(config.desktop_time_zone, "Asia/Kolkata");
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn the_shipped_files_are_plain_text() {
    for text in [SHIPPED, EXAMPLE] {
        assert!(text.is_ascii() && !text.contains(['\t', '\r']));
    }
    for connection in [shipped().desktop, shipped().cloud] {
        assert!(connection.password.is_some());
    }
    assert_eq!(shipped().cloud.sslmode, SslMode::VerifyFull);
}

/// Every commented-out example of the shipped file works when it is used.
#[test]
fn the_shipped_examples_are_valid() {
    let is_toml =
        |text: &str| toml::de::DeTable::parse(text).is_ok_and(|table| !table.get_ref().is_empty());
    let uncomment = |line: &'static str| match line.strip_prefix("# ") {
        Some(text) if is_toml(text) => text,
        _ => line,
    };
    let used: Vec<&str> = SHIPPED.lines().map(uncomment).collect();
    let examples = SHIPPED.lines().zip(&used).filter(|(line, used)| line != *used).count();
    assert_eq!(examples, 54);
    let used = used.join("\n").replace("certs/cloud-ca.crt", "system");
    let url = |_: &str| Ok("postgres://u:p@localhost/d".to_owned());
    let path = Path::new("nowhere/pgsync.toml");
    let config = check::configuration(used.as_bytes(), path, &url);
    let config = config.map_err(|error| error.causes()).unwrap();
    assert_eq!(config.pair("example").unwrap().reverse.columns.len(), 6);
}

#[test]
fn pairs_are_found_by_both_names() {
    let text = with_tables(
        "[tables]\na = { cloud = \"b\" }\nb = { cloud = \"c\" }\nd = { schema = \"s\" }",
    );
    let config = read(&text).unwrap();
    let found = |name| config.pair(name).map(|pair| pair.desktop.to_string());
    assert_eq!(found("a").as_deref(), Some("a"));
    assert_eq!(found("b").as_deref(), Some("b"));
    assert_eq!(found("c").as_deref(), Some("b"));
    assert_eq!(found("public.a").as_deref(), Some("a"));
    assert_eq!(found("s.d").as_deref(), Some("s.d"));
    assert_eq!(found("d"), None);
    assert_eq!(shipped().nearest_pair("remindr").as_deref(), Some("reminder"));
    assert_eq!(shipped().nearest_pair("jobhead").as_deref(), Some("jobshead"));
    assert_eq!(shipped().nearest_pair("banana"), None);
}

#[test]
fn a_file_that_is_not_there_is_said() {
    let path = Path::new("nowhere/at/all.toml");
    let error = Config::load(path).unwrap_err();
    assert_eq!(error.kind(), crate::error::Kind::Usage);
    assert_eq!(error.message(), "could not read the configuration nowhere/at/all.toml");
    assert_eq!(error.causes().len(), 1);
}

#[test]
fn variables_come_from_the_file_beside() {
    let directory = std::env::temp_dir().join(format!("pgsync-config-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("pgsync.toml");
    let text = with_tables("[tables]\na = {}").replace("${URL}", "${PGSYNC_TEST_NO_SUCH_URL}");
    std::fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    let missing = Config::load(&path).unwrap_err();
    std::fs::write(directory.join(".env.txt"), "").unwrap();
    let misnamed = Config::load(&path).unwrap_err();
    let dotenv = "\u{feff}PGSYNC_TEST_NO_SUCH_URL='postgres://u:a$b@localhost/d'\r\n";
    std::fs::write(directory.join(".env"), dotenv).unwrap();
    let config = Config::load(&path);
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(
        missing.causes()[0],
        "the environment variable PGSYNC_TEST_NO_SUCH_URL is not set (needed by [desktop] url, line 3)"
    );
    assert!(misnamed.causes()[0].contains(".env.txt is not read; rename it to .env (needed"));
    let config = config.unwrap();
    assert_eq!(config.cloud.password.as_deref(), Some("a$b"));
    assert_eq!((config.path, config.warnings), (path, Vec::new()));
}

/// A missing letter, a doubled one, or a wrong one: never a panic, and
/// never the password in what is said.
#[test]
fn damaged_files_are_refused_quietly() {
    let full = with_tables(
        "[limits]\nchunk_rows = 5\n[defaults]\nreverse = { mode = \"insert-missing\" }\n\
         [tables]\na = { key = [\"b\", \"c\"], reverse = { where = \"E'\\\\'' = $x$y$x$\", \
         columns = { d = { value = \"e\" }, f = \"(g)\" }, lookback = \"1h\" } }",
    );
    let full = full.replace("${URL}", "postgres://u:hunter2@h:5432/d?sslmode=verify-full");
    assert!(read(&full).is_ok());
    for damaged in mutations(&full) {
        let path = Path::new("x.toml");
        let said = match check::configuration(&damaged, path, &testing::environment) {
            // Without its colon a password is a part of the user's name.
            Ok(config) if config.desktop.user != "u" || config.cloud.user != "u" => continue,
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error} {error:?} {:?}", error.one_line()),
        };
        assert!(!said.contains("hunter2"), "{said}");
    }
}
