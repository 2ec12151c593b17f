//! pgsync
pub mod error;
pub mod ident;
