//! What a server is told when it begins.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use stage0_audit::key::PrivateKey;
use stage0_engine::time::Timestamp;
use stage0_wire::REDACTION_SECRET_BYTES;

use crate::in_force::PolicySource;
use crate::ledger::Fsync;
use crate::limits;
use crate::plan::Plans;
use crate::service::{Audit, Record};

/// What a server is told when it begins.
#[derive(Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The file that keeps everything, made if it is not there.
    pub db: PathBuf,
    /// Where the policy comes from.
    pub policy: Box<dyn PolicySource>,
    /// What keys may use.
    pub plans: Plans,
    /// Whether a decision may be given that is not written down.
    pub audit: Audit,
    /// How much of a request is kept.
    pub record: Record,
    /// Whether what was answered outlives a loss of power.
    pub fsync: Fsync,
    /// What signs the log, behind some lines and behind the last one.
    pub audit_key: Option<PrivateKey>,
    /// How long records are kept; for ever, if nothing is told.
    pub retention: Option<Duration>,
    /// Whether requests are taken without keys, which they are on loopback only.
    pub is_open: bool,
    /// The certificates and the key of TLS, as PEM.
    pub tls: Option<Tls>,
    /// The address that others know it by.
    pub public_url: Option<String>,
    /// What redacted facts are digested with.
    pub secret: [u8; REDACTION_SECRET_BYTES],
    /// How much of everything it takes.
    pub bounds: Bounds,
    /// What tells the time.
    pub clock: Clock,
}

/// What tells the time; nothing where it shows none that can be kept, and then nothing is decided.
pub type Clock = fn() -> Option<Timestamp>;

/// The certificates and the key of TLS, as PEM.
#[derive(Clone)]
pub struct Tls {
    /// The certificate, and those that lead to a known one.
    pub certificates: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// How much of everything a server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections that are open at once.
    pub connections: usize,
    /// Requests that are worked on at once.
    pub concurrency: usize,
    /// Time for a whole request.
    pub deadline: Duration,
    /// Time for the head of a request, and for which a connection may wait for its next one.
    pub head_wait: Duration,
    /// Time for which requests may go on when the server is told to end.
    pub shutdown_wait: Duration,
    /// Time for which a file is waited that another process writes.
    pub file_wait: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS_MAX,
            concurrency: limits::CONCURRENCY_MAX,
            deadline: limits::DEADLINE,
            head_wait: limits::HEAD_WAIT,
            shutdown_wait: limits::SHUTDOWN_WAIT,
            file_wait: Duration::from_millis(stage0_store::limits::FILE_WAIT_MS_MAX),
        }
    }
}
