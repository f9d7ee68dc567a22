//! A Python value as the JSON text that is decided about, taken once.
//!
//! Whatever a value does when it is looked at again, what was checked is what was hashed: everything is
//! read exactly once, from the storage of the built-in types and not through methods that a subclass
//! may have replaced. What JSON cannot hold exactly is refused with its place; nothing is rounded, and
//! no method of a stranger is called but `items()` of a mapping that is no dict, and `utcoffset()`.

use std::fmt::Write as _;

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple,
    PyType,
};
use stage0_engine::canonical::write_string;
use stage0_engine::legible::one_line;
use stage0_engine::limits::{NUMBER_DIGITS_MAX, REQUEST_DEPTH_MAX};
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

/// Characters of a key or of a type's name that are told.
const NAME_CHARS_MAX: usize = 64;

/// A JSON text that stands for the value it describes, numbers as they are written. Model libraries
/// hand over a call's arguments like this.
#[pyclass(frozen, module = "stage0._native")]
#[derive(Debug)]
pub(crate) struct JsonText {
    text: String,
}

#[pymethods]
impl JsonText {
    #[new]
    fn new(text: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = text.py();
        let refused = |stop: Stop| stop.raise(py, crate::refusal::request_refused);
        let taken = snapshot(text, JsonLimits::REQUEST.bytes_max).map_err(refused)?;
        let bytes = taken.bytes();
        // One whole value, so that it can stand inside another text.
        parse(bytes, &JsonLimits::REQUEST)
            .map_err(|error| refused(json_problem("arguments", bytes, &error).into()))?;
        Ok(Self {
            text: String::from_utf8_lossy(bytes).into_owned(),
        })
    }
}

/// The text of a value: borrowed where the value is a text.
#[derive(Debug)]
pub(crate) enum Snapshot<'v> {
    Borrowed(&'v [u8]),
    Made(String),
    Copied(Vec<u8>),
}

impl Snapshot<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Made(text) => text.as_bytes(),
            Self::Copied(bytes) => bytes,
        }
    }
}

/// Why there is no snapshot.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The value has no exact form.
    Refused(Box<Problem>),
    /// A method of the value raised.
    Raised(PyErr),
}

impl Stop {
    pub(crate) fn raise(
        self,
        py: Python<'_>,
        refused: fn(Python<'_>, &[Problem]) -> PyErr,
    ) -> PyErr {
        match self {
            Self::Refused(problem) => refused(py, &[*problem]),
            Self::Raised(error) => error,
        }
    }
}

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

/// The text of a value: of `str` and `bytes` what they hold, of anything else its JSON.
pub(crate) fn snapshot<'v>(
    value: &'v Bound<'_, PyAny>,
    bytes_max: usize,
) -> Result<Snapshot<'v>, Stop> {
    if let Ok(text) = value.cast::<PyString>() {
        return match text.to_str() {
            Ok(text) => Ok(Snapshot::Borrowed(text.as_bytes())),
            Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(value.py()) => {
                Err(Problem::new(ProblemCode::JsonLoneSurrogate, LONE_SURROGATE)
                    .help(LONE_SURROGATE_HELP)
                    .into())
            }
            Err(error) => Err(error.into()),
        };
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Snapshot::Borrowed(bytes.as_bytes()));
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(Snapshot::Copied(bytes.to_vec()));
    }
    let mut writer = Writer {
        out: String::with_capacity(512),
        bytes_max,
        open: Vec::new(),
    };
    writer.write(value)?;
    Ok(Snapshot::Made(writer.out))
}

const LONE_SURROGATE: &str = "half of a surrogate pair stands alone, which is not a character";
const LONE_SURROGATE_HELP: &str =
    "decode the bytes that it comes from with `errors=\"strict\"`, or replace what is no character";

/// A list, tuple or mapping whose end has not been written, with the copy of its elements.
#[derive(Debug)]
enum Open<'py> {
    List {
        owner: Bound<'py, PyAny>,
        elements: Bound<'py, PyTuple>,
        next: usize,
    },
    Object {
        owner: Bound<'py, PyAny>,
        items: Bound<'py, PyList>,
        next: usize,
    },
}

impl<'py> Open<'py> {
    fn owner(&self) -> &Bound<'py, PyAny> {
        match self {
            Self::List { owner, .. } | Self::Object { owner, .. } => owner,
        }
    }
}

struct Writer<'py> {
    out: String,
    bytes_max: usize,
    /// Innermost last.
    open: Vec<Open<'py>>,
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
            let value = match innermost {
                Open::List { elements, next, .. } => {
                    let at = *next;
                    if at >= elements.len() {
                        self.out.push(']');
                        self.open.pop();
                        continue;
                    }
                    *next = at.saturating_add(1);
                    if at > 0 {
                        self.out.push(',');
                    }
                    elements.get_item(at)?
                }
                Open::Object { items, next, .. } => {
                    let at = *next;
                    if at >= items.len() {
                        self.out.push('}');
                        self.open.pop();
                        continue;
                    }
                    *next = at.saturating_add(1);
                    if at > 0 {
                        self.out.push(',');
                    }
                    let (key, value) = pair(&items.get_item(at)?)?;
                    self.key(&key)?;
                    value
                }
            };
            self.value(&value)?;
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
                let message = format!("{LONE_SURROGATE}{}", self.place());
                Err(Problem::new(ProblemCode::JsonLoneSurrogate, message)
                    .help(LONE_SURROGATE_HELP)
                    .into())
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
            self.float(number.value())?;
        } else if let Ok(dict) = value.cast::<PyDict>() {
            let items = dict.items();
            self.open_object(value, items)?;
        } else if let Ok(list) = value.cast::<PyList>() {
            let elements = list.to_tuple();
            self.open_list(value, elements)?;
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.open_list(value, tuple.clone())?;
        } else {
            self.other(value)?;
        }
        Ok(())
    }

    /// A value of a type that is not built in, or not JSON.
    fn other(&mut self, value: &Bound<'py, PyAny>) -> Result<(), Stop> {
        let py = value.py();
        if let Ok(text) = value.cast::<JsonText>() {
            self.out.push_str(&text.get().text);
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
            let items = mapping.items()?;
            self.open_object(value, items)?;
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

    fn float(&mut self, number: f64) -> Result<(), Stop> {
        if !number.is_finite() {
            return Err(self.refused(
                &format!(
                    "{} is no number",
                    if number.is_nan() { "nan" } else { "infinity" }
                ),
                "leave the member out, or send null where nothing is known",
            ));
        }
        // The shortest digits that mean this float, as `repr` writes them.
        let _ = write!(self.out, "{number:?}");
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

    fn open_list(
        &mut self,
        owner: &Bound<'py, PyAny>,
        elements: Bound<'py, PyTuple>,
    ) -> Result<(), Stop> {
        self.check_nesting(owner)?;
        self.out.push('[');
        self.open.push(Open::List {
            owner: owner.clone(),
            elements,
            next: 0,
        });
        Ok(())
    }

    fn open_object(
        &mut self,
        owner: &Bound<'py, PyAny>,
        items: Bound<'py, PyList>,
    ) -> Result<(), Stop> {
        self.check_nesting(owner)?;
        self.out.push('{');
        self.open.push(Open::Object {
            owner: owner.clone(),
            items,
            next: 0,
        });
        Ok(())
    }

    fn check_nesting(&self, value: &Bound<'py, PyAny>) -> Result<(), Stop> {
        if self.open.iter().any(|open| open.owner().is(value)) {
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
            match open {
                Open::List { next, .. } => {
                    let _ = write!(path, "[{}]", next.saturating_sub(1));
                }
                Open::Object { items, next, .. } => {
                    let key = items
                        .get_item(next.saturating_sub(1))
                        .and_then(|item| pair(&item))
                        .ok()
                        .and_then(|(key, _)| key.cast::<PyString>().ok().map(lossy));
                    let dot = if path.is_empty() { "" } else { "." };
                    let key = key.unwrap_or_default();
                    let _ = write!(path, "{dot}{}", one_line(&key, NAME_CHARS_MAX));
                }
            }
        }
        path
    }
}

fn lossy(text: &Bound<'_, PyString>) -> String {
    text.to_string_lossy().into_owned()
}

/// A key with its value, of what a mapping says its items are.
fn pair<'py>(item: &Bound<'py, PyAny>) -> Result<(Bound<'py, PyAny>, Bound<'py, PyAny>), PyErr> {
    let pair = item.cast::<PyTuple>()?;
    Ok((pair.get_item(0)?, pair.get_item(1)?))
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
