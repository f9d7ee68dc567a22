//! The last line before Python: a panic becomes an error that whoever guards an action can catch.
//!
//! Nothing on the path of a decision panics; lints and tests say so. Should it happen all the same,
//! pyo3 would raise what `except Exception` does not catch. Here it is raised as what the door refuses
//! with anyway, with the code `ENGINE_FAILED`: nothing was decided, and a guard denies. Every door goes
//! through [`guarded`]. A stack or a memory that ends still ends the process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;

use crate::refusal::failed;

/// Runs what a door does, whose errors are of this class.
pub(crate) fn guarded<T>(
    py: Python<'_>,
    class: &'static str,
    run: impl FnOnce() -> PyResult<T>,
) -> PyResult<T> {
    // Whatever was half done is dropped: what doors share is never changed.
    let run = AssertUnwindSafe(|| {
        #[cfg(feature = "panic-for-tests")]
        for_tests::panic_if_told();
        run()
    });
    catch_unwind(run).unwrap_or_else(|panic| Err(failed(py, class, &message(&*panic))))
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it does not say why").to_owned()
}

/// What makes doors panic, to see that it is caught. No wheel that people install has it.
#[cfg(feature = "panic-for-tests")]
pub(crate) mod for_tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    static TOLD: AtomicBool = AtomicBool::new(false);

    /// The next door panics.
    pub(crate) fn panic_next() {
        TOLD.store(true, Ordering::SeqCst);
    }

    pub(super) fn panic_if_told() {
        assert!(!TOLD.swap(false, Ordering::SeqCst), "a test told it to");
    }
}
