//! The policy of a server: files that may change while it runs.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use stage0_server::PolicySource;
use stage0_wire::Policy;
use stage0_wire::problem::Problem;

use crate::load::pack_name;
use crate::trust::{Trust, signature_path};

/// A policy that somebody named, with what it imports.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    trust: Trust,
    /// Files that the policy was read from, when it could be read last.
    files: Mutex<Vec<PathBuf>>,
}

impl Source {
    pub(super) fn new(path: PathBuf, trust: Trust) -> Self {
        Self {
            path,
            trust,
            files: Mutex::default(),
        }
    }
}

impl PolicySource for Source {
    fn load(&self) -> Result<Policy, Vec<Problem>> {
        let policy = self.trust.load(&self.path, None)?;
        let files = policy.sources().names().map(PathBuf::from).collect();
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
        Ok(policy)
    }

    fn mark(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut look = |path: &Path| {
            let found = path.metadata().ok();
            let found = found.map(|found| (found.len(), found.modified().ok()));
            (path, found).hash(&mut hasher);
        };
        if pack_name(&self.path).is_none() {
            look(&self.path);
        }
        if self.trust.policy_keys.is_some()
            && let Ok(signature) = signature_path(&self.path)
        {
            look(&signature);
        }
        if let Some(keys) = &self.trust.policy_keys {
            look(keys);
        }
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().for_each(|path| look(path));
        hasher.finish()
    }
}
