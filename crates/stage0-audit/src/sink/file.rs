//! A chain in a file of lines, that goes on in further files when it is full.
//!
//! A file that is full is renamed: `decisions.jsonl` becomes `decisions.jsonl.000000005000`, by the number of its
//! last line, and the next one goes on where it ended. One process writes at a time, which holds
//! `decisions.jsonl.lock`. What is made is readable by its owner only, where the system knows owners (Unix).

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use stage0_engine::time::Timestamp;

use super::tail::read_tail;
use super::writer::Writer;
use super::{Signing, Sink, SinkError};
use crate::chain::{Checkpoint, Head};
use crate::key::PrivateKey;

/// Milliseconds that another writer is waited for.
pub const LOCK_WAIT_MS_MAX: u64 = 2_000;
/// Milliseconds between two looks whether it is done.
const LOCK_LOOK_MS: u64 = 5;
/// Digits of the number that a full file's name ends in.
const NUMBER_DIGITS: usize = 12;

/// When a line is safe from the machine going down, and what that can lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Each line before it is acknowledged: nothing is lost.
    EachLine,
    /// Each so many lines, and when the sink is flushed or goes: as many may be lost when the machine goes down,
    /// none when the process does.
    EachLines(u32),
    /// Whenever the operating system likes: what it has not written yet is lost when the machine goes
    /// down, and nothing when the process does.
    Never,
}

/// How a file is kept.
#[derive(Debug)]
pub struct FileSinkOptions {
    /// When lines are safe.
    pub fsync: Fsync,
    /// Bytes from which on a file is full; it never is, if nothing is said.
    pub rotate_bytes: Option<u64>,
    /// What signs the chain, if anything does.
    pub signing: Option<Signing>,
}

impl Default for FileSinkOptions {
    fn default() -> Self {
        Self {
            fsync: Fsync::EachLine,
            rotate_bytes: None,
            signing: None,
        }
    }
}

/// What was done to a file whose writer was stopped in the middle of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// The last line was whole but for its break, which it was given.
    Completed,
    /// The last line was not whole, so nobody was told that it is kept. It was taken away.
    Cut {
        /// Its bytes.
        bytes: u64,
    },
}

/// A chain in a file.
#[derive(Debug)]
pub struct FileSink {
    writer: Writer,
    log: LogFile,
    repair: Option<Repair>,
    /// Held while the sink is there.
    _lock: File,
}

/// The file that lines go to.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    fsync: Fsync,
    rotate_bytes: Option<u64>,
    unsynced: u32,
    /// The file could not be put right after a line that failed: it takes no further one.
    is_broken: bool,
}

impl FileSink {
    /// Opens a file, or begins it, and goes on where its chain ends.
    ///
    /// # Errors
    /// It cannot be read or written, another process writes it, or it does not end in a line of a chain.
    pub fn open(path: &Path, options: FileSinkOptions) -> Result<Self, SinkError> {
        let lock = lock(path)?;
        let io = |error| failed(path, error);
        let mut file = for_owner().create(true).open(path).map_err(io)?;
        let tail = read_tail(&name(path), &mut file)?;
        match tail.repair {
            Some(Repair::Cut { .. }) => file.set_len(tail.bytes).map_err(io)?,
            Some(Repair::Completed) => file.write_all(b"\n").map_err(io)?,
            None => {}
        }
        if tail.repair.is_some() {
            file.sync_all().map_err(io)?;
        }
        let head = match tail.head {
            Some(head) => head,
            None => head_of_full_file(path)?.unwrap_or(Head::START),
        };
        if tail.head.is_none() {
            sync_folder(path).map_err(io)?;
        }
        let bytes = file.seek(SeekFrom::End(0)).map_err(io)?;
        Ok(Self {
            writer: Writer::new(head, options.signing),
            log: LogFile {
                path: path.to_owned(),
                file,
                bytes,
                fsync: options.fsync,
                rotate_bytes: options.rotate_bytes,
                unsynced: 0,
                is_broken: false,
            },
            repair: tail.repair,
            _lock: lock,
        })
    }

    /// Where the chain ends.
    pub fn head(&self) -> Head {
        self.writer.head()
    }

    /// What was done to the file when it was opened.
    pub fn repair(&self) -> Option<Repair> {
        self.repair
    }

    /// Signs the chain as it is now, whether or not it is time, and hands out the checkpoint, to be kept
    /// elsewhere.
    ///
    /// # Errors
    /// As for [`append`](Sink::append).
    pub fn checkpoint(
        &mut self,
        key: &PrivateKey,
        now: Timestamp,
    ) -> Result<Checkpoint, SinkError> {
        let log = &mut self.log;
        let checkpoint = self
            .writer
            .checkpoint(key, now, &mut |line| log.write(line))?;
        self.flush()?;
        Ok(checkpoint)
    }
}

impl LogFile {
    /// Writes one line with its break whole, or leaves the file as it was.
    fn write(&mut self, line: &str) -> Result<(), SinkError> {
        if self.is_broken {
            let error =
                std::io::Error::other("an earlier line failed, and could not be taken back");
            return Err(failed(&self.path, error));
        }
        let result = self.file.write_all(line.as_bytes()).and_then(|()| {
            self.unsynced = self.unsynced.saturating_add(1);
            match self.fsync {
                Fsync::EachLine => self.sync(),
                Fsync::EachLines(lines) if self.unsynced >= lines => self.sync(),
                Fsync::EachLines(_) | Fsync::Never => Ok(()),
            }
        });
        if let Err(error) = result {
            self.is_broken = self.file.set_len(self.bytes).is_err();
            return Err(failed(&self.path, error));
        }
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(length);
        Ok(())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.file.sync_data()?;
        self.unsynced = 0;
        Ok(())
    }

    /// Puts a file that is full aside, and goes on in a new one. `seq` is the number of its last line.
    fn rotate(&mut self, seq: u64) -> Result<(), SinkError> {
        let is_full = self.rotate_bytes.is_some_and(|full| self.bytes >= full);
        if !is_full {
            return Ok(());
        }
        let io = |error| failed(&self.path, error);
        self.file.sync_all().map_err(io)?;
        let full = full_name(&self.path, seq);
        if full.exists() {
            let error = std::io::Error::other(format!("`{}` is there already", name(&full)));
            return Err(io(error));
        }
        fs::rename(&self.path, &full).map_err(io)?;
        let begun = for_owner().create_new(true).open(&self.path);
        self.file = begun.map_err(io)?;
        sync_folder(&self.path).map_err(io)?;
        self.bytes = 0;
        self.unsynced = 0;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if self.unsynced > 0 && self.fsync != Fsync::Never {
            let result = self.sync();
            result.map_err(|error| failed(&self.path, error))?;
        }
        Ok(())
    }
}

impl Sink for FileSink {
    fn append(&mut self, record: &str, now: Timestamp) -> Result<Head, SinkError> {
        self.log.rotate(self.head().seq)?;
        let log = &mut self.log;
        self.writer.append(record, now, &mut |line| log.write(line))
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.log.flush()
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        // Whoever wants to know that it worked flushes before.
        let _ = self.flush();
    }
}

/// How files are opened: what is made is for its owner alone, since a log tells what agents did and for whom.
fn for_owner() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The files of a chain in their order: those that are full, and the one that is written.
///
/// # Errors
/// The folder cannot be read.
pub fn full_files(path: &Path) -> Result<Vec<PathBuf>, SinkError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let own = path.file_name().unwrap_or_default().to_string_lossy();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let entry = entry.map_err(|error| failed(folder, error))?;
        let found = entry.file_name();
        let found = found.to_string_lossy();
        let number = found
            .strip_prefix(&*own)
            .and_then(|rest| rest.strip_prefix('.'));
        let is_full = number.is_some_and(|number| {
            number.len() == NUMBER_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if is_full {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Where the newest full file ends, if there is one.
fn head_of_full_file(path: &Path) -> Result<Option<Head>, SinkError> {
    let Some(newest) = full_files(path)?.pop() else {
        return Ok(None);
    };
    let mut file = File::open(&newest).map_err(|error| failed(&newest, error))?;
    let tail = read_tail(&name(&newest), &mut file)?;
    let why = "it was put aside as full, and has no whole line";
    let damaged = || SinkError::Damaged {
        path: name(&newest),
        why: why.to_owned(),
    };
    tail.head.map(Some).ok_or_else(damaged)
}

fn full_name(path: &Path, seq: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{seq:0NUMBER_DIGITS$}"));
    PathBuf::from(name)
}

fn lock(path: &Path) -> Result<File, SinkError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = for_owner().create(true).open(&name);
    let file = file.map_err(|error| failed(path, error))?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(path, error)),
            Err(TryLockError::WouldBlock) => {}
        }
        if begun.elapsed() >= Duration::from_millis(LOCK_WAIT_MS_MAX) {
            return Err(SinkError::Locked {
                path: self::name(path),
            });
        }
        std::thread::sleep(Duration::from_millis(LOCK_LOOK_MS));
    }
}

/// A new name in a folder outlives the machine's going down once the folder is written.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn failed(path: &Path, error: std::io::Error) -> SinkError {
    SinkError::File {
        path: name(path),
        error,
    }
}
