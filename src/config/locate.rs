//! Where the configuration file is, if nobody said so.
//!
//! It looks at which files exist and reads none of them.

use crate::error::{Error, Kind, Result};
use std::path::{Path, PathBuf};

/// The names under which the file is looked for, nearest first.
const NAMES: [[&str; 2]; 2] = [["config", "pgsync.toml"], ["", "pgsync.toml"]];

/// The file that was named, else the first that exists beside the working
/// directory or the executable.
pub(super) fn locate(given: Option<&Path>) -> Result<PathBuf> {
    match given {
        Some(path) => Ok(path.to_owned()),
        None => first_file(&places(executable_directory().as_deref())),
    }
}

fn executable_directory() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.to_owned())
}

/// The working directory's places are relative, as people would type them.
fn places(executable_directory: Option<&Path>) -> Vec<PathBuf> {
    [Some(Path::new("")), executable_directory]
        .into_iter()
        .flatten()
        .flat_map(|directory| NAMES.map(|[folder, file]| directory.join(folder).join(file)))
        .collect()
}

fn first_file(places: &[PathBuf]) -> Result<PathBuf> {
    places.iter().find(|path| path.is_file()).cloned().ok_or_else(|| not_found(places))
}

fn not_found(places: &[PathBuf]) -> Error {
    let tried: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
    Error::new(Kind::Usage, "could not find a configuration")
        .because_text(format!("there is no {}", tried.join(", no ").replace('\\', "/")))
        .hint(
            "make config/.env from the .env.example that comes with pgsync, then run: pgsync init; \
             or name a file with --config FILE",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_is_taken_as_it_is() {
        assert_eq!(locate(Some(Path::new("x.toml"))).unwrap(), Path::new("x.toml"));
    }

    #[test]
    fn four_places_are_tried_in_order() {
        let tried: Vec<String> = places(Some(Path::new("/opt/pgsync")))
            .iter()
            .map(|path| path.display().to_string().replace('\\', "/"))
            .collect();
        let expected = [
            "config/pgsync.toml",
            "pgsync.toml",
            "/opt/pgsync/config/pgsync.toml",
            "/opt/pgsync/pgsync.toml",
        ];
        assert_eq!(tried, expected);
    }

    #[test]
    fn all_places_are_named_when_none_has_it() {
        let nowhere = ["/nowhere/a.toml", "/nowhere/b.toml"].map(PathBuf::from);
        let error = first_file(&nowhere).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(
            error.one_line(),
            "could not find a configuration: there is no /nowhere/a.toml, no /nowhere/b.toml"
        );
        assert!(error.advice().is_some_and(|hint| hint.contains("--config FILE")));
    }
}
