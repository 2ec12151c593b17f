//! A transaction pooler in front of a server, like the one on Supabase's port
//! 6543: what a session keeps beyond a transaction meets other clients.
//!
//! PgBouncer refuses to run as root, so it becomes the account that servers
//! run under. It ends with the test, however the test ends: the shell above it
//! waits for the end of a pipe that we hold.

use pgsync_testkit::Db;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const NOT_FOUND: &str = "could not find pgbouncer, the pooler that this test puts before the \
     cloud: install it (Debian: apt-get install pgbouncer)";

/// A running PgBouncer.
pub struct Pooler {
    port: u16,
    database: String,
    keeper: Child,
    _folder: TempDir,
}

impl Pooler {
    /// A pooler in transaction mode before a database, with two connections of
    /// its own to share out, strict about what clients ask when they connect.
    pub async fn before(cloud: &Db) -> Self {
        let program = program();
        for _ in 0..5 {
            let port = free_port();
            let pooler = Self::start(&program, cloud, port);
            if pooler.answers().await {
                return pooler;
            }
        }
        panic!("{} did not begin to answer", program.display());
    }

    fn start(program: &std::path::Path, cloud: &Db, port: u16) -> Self {
        let folder = tempfile::Builder::new().prefix("pgsync-pooler-").tempdir_in("/tmp").unwrap();
        let readable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), readable).unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        std::fs::write(&settings, ini(cloud.port(), port)).unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", "\"$0\" -q \"$1\" & read line; kill $!; wait"])
            .arg(program)
            .arg(settings)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        if let Some((user, group)) = whom_to_become() {
            command.uid(user).gid(group);
        }
        let keeper = command.spawn().unwrap();
        Self { port, database: cloud.name().to_owned(), keeper, _folder: folder }
    }

    /// Goes away, with all its clients, and comes back on its port.
    pub async fn restart(&mut self, cloud: &Db) {
        self.end();
        *self = Self::start(&program(), cloud, self.port);
        assert!(self.answers().await, "the pooler did not come back");
    }

    fn end(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }

    /// The database's address through the pooler.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port, self.database)
    }

    /// Another client of the same pool.
    pub async fn connect(&self) -> sqlx::Result<PgConnection> {
        let options: PgConnectOptions = self.url().parse()?;
        options.ssl_mode(PgSslMode::Disable).extra_float_digits(None).connect().await
    }

    async fn answers(&self) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            if let Ok(client) = self.connect().await {
                client.close().await.unwrap();
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.end();
    }
}

/// The first row that a client gets, its values joined with `|`.
pub async fn ask(client: &mut PgConnection, sql: &str) -> String {
    let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_one(client).await.unwrap();
    let values = (0..row.len()).map(|at| row.get_unchecked::<Option<String>, _>(at));
    values.map(|value| value.unwrap_or_else(|| "NULL".to_owned())).collect::<Vec<_>>().join("|")
}

fn ini(server: u16, port: u16) -> String {
    format!(
        "[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 50
"
    )
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("{NOT_FOUND}"))
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// User and group of an account that is not root, if we are.
fn whom_to_become() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let told = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(told.stdout).ok()?.trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let account = |name: &&str| Some((id(&["-u", name])?, id(&["-g", name])?));
    ["postgres", "nobody"].iter().find_map(account)
}
