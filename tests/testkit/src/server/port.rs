//! Finds a port that nobody listens on.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;

use anyhow::{Context, Result};

/// Below the ports that systems give to outgoing connections (from 32768 or 49152 on). Otherwise a
/// client could be given the port of a server that a test has stopped for a moment.
const FIRST: u16 = 20000;
const LAST: u16 = 32000;

pub fn free() -> Result<u16> {
    let mut tries = std::iter::repeat_with(random).take(200);
    tries.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).context("no port is free")
}

/// Every new state of the standard library's hasher is seeded anew.
fn random() -> u16 {
    let random = RandomState::new().build_hasher().finish() % u64::from(LAST - FIRST);
    FIRST + u16::try_from(random).expect("less than 12000")
}
