//! Gives every test its own two databases, on two servers that the whole test process shares.
//!
//! The servers start when the first test asks for them, and so do the templates with the firm's
//! data. It must not know what a test does with its databases.

mod db;
mod janitor;
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::blocking;
use crate::programs::Side;
use crate::server::Server;

pub use db::Db;
use shared::Template;

/// A test's two databases. They are gone when it is.
pub struct Pair {
    pub cloud: Db,
    pub desktop: Db,
}

impl Pair {
    /// Two databases without a table.
    pub async fn empty() -> Pair {
        Self::copied(Template::Nothing, Template::Nothing).await
    }

    /// Both sides of the firm as they stand after years of use.
    pub async fn firm() -> Pair {
        Self::copied(Template::Data, Template::Data).await
    }

    /// The firm on the day it moves to the cloud: the desktop full, the cloud with its tables only.
    pub async fn firm_before_the_cloud() -> Pair {
        Self::copied(Template::Schema, Template::Data).await
    }

    /// Both sides' tables, without a row.
    pub async fn firm_without_rows() -> Pair {
        Self::copied(Template::Schema, Template::Schema).await
    }

    /// Two empty databases on two servers of their own, for tests that stop or break a server.
    pub async fn dedicated() -> Pair {
        let start = |side| move || Server::start(side).unwrap_or_else(|error| panic!("{error:#}"));
        let (cloud, desktop) = blocking::both(start(Side::Cloud), start(Side::Desktop));
        let (cloud, desktop) = tokio::join!(
            Db::create(Arc::new(cloud), "cloud".to_owned(), "template0"),
            Db::create(Arc::new(desktop), "desktop".to_owned(), "template0"),
        );
        Pair { cloud, desktop }
    }

    async fn copied(cloud: Template, desktop: Template) -> Pair {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let ready = |side, template| move || shared::ready(side, template);
        let (cloud, desktop) =
            blocking::both(ready(Side::Cloud, cloud), ready(Side::Desktop, desktop));
        let (cloud, desktop) = tokio::join!(
            Db::lend(cloud.0, format!("cloud_{number}"), cloud.1),
            Db::lend(desktop.0, format!("desktop_{number}"), desktop.1),
        );
        Pair { cloud, desktop }
    }
}
