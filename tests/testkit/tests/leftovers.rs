//! A test process leaves no server and no folder behind, however it ends.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use pgsync_testkit::{Pair, Server, Side};

const ENDING: &str = "PGSYNC_TESTKIT_ENDING";

/// Runs only as a child of the other tests: starts servers, tells where, and ends as it is told to.
#[tokio::test]
async fn child() {
    let Ok(ending) = std::env::var(ENDING) else { return };
    let shared = Pair::empty().await;
    let own = Server::start_fresh(Side::Desktop).unwrap();
    for server in [shared.cloud.server(), shared.desktop.server(), &own] {
        println!("server {} {}", server.port(), server.log_path().display());
    }
    println!("ready");
    match ending.as_str() {
        "panic" => panic!("as told"),
        "exit" => std::process::exit(0),
        _ => std::thread::sleep(Duration::from_secs(60)),
    }
}

/// The child, and the port and log of each of its servers.
fn start_child(ending: &str) -> (Child, Vec<(u16, PathBuf)>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(ENDING, ending)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let servers = read_servers(child.stdout.take().unwrap());
    assert_eq!(servers.len(), 3);
    (child, servers)
}

fn read_servers(told: ChildStdout) -> Vec<(u16, PathBuf)> {
    let lines = BufReader::new(told).lines().map_while(Result::ok);
    let lines = lines.take_while(|line| line != "ready");
    let servers = lines.filter_map(|line| {
        // The harness writes its own words into the first line.
        let (_, words) = line.split_once("server ")?;
        let (port, log) = words.split_once(' ')?;
        Some((port.parse().ok()?, PathBuf::from(log)))
    });
    servers.collect()
}

fn assert_nothing_is_left(servers: &[(u16, PathBuf)]) {
    let began = Instant::now();
    for (port, log) in servers {
        while log.parent().unwrap().exists() {
            assert!(began.elapsed() < Duration::from_secs(20), "{} is left", log.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(TcpStream::connect(("127.0.0.1", *port)).is_err(), "{port} still answers");
    }
}

#[test]
fn a_killed_process_leaves_nothing() {
    let (mut child, servers) = start_child("wait");
    assert!(servers.iter().all(|(port, _)| TcpStream::connect(("127.0.0.1", *port)).is_ok()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_nothing_is_left(&servers);
}

#[test]
fn a_panic_leaves_nothing() {
    let (mut child, servers) = start_child("panic");
    assert!(!child.wait().unwrap().success());
    assert_nothing_is_left(&servers);
}

#[test]
fn an_exit_without_drops_leaves_nothing() {
    let (mut child, servers) = start_child("exit");
    assert!(child.wait().unwrap().success());
    assert_nothing_is_left(&servers);
}
