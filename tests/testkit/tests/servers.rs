//! Servers start, answer, stop and come back, and each side is what the firm's is.

use pgsync_testkit::{Pair, Server, Side};
use sqlx::{Connection, PgConnection};

const IDENTITY: &str = "select system_identifier::text from pg_control_system()";

async fn answer(url: &str, question: &'static str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(question).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn each_side_has_its_zone_and_its_own_identity() {
    let Pair { cloud, desktop } = Pair::empty().await;
    assert_eq!(cloud.text("show timezone").await, "UTC");
    assert_eq!(desktop.text("show timezone").await, "Asia/Kolkata");
    let setting = "select setconfig from pg_db_role_setting s join pg_database d on d.oid = setdatabase \
                   where datname = current_database()";
    assert_eq!(desktop.text(setting).await, "{TimeZone=Asia/Kolkata}");
    assert_ne!(cloud.text(IDENTITY).await, desktop.text(IDENTITY).await);
    for db in [&cloud, &desktop] {
        assert_eq!(db.text("show server_encoding").await, "UTF8");
        assert_eq!(db.text("show server_version_num").await, db.server().version().to_string());
    }
}

#[test]
fn a_fresh_server_is_nobodys_copy() {
    let (one, other) =
        (Server::start(Side::Cloud).unwrap(), Server::start_fresh(Side::Cloud).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let identity = |server: &Server| runtime.block_on(answer(&server.url("postgres"), IDENTITY));
    assert_ne!(identity(&one), identity(&other));
}

#[tokio::test]
async fn members_of_scram_users_need_their_password() {
    let Pair { cloud, .. } = Pair::empty().await;
    cloud.run("create role clerk login password 'right' in role scram_users").await;
    let known = cloud.url_as("clerk", "right");
    assert_eq!(answer(&known, "select current_user::text").await, "clerk");
    let refused = PgConnection::connect(&cloud.url_as("clerk", "wrong")).await.unwrap_err();
    assert!(refused.to_string().contains("password authentication failed"), "{refused}");
    cloud.run("drop role clerk").await;
}

#[tokio::test]
async fn a_server_can_be_stopped_killed_and_started_again() {
    let server = Server::start(Side::Desktop).unwrap();
    let url = server.url("postgres");
    for halt in [Server::stop, Server::kill] {
        halt(&server).unwrap();
        halt(&server).unwrap();
        assert!(PgConnection::connect(&url).await.is_err());
        server.restart().unwrap();
        assert_eq!(answer(&url, "select 'here'").await, "here");
    }
    server.restart().unwrap();
    assert_eq!(answer(&url, "select 'here'").await, "here");
}

#[tokio::test]
async fn a_dropped_server_is_gone_with_its_folder() {
    let server = Server::start(Side::Desktop).unwrap();
    let (url, log) = (server.url("postgres"), server.log_path());
    assert!(std::fs::read_to_string(&log).unwrap().contains("ready to accept connections"));
    drop(server);
    assert!(!log.parent().unwrap().exists());
    assert!(PgConnection::connect(&url).await.is_err());
}
