//! Every limit of stores as a named constant with its unit and its reason.

/// Bytes of a run's id: it is the name of a row.
pub const RUN_ID_BYTES_MAX: usize = 256;
/// Milliseconds by which the clocks of workers may differ. One that lags behind a run by more is DENY
/// `CLOCK_BACKWARDS`.
pub const CLOCK_SKEW_MS_MAX: i64 = 5_000;
/// Milliseconds that a worker may stand still between finding a state and keeping the next one. Rows of which
/// nothing counts any more stay for that long, so that it finds its state changed.
pub const STALL_MS_MAX: i64 = 3_600_000;
/// Times that a decision is made while others are faster each time; then it is given up.
pub const SWAP_TRIES_MAX: u32 = 64;
/// Days for which a run is kept that nobody goes on with.
pub const RUN_IDLE_DAYS_MAX: i64 = 30;
/// Milliseconds that a file is waited for which another process writes.
pub const FILE_WAIT_MS_MAX: u64 = 5_000;
/// Keys of a server: all of them are looked at when one is listed.
pub const API_KEYS_MAX: usize = 10_000;
/// Bytes of the name that somebody gives to a key.
pub const KEY_NAME_BYTES_MAX: usize = 128;
/// Milliseconds for which a person is asked; afterwards the action has to be asked about anew. A week.
pub const TICKET_PENDING_MS: i64 = 604_800_000;
/// Milliseconds for which a ticket is kept after that, for whoever looks back, and so that a no stands.
pub const TICKET_KEPT_MS: i64 = 2_592_000_000;
/// Answers to one ticket.
pub const TICKET_ANSWERS_MAX: usize = 32;
/// Tickets that are listed at once.
pub const TICKETS_MAX: usize = 1_000;
/// Bytes of the text of one ticket, with the facts that it shows.
pub const TICKET_BYTES_MAX: usize = 4_000_000;
/// Bytes of a name or a reason that a person gives.
pub const ANSWER_TEXT_BYTES_MAX: usize = 4_096;
