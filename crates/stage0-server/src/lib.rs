//! The decision API over HTTP.
//!
//! A [`Server`] answers `/check` and its relatives by one policy, and keeps what it decides, runs, keys and
//! counters in one SQLite file. A decision is answered once it is kept: `ledger` is the one place that writes,
//! many at a time, `service` what is done without a word of HTTP, `http` the routes. Nothing here decides
//! anything: that is `stage0-engine`, through `stage0-wire` and `stage0-store`.

mod config;
mod halt;
mod http;
mod ids;
mod in_force;
mod key_ring;
mod ledger;
pub mod limits;
mod metrics;
mod plan;
mod refusal;
mod serve;
mod service;
mod tls;
mod upkeep;

pub use config::{Bounds, Clock, Config, Tls};
pub use in_force::PolicySource;
pub use ledger::Fsync;
pub use plan::{Plan, Plans, UNLIMITED};
pub use serve::{Control, ServeError, Server, Told};
pub use service::{Audit, Record};
