//! Private keys: read from files, made by the operating system's random source, never printed.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use stage0_audit::key::{PRIVATE_KEY_LIMITS, PrivateKey, SEED_BYTES};
use stage0_wire::codes::ProblemCode;
use stage0_wire::jws::encode;
use stage0_wire::problem::Problem;
use zeroize::Zeroizing;

use crate::input::{name_of, read, reason};

/// Bytes of a token's id: enough that no two are ever alike.
const ID_BYTES: usize = 16;

/// Reads a private key.
pub(crate) fn read_key(path: &Path) -> Result<PrivateKey, Problem> {
    let text = Zeroizing::new(read(path, PRIVATE_KEY_LIMITS.bytes_max)?);
    PrivateKey::parse(&name_of(path), &text)
}

/// A key that nobody had before.
pub(crate) fn new_key(id: &str) -> Result<PrivateKey, Problem> {
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    fill(&mut *seed)?;
    PrivateKey::from_seed(id, &seed)
}

/// An id that no token had before.
pub(crate) fn new_id() -> Result<String, Problem> {
    let mut id = [0; ID_BYTES];
    fill(&mut id)?;
    Ok(encode(&id))
}

/// Bytes that nobody can guess.
pub(crate) fn random_bytes<const BYTES: usize>() -> Result<Zeroizing<[u8; BYTES]>, Problem> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    fill(&mut *bytes)?;
    Ok(bytes)
}

fn fill(bytes: &mut [u8]) -> Result<(), Problem> {
    getrandom::fill(bytes).map_err(|error| {
        let message = format!("the random source of this system cannot be read: {error}");
        Problem::new(ProblemCode::FileUnreadable, message)
    })
}

/// Writes a private key into a file that nobody else can read, and that was not there.
pub(crate) fn write_key(path: &Path, key: &PrivateKey) -> Result<(), Problem> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let text = key.to_jwk();
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    let name = name_of(path);
    written.map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            let message = format!("`{name}` is there already");
            return Problem::new(ProblemCode::FileExists, message)
                .help("a key that is overwritten is lost; name another file with --out");
        }
        let message = format!("`{name}` cannot be written: {}", reason(&error));
        Problem::new(ProblemCode::FileUnwritable, message)
    })
}

/// The secret in a file, which is made if it is not there.
pub(crate) fn secret_beside<const BYTES: usize>(path: &Path) -> Result<[u8; BYTES], Problem> {
    let name = name_of(path);
    if !path.exists() {
        let mut secret = Zeroizing::new([0; BYTES]);
        fill(&mut *secret)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(path).and_then(|mut file| {
            file.write_all(&*secret)?;
            file.sync_all()
        });
        match written {
            Ok(()) => return Ok(*secret),
            // Somebody else made it in between: theirs it is.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                let message = format!("`{name}` cannot be written: {}", reason(&error));
                return Err(Problem::new(ProblemCode::FileUnwritable, message));
            }
        }
    }
    let bytes = Zeroizing::new(read(path, BYTES.saturating_add(1))?);
    <[u8; BYTES]>::try_from(bytes.as_slice()).map_err(|_| {
        let message = format!("`{name}` is no secret of {BYTES} bytes");
        Problem::new(ProblemCode::FileUnreadable, message)
            .help("put it back, or begin a new log with a secret of its own")
    })
}
