//! The operator's stop: everything is denied until it is lifted. It is kept in the file, so it outlives the server.

use std::sync::{Arc, PoisonError, RwLock};

use stage0_engine::document::ValueRef;
use stage0_engine::policy::Mode;
use stage0_engine::time::Timestamp;
use stage0_store::{Change, Key, Row, StateStore, StoreError, To};
use stage0_wire::json_object::object;
use stage0_wire::strict_json::{JsonLimits, parse};

const LIMITS: JsonLimits = JsonLimits {
    bytes_max: 100_000,
    depth_max: 2,
    nodes_max: 10,
};

/// Since when everything is denied, and by whose word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Halted {
    pub(crate) since: Timestamp,
    pub(crate) by: Option<String>,
    pub(crate) reason: Option<String>,
}

impl Halted {
    /// As it is kept, and told.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::new();
        object(&mut out, |halted| {
            halted.text("since", &self.since.to_string());
            halted.optional("by", self.by.as_deref());
            halted.optional("reason", self.reason.as_deref());
        });
        out
    }

    fn parse(text: &str) -> Option<Self> {
        let document = parse(text.as_bytes(), &LIMITS).ok()?;
        let root = document.root();
        let text = |name: &str| root.get(name).and_then(ValueRef::as_str).map(str::to_owned);
        Some(Self {
            since: Timestamp::parse(&text("since")?).ok()?,
            by: text("by"),
            reason: text("reason"),
        })
    }

    /// What is kept.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn load(store: &dyn StateStore) -> Result<Option<Self>, StoreError> {
        let found = store.load(&[Key::Halt])?.pop().flatten();
        let read = found.map(|kept| {
            Self::parse(&kept.row.text)
                .ok_or_else(|| StoreError::Damaged("the operator's stop".to_owned()))
        });
        read.transpose()
    }

    /// Keeps it, or that there is none.
    ///
    /// # Errors
    /// It cannot be kept.
    pub(crate) fn put(halted: Option<&Self>, store: &dyn StateStore) -> Result<(), StoreError> {
        let found = store.load(&[Key::Halt])?.pop().flatten();
        let to = match halted {
            Some(halted) => To::Row(Row {
                text: halted.to_json(),
                until: None,
            }),
            None if found.is_none() => return Ok(()),
            None => To::Nothing,
        };
        let change = Change {
            key: Key::Halt,
            from: found.map(|kept| kept.version),
            to,
        };
        if store.swap(&[change])? {
            Ok(())
        } else {
            Err(StoreError::Contended)
        }
    }
}

/// Whether everything is denied, as everybody who decides sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Halt(Arc<RwLock<Option<Arc<Halted>>>>);

impl Halt {
    /// Why, if it is.
    pub(crate) fn told(&self) -> Option<Arc<Halted>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// From here on it is, or is not.
    pub(crate) fn set(&self, halted: Option<Arc<Halted>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = halted;
    }

    /// Whether it is.
    pub(crate) fn is_on(&self) -> bool {
        let told = self.0.read().unwrap_or_else(PoisonError::into_inner);
        told.is_some()
    }

    /// What it adds to a decision.
    pub(crate) fn mode(&self) -> Mode {
        if self.is_on() {
            Mode::Halted
        } else {
            Mode::Observe
        }
    }
}
