//! The only rooms that speak to a PostgreSQL server.
//!
//! - [`connection`]: a session with one server, and what it may be asked
//! - [`activity`]: our own sessions as their server sees them
//! - [`failure`]: what a server or a connection answers when it refuses
//! - [`catalog`]: the shape of tables, read from the system catalogs
//! - [`copy`]: the one door to COPY
//! - [`server`]: what a server says of itself and of our role
//! - [`rights`]: what our role may do with tables
//! - [`sql`]: pure builders of every dynamic statement
//!
//! Nothing here knows a direction, a configuration file or a terminal.

pub mod activity;
pub mod catalog;
pub mod connection;
pub mod copy;
pub mod failure;
pub mod rights;
pub mod server;
pub mod sql;
