//! `path_within(path, root)`: does an absolute POSIX path stay inside a folder?
//!
//! # Contract
//! Both texts are absolute paths, compared component by component and byte by byte after `.`, `..`,
//! repeated slashes and a trailing slash are worked out. The root itself counts as within, and
//! `/srv/data` does not contain `/srv/database`.
//!
//! # Attacks stopped
//! - climbing: `..` anywhere, also above `/`; `..;x` and `.. ` that some servers read as `..`
//! - encodings: any percent escape, since nobody can tell how often the tool decodes
//! - other systems: backslashes, drives (`C:`, `/c:/`), network shares (`//server/share`)
//! - shorthand: relative paths and `~`
//! - deception: NUL and control characters, invisible characters, Unicode look-alikes of `/`, `\`, `.`
//!   and `%`, whether they only look alike or become the real one under normalisation
//!
//! # What it cannot stop
//! The answer is lexical. A symbolic link, a hard link, a mount or `/proc/self/root` inside the root
//! leads outside, and `link/..` is worked out as text while a kernel follows the link first. Nothing is
//! expanded: `$HOME` and `*` are ordinary file names here. Case counts, so on a file system that
//! ignores it a *deny* on `/etc` misses `/ETC`; let an allow name the folder. Windows paths are
//! refused, not understood.

use super::characters::{is_control, is_invisible, is_printable_ascii};
use super::{FunctionError, bounded};

const BAD_ROOT: FunctionError = FunctionError::new("the root is not a plain absolute path");
const RELATIVE: FunctionError = FunctionError::new("the path is not absolute");
const HOME: FunctionError = FunctionError::new("the path begins with a home folder's `~`");
const SHARE: FunctionError = FunctionError::new("the path begins with two slashes");
const ABOVE: FunctionError = FunctionError::new("the path climbs above `/`");
const CONTROL: FunctionError = FunctionError::new("the path has a control character");
const INVISIBLE: FunctionError = FunctionError::new("the path has an invisible character");
const BACKSLASH: FunctionError = FunctionError::new("the path has a backslash");
const LOOK_ALIKE: FunctionError =
    FunctionError::new("the path has a look-alike of `/`, `.` or `%`");
const ESCAPE: FunctionError = FunctionError::new("the path has a percent escape");
const DRIVE: FunctionError = FunctionError::new("the path names a drive");
const DOTS: FunctionError = FunctionError::new("the path has a component that imitates `..`");

// Characters that are drawn like the four that matter, or turn into text with one of them under NFKC
// or a Windows code page's best fit (the yen and won signs). Letters are left out.
const LOOK_ALIKES: [&str; 4] = [
    // slashes
    "\u{1735}\u{2041}\u{2044}\u{2100}\u{2101}\u{2105}\u{2106}\u{2215}\u{2571}\u{27CB}\u{29F8}\
     \u{3033}\u{FF0F}\u{1D23A}",
    // backslashes
    "\u{00A5}\u{20A9}\u{2216}\u{244A}\u{2572}\u{27CD}\u{29F5}\u{29F9}\u{FE68}\u{FF3C}\u{1D20F}\
     \u{1D23B}",
    // full stops
    "\u{0701}\u{0702}\u{2024}\u{2025}\u{2026}\u{3002}\u{A60E}\u{FE19}\u{FE30}\u{FE52}\u{FF0E}\
     \u{FF61}\u{10A50}\u{1D16D}",
    // percent signs
    "\u{066A}\u{FE6A}\u{FF05}",
];

/// Whether `path` is `root` or lies below it, judged by the text alone.
///
/// ```
/// use stage0_engine::function::path_within;
///
/// assert_eq!(path_within("/srv/data/../data/report.csv", "/srv/data"), Ok(true));
/// assert_eq!(path_within("/srv/data/../../etc/passwd", "/srv/data"), Ok(false));
/// assert!(path_within("/srv/data/%2e%2e/secret", "/srv/data").is_err());
/// ```
///
/// # Errors
/// Either text is not a plain absolute path: see the module's list of attacks.
pub fn path_within(path: &str, root: &str) -> Result<bool, FunctionError> {
    let path = components(path)?;
    let root = components(root).map_err(|_| BAD_ROOT)?;
    Ok(path.starts_with(&root))
}

fn components(path: &str) -> Result<Vec<&str>, FunctionError> {
    let path = bounded(path)?;
    refuse_characters(path)?;
    refuse_escapes(path)?;
    if path.starts_with('~') {
        return Err(HOME);
    }
    if !path.starts_with('/') {
        return Err(RELATIVE);
    }
    // POSIX leaves two leading slashes to the system, and Windows reads a network share.
    if path.starts_with("//") {
        return Err(SHARE);
    }
    let mut kept = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                kept.pop().ok_or(ABOVE)?;
            }
            _ => {
                refuse_component(component)?;
                kept.push(component);
            }
        }
    }
    Ok(kept)
}

fn refuse_characters(path: &str) -> Result<(), FunctionError> {
    if path.contains('\\') {
        return Err(BACKSLASH);
    }
    if is_printable_ascii(path) {
        return Ok(());
    }
    path.chars().try_for_each(|character| {
        Err(match character {
            _ if is_control(character) => CONTROL,
            _ if is_invisible(character) => INVISIBLE,
            _ if LOOK_ALIKES.iter().any(|alike| alike.contains(character)) => LOOK_ALIKE,
            _ => return Ok(()),
        })
    })
}

/// Refuses `%2f` and all its kin: double encodings (`%252f`), overlong UTF-8 (`%c0%af`) and `%u2215`.
fn refuse_escapes(path: &str) -> Result<(), FunctionError> {
    if !path.contains('%') {
        return Ok(());
    }
    let mut triples = path.as_bytes().windows(3);
    let escaped = triples.any(|triple| match triple {
        [b'%', b'u' | b'U', digit] => digit.is_ascii_hexdigit(),
        [b'%', one, other] => one.is_ascii_hexdigit() && other.is_ascii_hexdigit(),
        _ => false,
    });
    if escaped { Err(ESCAPE) } else { Ok(()) }
}

fn refuse_component(component: &str) -> Result<(), FunctionError> {
    if let [letter, b':', ..] = component.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err(DRIVE);
    }
    // `..;x` is `..` to servers with path parameters, and `.. ` or `...` to some Windows calls.
    let mut name = component.chars().take_while(|c| *c != ';');
    let only_dots = name.all(|c| c == '.' || c.is_whitespace());
    if only_dots { Err(DOTS) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_the_root_is_within() {
        for (path, root) in [
            ("/srv/data", "/srv/data"),
            ("/srv/data/", "/srv/data"),
            ("/srv/data", "/srv/data/"),
            ("/srv/data/a/b.txt", "/srv/data"),
            ("/srv//data///a", "/srv/data"),
            ("/srv/./data/./a", "/srv/data"),
            ("/srv/data/a/../b", "/srv/data"),
            ("/tmp/../srv/data/a", "/srv/data"),
            ("/srv/data/..a", "/srv/data"),
            ("/srv/data/a..", "/srv/data"),
            ("/srv/data/.hidden", "/srv/data"),
            ("/srv/data/100% done", "/srv/data"),
            ("/srv/data/\u{e9}t\u{e9}.txt", "/srv/data"),
            ("/srv/data/a b", "/srv/./data/x/.."),
            ("/anything", "/"),
            ("/", "/"),
        ] {
            assert_eq!(path_within(path, root), Ok(true), "{path} in {root}");
        }
    }

    #[test]
    fn a_path_beside_the_root_is_not_within() {
        for (path, root) in [
            ("/srv/database", "/srv/data"),
            ("/srv/data.txt", "/srv/data"),
            ("/srv", "/srv/data"),
            ("/", "/srv/data"),
            ("/srv/data/..", "/srv/data"),
            ("/srv/data/../database/x", "/srv/data"),
            ("/srv/data/a/../../../etc/passwd", "/srv/data"),
            ("/etc/passwd", "/srv/data"),
            ("/SRV/data/x", "/srv/data"),
            ("/x/srv/data", "/srv/data"),
        ] {
            assert_eq!(path_within(path, root), Ok(false), "{path} in {root}");
        }
    }

    #[test]
    fn hostile_paths_are_refused() {
        for (path, reason) in [
            ("", RELATIVE),
            ("srv/data/x", RELATIVE),
            ("./srv/data/x", RELATIVE),
            ("../srv/data/x", RELATIVE),
            (" /srv/data/x", RELATIVE),
            ("file:///srv/data/x", RELATIVE),
            ("$HOME/x", RELATIVE),
            ("C:/srv/data", RELATIVE),
            ("~", HOME),
            ("~/x", HOME),
            ("~root/x", HOME),
            ("/..", ABOVE),
            ("/../srv/data/x", ABOVE),
            ("/srv/../../srv/data/x", ABOVE),
            ("//srv/data/x", SHARE),
            ("///srv/data/x", SHARE),
            ("//?/C:/x", SHARE),
            ("\\\\server\\share", BACKSLASH),
            ("/srv/data\\..\\..\\etc", BACKSLASH),
            ("C:\\srv", BACKSLASH),
            ("/c:/windows", DRIVE),
            ("/srv/data/C:", DRIVE),
            ("/srv/data/d:x", DRIVE),
            ("/srv/data/%2e%2e/x", ESCAPE),
            ("/srv/data%2fx", ESCAPE),
            ("/srv/data/%2E%2E%2Fx", ESCAPE),
            ("/srv/data/..%5cx", ESCAPE),
            ("/srv/data/%252e%252e/x", ESCAPE),
            ("/srv/data/%25252e/x", ESCAPE),
            ("/srv/data/%c0%ae%c0%ae/x", ESCAPE),
            ("/srv/data/%u002e%u002e/x", ESCAPE),
            ("/srv/data/%U2215x", ESCAPE),
            ("/srv/data/x%00.png", ESCAPE),
            ("/srv/data/x\0.png", CONTROL),
            ("/srv/data/x\n", CONTROL),
            ("/srv/data/\tx", CONTROL),
            ("/srv/data/\u{7f}", CONTROL),
            ("/srv/data/\u{85}", CONTROL),
            ("/srv/data/\u{2028}x", CONTROL),
            ("/srv/data/.\u{200b}./x", INVISIBLE),
            ("/srv/data/\u{202e}x", INVISIBLE),
            ("/srv/data/\u{feff}..", INVISIBLE),
            ("/srv/data/.\u{ad}./x", INVISIBLE),
            ("/srv/data/..\u{fe0f}/x", INVISIBLE),
            ("/srv/data\u{ff0f}x", LOOK_ALIKE),
            ("/srv/data/..\u{2215}x", LOOK_ALIKE),
            ("/srv/data/..\u{2044}x", LOOK_ALIKE),
            ("/srv/data/..\u{29f8}x", LOOK_ALIKE),
            ("/srv/data/\u{2100}", LOOK_ALIKE),
            ("/srv/data/..\u{ff3c}x", LOOK_ALIKE),
            ("/srv/data/..\u{a5}x", LOOK_ALIKE),
            ("/srv/data/\u{2024}\u{2024}/x", LOOK_ALIKE),
            ("/srv/data/\u{2025}/x", LOOK_ALIKE),
            ("/srv/data/\u{2026}/x", LOOK_ALIKE),
            ("/srv/data/\u{ff0e}\u{ff0e}/x", LOOK_ALIKE),
            ("/srv/data/\u{fe30}/x", LOOK_ALIKE),
            ("/srv/data/\u{ff05}2e/x", LOOK_ALIKE),
            ("/srv/data/.../x", DOTS),
            ("/srv/data/.. /x", DOTS),
            ("/srv/data/. ./x", DOTS),
            ("/srv/data/..\u{a0}/x", DOTS),
            ("/srv/data/ /x", DOTS),
            ("/srv/data/..;/x", DOTS),
            ("/srv/data/..;jsessionid=1/x", DOTS),
            ("/srv/data/.;/x", DOTS),
            ("/srv/data/;/x", DOTS),
        ] {
            assert_eq!(path_within(path, "/srv/data"), Err(reason), "{path:?}");
            assert_eq!(path_within("/srv", path), Err(BAD_ROOT), "{path:?}");
        }
    }
}
