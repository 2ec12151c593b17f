//! What the tests, the demo and the benches stand on: real servers, the firm's data, a slow network.
//!
//! | room | what it does |
//! | --- | --- |
//! | [`programs`] | finds the programs of a PostgreSQL server on this machine, or fetches them |
//! | [`server`] | starts a server in a temporary folder and never leaves it behind |
//! | [`databases`] | gives every test its own cloud and desktop database |
//! | [`firm`] | the firm's two schemas and its data, the same every time |
//! | [`wan`] | puts 40 ms, a thin line or a cut cable between a client and a server |
//!
//! | variable | what it is for |
//! | --- | --- |
//! | `PGSYNC_TEST_DESKTOP_PGBIN`, `PGSYNC_TEST_CLOUD_PGBIN` | the folder of one side's server programs |
//! | `PGSYNC_TEST_PGBIN` | the same for both sides |
//! | `PGSYNC_TEST_CACHE` | where fetched servers are kept, instead of the user's cache folder |
//! | `PGSYNC_TEST_TMP` | where servers run, instead of the temporary folder; in memory is fastest |
//!
//! The kit knows PostgreSQL and nothing of `pgsync`: it must be able to catch it being wrong.

pub mod databases;
pub mod firm;
pub mod programs;
pub mod server;
pub mod wan;

mod blocking;

pub use databases::{Db, Pair};
pub use programs::{Programs, Side};
pub use server::Server;
#[cfg(unix)]
pub use server::SmallDisk;
pub use wan::{Delay, Wan};
