//! The settings of a server for tests: fast, quiet, forgetful. It writes files and starts nothing.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::programs::Side;

/// Nothing here outlives the test, so nothing has to survive a power cut.
const COMMON: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
max_prepared_transactions = 10
shared_buffers = '128MB'
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = '2GB'
autovacuum = on
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %d %a '
";

/// Everybody is trusted, but members of `scram_users` have to know their password.
const WHO_MAY_ENTER: &str = "
host all +scram_users 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
";

pub fn write(data: &Path, side: Side) -> Result<()> {
    let zone = match side {
        Side::Cloud => "UTC",
        Side::Desktop => "Asia/Kolkata",
    };
    append(data, &format!("{COMMON}timezone = '{zone}'\n"))?;
    std::fs::write(data.join("pg_hba.conf"), WHO_MAY_ENTER).context("could not write pg_hba.conf")
}

/// The last setting in the file is the one that holds, the first line that lets somebody in too.
pub fn add(data: &Path, settings: &str, who_may_enter: &str) -> Result<()> {
    append(data, &format!("\n{settings}\n"))?;
    let hba = data.join("pg_hba.conf");
    let known = std::fs::read_to_string(&hba).context("no pg_hba.conf")?;
    std::fs::write(&hba, format!("{who_may_enter}\n{known}")).context("could not write pg_hba.conf")
}

/// A file that nobody but the server's account may read, as the server demands of a key.
pub fn write_secret(data: &Path, name: &str, text: &str) -> Result<()> {
    let file = data.join(name);
    let _ = std::fs::remove_file(&file);
    std::fs::write(&file, text).with_context(|| format!("could not write {}", file.display()))?;
    hand_over(data, &file)
}

#[cfg(unix)]
fn hand_over(data: &Path, file: &Path) -> Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600))?;
    let owner = std::fs::metadata(data)?;
    chown(file, Some(owner.uid()), Some(owner.gid())).context("could not give a file away")
}

#[cfg(not(unix))]
fn hand_over(_: &Path, _: &Path) -> Result<()> {
    Ok(())
}

/// The last setting in the file is the one that holds.
pub fn set_port(data: &Path, port: u16) -> Result<()> {
    append(data, &format!("port = {port}\n"))
}

/// Appending keeps the file's owner, which need not be us.
fn append(data: &Path, lines: &str) -> Result<()> {
    let file = data.join("postgresql.conf");
    let mut conf = OpenOptions::new().append(true).open(&file).context("no postgresql.conf")?;
    conf.write_all(lines.as_bytes()).with_context(|| format!("could not write {}", file.display()))
}
