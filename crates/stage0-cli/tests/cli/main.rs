//! The command as its users meet it: a process with arguments, files and pipes.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

#[cfg(unix)]
mod console;
mod decisions;
mod hostile;
mod limits;
mod runs;
mod seen;
#[cfg(unix)]
mod serve;
mod support;
