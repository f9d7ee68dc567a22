//! A server from its beginning to its end: opens everything, accepts connections, and ends so that nothing is lost.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Socket, Type};
use stage0_store::{SqliteStore, StoreError};
use stage0_wire::problem::Problem;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::config::{Bounds, Config};
use crate::halt::{Halt, Halted};
use crate::http::App;
use crate::ids::Ids;
use crate::in_force::InForce;
use crate::key_ring::KeyRing;
use crate::ledger::Ledger;
use crate::limits::{BACKLOG, HANDSHAKE_WAIT, HEAD_BYTES_MAX, HEADERS_MAX};
use crate::metrics::Metrics;
use crate::service::Service;
use crate::tls::{self, Handshake};
use crate::upkeep;

/// Why a server cannot begin, or had to end.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The policy is none that may decide.
    Policy(Vec<Problem>),
    /// The file cannot be had.
    Store(StoreError),
    /// Another server has the file.
    Taken(PathBuf),
    /// Without keys a server listens on this machine alone.
    Open(SocketAddr),
    /// The address cannot be listened at.
    Listen(SocketAddr, io::Error),
    /// The certificates or the key of TLS are none.
    Tls(String),
    /// The machine does not give what is needed.
    Machine(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(problems) => match problems.first() {
                Some(problem) => f.write_str(problem.message()),
                None => f.write_str("the policy is none that may decide"),
            },
            Self::Store(error) => error.fmt(f),
            Self::Taken(path) => write!(f, "another server has `{}`", path.display()),
            Self::Open(address) => {
                write!(
                    f,
                    "{address} can be reached from other machines without a key"
                )
            }
            Self::Listen(address, error) => write!(f, "{address} cannot be listened on: {error}"),
            Self::Tls(what) => f.write_str(what),
            Self::Machine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ServeError {}

/// A server that is ready to accept.
#[derive(Debug)]
pub struct Server {
    service: Arc<Service>,
    app: App,
    bounds: Bounds,
    listener: std::net::TcpListener,
    tls: Option<Handshake>,
    retention: Option<Duration>,
    /// Puts what was written beside the file into it.
    settler: Arc<SqliteStore>,
    /// Says to other servers that the file is taken.
    _claim: File,
}

/// Tells a server to end, or to read its policy again.
#[derive(Debug, Clone)]
pub struct Control(watch::Sender<Wish>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wish {
    ends: bool,
    pub(crate) reloads: u64,
}

impl Control {
    /// Ends the server: what it works on is finished, and nothing new is taken.
    pub fn end(&self) {
        self.0.send_modify(|wish| wish.ends = true);
    }

    /// Reads the policy again.
    pub fn reload(&self) {
        self.0
            .send_modify(|wish| wish.reloads = wish.reloads.wrapping_add(1));
    }
}

impl Server {
    /// Opens everything. Nothing is answered yet.
    ///
    /// # Errors
    /// Something cannot be had.
    pub fn open(config: Config) -> Result<Self, ServeError> {
        if config.is_open && !config.listen.ip().is_loopback() {
            return Err(ServeError::Open(config.listen));
        }
        let policy = InForce::open(config.policy).map_err(ServeError::Policy)?;
        let tls = config
            .tls
            .as_ref()
            .map(tls::handshake)
            .transpose()
            .map_err(ServeError::Tls)?;
        let claim = claim(&config.db)?;
        let wait = config.bounds.file_wait;
        let ledger = Ledger::open(
            &config.db,
            config.fsync,
            wait,
            config.clock,
            config.audit_key,
        )
        .map_err(ServeError::Store)?;
        let reader = SqliteStore::open_with(&config.db, wait).map_err(ServeError::Store)?;
        let settler = SqliteStore::open_with(&config.db, wait).map_err(ServeError::Store)?;
        let listener =
            listen(config.listen).map_err(|error| ServeError::Listen(config.listen, error))?;
        let address = listener.local_addr().map_err(ServeError::Machine)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base = config
            .public_url
            .unwrap_or_else(|| format!("{scheme}://{address}"));
        let service = Arc::new(Service {
            policy,
            clock: config.clock,
            halt: Halt::default(),
            halting: tokio::sync::Mutex::new(()),
            keys: KeyRing::default(),
            plans: config.plans,
            metrics: Metrics::new(),
            audit: config.audit,
            record: config.record,
            ids: Ids::new(random().map_err(ServeError::Machine)?),
            secret: config.secret,
            base: base.trim_end_matches('/').to_owned(),
            ledger,
            last: Mutex::new(None),
            reader: Mutex::new(reader),
        });
        service.read_keys().map_err(ServeError::Store)?;
        if let Some(halted) = Halted::load(&*service.reader()).map_err(ServeError::Store)? {
            service.halt.set(Some(Arc::new(halted)));
            service.metrics.halted.set(1);
        }
        Ok(Self {
            app: App::new(Arc::clone(&service), config.is_open, config.bounds),
            service,
            bounds: config.bounds,
            listener,
            tls,
            retention: config.retention,
            settler: Arc::new(settler),
            _claim: claim,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The machine does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where it is asked.
    pub fn url(&self) -> &str {
        &self.service.base
    }

    /// Whether there is a key that counts.
    pub fn has_keys(&self) -> bool {
        let now = self.service.now().ok();
        let keys = self.service.reader().keys().unwrap_or_default();
        keys.iter()
            .any(|key| now.is_none_or(|now| key.counts_at(now)))
    }

    /// `name@version` of the policy that decides, and its digest.
    pub fn policy(&self) -> (String, String) {
        let policy = self.service.policy.policy();
        let index = policy.index();
        (index.label().to_owned(), index.digest().to_string())
    }

    /// What tells it to end. Without anybody who has it, it never does.
    pub fn control() -> (Control, Told) {
        let (control, told) = watch::channel(Wish::default());
        (Control(control), Told(told))
    }

    /// Answers until this process is told to end (SIGTERM, SIGINT), and reads the policy again on SIGHUP.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_until_signal(self) -> io::Result<()> {
        let (control, told) = Self::control();
        self.begin(told, Some(control))
    }

    /// Answers until it is told to end; everything that was begun is finished then, or has had its time.
    ///
    /// # Errors
    /// The machine does not give what is needed.
    pub fn run(self, told: Told) -> io::Result<()> {
        self.begin(told, None)
    }

    fn begin(self, told: Told, by_signals: Option<Control>) -> io::Result<()> {
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .thread_name("stage0-server")
            .build()?;
        runtime.block_on(async {
            if let Some(control) = by_signals {
                tokio::spawn(obey_signals(control)?);
            }
            self.accept(told.0).await
        })?;
        // Nobody is left who would be waited for.
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(())
    }

    async fn accept(self, told: watch::Receiver<Wish>) -> io::Result<()> {
        let listener = TcpListener::from_std(self.listener)?;
        let router = self.app.router();
        let places = Arc::new(Semaphore::new(self.bounds.connections));
        tokio::spawn(upkeep::watch_policy(
            Arc::clone(&self.service),
            told.clone(),
        ));
        tokio::spawn(upkeep::clean(Arc::clone(&self.service), self.retention));
        tokio::spawn(upkeep::settle(Arc::clone(&self.service), self.settler));
        let mut ending = told.clone();
        let mut ending = pin!(ends(&mut ending));
        loop {
            let accepted = tokio::select! {
                () = &mut ending => break,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of sockets: some will end.
                    tracing::warn!(%error, "a connection cannot be accepted");
                    sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            // More than there is room for are hung up on, so that those within are served.
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                continue;
            };
            let (router, service) = (router.clone(), Arc::clone(&self.service));
            let (bounds, told, tls) = (self.bounds, told.clone(), self.tls.clone());
            tokio::spawn(async move {
                service.metrics.connections.inc();
                connect(stream, tls, router, bounds, told).await;
                service.metrics.connections.dec();
                drop(place);
            });
        }
        drop(listener);
        let all = u32::try_from(self.bounds.connections).unwrap_or(u32::MAX);
        let gone = timeout(self.bounds.shutdown_wait, places.acquire_many(all)).await;
        if gone.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        Ok(())
    }
}

/// Does what signals say.
#[cfg(unix)]
fn obey_signals(control: Control) -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => control.end(),
                _ = interrupt.recv() => control.end(),
                _ = hang_up.recv() => control.reload(),
            }
        }
    })
}

/// Does what signals say.
#[cfg(not(unix))]
fn obey_signals(control: Control) -> io::Result<impl Future<Output = ()>> {
    Ok(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            control.end();
        }
        // The server goes on listening to it.
        std::future::pending::<()>().await;
        drop(control);
    })
}

/// What a server listens to.
#[derive(Debug)]
pub struct Told(watch::Receiver<Wish>);

async fn connect(
    stream: TcpStream,
    tls: Option<Handshake>,
    router: Router,
    bounds: Bounds,
    told: watch::Receiver<Wish>,
) {
    // An answer is one write.
    let _ = stream.set_nodelay(true);
    match tls {
        None => converse(stream, router, bounds, told).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE_WAIT, tls.0.accept(stream)).await {
                converse(stream, router, bounds, told).await;
            }
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
    bounds: Bounds,
    mut told: watch::Receiver<Wish>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(bounds.head_wait)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut ends = pin!(ends(&mut told));
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = &mut ends => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Waits until the server is told to end.
async fn ends(told: &mut watch::Receiver<Wish>) {
    // Whoever could tell is gone: it never ends.
    if told.wait_for(|wish| wish.ends).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Takes a file for this server alone. Whoever runs a command on it may still do so.
fn claim(db: &Path) -> Result<File, ServeError> {
    let mut name = db.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.map_err(|error| {
        let message = format!("`{}` cannot be written: {}", path.display(), error.kind());
        ServeError::Store(StoreError::Unwritable(message))
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::Taken(db.to_owned())),
        Err(TryLockError::Error(error)) => Err(ServeError::Machine(error)),
    }
}

/// A listener with room for those who come at once.
fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // As the standard library does it: a server that begins anew has its address at once.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn random() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}
