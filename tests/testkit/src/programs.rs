//! Where the programs of a PostgreSQL server are: the first room of the kit.
//!
//! Looked for in this order: the environment, an installation on this machine, the npm packages
//! that carry real servers. Finding none is an error and never a skipped test.
//! It must not know how a server is started.

mod local;
mod npm;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const NOT_FOUND: &str = "could not find PostgreSQL's server programs (initdb, postgres): install postgresql \
     (Debian: apt-get install postgresql), or Node.js with npm, or set PGSYNC_TEST_PGBIN to their folder";

/// The two databases, as the firm calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The database behind the phones: PostgreSQL 17, UTC.
    Cloud,
    /// The database of the legacy application: PostgreSQL 16, Asia/Kolkata.
    Desktop,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Side::Cloud => "cloud",
            Side::Desktop => "desktop",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Side::Cloud => "PGSYNC_TEST_CLOUD_PGBIN",
            Side::Desktop => "PGSYNC_TEST_DESKTOP_PGBIN",
        }
    }
}

/// A folder that holds `initdb` and `postgres`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Programs {
    bin: PathBuf,
}

impl Programs {
    /// The programs for one side.
    pub fn find(side: Side) -> Result<Programs> {
        Self::find_with(side, |name| env::var_os(name).map(PathBuf::from))
    }

    fn find_with(side: Side, variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Programs> {
        if let Some(named) = Self::from_environment(side, variable) {
            return named;
        }
        if let Some(programs) = local::folders().into_iter().find_map(|bin| Self::at(&bin)) {
            return Ok(programs);
        }
        npm::fetch(side).context(NOT_FOUND)
    }

    /// A folder that somebody names must be right: passing over it would test another server.
    fn from_environment(
        side: Side,
        variable: impl Fn(&str) -> Option<PathBuf>,
    ) -> Option<Result<Programs>> {
        [side.variable(), "PGSYNC_TEST_PGBIN"].into_iter().find_map(|name| {
            let bin = variable(name).filter(|value| !value.as_os_str().is_empty())?;
            Some(Self::at(&bin).with_context(|| {
                format!("{name} is {}, which holds no initdb and postgres", bin.display())
            }))
        })
    }

    /// The programs in this folder, if they are there.
    pub fn at(bin: &Path) -> Option<Programs> {
        let programs = Programs { bin: bin.to_owned() };
        (programs.program("initdb").is_file() && programs.program("postgres").is_file())
            .then_some(programs)
    }

    /// The firm's own versions, 16.9 and 17.6, from npm: the folders for the desktop and the cloud.
    pub fn fetch_firm_pair() -> Result<(PathBuf, PathBuf)> {
        Ok((npm::fetch(Side::Desktop)?.bin, npm::fetch(Side::Cloud)?.bin))
    }

    /// The folder.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The path of one program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(programs: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in programs {
            let file = format!("{name}{}", env::consts::EXE_SUFFIX);
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        folder
    }

    #[test]
    fn a_sides_own_variable_comes_before_the_common_one() {
        let own = folder_with(&["initdb", "postgres"]);
        let common = folder_with(&["initdb", "postgres"]);
        let variable = |name: &str| match name {
            "PGSYNC_TEST_CLOUD_PGBIN" => Some(own.path().to_owned()),
            "PGSYNC_TEST_PGBIN" => Some(common.path().to_owned()),
            _ => None,
        };
        let found = |side| Programs::find_with(side, variable).unwrap().bin;
        assert_eq!(found(Side::Cloud), own.path());
        assert_eq!(found(Side::Desktop), common.path());
    }

    #[test]
    fn a_named_folder_without_programs_is_an_error() {
        let half = folder_with(&["initdb"]);
        let variable = |name: &str| (name == "PGSYNC_TEST_PGBIN").then(|| half.path().to_owned());
        let refused = Programs::find_with(Side::Cloud, variable).unwrap_err().to_string();
        assert!(refused.starts_with("PGSYNC_TEST_PGBIN is "), "{refused}");
        assert!(refused.ends_with("holds no initdb and postgres"), "{refused}");
    }

    #[test]
    fn an_empty_variable_is_none() {
        let own = folder_with(&["initdb", "postgres"]);
        let variable = |name: &str| match name {
            "PGSYNC_TEST_PGBIN" => Some(own.path().to_owned()),
            _ => Some(PathBuf::new()),
        };
        assert_eq!(Programs::find_with(Side::Cloud, variable).unwrap().bin, own.path());
    }

    #[test]
    fn the_complaint_is_one_line() {
        assert!(!NOT_FOUND.contains('\n') && !NOT_FOUND.contains("  "));
    }
}
