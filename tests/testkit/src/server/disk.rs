//! A disk that is soon full: a file system of its own, in memory, for a tablespace.
//!
//! Only root may mount one, and not in every container.
//! It must not know what is kept on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::account;

/// A small disk, owned by the account that servers run under. It is gone when it is dropped; the
/// server that uses it should have stopped by then.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts an empty one.
    pub fn mount(megabytes: u32) -> Result<SmallDisk> {
        let owner = account::to_become()?.context("only root may mount a disk")?;
        let folder = tempfile::Builder::new().prefix("pgsync-disk-").tempdir_in("/tmp")?;
        let options = format!("size={megabytes}m,mode=700,uid={},gid={}", owner.user, owner.group);
        let place = folder.path().to_string_lossy().into_owned();
        run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", &place])?;
        Ok(SmallDisk { folder: folder.keep() })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes room.
    pub fn grow(&self, megabytes: u32) -> Result<()> {
        let options = format!("remount,size={megabytes}m");
        run("mount", &["-o", &options, &self.folder.to_string_lossy()])
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let folder = self.folder.to_string_lossy().into_owned();
        if run("umount", &["--lazy", &folder]).is_ok() {
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let told = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("could not run {program}"))?;
    let words = String::from_utf8_lossy(&told.stderr);
    ensure!(told.status.success(), "{program} {}: {}", arguments.join(" "), words.trim());
    Ok(())
}
