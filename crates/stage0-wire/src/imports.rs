//! Where the files come from that a policy builds on.
//!
//! Nothing here opens a file: the host finds what a policy asks for, on a disk, in a bundle or in a
//! database, and says under which name it is known. Packs that come with Stage0 are never asked for.

use std::collections::BTreeMap;

use stage0_engine::suggest::nearest;

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Its one name: two imports that lead to the same file have to come to the same name.
    pub name: String,
    /// Its text as it was read; it has to be UTF-8.
    pub bytes: Vec<u8>,
}

impl Imported {
    /// A file by its name and text.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: text.into(),
        }
    }
}

/// A host's way of finding the files that policies import.
///
/// Any function of the importing file's name and of what it wants will do:
///
/// ```
/// use stage0_wire::imports::{Imported, Imports};
///
/// let shared = |_from: &str, wanted: &str| {
///     (wanted == "./base.yaml").then(|| Imported::new("base.yaml", "stage0: v1\n"))
/// };
/// assert!(shared.find("main.yaml", "./base.yaml").is_some());
/// ```
pub trait Imports {
    /// The file that `wanted` means in the file `from`, which has the name that the host gave it.
    fn find(&self, from: &str, wanted: &str) -> Option<Imported>;

    /// What was probably meant by something that was not found, as the file `from` would write it.
    fn nearest(&self, from: &str, wanted: &str) -> Option<String> {
        let _ = (from, wanted);
        None
    }
}

impl<F: Fn(&str, &str) -> Option<Imported>> Imports for F {
    fn find(&self, from: &str, wanted: &str) -> Option<Imported> {
        self(from, wanted)
    }
}

/// No files: only packs that come with Stage0 can be imported.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoImports;

impl Imports for NoImports {
    fn find(&self, _from: &str, _wanted: &str) -> Option<Imported> {
        None
    }
}

/// Files by their paths, with `/` between folders.
///
/// What begins with `./` or `../` is looked for from the importing file's folder, anything else from
/// there first and by its whole name then.
///
/// ```
/// use stage0_wire::imports::{ImportMap, Imports};
///
/// let files = ImportMap::from([("shared/tools.yaml", "stage0: v1\n")]);
/// let found = files.find("teams/payments.yaml", "../shared/tools.yaml").unwrap();
/// assert_eq!(found.name, "shared/tools.yaml");
/// ```
#[derive(Debug, Clone, Default)]
pub struct ImportMap {
    files: BTreeMap<String, Vec<u8>>,
}

impl ImportMap {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file; the text that had the same path before, if there was one.
    pub fn insert(&mut self, path: &str, text: impl Into<Vec<u8>>) -> Option<Vec<u8>> {
        let path = join("", path).unwrap_or_else(|| String::from(path));
        self.files.insert(path, text.into())
    }
}

impl<P: AsRef<str>, T: Into<Vec<u8>>, const N: usize> From<[(P, T); N]> for ImportMap {
    fn from(files: [(P, T); N]) -> Self {
        let mut map = Self::new();
        for (path, text) in files {
            map.insert(path.as_ref(), text);
        }
        map
    }
}

impl Imports for ImportMap {
    fn find(&self, from: &str, wanted: &str) -> Option<Imported> {
        let relative = join(folder(from), wanted);
        let absolute = Some(String::from(wanted)).filter(|_| !wanted.starts_with('.'));
        let paths = [relative, absolute].into_iter().flatten();
        paths
            .filter_map(|path| self.files.get_key_value(path.as_str()))
            .map(|(path, text)| Imported::new(path.as_str(), text.as_slice()))
            .next()
    }

    fn nearest(&self, from: &str, wanted: &str) -> Option<String> {
        let folder = folder(from);
        let path = join(folder, wanted)?;
        let known = self.files.keys().map(String::as_str);
        let near = nearest(&path, known.filter(|known| *known != from))?;
        Some(match near.strip_prefix(folder) {
            Some(inside) => format!("./{}", inside.trim_start_matches('/')),
            None => String::from(near),
        })
    }
}

/// The folder that a file is in, without a slash at its end.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path from a folder, without `.` and `..`; `None` where it leads out of all folders.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    let from_root = path.starts_with('/');
    let folders = if from_root { "" } else { folder };
    for part in folders.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    let is_absolute = from_root || folder.starts_with('/');
    let start = if is_absolute { "/" } else { "" };
    Some(format!("{start}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_never_lead_outside() {
        for (folder, path, expected) in [
            ("", "./a.yaml", Some("a.yaml")),
            ("x", "./a.yaml", Some("x/a.yaml")),
            ("x/y", "../a.yaml", Some("x/a.yaml")),
            ("x/y", "../../a.yaml", Some("a.yaml")),
            ("x", "../../a.yaml", None),
            ("/srv/x", "../a.yaml", Some("/srv/a.yaml")),
            ("/srv/x", "/etc/a.yaml", Some("/etc/a.yaml")),
            ("x", "y//./z.yaml", Some("x/y/z.yaml")),
        ] {
            let joined = join(folder, path);
            assert_eq!(joined.as_deref(), expected, "{folder} {path}");
        }
    }

    #[test]
    fn files_are_found_from_the_importing_file() {
        let files = ImportMap::from([("./x/base.yaml", "1"), ("acme/pack@1.0.0", "2")]);
        assert_eq!(
            files.find("x/main.yaml", "./base.yaml").unwrap().name,
            "x/base.yaml"
        );
        assert_eq!(
            files.find("x/main.yaml", "base.yaml").unwrap().name,
            "x/base.yaml"
        );
        assert!(files.find("main.yaml", "./base.yaml").is_none());
        assert_eq!(
            files.find("x/main.yaml", "acme/pack@1.0.0").unwrap().bytes,
            b"2"
        );
        let near = files.nearest("x/main.yaml", "./bsae.yaml");
        assert_eq!(near.as_deref(), Some("./base.yaml"));
        let near = files.nearest("main.yaml", "./x/bsae.yaml");
        assert_eq!(near.as_deref(), Some("./x/base.yaml"));
    }
}
