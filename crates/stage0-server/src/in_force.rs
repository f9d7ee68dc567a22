//! The policy that decides now, and how another one takes its place.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use stage0_engine::PlainProse;
use stage0_wire::Policy;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::testing::run_case;

/// Where the policy comes from.
pub trait PolicySource: Debug + Send + Sync {
    /// Reads, checks and compiles it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn load(&self) -> Result<Policy, Vec<Problem>>;

    /// Something that is another one whenever what the policy is read from has changed, and is cheap to find out.
    fn mark(&self) -> u64;
}

/// The policy that decides now.
#[derive(Debug)]
pub(crate) struct InForce {
    source: Box<dyn PolicySource>,
    current: RwLock<Current>,
    /// Held by whoever reads the source: what was read later is what decides.
    reading: Mutex<()>,
}

#[derive(Debug, Clone)]
struct Current {
    policy: Arc<Policy>,
    /// The mark of what was read last, whatever came of it.
    mark: u64,
    /// Why what was read last does not decide.
    trouble: Option<Arc<Vec<Problem>>>,
}

/// What came of looking at the source.
#[derive(Debug, Clone)]
pub(crate) enum Reloaded {
    /// It says what it said.
    Same,
    /// Another policy decides from here on.
    New(Arc<Policy>),
    /// What is there now must not decide; the policy before still does.
    Refused(Arc<Vec<Problem>>),
}

impl InForce {
    /// Loads the first policy. Its tests have to pass.
    pub(crate) fn open(source: Box<dyn PolicySource>) -> Result<Self, Vec<Problem>> {
        let mark = source.mark();
        let policy = Arc::new(load(source.as_ref())?);
        let current = Current {
            policy,
            mark,
            trouble: None,
        };
        Ok(Self {
            source,
            current: RwLock::new(current),
            reading: Mutex::new(()),
        })
    }

    /// The policy that decides now. Whoever has it goes on with it.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.read().policy)
    }

    /// Why what is there now does not decide, where it does not.
    pub(crate) fn trouble(&self) -> Option<Arc<Vec<Problem>>> {
        self.read().trouble
    }

    /// Reads the source again if it has changed, or in any case.
    pub(crate) fn reload(&self, in_any_case: bool) -> Reloaded {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at first: what changes while it is read is read again.
        let mark = self.source.mark();
        let before = self.read();
        if before.mark == mark && !in_any_case {
            return Reloaded::Same;
        }
        let (next, reloaded) = match load(self.source.as_ref()) {
            Ok(policy) if policy.index().digest() == before.policy.index().digest() => {
                (before.policy, Reloaded::Same)
            }
            Ok(policy) => {
                let policy = Arc::new(policy);
                (Arc::clone(&policy), Reloaded::New(policy))
            }
            Err(problems) => (before.policy, Reloaded::Refused(Arc::new(problems))),
        };
        let trouble = match &reloaded {
            Reloaded::Refused(problems) => Some(Arc::clone(problems)),
            Reloaded::Same | Reloaded::New(_) => None,
        };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Current {
            policy: next,
            mark,
            trouble,
        };
        reloaded
    }

    fn read(&self) -> Current {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn load(source: &dyn PolicySource) -> Result<Policy, Vec<Problem>> {
    let policy = source.load()?;
    let mut failed = Vec::new();
    for case in policy.tests() {
        let report = run_case(&policy, case, &PlainProse, None);
        if !report.passed() {
            let message = format!("the policy's test \"{}\" fails", report.name);
            failed.push(
                Problem::at(
                    policy.sources(),
                    report.span,
                    ProblemCode::PolicyTestFailed,
                    message,
                )
                .help("`stage0 test` says what came out instead"),
            );
        }
    }
    if failed.is_empty() {
        Ok(policy)
    } else {
        Err(failed)
    }
}
