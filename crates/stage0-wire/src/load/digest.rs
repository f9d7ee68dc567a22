//! The digest that names a policy in decisions and receipts.
//!
//! It covers what a policy and its imports say, as canonical JSON: the same for YAML and JSON, for
//! any order of keys, and wherever the files lie. Its description and tests may be mended without
//! changing it; a policy's name and version may not.

use stage0_engine::canonical::write_string;
use stage0_engine::digest::Digest;

use crate::fields::Fields;
use crate::tree::{Entry, write_entries};

/// Keys of a policy that do not change what it decides. Imports are covered by the names that they
/// lead to.
const LEFT_OUT: [&str; 5] = ["$schema", "description", "extends", "layers", "tests"];

/// One file, for the digest of the whole.
#[derive(Debug)]
pub(super) struct FileDigest<'n> {
    pub(super) name: &'n str,
    pub(super) digest: Digest,
    /// The policies that it extends, and whether their allow rules count.
    pub(super) extends: Vec<(&'n str, bool)>,
    pub(super) layers: Vec<&'n str>,
}

/// The digest of what a file says by itself.
pub(super) fn file_digest(fields: Fields<'_>) -> Digest {
    let mut out = String::new();
    let decides = |(key, _): &&Entry| !LEFT_OUT.contains(&key.value.as_str());
    write_entries(&mut out, fields.entries.iter().filter(decides));
    Digest::of(out.as_bytes())
}

/// The digest of a policy with its imports.
pub(super) fn policy_digest(mut files: Vec<FileDigest<'_>>, root: &str) -> Digest {
    files.sort_by(|left, right| left.name.cmp(right.name));
    let mut out = String::from("{\"files\":[");
    for (position, file) in files.iter().enumerate() {
        separate(&mut out, position);
        out.push_str("{\"digest\":\"");
        file.digest.write_hex(&mut out);
        out.push_str("\",\"extends\":[");
        for (position, (policy, allows)) in file.extends.iter().enumerate() {
            separate(&mut out, position);
            out.push_str("{\"allows\":");
            out.push_str(if *allows { "true" } else { "false" });
            out.push_str(",\"policy\":");
            write_string(&mut out, policy);
            out.push('}');
        }
        out.push_str("],\"layers\":[");
        for (position, policy) in file.layers.iter().enumerate() {
            separate(&mut out, position);
            write_string(&mut out, policy);
        }
        out.push_str("],\"name\":");
        write_string(&mut out, file.name);
        out.push('}');
    }
    out.push_str("],\"root\":");
    write_string(&mut out, root);
    out.push('}');
    Digest::of(out.as_bytes())
}

fn separate(out: &mut String, position: usize) {
    if position > 0 {
        out.push(',');
    }
}
