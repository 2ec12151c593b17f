//! A password is seen by nobody but the server: every command, and every way
//! to fail, with a marked password in each place where one may stand.

use crate::office::{Office, Ran};
use pgsync_testkit::{Db, Pair};
use std::path::Path;
use std::process::Command;

/// Its parts are searched for too, and so is its spelling in a URL.
const PASSWORD: &str = "Mark@d/s3cret%7'w0rd";
const IN_URL: &str = "Mark%40d%2Fs3cret%257%27w0rd";
const MARKS: [&str; 6] = ["Mark@d", "Mark%40d", "s3cret", "w0rd", "cret%7", "2Fs3"];

const TABLES: &str = "[defaults]\nreverse = \"insert-missing\"\nforward = \"upsert\"\n\
    [tables]\nt = { key = \"id\" }\nnarrow = { key = \"id\" }\nnowhere = { key = \"id\" }";

/// Where the password of both sides stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    UrlInTheFile,
    KeyInTheFile,
    Environment,
    DotEnv,
    PgPass,
}

const PLACES: [Place; 5] =
    [Place::UrlInTheFile, Place::KeyInTheFile, Place::Environment, Place::DotEnv, Place::PgPass];

struct Vault {
    office: Office,
    searched: usize,
    written: usize,
}

impl Vault {
    async fn new() -> Self {
        let office = Office::new(Pair::dedicated().await, TABLES);
        let quoted = PASSWORD.replace('\'', "''");
        for db in [&office.pair.cloud, &office.pair.desktop] {
            db.run(&format!(
                "create role clerk login superuser password '{quoted}' in role scram_users;
                 create table t (id int primary key, v text);
                 create table narrow (id int primary key, v varchar(3))"
            ))
            .await;
        }
        let rows = "insert into t values (1, 'a'), (2, 'b'); alter table narrow alter v type text;
            insert into narrow values (1, 'too long')";
        office.pair.cloud.run(rows).await;
        Self { office, searched: 0, written: 0 }
    }

    fn base(db: &Db) -> String {
        format!("127.0.0.1:{}/{}", db.port(), db.name())
    }

    /// The configuration with the password in this place, and a command with it.
    fn prepare(&self, place: Place, arguments: &[&str]) -> Command {
        let (cloud, desktop) = (&self.office.pair.cloud, &self.office.pair.desktop);
        let section = |name: &str, db: &Db| {
            let base = Self::base(db);
            let variable = name.to_uppercase();
            match place {
                Place::UrlInTheFile => {
                    format!("[{name}]\nurl = \"postgres://clerk:{IN_URL}@{base}\"\n")
                }
                Place::KeyInTheFile => {
                    format!(
                        "[{name}]\nurl = \"postgres://clerk@{base}\"\npassword = \"{PASSWORD}\"\n"
                    )
                }
                Place::Environment | Place::DotEnv => {
                    format!("[{name}]\nurl = \"${{{variable}_SECRET_URL}}\"\n")
                }
                Place::PgPass => format!("[{name}]\nurl = \"postgres://clerk@{base}\"\n"),
            }
        };
        self.office.configure(&format!(
            "desktop_time_zone = \"UTC\"\n{}{}[log]\nfile = \"pgsync.log\"\n\
             [notify]\non_failure = [\"sh\", \"-c\", \"cat >> notices\"]\n\
             [retry]\nattempts = 2\nfirst_pause = \"10ms\"\n{TABLES}",
            section("desktop", desktop),
            section("cloud", cloud)
        ));
        let url = |db: &Db| format!("postgres://clerk:{IN_URL}@{}", Self::base(db));
        let mut command = self.office.command(arguments);
        command.env_remove("DESKTOP_DATABASE_URL").env_remove("CLOUD_DATABASE_URL");
        let dotenv = self.office.folder().join(".env");
        let _ = std::fs::remove_file(&dotenv);
        match place {
            Place::Environment => {
                command.env("DESKTOP_SECRET_URL", url(desktop));
                command.env("CLOUD_SECRET_URL", url(cloud));
            }
            Place::DotEnv => {
                let lines = [("DESKTOP", desktop), ("CLOUD", cloud)]
                    .map(|(name, db)| format!("{name}_SECRET_URL='{}'\n", url(db)));
                std::fs::write(&dotenv, lines.concat()).unwrap();
            }
            Place::PgPass => {
                let file = self.office.folder().join("pgpass");
                std::fs::write(&file, format!("*:*:*:clerk:{PASSWORD}\n")).unwrap();
                only_for_us(&file);
                command.env("PGPASSFILE", &file);
            }
            Place::UrlInTheFile | Place::KeyInTheFile => {}
        }
        command
    }

    fn search(&mut self, text: &str, what: &str) {
        self.searched += 1;
        for mark in MARKS {
            assert!(!text.contains(mark), "{mark} is told by {what}:\n{text}");
        }
    }

    fn run(&mut self, mut command: Command, what: &str) -> Ran {
        let ran = Ran::from(command.output().unwrap());
        self.search(&ran.to_string(), what);
        // A damaged configuration may name neither.
        for name in ["pgsync.log", "notices"] {
            let file = self.office.folder().join(name);
            if let Ok(text) = std::fs::read_to_string(&file) {
                self.written += text.len();
                self.search(&text, name);
                std::fs::remove_file(file).unwrap();
            }
        }
        ran
    }

    /// Everything that a run may have left in the databases.
    async fn search_metadata(&mut self) {
        for side in ["cloud", "desktop"] {
            let pair = &self.office.pair;
            let db = if side == "cloud" { &pair.cloud } else { &pair.desktop };
            let tables = "select format('select t::text from %I.%I t', n.nspname, c.relname)
                from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where c.relkind = 'r' and (n.nspname = 'pgsync' or c.relname like '%sync_metadata')";
            let mut rows = Vec::new();
            for select in db.lines(tables).await {
                rows.extend(db.lines(&select).await);
            }
            let seen = "select application_name || query from pg_stat_activity
                where usename = 'clerk'";
            rows.extend(db.lines(seen).await);
            assert!(!rows.is_empty());
            self.search(&rows.join("\n"), side);
        }
    }
}

#[cfg(unix)]
fn only_for_us(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn only_for_us(_: &Path) {}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_and_no_failure_tells_a_password() {
    let mut vault = Vault::new().await;
    let mut refused = 0;
    for place in PLACES {
        // `narrow` is refused, and `nowhere` is not there: exit code 1.
        for (arguments, code) in [
            (&["init-metadata", "-vvv"][..], 0),
            (&["reverse", "-vvv"], 1),
            (&["reverse", "t", "--full", "--dry-run", "-vv"], 0),
            (&["forward", "-vvv"], 1),
            (&["rejects", "-vvv"], 4),
            (&["rejects", "--retry", "-vvv"], 4),
            (&["status", "-vvv"], 0),
            (&["check", "-vvv"], 2),
            (&["init-metadata", "--reset", "t", "-vvv"], 0),
            (&["reverse", "unknown", "-vvv"], 2),
            (&["reverse", "--wait", "soon"], 2),
        ] {
            let command = vault.prepare(place, arguments);
            let what = format!("{place:?} {arguments:?}");
            let ran = vault.run(command, &what);
            assert_eq!(ran.code, code, "{what} {ran}");
        }
        for (find, replace) in [
            ("postgres://clerk", "postgres://nobody"),
            ("127.0.0.1:", "127.0.0.1:1"),
            ("127.0.0.1:", "cloud.invalid:"),
            ("/cloud", "/nothing"),
            ("/cloud", "/cloud?sslmode=require"),
            ("/cloud", "/cloud?sslmode=verify-full"),
            ("/cloud", "/cloud?sslmode=prefer"),
            ("/cloud", "/cloud?hostaddr=x"),
            ("/cloud", "/cl oud"),
            ("127.0.0.1:", "127.0.0.1:x"),
            ("127.0.0.1:", "[127.0.0.1:"),
            ("postgres://", "postgres:/"),
            (IN_URL, "Mark@d/s3cret%7'w0rd"),
            (IN_URL, "%zzMark%40d"),
            (PASSWORD, "Mark@d\\s3cret"),
            ("url = \"", "url = \"\n"),
            ("url = ", "url = x"),
            ("password = \"", "password = "),
            ("]\nurl", "]\nurll"),
            ("[cloud]\nurl = \"", "[\"cloud "),
            ("='", "=' '"),
            ("='", "="),
        ] {
            let mut command = vault.prepare(place, &["reverse", "-vvv"]);
            damage(&mut command, &vault, find, replace);
            let what = format!("{place:?}, {find} replaced by {replace}");
            // Where there was nothing to damage, the run is the one above.
            refused += usize::from(vault.run(command, &what).code > 1);
        }
        vault.search_metadata().await;
    }
    assert!(MARKS.iter().all(|mark| PASSWORD.contains(mark) || IN_URL.contains(mark)));
    assert!(refused > 60, "only {refused} connections and configurations were refused");
    assert!(vault.written > 50_000, "{}", vault.written);
    println!("{} texts searched, {refused} of refused runs", vault.searched);
}

/// Damages the configuration, the `.env`, and the variables alike.
fn damage(command: &mut Command, vault: &Vault, find: &str, replace: &str) {
    for name in ["pgsync.toml", ".env"] {
        let file = vault.office.folder().join(name);
        if let Ok(text) = std::fs::read_to_string(&file) {
            std::fs::write(&file, text.replace(find, replace)).unwrap();
        }
    }
    let damaged: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_str()?.to_owned())))
        .filter(|(name, _)| name.to_string_lossy().ends_with("_SECRET_URL"))
        .collect();
    for (name, value) in damaged {
        command.env(name, value.replace(find, replace));
    }
}

#[cfg(target_os = "linux")]
const ASLEEP: &str = "select count(*) from pg_stat_activity
    where wait_event = 'PgSleep' and datname = current_database()";

/// While a run is at work, others of this machine may look at its arguments,
/// and others of the server at its sessions.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_at_work_tells_no_password() {
    use crate::look::until;
    use std::process::Stdio;
    let mut vault = Vault::new().await;
    let slow = "create function slow() returns trigger language plpgsql as $$
        begin perform pg_sleep(60); return new; end $$;
        create trigger slow before insert on t for each row execute function slow()";
    vault.office.pair.desktop.run(slow).await;
    for place in PLACES {
        let mut command = vault.prepare(place, &["reverse", "-vvv", "t"]);
        let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until(&vault.office.pair.desktop, ASLEEP, "1").await;
        let arguments = std::fs::read(format!("/proc/{}/cmdline", run.id())).unwrap();
        vault.search(&String::from_utf8_lossy(&arguments), "the process list");
        vault.search_metadata().await;
        let stop = Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
        assert!(stop.success());
        let ran = Ran::from(run.wait_with_output().unwrap());
        vault.search(&ran.to_string(), "an interrupted run");
        assert_eq!(ran.code, 130, "{ran}");
    }
}
