//! Drops databases behind the tests' backs, one at a time, so that no test waits for it.
//! What it does not get to goes with the server.

use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::blocking;

/// A database that is dropped, some time, after this value is.
pub struct Leftover {
    admin: String,
    name: String,
}

impl Leftover {
    /// `admin` is the address from which the database `name` can be dropped.
    pub fn new(admin: String, name: String) -> Leftover {
        Leftover { admin, name }
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        static QUEUE: OnceLock<Sender<(String, String)>> = OnceLock::new();
        let queue = QUEUE.get_or_init(start);
        let _ = queue.send((std::mem::take(&mut self.admin), std::mem::take(&mut self.name)));
    }
}

fn start() -> Sender<(String, String)> {
    let (queue, leftovers) = channel();
    thread::spawn(move || work(&leftovers));
    queue
}

fn work(leftovers: &Receiver<(String, String)>) {
    let runtime = blocking::runtime();
    for (admin, name) in leftovers {
        // A server that is gone has no databases to drop.
        let _ = runtime.block_on(drop_database(&admin, &name));
    }
}

async fn drop_database(admin: &str, name: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(admin).await?;
    let statement = format!("drop database if exists {name} with (force)");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}
