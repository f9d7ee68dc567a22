//! Every limit of the server as a named constant with its unit and its reason. Some can be set
//! ([`Bounds`](crate::Bounds)); these are what they are if nobody does.

use std::time::Duration;

/// Bytes of a body: the contract's, which is also the engine's of a request.
pub const BODY_BYTES_MAX: usize = stage0_engine::limits::REQUEST_BYTES_MAX;
/// Bytes of a body that is refused which are read all the same, so that its client sees why.
pub const DRAIN_BYTES_MAX: usize = 8_000_000;
/// Bytes of a request's line and headers together; they are in memory before anybody is known.
pub const HEAD_BYTES_MAX: usize = 16_384;
/// Headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Connections that are open at once. One that is idle costs some kilobytes.
pub const CONNECTIONS_MAX: usize = 16_384;
/// Requests that are worked on at once; further ones are told to come again.
pub const CONCURRENCY_MAX: usize = 512;
/// Time for a whole request, from its head to its answer.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// Time for the head of a request, and for which a connection may wait for its next one.
pub const HEAD_WAIT: Duration = Duration::from_secs(30);
/// Connections that wait to be accepted; the system may have a smaller limit.
pub const BACKLOG: i32 = 4_096;
/// Time for the handshake of TLS.
pub const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// Time for which requests may go on that are being worked on when the server is told to end.
pub const SHUTDOWN_WAIT: Duration = Duration::from_secs(20);
/// Changes that wait for the disk together. More would make the first of them wait for the last.
pub const GROUP_MAX: usize = 256;
/// Time for which the same question under the same request id is answered with what was said the first time.
pub const REPEAT_WITHIN_MS: i64 = 600_000;
/// Time for which it is believed that what could be kept still can be.
pub const READY_FOR: Duration = Duration::from_secs(1);
/// Time between two looks at whether the policy or the keys have changed.
pub const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Time between two rounds of dropping what is not kept any longer.
pub const CLEAN_EVERY: Duration = Duration::from_secs(60);
/// Records that are dropped at once, so that nobody waits long for it.
pub const CLEAN_MAX: u32 = 1_000;
/// Decisions of one page of a list.
pub const PAGE_MAX: u32 = 1_000;
/// Decisions of a page if nobody says how many.
pub const PAGE: u32 = 100;
/// Time between two rounds of putting what was written beside the file into it.
pub const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// Pages that are written beside the file before that begins anew in their place: 32 MB.
pub const BESIDE_PAGES: u64 = 4_000;
/// Plans of one configuration.
pub const PLANS_MAX: usize = 100;
/// Bytes of the text that plans are read from.
pub const PLANS_BYTES_MAX: usize = 100_000;
