//! The ways to a server: encrypted or not, by IPv4 and IPv6, with a password;
//! and what is said where one of them is closed.

use crate::office::{Office, Ran};
use pgsync_testkit::{Db, Pair};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::path::PathBuf;

const ROWS: &str =
    "create table t (id int primary key, v text); insert into t values (1, 'a'), (2, 'b')";
const TABLES: &str = "[tables]\nt = { key = \"id\", reverse = \"insert-missing\" }";

/// An authority that certifies servers.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, both PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    fn certify(&self, name: &str, until: i32) -> Identity {
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }

    /// The file that a configuration names.
    fn file(&self, office: &Office) -> PathBuf {
        let file = office.folder().join("authority.crt");
        std::fs::write(&file, &self.pem).unwrap();
        file
    }
}

impl Identity {
    fn give_to(&self, db: &Db) {
        db.server().encrypt(&self.certificate, &self.key).unwrap();
    }
}

async fn office() -> Office {
    let office = Office::new(Pair::dedicated().await, TABLES);
    office.pair.cloud.run(ROWS).await;
    office.pair.desktop.run("create table t (id int, v text)").await;
    office
}

/// `reverse`, with these keys in the section of the cloud.
async fn reverse_with(office: &Office, keys: &str) -> Ran {
    office.configure_tables(TABLES);
    let text = std::fs::read_to_string(office.config()).unwrap();
    office.configure(&text.replace("[cloud]", &format!("[cloud]\n{keys}")));
    office.run(&["reverse"]).await
}

async fn is_refused(office: &Office, keys: &str, cause: &str, hint: &str) {
    let ran = reverse_with(office, keys).await;
    assert_eq!(ran.code, 3, "{keys} {ran}");
    assert!(ran.stderr.contains("error: could not connect to the cloud at "), "{ran}");
    let line = |start: &str| {
        let line = ran.stderr.lines().find(|line| line.trim_start().starts_with(start));
        line.unwrap_or_else(|| panic!("{ran}")).to_owned()
    };
    assert!(line("cause:").contains(cause), "{keys} {ran}");
    assert!(line("hint:").contains(hint), "{keys} {ran}");
    assert!(!ran.stderr.contains("attempt "), "{ran}");
    assert_eq!(office.pair.desktop.count("t").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_has_to_prove_who_it_is() {
    let office = office().await;
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let cloud = &office.pair.cloud;
    let file = authority.file(&office);
    let verified = format!("sslmode = \"verify-full\"\nsslrootcert = '{}'", file.display());
    let any_name = format!("sslmode = \"verify-ca\"\nsslrootcert = '{}'", file.display());

    is_refused(&office, &verified, "server does not support TLS", "switch TLS on").await;
    is_refused(&office, "sslmode = \"require\"", "does not support TLS", "switch TLS on").await;

    authority.certify("127.0.0.1", 2020).give_to(cloud);
    is_refused(&office, &verified, "expired", "has expired").await;
    authority.certify("db.example.com", 2090).give_to(cloud);
    is_refused(&office, &verified, "not valid for name", "another server").await;
    other.certify("127.0.0.1", 2090).give_to(cloud);
    is_refused(&office, &verified, "UnknownIssuer", "sslrootcert").await;
    is_refused(&office, &any_name, "UnknownIssuer", "sslrootcert").await;
    authority.certify("127.0.0.1", 2090).give_to(cloud);
    is_refused(&office, "sslmode = \"verify-full\"", "UnknownIssuer", "sslrootcert").await;

    let ran = reverse_with(&office, &verified).await;
    assert_eq!((ran.code, office.pair.desktop.count("t").await), (0, 2), "{ran}");
    authority.certify("db.example.com", 2090).give_to(cloud);
    let ran = reverse_with(&office, &any_name).await;
    assert_eq!(ran.code, 0, "{ran}");
    let ran = reverse_with(&office, "sslmode = \"require\"").await;
    assert_eq!(ran.code, 0, "{ran}");
}

/// The address under which other machines would reach this one.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    // Nothing is sent: this only chooses a route.
    socket.connect(("192.0.2.1", 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_are_verified_if_nothing_is_said() {
    let Some(address) = own_address() else {
        println!("this machine has no address but the loopback: not tried");
        return;
    };
    let office = office().await;
    let cloud = &office.pair.cloud;
    cloud.run("create role phone login superuser password 'se''cret%' in role scram_users").await;
    cloud
        .server()
        .configure(
            &format!("listen_addresses = '127.0.0.1,{address}'"),
            &format!("host all +scram_users {address}/32 scram-sha-256"),
        )
        .unwrap();
    let keys = format!("host = \"{address}\"\nuser = \"phone\"\npassword = \"se'cret%\"");
    is_refused(&office, &keys, "server does not support TLS", "switch TLS on").await;

    let authority = Authority::new("ours");
    authority.certify(&address.to_string(), 2090).give_to(cloud);
    is_refused(&office, &keys, "UnknownIssuer", "sslrootcert").await;
    let file = authority.file(&office);
    let ran = reverse_with(&office, &format!("{keys}\nsslrootcert = '{}'", file.display())).await;
    assert_eq!((ran.code, office.pair.desktop.count("t").await), (0, 2), "{ran}");
    let ran = reverse_with(&office, &format!("{keys}\nsslmode = \"disable\"")).await;
    assert!(ran.code == 0 && ran.stderr.contains("in plain text"), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_proved_by_scram_and_found_in_a_pgpass_file() {
    let office = office().await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    for (db, password) in [(cloud, "of the cloud"), (desktop, "of the desktop")] {
        let role = format!("create role clerk login superuser password '{password}'");
        db.run(&format!("{role} in role scram_users")).await;
    }
    let ran = reverse_with(&office, "user = \"clerk\"\npassword = \"of the cloud\"").await;
    assert_eq!((ran.code, desktop.count("t").await), (0, 2), "{ran}");

    desktop.run("truncate t").await;
    let wrong = reverse_with(&office, "user = \"clerk\"\npassword = \"wrong\"").await;
    assert!(wrong.code == 3 && wrong.stderr.contains("28P01"), "{wrong}");

    let file = office.folder().join("pgpass");
    let line = |db: &Db, password: &str| format!("127.0.0.1:{}:*:clerk:{password}\n", db.port());
    std::fs::write(&file, line(cloud, "of the cloud") + &line(desktop, "of the desktop")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    office.configure_tables(TABLES);
    let text = std::fs::read_to_string(office.config()).unwrap();
    office.configure(
        &text
            .replace("[cloud]", "[cloud]\nuser = \"clerk\"")
            .replace("[desktop]", "[desktop]\nuser = \"clerk\""),
    );
    let mut command = office.command(&["reverse", "--full"]);
    command.env("PGPASSFILE", &file);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!((ran.code, desktop.count("t").await), (0, 2), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_reached_by_ipv6() {
    if TcpListener::bind(("::1", 0)).is_err() {
        println!("this machine has no ::1: IPv6 was not tried");
        return;
    }
    let office = office().await;
    let cloud = &office.pair.cloud;
    let open = "host all all ::1/128 trust";
    cloud.server().configure("listen_addresses = '127.0.0.1,::1'", open).unwrap();
    let mut command = office.command(&["reverse"]);
    command.env("CLOUD_DATABASE_URL", cloud.url().replace("127.0.0.1", "[::1]"));
    let ran = Ran::from(command.output().unwrap());
    assert_eq!((ran.code, office.pair.desktop.count("t").await), (0, 2), "{ran}");
    assert!(ran.stdout.contains("postgres@[::1]:"), "{ran}");
}

/// A server that takes calls and never says a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_is_left() {
    let office = office().await;
    let mute = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = mute.local_addr().unwrap().port();
    let started = std::time::Instant::now();
    let keys = format!("port = {port}\nconnect_timeout = \"300ms\"");
    let ran = reverse_with(&office, &keys).await;
    assert_eq!(ran.code, 3, "{ran}");
    assert!(ran.stderr.contains("no answer within 0.3 s"), "{ran}");
    assert_eq!(ran.stderr.matches("\nattempt ").count() + 1, 4, "{ran}");
    assert!(started.elapsed().as_secs() < 8, "{ran}");
}

/// What the server, the role or the database sets low does not stop a run;
/// what the configuration says does.
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_timeouts_are_lifted() {
    let office = office().await;
    let slow = "create function slow() returns trigger language plpgsql as $$
        begin perform pg_sleep(0.7); return new; end $$;
        create trigger slow before insert on t for each statement execute function slow()";
    office.pair.desktop.run(slow).await;
    let low = "statement_timeout = '300ms'\nidle_in_transaction_session_timeout = '300ms'\n\
        idle_session_timeout = '300ms'\nlock_timeout = '1ms'";
    for db in [&office.pair.cloud, &office.pair.desktop] {
        db.server().configure(low, "").unwrap();
    }
    let ran = reverse_with(&office, "").await;
    assert_eq!((ran.code, office.pair.desktop.count("t").await), (0, 2), "{ran}");
    assert!(!ran.stderr.contains("attempt "), "{ran}");

    office.pair.desktop.run("truncate t").await;
    office.configure_tables(TABLES);
    let text = std::fs::read_to_string(office.config()).unwrap();
    office.configure(&text.replace("[desktop]", "[desktop]\nstatement_timeout = \"400ms\""));
    let ran = office.run(&["reverse", "--full"]).await;
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("hint: raise statement_timeout in [desktop]"), "{ran}");
    assert!(!ran.stderr.contains("attempt "), "{ran}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_full_of_connections_is_waited_for() {
    let office = office().await;
    let (cloud, desktop) = (&office.pair.cloud, &office.pair.desktop);
    cloud.run("create role clerk login").await;
    cloud.run("grant select on t to clerk; alter role clerk connection limit 1").await;
    let busy: sqlx::postgres::PgConnectOptions = cloud.url_as("clerk", "x").parse().unwrap();
    let busy = sqlx::ConnectOptions::connect(&busy).await.unwrap();
    let mut command = office.command(&["reverse"]);
    command.env("CLOUD_DATABASE_URL", cloud.url_as("clerk", "x"));
    let ran = tokio::task::spawn_blocking(move || Ran::from(command.output().unwrap()));
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    sqlx::Connection::close(busy).await.unwrap();
    let ran = ran.await.unwrap();
    assert!(ran.stderr.contains("too many connections for role \"clerk\""), "{ran}");
    assert_eq!((ran.code, desktop.count("t").await), (0, 2), "{ran}");
}
