//! `stage0 serve`: the decision API over HTTP.

mod log;
mod source;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use stage0_server::limits::PLANS_BYTES_MAX;
use stage0_server::{Audit, Bounds, Config, Fsync, Plans, Record, ServeError, Server, Tls};
use stage0_store::system_clock;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use self::log::{LogForm, LogLevel};
use self::source::Source;
use crate::audit_log::redaction_secret;
use crate::exit::{Exit, Failure};
use crate::input::{name_of, read, reason};
use crate::output::tell;
use crate::paint::{NAME, UNSURE, paint};
use crate::runs::problems;
use crate::secret::read_key;
use crate::trust::Trust;

/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// Bytes of a file of certificates, or of a private key.
const PEM_BYTES_MAX: usize = 1_000_000;

/// Answer requests over HTTP, and keep what was decided
#[derive(Debug, Args)]
#[command(
    after_help = "Everything is kept in one SQLite file, which is made if it is not there. Clients show a key; \
`stage0 keys create NAME` makes one. The reference of the API is at /docs.

It ends on SIGTERM or Ctrl-C, and finishes what it works on. It reads the policy again when its file changes, or on \
SIGHUP; one that does not load, or whose tests fail, takes nobody's place.

Examples:
  stage0 serve --dev
  stage0 serve --policy policy.yaml --db stage0.db
  stage0 serve --listen 0.0.0.0:8787 --tls-cert cert.pem --tls-key key.pem"
)]
pub(crate) struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,

    /// The file that keeps decisions, runs, keys and counters
    #[arg(long, value_name = "FILE", default_value = "stage0.db")]
    db: PathBuf,

    /// The policy to decide by: a file, or a built-in one
    #[arg(long, short, value_name = "POLICY", default_value = "stage0/standard")]
    policy: PathBuf,

    /// Take requests without keys, on this machine only
    #[arg(long)]
    dev: bool,

    #[command(flatten)]
    trust: Trust,

    /// What keys may use: a JSON file of plans, in the place of free, starter and pro
    #[arg(long, value_name = "FILE")]
    plans: Option<PathBuf>,

    /// The address that others know this server by
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// Certificates of TLS, as PEM: its own first
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key of TLS, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Whether a decision may be given that could not be written down: required, or best-effort
    #[arg(
        long,
        value_name = "HOW",
        default_value = "required",
        hide_possible_values = true,
        help_heading = "What is kept"
    )]
    audit: AuditWord,

    /// How much of a request is kept: facts, those that the decision read, or full
    #[arg(
        long,
        value_name = "KEPT",
        default_value = "facts",
        hide_possible_values = true,
        help_heading = "What is kept"
    )]
    record: RecordWord,

    /// When an answer is safe: always, on the disk; never, with the operating system, which a loss of
    /// power takes along
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "always",
        hide_possible_values = true,
        help_heading = "What is kept"
    )]
    fsync: FsyncWord,

    /// Sign the log with this private key, as `stage0 keypair new` makes it: behind every 64 lines or so, and when
    /// the server ends
    #[arg(long, value_name = "JWK", help_heading = "What is kept")]
    audit_key: Option<PathBuf>,

    /// Days for which decisions are kept; for ever if left out
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500), help_heading = "What is kept")]
    keep_days: Option<u32>,

    /// Connections that may be open at once
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Limits")]
    connections: Option<u32>,

    /// Requests that are worked on at once
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Limits")]
    concurrency: Option<u32>,

    /// Seconds for one request
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600), help_heading = "Limits")]
    deadline: Option<u32>,

    /// The form of the log on standard error: text or json
    #[arg(
        long,
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    log: LogForm,

    /// What is logged: error, warn, info, or debug, which tells of each request
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "info",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    log_level: LogLevel,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AuditWord {
    /// No record, no answer
    Required,
    /// A decision that rests on nothing kept is given anyway
    BestEffort,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RecordWord {
    /// The facts that the decision read
    Facts,
    /// Everything
    Full,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FsyncWord {
    /// On the disk
    Always,
    /// With the operating system
    Never,
}

impl Serve {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        log::begin(self.log, self.log_level);
        let (db, dev) = (self.db.clone(), self.dev);
        let server = Server::open(self.config()?).map_err(|error| trouble(&error))?;
        let (version, digest) = server.policy();
        let digest = digest.get(..12).unwrap_or(&digest);
        tell(&format!(
            "stage0 {} decides by {} ({digest}), and keeps it in {}\nlistening on {}, reference at {}/docs\n",
            env!("CARGO_PKG_VERSION"),
            paint(NAME, &version),
            name_of(&db),
            paint(NAME, server.url()),
            server.url(),
        ));
        if dev {
            tell(&paint(
                UNSURE,
                "--dev: whoever reaches this address may ask anything, without a key\n",
            ));
        } else if !server.has_keys() {
            let file = if db.as_os_str() == "stage0.db" {
                String::new()
            } else {
                format!(" --db {}", name_of(&db))
            };
            tell(&format!(
                "there is no key yet, so nobody may ask; make one with `stage0 keys create NAME{file}`, or begin with --dev\n"
            ));
        }
        server.run_until_signal().map_err(|error| {
            let message = format!("the server had to end: {}", reason(&error));
            Problem::new(ProblemCode::ServerListen, message)
        })?;
        tell("everything that was begun is finished\n");
        Ok(Exit::Success)
    }

    fn config(self) -> Result<Config, Failure> {
        let plans = match &self.plans {
            None => Plans::default(),
            Some(path) => Plans::parse(&name_of(path), &read(path, PLANS_BYTES_MAX)?)?,
        };
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => Some(Tls {
                certificates: read(certificates, PEM_BYTES_MAX)?,
                key: read(key, PEM_BYTES_MAX)?,
            }),
            _ => None,
        };
        let mut bounds = Bounds::default();
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        if let Some(connections) = self.connections {
            bounds.connections = count(connections);
        }
        if let Some(concurrency) = self.concurrency {
            bounds.concurrency = count(concurrency);
        }
        if let Some(seconds) = self.deadline {
            bounds.deadline = Duration::from_secs(u64::from(seconds));
        }
        let days = self.keep_days.map(u64::from);
        Ok(Config {
            listen: self.listen,
            secret: redaction_secret(&self.db)?,
            db: self.db,
            policy: Box::new(Source::new(self.policy, self.trust)),
            plans,
            audit: match self.audit {
                AuditWord::Required => Audit::Required,
                AuditWord::BestEffort => Audit::BestEffort,
            },
            record: match self.record {
                RecordWord::Facts => Record::Facts,
                RecordWord::Full => Record::Full,
            },
            fsync: match self.fsync {
                FsyncWord::Always => Fsync::Always,
                FsyncWord::Never => Fsync::Never,
            },
            audit_key: self.audit_key.as_deref().map(read_key).transpose()?,
            retention: days.map(|days| Duration::from_secs(days.saturating_mul(DAY_S))),
            is_open: self.dev,
            tls,
            public_url: self.public_url,
            bounds,
            clock: system_clock,
        })
    }
}

fn trouble(error: &ServeError) -> Vec<Problem> {
    let one = |code, message: String, help: &str| vec![Problem::new(code, message).help(help)];
    match error {
        ServeError::Policy(problems) => problems.clone(),
        ServeError::Store(error) => problems(error.clone()),
        ServeError::Taken(path) => one(
            ProblemCode::ServerTaken,
            format!("another server has `{}`", name_of(path)),
            "end it first, or name another file with --db",
        ),
        ServeError::Open(address) => one(
            ProblemCode::ServerOpen,
            format!("{address} can be reached from other machines, and --dev asks for no keys"),
            "leave --dev out, or listen on 127.0.0.1",
        ),
        ServeError::Listen(address, error) => one(
            ProblemCode::ServerListen,
            format!("{address} cannot be listened on: {}", reason(error)),
            "name another address with --listen",
        ),
        ServeError::Tls(what) => one(
            ProblemCode::ServerTls,
            what.clone(),
            "--tls-cert and --tls-key are PEM files that belong together",
        ),
        other => vec![Problem::new(ProblemCode::ServerListen, other.to_string())],
    }
}
