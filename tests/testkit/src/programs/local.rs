//! The folders in which an installed PostgreSQL keeps its programs, likeliest first.
//! It only names them; whether the programs are there is asked by the room above.

use std::cmp::Reverse;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders whose children carry the version in their name, and where the programs are below.
const INSTALLATIONS: [(&str, &str); 6] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr", "bin"), // /usr/pgsql-17/bin, the Red Hat family's
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "bin"),
    (r"C:\Program Files\PostgreSQL", "bin"),
];

pub fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = pg_config().into_iter().collect();
    folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    for (root, below) in INSTALLATIONS {
        folders
            .extend(newest_first(Path::new(root)).into_iter().map(|version| version.join(below)));
    }
    folders
}

fn pg_config() -> Option<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(told.stdout).ok()?;
    told.status.success().then(|| PathBuf::from(folder.trim()))
}

fn newest_first(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = root.read_dir() else { return Vec::new() };
    let mut versions: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some((version(entry.file_name().to_str()?)?, entry.path())))
        .collect();
    versions.sort_by_key(|(version, _)| Reverse(*version));
    versions.into_iter().map(|(_, path)| path).collect()
}

/// `17`, `postgresql@17` and `pgsql-17` are version 17; other names are no PostgreSQL.
fn version(name: &str) -> Option<u32> {
    let digits = ["postgresql@", "pgsql-", "postgresql"]
        .into_iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    match digits {
        "" | "latest" => Some(0),
        digits => digits.split('.').next()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_not_words() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9.6", "17", "postgresql@16", "node@20", "openssl"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let names: Vec<_> = newest_first(root.path())
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["17", "postgresql@16", "9.6"]);
    }
}
