//! The server as its clients see it: over a socket, with a file of its own.

mod answers;
mod approvals;
mod authzen;
mod client;
mod connections;
mod faults;
mod keys;
mod looking_back;
mod quotas;
mod reloading;
mod running;
