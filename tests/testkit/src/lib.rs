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
pub use wan::{Delay, Wan};
