//! The two servers that all tests of a process share, and the databases that tests are copied from.
//! Each is made when it is first asked for, by whoever asks, while the others wait.

use std::sync::{Arc, OnceLock};

use super::Db;
use crate::blocking;
use crate::firm;
use crate::programs::Side;
use crate::server::Server;

/// What a test's database is a copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// An empty database.
    Nothing,
    /// The firm's tables.
    Schema,
    /// The firm's tables and rows.
    Data,
}

struct Shared {
    side: Side,
    server: OnceLock<Arc<Server>>,
    schema: OnceLock<()>,
    data: OnceLock<()>,
}

/// In statics, so never dropped: the servers' keepers notice when the process ends.
static CLOUD: Shared = Shared::new(Side::Cloud);
static DESKTOP: Shared = Shared::new(Side::Desktop);

/// The server, and the name of the template on it. Blocks until both are there.
pub fn ready(side: Side, template: Template) -> (Arc<Server>, &'static str) {
    let shared = match side {
        Side::Cloud => &CLOUD,
        Side::Desktop => &DESKTOP,
    };
    (shared.server(), shared.template(template))
}

impl Shared {
    const fn new(side: Side) -> Shared {
        Shared { side, server: OnceLock::new(), schema: OnceLock::new(), data: OnceLock::new() }
    }

    fn server(&self) -> Arc<Server> {
        let start = || Server::start(self.side).unwrap_or_else(|error| panic!("{error:#}"));
        Arc::clone(self.server.get_or_init(|| Arc::new(start())))
    }

    fn template(&self, template: Template) -> &'static str {
        match template {
            Template::Nothing => "template0",
            Template::Schema => {
                self.schema.get_or_init(|| blocking::run(self.make("firm_schema", template)));
                "firm_schema"
            }
            Template::Data => {
                self.data.get_or_init(|| blocking::run(self.make("firm_data", template)));
                "firm_data"
            }
        }
    }

    /// A template that a panic left half made is thrown away first.
    async fn make(&self, name: &str, template: Template) {
        let server = self.server();
        Db::existing(Arc::clone(&server), "postgres")
            .run(&format!("drop database if exists {name}"))
            .await;
        let db = Db::create(server, name.to_owned(), "template0").await;
        fill(&db, self.side, template).await.unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
}

async fn fill(db: &Db, side: Side, template: Template) -> anyhow::Result<()> {
    let mut connection = db.connect().await;
    match template {
        Template::Nothing => {}
        Template::Schema => firm::create_schema(side, &mut connection).await?,
        Template::Data => firm::create_and_load(side, &mut connection).await?,
    }
    // Tests get copies with statistics and nothing that autovacuum would want to do.
    sqlx::raw_sql("vacuum analyze").execute(&mut connection).await?;
    Ok(())
}
