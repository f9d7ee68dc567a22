//! JSON for programs, written member by member in the order in which it is to be read.
//!
//! For answers that nobody waits for a microsecond longer: explanations, descriptions, reports. A
//! decision's own text is written by `decision_json`, in few pieces.

use std::fmt::{Display, Write as _};

use stage0_engine::canonical::write_string;

/// An object that is being written.
#[derive(Debug)]
pub struct Object<'o> {
    out: &'o mut String,
    is_empty: bool,
}

/// Writes an object.
pub fn object(out: &mut String, write: impl FnOnce(&mut Object<'_>)) {
    out.push('{');
    write(&mut Object {
        out: &mut *out,
        is_empty: true,
    });
    out.push('}');
}

/// Writes a list.
pub fn list<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

impl Object<'_> {
    /// Begins a member, whose value the caller writes.
    pub fn member(&mut self, key: &str) -> &mut String {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
        write_string(self.out, key);
        self.out.push(':');
        self.out
    }

    /// A number, `true`, `false`, `null`, or JSON that is written already.
    pub fn plain(&mut self, key: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.member(key), "{value}");
    }

    /// A text.
    pub fn text(&mut self, key: &str, value: &str) {
        write_string(self.member(key), value);
    }

    /// A text, or `null`.
    pub fn optional(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.plain(key, "null"),
        }
    }

    /// A list.
    pub fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut String, T),
    ) {
        list(self.member(key), items, write);
    }

    /// A list of texts.
    pub fn texts<T: AsRef<str>>(&mut self, key: &str, items: impl IntoIterator<Item = T>) {
        self.list(key, items, |out, item| write_string(out, item.as_ref()));
    }
}
