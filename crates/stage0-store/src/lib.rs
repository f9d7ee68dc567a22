//! Where hosts keep runs, and how a decision and the state after it become one step.
//!
//! A [`StateStore`] keeps rows of text, each with a version, and swaps some of them if none of those that
//! were looked at has changed. There are three: [`MemoryStore`], [`SqliteStore`] and [`CallerStore`]. A
//! [`Keeper`] loads the rows that a decision needs, decides, and swaps; where another one was faster it
//! decides anew. A decision is handed out only after the state behind it is kept, and whatever goes wrong is
//! a [`StoreError`], which every gate treats as DENY. Nothing here decides anything.

mod api_key;
mod caller;
mod clock;
mod error;
mod keeper;
mod key;
pub mod limits;
mod memory;
mod packed;
mod parts;
mod records;
mod sqlite;
mod store;
mod ticket;
mod usage;

pub use api_key::{ApiKey, KEY_RANDOM_BYTES, Scope, ShownKey, is_key_name};
pub use caller::CallerStore;
pub use clock::{Clock, system_clock};
pub use error::StoreError;
pub use keeper::{
    Asking, AskingBatch, Attempt, Consulted, Consulting, ConsultingBatch, Decided, Keeper,
    Recording, Telling,
};
pub use key::{Key, RunId, RunIdError};
pub use memory::MemoryStore;
pub use packed::Packed;
pub use records::{FoundRecord, Looked, NewRecord};
pub use sqlite::{Beside, Group, SqliteStore};
pub use store::{Change, Kept, Row, StateStore, To};
pub use ticket::{
    Ask, Found as FoundTicket, PersonsAnswer, Ticket, TicketError, TicketId, TicketStatus, Yes,
};
pub use usage::{Usage, Used};
