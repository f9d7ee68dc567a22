//! The keys that count, in memory, as the file has them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use stage0_engine::time::Timestamp;
use stage0_store::{ApiKey, Scope, ShownKey};

use crate::plan::{Plan, Plans, UNLIMITED};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The key's id.
    pub(crate) key_id: String,
    /// What its owner calls it.
    pub(crate) name: String,
    /// The name of its plan.
    pub(crate) plan_name: String,
    pub(crate) plan: Plan,
    scopes: Vec<Scope>,
}

impl Caller {
    /// Whoever asks a server that takes requests without keys.
    pub(crate) fn anybody() -> Self {
        Self {
            key_id: "dev".to_owned(),
            name: "dev".to_owned(),
            plan_name: UNLIMITED.to_owned(),
            plan: Plan {
                pro: true,
                ..Plan::default()
            },
            scopes: Scope::ALL.to_vec(),
        }
    }

    /// Whoever asks for what is open to everybody.
    pub(crate) fn nobody() -> Self {
        Self {
            key_id: String::new(),
            name: String::new(),
            plan_name: String::new(),
            plan: Plan::default(),
            scopes: Vec::new(),
        }
    }

    /// Whether the key may be used for this.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// All keys that were looked up lately.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    keys: RwLock<HashMap<String, (ApiKey, Arc<Caller>)>>,
}

impl KeyRing {
    /// Takes the keys as they are now.
    pub(crate) fn fill(&self, keys: Vec<ApiKey>, plans: &Plans) {
        let ring = keys
            .into_iter()
            .filter_map(|key| entry(key, plans))
            .collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = ring;
    }

    /// Takes one more.
    pub(crate) fn add(&self, key: ApiKey, plans: &Plans) {
        if let Some((id, entry)) = entry(key, plans) {
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            keys.insert(id, entry);
        }
    }

    /// Whose key this is, if it counts at this time.
    pub(crate) fn find(&self, shown: &ShownKey<'_>, now: Timestamp) -> Option<Arc<Caller>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (key, caller) = keys.get(shown.id)?;
        (key.is(shown) && key.counts_at(now)).then(|| Arc::clone(caller))
    }

    /// Whether there is a key of this id, whatever it is worth.
    pub(crate) fn knows(&self, shown: &ShownKey<'_>) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.contains_key(shown.id)
    }
}

/// A key with who shows it. One whose plan is not configured any more may be used for nothing.
fn entry(key: ApiKey, plans: &Plans) -> Option<(String, (ApiKey, Arc<Caller>))> {
    let caller = Caller {
        key_id: key.id.clone(),
        name: key.name.clone(),
        plan_name: key.plan.clone(),
        plan: plans.get(&key.plan)?.clone(),
        scopes: key.scopes.clone(),
    };
    Some((key.id.clone(), (key, Arc::new(caller))))
}
