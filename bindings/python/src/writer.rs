//! Writing a Python value down as JSON.
//!
//! Everything is read exactly once, from the storage of the built-in types and not through methods that a
//! subclass may have replaced. Nothing recurses: what is open is a list, and so is what is left of it.

use std::fmt::Write as _;

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple, PyType};
use stage0_engine::canonical::write_string;
use stage0_engine::legible::one_line;
use stage0_engine::limits::{NUMBER_DIGITS_MAX, REQUEST_DEPTH_MAX};
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use crate::snapshot::{JsonText, Stop, lone_surrogate};

/// Characters of a key or of a type's name that are told.
const NAME_CHARS_MAX: usize = 64;

/// Room for a usual request, so that it is asked for once.
const TEXT_BYTES: usize = 2_048;
const OPEN: usize = 8;
const ITEMS: usize = 64;

/// The JSON text of a value.
pub(crate) fn write(value: &Bound<'_, PyAny>, bytes_max: usize) -> Result<String, Stop> {
    let mut writer = Writer {
        out: String::with_capacity(TEXT_BYTES),
        bytes_max,
        open: Vec::with_capacity(OPEN),
        items: Vec::with_capacity(ITEMS),
    };
    writer.write(value)?;
    Ok(writer.out)
}

/// A list, tuple or mapping whose end has not been written. What is left of its copy stands at the end
/// of the writer's `items`, the next one last; of an object a key stands behind its value.
#[derive(Debug)]
struct Open<'py> {
    owner: Bound<'py, PyAny>,
    /// How many of `items` are none of its own.
    below: usize,
    /// Elements or members that have begun.
    begun: usize,
    is_object: bool,
    /// The key of the member that was begun last.
    key: Option<Bound<'py, PyAny>>,
}

struct Writer<'py> {
    out: String,
    bytes_max: usize,
    /// Innermost last.
    open: Vec<Open<'py>>,
    items: Vec<Bound<'py, PyAny>>,
}

impl<'py> Writer<'py> {
    fn write(&mut self, root: &Bound<'py, PyAny>) -> Result<(), Stop> {
        self.value(root)?;
        while let Some(innermost) = self.open.last_mut() {
            if self.out.len() > self.bytes_max {
                let message = format!("the value has more than {} bytes as JSON", self.bytes_max);
                return Err(Problem::new(ProblemCode::JsonTooLarge, message)
                    .help("leave out what no rule reads, or send a digest of it")
                    .into());
            }
            let is_left = self.items.len() > innermost.below;
            let Some(item) = self.items.pop_if(|_| is_left) else {
                self.out.push(if innermost.is_object { '}' } else { ']' });
                self.open.pop();
                continue;
            };
            if innermost.begun > 0 {
                self.out.push(',');
            }
            innermost.begun = innermost.begun.saturating_add(1);
            if !innermost.is_object {
                self.value(&item)?;
                continue;
            }
            let key = innermost.key.insert(item).clone();
            self.key(&key)?;
            if let Some(value) = self.items.pop() {
                self.value(&value)?;
            }
        }
        Ok(())
    }

    fn key(&mut self, key: &Bound<'py, PyAny>) -> Result<(), Stop> {
        let Ok(text) = key.cast::<PyString>() else {
            let message = format!("a key {}is of type {}", self.place_of_key(), type_name(key));
            return Err(Problem::new(ProblemCode::ValueUnsupported, message)
                .help("keys are text, as in JSON: convert them with `str()`")
                .into());
        };
        self.string(text)?;
        self.out.push(':');
        Ok(())
    }

    fn string(&mut self, text: &Bound<'py, PyString>) -> Result<(), Stop> {
        match text.to_str() {
            Ok(text) => {
                write_string(&mut self.out, text);
                Ok(())
            }
            Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(text.py()) => {
                Err(lone_surrogate(&self.place()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a scalar, or opens a container.
    fn value(&mut self, value: &Bound<'py, PyAny>) -> Result<(), Stop> {
        if let Ok(text) = value.cast::<PyString>() {
            return self.string(text);
        }
        if value.is_none() {
            self.out.push_str("null");
        } else if let Ok(flag) = value.cast::<PyBool>() {
            self.out
                .push_str(if flag.is_true() { "true" } else { "false" });
        } else if value.cast::<PyInt>().is_ok() {
            self.integer(value)?;
        } else if let Ok(number) = value.cast::<PyFloat>() {
            self.float(number)?;
        } else if let Ok(dict) = value.cast::<PyDict>() {
            self.open(value, true, |items| {
                // No code of Python's runs in between, nor does another thread change the dict.
                with_critical_section(dict, || {
                    dict.iter()
                        .for_each(|(key, value)| items.extend([key, value]));
                });
                Ok(())
            })?;
        } else if let Ok(list) = value.cast::<PyList>() {
            self.open(value, false, |items| {
                with_critical_section(list, || items.extend(list));
                Ok(())
            })?;
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.open(value, false, |items| {
                items.extend(tuple);
                Ok(())
            })?;
        } else {
            self.other(value)?;
        }
        Ok(())
    }

    /// A value of a type that is not built in, or not JSON.
    fn other(&mut self, value: &Bound<'py, PyAny>) -> Result<(), Stop> {
        let py = value.py();
        if let Ok(text) = value.cast::<JsonText>() {
            self.out.push_str(text.get().text());
        } else if let Some(class) =
            instance_of(value, intern!(py, "decimal"), intern!(py, "Decimal"))?
        {
            let text = class.call_method1(intern!(py, "__str__"), (value,))?;
            let text = text.cast_into::<PyString>().map_err(PyErr::from)?;
            let text = text.to_str()?;
            // A Decimal that is a number is written as JSON writes numbers; others have letters.
            if !text.ends_with(|last: char| last.is_ascii_digit()) || text.contains('N') {
                return Err(self.refused(
                    &format!("{text} is no number"),
                    "leave the member out, or send null where nothing is known",
                ));
            }
            self.out.push_str(text);
        } else if let Some(class) =
            instance_of(value, intern!(py, "datetime"), intern!(py, "datetime"))?
        {
            self.datetime(value, &class)?;
        } else if let Ok(mapping) = value.cast::<PyMapping>() {
            let members = mapping.items()?;
            self.open(value, true, |items| {
                for member in members {
                    let pair = member.cast_into::<PyTuple>()?;
                    items.extend([pair.get_item(0)?, pair.get_item(1)?]);
                }
                Ok(())
            })?;
        } else {
            let message = format!("a value of type {} has no form in JSON", type_name(value));
            return Err(self.refused(
                &message,
                "convert it to a dict, list, str, int, float, Decimal, bool, None or an aware datetime first",
            ));
        }
        Ok(())
    }

    fn integer(&mut self, value: &Bound<'py, PyAny>) -> Result<(), Stop> {
        // All numbers of 28 digits fit, and few of more.
        if let Ok(number) = value.extract::<i64>() {
            // Writing to a string cannot fail.
            let _ = write!(self.out, "{number}");
            return Ok(());
        }
        if let Ok(number) = value.extract::<i128>() {
            let _ = write!(self.out, "{number}");
            return Ok(());
        }
        let message = format!(
            "a number has more than {NUMBER_DIGITS_MAX} digits{}",
            self.place()
        );
        Err(Problem::new(ProblemCode::JsonNumberTooLong, message)
            .help("send it as a string if it is an identifier; numbers are never rounded")
            .into())
    }

    fn float(&mut self, value: &Bound<'py, PyFloat>) -> Result<(), Stop> {
        let number = value.value();
        if !number.is_finite() {
            return Err(self.refused(
                &format!(
                    "{} is no number",
                    if number.is_nan() { "nan" } else { "infinity" }
                ),
                "leave the member out, or send null where nothing is known",
            ));
        }
        // The shortest digits that mean this float. Up to 15 there is one such text; of more there may be
        // two, as for 562949953421312.25, and then it is the one that `repr` takes, as `json.dumps` does.
        let before = self.out.len();
        let _ = write!(self.out, "{number:?}");
        let written = self.out.get(before..).unwrap_or_default();
        let digits = written.bytes().filter(u8::is_ascii_digit);
        if digits.count() > f64::DIGITS as usize {
            let text = PyFloat::new(value.py(), number).repr()?;
            self.out.truncate(before);
            self.out.push_str(text.to_str()?);
        }
        Ok(())
    }

    fn datetime(
        &mut self,
        value: &Bound<'py, PyAny>,
        class: &Bound<'py, PyType>,
    ) -> Result<(), Stop> {
        let py = value.py();
        let text = class.call_method1(intern!(py, "isoformat"), (value,))?;
        let text = text.cast_into::<PyString>().map_err(PyErr::from)?;
        let text = text.to_str()?;
        // A time of day has no sign; an offset does.
        let time = text.get(10..).unwrap_or_default();
        if !time.contains(['+', '-']) {
            return Err(self.refused(
                "a datetime without a time zone is no instant",
                "give it the zone that it was meant in: `value.replace(tzinfo=timezone.utc)`",
            ));
        }
        match Timestamp::parse(text) {
            Ok(instant) => {
                let _ = write!(self.out, "\"{instant}\"");
                Ok(())
            }
            Err(error) => Err(self.refused(
                &format!("the datetime {text} is not kept exactly: {error}"),
                "times have milliseconds: `value.replace(microsecond=value.microsecond // 1000 * 1000)`",
            )),
        }
    }

    /// Begins a list or object, of whose items `copy` adds a copy to others.
    fn open(
        &mut self,
        owner: &Bound<'py, PyAny>,
        is_object: bool,
        copy: impl FnOnce(&mut Vec<Bound<'py, PyAny>>) -> PyResult<()>,
    ) -> Result<(), Stop> {
        self.check_nesting(owner)?;
        self.out.push(if is_object { '{' } else { '[' });
        let below = self.items.len();
        copy(&mut self.items)?;
        if let Some(copied) = self.items.get_mut(below..) {
            copied.reverse();
        }
        self.open.push(Open {
            owner: owner.clone(),
            below,
            begun: 0,
            is_object,
            key: None,
        });
        Ok(())
    }

    fn check_nesting(&self, value: &Bound<'py, PyAny>) -> Result<(), Stop> {
        if self.open.iter().any(|open| open.owner.is(value)) {
            return Err(self.refused(
                &format!("a {} contains itself", type_name(value)),
                "send a tree: each value in one place, with names for what refers back",
            ));
        }
        if self.open.len() >= REQUEST_DEPTH_MAX {
            let message = format!(
                "lists and objects nest deeper than {REQUEST_DEPTH_MAX}{}",
                self.place()
            );
            return Err(Problem::new(ProblemCode::JsonDepth, message)
                .help("flatten the value, or send the inner part as a string")
                .into());
        }
        Ok(())
    }

    fn refused(&self, message: &str, help: &str) -> Stop {
        let message = format!("{message}{}", self.place());
        Problem::new(ProblemCode::ValueUnsupported, message)
            .help(help)
            .into()
    }

    /// Where the value stands that is being written, such as `, in` and a path; nothing for the
    /// outermost.
    fn place(&self) -> String {
        let path = self.path();
        if path.is_empty() {
            path
        } else {
            format!(", in `{path}`")
        }
    }

    fn place_of_key(&self) -> String {
        let mut outer = self.path();
        // The key itself is the last step, and is what cannot be shown.
        outer.truncate(outer.rfind('.').unwrap_or(0));
        if outer.is_empty() {
            outer
        } else {
            format!("in `{outer}` ")
        }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            if !open.is_object {
                let _ = write!(path, "[{}]", open.begun.saturating_sub(1));
                continue;
            }
            let key = open.key.as_ref();
            let key = key.and_then(|key| key.cast::<PyString>().ok().map(lossy));
            let dot = if path.is_empty() { "" } else { "." };
            let key = key.unwrap_or_default();
            let _ = write!(path, "{dot}{}", one_line(&key, NAME_CHARS_MAX));
        }
        path
    }
}

fn lossy(text: &Bound<'_, PyString>) -> String {
    text.to_string_lossy().into_owned()
}

/// The class of this name, if the value is one of its instances. A module that nobody has imported
/// has no instances.
fn instance_of<'py>(
    value: &Bound<'py, PyAny>,
    module: &Bound<'py, PyString>,
    class: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyType>>> {
    let class = value.py().import(module)?.getattr(class)?;
    let class = class.cast_into::<PyType>()?;
    Ok(value.is_instance(&class)?.then_some(class))
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().fully_qualified_name();
    let name = name.map_or_else(|_| String::new(), |name| lossy(&name));
    format!("`{}`", one_line(&name, NAME_CHARS_MAX))
}
