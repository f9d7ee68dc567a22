//! A policy with everything that it imports, ready to be compiled.
//!
//! Files are read one after the other, the root first; each is checked by itself, then all of them
//! together: that imports exist and lead to no circle, that names are unique, that only the root has
//! what only the root may have. The digest names the policy by what it says, not by where its files
//! are or whether they are YAML or JSON. What the rules mean is left to the engine.

mod circle;
mod digest;
mod rest;

use std::collections::BTreeMap;

use stage0_engine::digest::Digest;
use stage0_engine::policy::{FindingKind, Import, PolicySource};
use stage0_engine::span::Span;
use stage0_engine::{PolicyIndex, PolicySet};

use crate::cases::{TestCase, read_cases};
use crate::codes::ProblemCode;
use crate::decode::Decoder;
use crate::escape::quoted;
use crate::fields::Fields;
use crate::imports::{Imported, Imports, NoImports};
use crate::packs::{PACK_PREFIX, Pack, nearest_pack, pack, split_version};
use crate::policy::{PolicyFile, Wanted, decode};
use crate::problem::{Problem, Problems};
use crate::sources::Sources;
use crate::tree::Tree;

use self::circle::circles;
use self::digest::{FileDigest, file_digest, policy_digest};
use self::rest::nameless;

/// A policy that was read, with its imports.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The policy and its imports, for [`stage0_engine::compile`].
    pub set: PolicySet,
    /// Their texts, for places in problems.
    pub sources: Sources,
    /// The tests of the root.
    pub tests: Vec<TestCase>,
    /// What is probably not meant.
    pub warnings: Vec<Problem>,
}

/// A policy that was checked and compiled.
#[derive(Debug)]
pub struct Checked {
    /// The policy, ready.
    pub index: PolicyIndex,
    /// What is probably not meant.
    pub warnings: Vec<Problem>,
}

impl Loaded {
    /// Checks the policy as a whole and compiles it.
    ///
    /// # Errors
    /// Everything that is wrong with it, warnings included.
    pub fn compile(&self) -> Result<Checked, Vec<Problem>> {
        let told = |findings: &[_]| {
            let mut problems = Problems::new();
            for finding in findings {
                problems.push(Problem::from_finding(&self.sources, finding));
            }
            problems.finish()
        };
        match stage0_engine::compile(&self.set) {
            Ok(compiled) => Ok(Checked {
                index: compiled.index,
                warnings: told(&compiled.warnings),
            }),
            Err(findings) => Err(told(&findings)),
        }
    }
}

/// Reads a policy and all that it imports. `name` is what problems call the file, and what `imports`
/// is told as the importing file.
///
/// ```
/// use stage0_wire::imports::NoImports;
/// use stage0_wire::load::load;
///
/// let policy = "
/// stage0: v1
/// name: searching
/// version: 1.0.0
/// tools: { search.query: { effects: [] } }
/// rules:
///   - { id: searching-is-fine, tools: [search.query], allow: true }
/// ";
/// let loaded = load("searching.yaml", policy, &NoImports).unwrap();
/// assert!(loaded.compile().is_ok());
/// ```
///
/// # Errors
/// Everything that is wrong with the files, warnings included, file by file.
pub fn load(
    name: &str,
    text: impl Into<Vec<u8>>,
    imports: &dyn Imports,
) -> Result<Loaded, Vec<Problem>> {
    Loader::new(imports).load(Origin::Host, name, text.into())
}

/// Reads a pack that comes with Stage0 as a policy of its own.
///
/// # Errors
/// It does not load, which the tests rule out.
pub(crate) fn load_pack(pack: &Pack) -> Result<Loaded, Vec<Problem>> {
    let name = format!("{}@{}", pack.name, pack.version);
    Loader::new(&NoImports).load(Origin::Pack, &name, pack.text.into())
}

/// Whether a file is the host's or comes with Stage0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Host,
    Pack,
}

/// A file that was read, as far as it could be.
#[derive(Debug, Default)]
struct File {
    source: Option<PolicySource>,
    digest: Option<Digest>,
    /// The parts of its text that define no names.
    nameless: Vec<Span>,
    extends: Vec<Link>,
    layers: Vec<Link>,
}

/// An import and the file that it leads to.
#[derive(Debug)]
struct Link {
    wanted: Wanted,
    file: usize,
}

struct Loader<'i> {
    imports: &'i dyn Imports,
    sources: Sources,
    problems: Problems,
    /// By the index of their text among the sources. A file that waits to be read is not here yet.
    files: Vec<File>,
    indices: BTreeMap<(Origin, String), usize>,
    tests: Vec<TestCase>,
}

impl<'i> Loader<'i> {
    fn new(imports: &'i dyn Imports) -> Self {
        Self {
            imports,
            sources: Sources::new(),
            problems: Problems::new(),
            files: Vec::new(),
            indices: BTreeMap::new(),
            tests: Vec::new(),
        }
    }

    /// Reads the outermost policy and all that it imports.
    fn load(mut self, origin: Origin, name: &str, text: Vec<u8>) -> Result<Loaded, Vec<Problem>> {
        self.add(origin, name, text);
        self.read_all();
        self.check_names();
        self.check_circles();
        self.check_versions();
        self.finish()
    }

    /// The index of a file, which is added if it is not there yet.
    fn add(&mut self, origin: Origin, name: &str, text: Vec<u8>) -> Option<usize> {
        let key = (origin, String::from(name));
        if let Some(known) = self.indices.get(&key) {
            return Some(*known);
        }
        match self.sources.add_bytes(name, text) {
            Ok(index) => {
                let index = usize::from(index);
                self.indices.insert(key, index);
                Some(index)
            }
            Err(error) => {
                self.problems.push(error.into());
                None
            }
        }
    }

    /// Reads the files in the order in which they were added, which adds more.
    #[inline(never)]
    fn read_all(&mut self) {
        while self.files.len() < self.indices.len() {
            let index = self.files.len();
            let file = self.read(index);
            self.files.push(file);
        }
    }

    #[inline(never)]
    fn read(&mut self, index: usize) -> File {
        let Ok(number) = u16::try_from(index) else {
            return File::default();
        };
        let Some(tree) = Tree::parse(&self.sources, number, &mut self.problems) else {
            return File::default();
        };
        let mut decoder = Decoder::new(&self.sources, &mut self.problems);
        let file = decode(&mut decoder, &tree.root);
        let Some((file, fields)) = file.zip(Fields::of(&tree.root)) else {
            return File::default();
        };
        if index == 0 {
            self.tests = read_cases(&mut decoder, fields.list("tests"));
        } else {
            for (key, span) in &file.root_only {
                decoder.error_with_help(
                    *span,
                    ProblemCode::PolicyRootOnly,
                    format!("`{key}` in a policy that another one imports"),
                    format!("only the outermost policy may have `{key}`: move it there"),
                );
            }
        }
        let PolicyFile {
            source,
            extends,
            layers,
            ..
        } = file;
        File {
            source: Some(source),
            digest: Some(file_digest(fields)),
            nameless: nameless(fields),
            extends: self.follow(number, extends),
            layers: self.follow(number, layers),
        }
    }

    /// Finds the files that imports lead to; what is not found is reported.
    #[inline(never)]
    fn follow(&mut self, from: u16, wanted: Vec<Wanted>) -> Vec<Link> {
        let mut links = Vec::new();
        for wanted in wanted {
            let is_builtin = wanted.is_pack && wanted.name.value.starts_with(PACK_PREFIX);
            let file = if is_builtin {
                self.builtin(&wanted)
            } else {
                self.host_file(from, &wanted)
            };
            links.extend(file.map(|file| Link { wanted, file }));
        }
        links
    }

    #[inline(never)]
    fn builtin(&mut self, wanted: &Wanted) -> Option<usize> {
        let (name, _) = split_version(&wanted.name.value);
        let Some(found) = pack(name) else {
            let help = match nearest_pack(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("packs that begin with `{PACK_PREFIX}` come with Stage0"),
            };
            let message = format!("there is no pack {}", quoted(name));
            self.report(wanted, ProblemCode::PolicyImportMissing, &message, &help);
            return None;
        };
        let name = format!("{}@{}", found.name, found.version);
        self.add(Origin::Pack, &name, found.text.into())
    }

    #[inline(never)]
    fn host_file(&mut self, from: u16, wanted: &Wanted) -> Option<usize> {
        let name = wanted.name.value.as_str();
        let from = self.sources.name(from);
        if let Some(Imported { name, bytes }) = self.imports.find(from, name) {
            return self.add(Origin::Host, &name, bytes);
        }
        let near = self.imports.nearest(from, name);
        let help = match (near, wanted.is_pack) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => match nearest_pack(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => String::from("a file is imported by its path: `./base.yaml`"),
            },
            (None, false) => String::from("paths are relative to the file that imports"),
        };
        let what = if wanted.is_pack { "pack" } else { "file" };
        let message = format!("there is no {what} {}", quoted(name));
        self.report(wanted, ProblemCode::PolicyImportMissing, &message, &help);
        None
    }

    /// Reports a problem of an import.
    fn report(&mut self, wanted: &Wanted, code: ProblemCode, message: &str, help: &str) {
        Decoder::new(&self.sources, &mut self.problems).error_with_help(
            wanted.name.span,
            code,
            message,
            help,
        );
    }

    /// Names are unique, and those of packs are not imitated.
    #[inline(never)]
    fn check_names(&mut self) {
        let mut decoder = Decoder::new(&self.sources, &mut self.problems);
        let mut names = BTreeMap::new();
        let packs = self.indices.iter();
        let packs: Vec<usize> = packs
            .filter(|((origin, _), _)| *origin == Origin::Pack)
            .map(|(_, index)| *index)
            .collect();
        for (index, file) in self.files.iter().enumerate() {
            let Some(source) = &file.source else {
                continue;
            };
            let name = &source.name;
            if name.value.is_empty() {
                continue;
            }
            if name.value.starts_with(PACK_PREFIX) && !packs.contains(&index) {
                decoder.error_with_help(
                    name.span,
                    ProblemCode::PolicyName,
                    format!(
                        "{} begins like the packs that come with Stage0",
                        quoted(&name.value)
                    ),
                    format!("begin the name with something else than `{PACK_PREFIX}`"),
                );
            }
            if let Some(first) = names.insert(name.value.as_str(), name.span) {
                decoder.error_and_first(
                    name.span,
                    ProblemCode::Finding(FindingKind::DuplicateName),
                    format!("two policies have the name {}", quoted(&name.value)),
                    (first, "the other one"),
                    "rules are told apart by the names of their policies: rename one of them",
                );
            }
        }
    }

    /// No policy builds on itself. Every import that closes a circle is reported.
    #[inline(never)]
    fn check_circles(&mut self) {
        let links = |file: usize| {
            let file = self.files.get(file);
            let links = file.into_iter().flat_map(File::links);
            links.map(|link| link.file).collect()
        };
        let mut found = Vec::new();
        for circle in circles(self.files.len(), links) {
            let name = |file: &usize| {
                let number = u16::try_from(*file).unwrap_or(u16::MAX);
                quoted(self.sources.name(number))
            };
            let names: Vec<String> = circle.files.iter().map(name).collect();
            let message = match names.as_slice() {
                [only, _] => format!("{only} imports itself"),
                _ => format!("policies import each other: {}", names.join(" -> ")),
            };
            let closing = self.files.get(circle.from);
            let closing = closing.and_then(|file| file.links().nth(circle.link));
            found.extend(closing.map(|link| (link.wanted.clone(), message)));
        }
        for (wanted, message) in found {
            let help = "move what both need into a policy of its own";
            self.report(&wanted, ProblemCode::PolicyImportCycle, &message, help);
        }
    }

    /// A pack that was asked for in a version has it.
    #[inline(never)]
    fn check_versions(&mut self) {
        let links = self.files.iter().flat_map(File::links);
        let mut wrong = Vec::new();
        for link in links.filter(|link| link.wanted.is_pack) {
            let (name, Some(version)) = split_version(&link.wanted.name.value) else {
                continue;
            };
            let file = self.files.get(link.file);
            let found = file.and_then(|file| file.source.as_ref());
            let found = found.filter(|found| !found.version.value.is_empty());
            if let Some(found) = found.filter(|found| found.version.value != version) {
                let found = &found.version.value;
                let message = format!(
                    "{} is here as version {found}, not {}",
                    quoted(name),
                    quoted(version)
                );
                let help = format!("write `{name}@{found}`, or leave the version out");
                wrong.push((link.wanted.clone(), message, help));
            }
        }
        for (wanted, message, help) in wrong {
            self.report(&wanted, ProblemCode::PolicyImportVersion, &message, &help);
        }
    }

    /// The digest of all files, if all could be read.
    #[inline(never)]
    fn digest(&self) -> Option<Digest> {
        let name = |file: usize| {
            let source = self.files.get(file)?.source.as_ref()?;
            Some(source.name.value.as_str())
        };
        let mut digests = Vec::with_capacity(self.files.len());
        for (index, file) in self.files.iter().enumerate() {
            let extends = file.extends.iter();
            let extends = extends.map(|link| Some((name(link.file)?, link.wanted.allows)));
            let layers = file.layers.iter().map(|link| name(link.file));
            digests.push(FileDigest {
                name: name(index)?,
                digest: file.digest?,
                extends: extends.collect::<Option<_>>()?,
                layers: layers.collect::<Option<_>>()?,
            });
        }
        Some(policy_digest(digests, name(0)?))
    }

    #[inline(never)]
    fn finish(mut self) -> Result<Loaded, Vec<Problem>> {
        if self.problems.has_errors() {
            return Err(self.with_the_rest());
        }
        let problems = std::mem::take(&mut self.problems).finish();
        // INVARIANT: a file that could not be read was reported.
        let Some(digest) = self.digest() else {
            return Err(problems);
        };
        let sources = self.files.into_iter().map(File::into_source);
        let Some(sources) = sources.collect() else {
            return Err(problems);
        };
        Ok(Loaded {
            set: PolicySet { sources, digest },
            sources: self.sources,
            tests: self.tests,
            warnings: problems,
        })
    }
}

impl File {
    fn links(&self) -> impl Iterator<Item = &Link> {
        self.extends.iter().chain(&self.layers)
    }

    fn into_source(self) -> Option<PolicySource> {
        let resolved = |links: Vec<Link>, all_allow: bool| {
            let links = links.into_iter();
            links
                .map(|link| Import {
                    name: link.wanted.name,
                    allows: all_allow || link.wanted.allows,
                    source: link.file,
                })
                .collect()
        };
        Some(PolicySource {
            extends: resolved(self.extends, false),
            // A layer is decided on its own, so all of it counts.
            layers: resolved(self.layers, true),
            ..self.source?
        })
    }
}
