//! A slow network between a client and a server on this machine: delay, a thin line, resets, and
//! the silence of a cable that was pulled.
//!
//! It lives on a thread of its own, so it goes on when the caller blocks. Delays are right to about
//! a millisecond and never too short. It must not know what the bytes mean.

mod connection;
mod line;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;

use crate::blocking;
use line::Line;

/// How slow the network is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delay {
    /// From here to there; a round trip takes twice as long.
    pub one_way: Duration,
    /// What all connections together can carry, a direction. None is without limit.
    pub mbit: Option<f64>,
}

impl Delay {
    /// A network without limit on which a round trip takes so many milliseconds.
    pub fn round_trip_ms(milliseconds: u64) -> Delay {
        Delay { one_way: Duration::from_micros(milliseconds * 500), mbit: None }
    }
}

/// What has passed since the proxy was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub up_bytes: u64,
    pub down_bytes: u64,
    /// Each one has cost a round trip to set up, which is not in `round_trips`.
    pub connections: u64,
    /// How often a client began to talk after it had listened.
    pub round_trips: u64,
}

/// A proxy in front of a port of this machine. It ends when it is dropped.
pub struct Wan {
    port: u16,
    network: Arc<Network>,
    thread: Option<JoinHandle<()>>,
}

impl Wan {
    pub fn start(target_port: u16, delay: Delay) -> Result<Wan> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port for the proxy")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let network = Arc::new(Network::new(target_port, delay));
        let shared = Arc::clone(&network);
        let thread = thread::Builder::new()
            .name("wan".to_owned())
            .spawn(move || blocking::runtime().block_on(connection::accept(listener, shared)))?;
        Ok(Wan { port, network, thread: Some(thread) })
    }

    /// Where a client connects.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a database at the server behind: the same address with our port in it.
    pub fn url(&self, url: &str) -> String {
        let target = format!(":{}/", self.network.target_port);
        url.replacen(&target, &format!(":{}/", self.port), 1)
    }

    pub fn stats(&self) -> Stats {
        let counted = &self.network.counted;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            up_bytes: of(&counted.up_bytes),
            down_bytes: of(&counted.down_bytes),
            connections: of(&counted.connections),
            round_trips: of(&counted.round_trips),
        }
    }

    /// Resets every connection there is. New ones are welcome.
    pub fn reset_all(&self) {
        self.network.reset_all();
    }

    /// Holds everything back, new connections too, and says nothing to anybody; or lets what was
    /// held back go on, as TCP does when the cable is in again.
    ///
    /// What it cannot imitate: keep-alive probes are answered, by this machine's own kernel.
    pub fn black_hole(&self, on: bool) {
        self.network.silent.send_replace(on);
    }

    /// Resets every connection, once, when this many more bytes have come from the server.
    pub fn cut_after(&self, bytes_down: u64) {
        let reached = self.network.counted.down_bytes.load(Ordering::Relaxed) + bytes_down;
        self.network.cut_at.store(reached, Ordering::Relaxed);
    }
}

impl Drop for Wan {
    fn drop(&mut self) {
        self.network.over.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What all connections share.
struct Network {
    target_port: u16,
    delay: Delay,
    up: Line,
    down: Line,
    counted: Counted,
    /// The count of bytes from the server at which everything is reset; `u64::MAX` for never.
    cut_at: AtomicU64,
    /// Counts the resets; a connection ends when the number changes.
    resets: watch::Sender<u64>,
    silent: watch::Sender<bool>,
    over: watch::Sender<bool>,
}

#[derive(Default)]
struct Counted {
    up_bytes: AtomicU64,
    down_bytes: AtomicU64,
    connections: AtomicU64,
    round_trips: AtomicU64,
}

impl Network {
    fn new(target_port: u16, delay: Delay) -> Network {
        Network {
            target_port,
            delay,
            up: Line::new(delay),
            down: Line::new(delay),
            counted: Counted::default(),
            cut_at: AtomicU64::new(u64::MAX),
            resets: watch::Sender::new(0),
            silent: watch::Sender::new(false),
            over: watch::Sender::new(false),
        }
    }

    fn reset_all(&self) {
        self.resets.send_modify(|resets| *resets += 1);
    }

    fn count_up(&self, bytes: u64, client_had_listened: &AtomicBool) {
        self.counted.up_bytes.fetch_add(bytes, Ordering::Relaxed);
        if client_had_listened.swap(false, Ordering::Relaxed) {
            self.counted.round_trips.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An error is the cut: these bytes do not arrive any more.
    fn count_down(&self, bytes: u64, client_had_listened: &AtomicBool) -> io::Result<()> {
        client_had_listened.store(true, Ordering::Relaxed);
        let total = self.counted.down_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if total <= self.cut_at.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.cut_at.store(u64::MAX, Ordering::Relaxed);
        self.reset_all();
        Err(io::ErrorKind::ConnectionReset.into())
    }
}
