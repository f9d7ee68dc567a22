//! Files that nobody writes by accident: whatever they hold, reading them ends, soon, and without a
//! panic, and what is read stands where the tree says.

#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::format_collect,
    reason = "a test says what went wrong by panicking, and may be slow"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use stage0_engine::limits::{POLICY_BYTES_MAX, PROBLEMS_MAX};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::{Problem, Problems};
use stage0_wire::sources::Sources;
use stage0_wire::tree::{Node, NodeValue, Tree};

struct Read {
    sources: Sources,
    tree: Option<Tree>,
    problems: Vec<Problem>,
}

fn read(name: &str, text: impl Into<String>) -> Read {
    let mut sources = Sources::new();
    let file = sources.add(name, text).unwrap();
    let mut problems = Problems::new();
    let tree = Tree::parse(&sources, file, &mut problems);
    Read {
        problems: problems.finish(),
        tree,
        sources,
    }
}

fn codes(read: &Read) -> Vec<ProblemCode> {
    read.problems.iter().map(Problem::code).collect()
}

/// Everything that must hold of whatever was read.
fn check(read: &Read) {
    for problem in &read.problems {
        let text = problem.render();
        assert!(text.is_ascii() || !text.contains('\u{202e}'), "{text}");
        assert!(!problem.to_json().is_empty());
    }
    assert!(read.problems.len() <= PROBLEMS_MAX + 1);
    let Some(tree) = &read.tree else {
        assert!(
            !read.problems.is_empty(),
            "nothing is read and nobody says why"
        );
        return;
    };
    let mut nodes = vec![&tree.root];
    while let Some(node) = nodes.pop() {
        check_node(read, node);
        match &node.value {
            NodeValue::List(items) => nodes.extend(items),
            NodeValue::Map(entries) => {
                for (key, value) in entries {
                    let text = read.sources.text(0);
                    assert!(!read.sources.slice(key.span).is_empty(), "{text:?}");
                    nodes.push(value);
                }
            }
            _ => {}
        }
    }
    // The tree as JSON is the same tree again.
    if read.problems.is_empty() {
        let canonical = tree.to_canonical_json();
        let again = self::read("again.json", canonical.clone());
        assert_eq!(again.problems, []);
        assert_eq!(again.tree.unwrap().to_canonical_json(), canonical);
    }
}

fn check_node(read: &Read, node: &Node) {
    let text = read.sources.text(node.span.file);
    let range = node.span.start as usize..node.span.end as usize;
    assert!(text.get(range.clone()).is_some(), "{range:?} in {text:?}");
    match &node.value {
        NodeValue::Number(number) => {
            assert_eq!(read.sources.slice(node.span), number, "{text:?}");
        }
        NodeValue::String(string) => {
            let content = string.span();
            assert!(content.start >= node.span.start && content.end <= node.span.end);
            for (at, character) in string.value.char_indices() {
                let place = string.span_of(at..at + character.len_utf8());
                assert!(place.start >= content.start, "{text:?}");
                if string.is_verbatim() && place.end < content.end {
                    assert_eq!(read.sources.slice(place), character.to_string());
                }
            }
        }
        _ => {}
    }
}

fn within(limit: Duration, what: &str, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    let taken = start.elapsed();

    assert!(taken < limit, "{what} took {taken:?}");
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn deep_nesting_is_refused() {
    let deep = 10_000;
    for (name, text) in [
        ("a.yaml", "[".repeat(deep)),
        ("a.yaml", format!("a: {}", "[".repeat(deep))),
        ("a.yaml", format!("a: {}", "{a: ".repeat(deep))),
        ("a.yaml", "- ".repeat(deep)),
        ("a.json", "[".repeat(deep)),
        ("a.json", "{\"a\":".repeat(deep)),
        ("a.yaml", "{\"a\":".repeat(deep)),
        ("a.yaml", format!("{}1{}", "[".repeat(65), "]".repeat(65))),
        (
            "a.yaml",
            format!("x: {}1{}", "[".repeat(64), "]".repeat(64)),
        ),
    ] {
        let read = read(name, text);
        assert_eq!(codes(&read), [ProblemCode::PolicyTooDeep]);
        check(&read);
    }
    let keys = read("a.yaml", "? ".repeat(deep));
    assert!(codes(&keys).contains(&ProblemCode::PolicyTooDeep));
    let block: String = (0..deep)
        .map(|depth| format!("{}a:\n", " ".repeat(depth.min(300))))
        .collect();
    check(&read("a.yaml", block));
    for name in ["a.json", "a.yaml"] {
        let at_the_limit = read(name, format!("{}1{}", "[".repeat(64), "]".repeat(64)));
        assert_eq!(codes(&at_the_limit), []);
        check(&at_the_limit);
    }
}

#[test]
fn long_texts_are_read_or_refused() {
    let long = "x".repeat(900_000);
    for text in [
        format!("a: {long}"),
        format!("a: '{long}'"),
        format!("a: \"{long}\""),
        format!("a: |\n  {long}"),
        format!("a: >\n  {}", "word word\n  ".repeat(80_000)),
        format!("a: \"{}\"", "\\n".repeat(400_000)),
        format!("a: [{}]", "a, ".repeat(600_000)),
        format!("# {}\na: 1", long.repeat(3)),
        format!("{{\"a\": \"{long}{long}\"}}"),
    ] {
        within(SOON, "a long text", || {
            let read = read("a.yaml", text);
            assert_eq!(codes(&read), []);
            check(&read);
        });
    }
    for text in [
        format!("a: {long}{long}"),
        format!("a: '{long}{long}'"),
        format!("- [{}]", "a, ".repeat(600_000)),
        format!("a: |\n  {long}{long}"),
    ] {
        within(SOON, "a text that is too long", || {
            let read = read("a.yaml", text);
            let head = read.sources.text(0).get(..20);
            assert_eq!(codes(&read), [ProblemCode::PolicyValueTooLong], "{head:?}");
            check(&read);
        });
    }
}

#[test]
fn many_keys_cost_what_they_should() {
    let unique: String = (0..100_000)
        .map(|key| format!("key_{key}: {key}\n"))
        .collect();
    let equal = "key: 1\n".repeat(100_000);
    within(SOON, "unique keys", || {
        let read = read("a.yaml", unique);
        assert_eq!(codes(&read), []);
    });
    within(SOON, "equal keys", || {
        let read = read("a.yaml", equal);
        assert_eq!(read.problems.len(), PROBLEMS_MAX + 1);
        let Some(NodeValue::Map(entries)) = read.tree.map(|tree| tree.root.value) else {
            panic!("the map is there");
        };
        assert_eq!(entries.len(), 1);
    });
    // All in one line, where each place is far from the line's beginning.
    let line = format!(
        "{{{}}}",
        "\"key\": 1, ".repeat(100_000).trim_end_matches(", ")
    );
    within(SOON, "equal keys in one line", || {
        let read = read("a.json", line);
        assert_eq!(read.problems.len(), PROBLEMS_MAX + 1);
    });
}

#[test]
fn long_lines_cost_what_they_should() {
    let many = 200_000;
    for (name, text, problems) in [
        ("a.yaml", format!("a: [{}]", "b, ".repeat(many)), 0),
        ("a.yaml", format!("a: [{}]", "'b' , ".repeat(many)), 0),
        (
            "a.yaml",
            format!("a: [{}]", "yes, ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        (
            "a.yaml",
            format!("a: {{{}}}", "b: c , ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        (
            "a.yaml",
            format!("a: {{{}}}", "b: , ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        (
            "a.yaml",
            format!("a: [{}]", "b: c, ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        (
            "a.yaml",
            format!("a: [{}]", "!b c, ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        (
            "a.yaml",
            format!("a: [{}]", "{{b}: c}, ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        ("a.yaml", format!("a: \"{}\"", "b\\t ".repeat(many)), 0),
        ("a.json", format!("[{}1]", "1, ".repeat(many)), 0),
        (
            "a.json",
            format!("[{}1]", "1 ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        (
            "a.json",
            format!("[{}1]", "yes, ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        (
            "a.json",
            format!("[{}1]", "\"\\d\", ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        (
            "a.json",
            format!("[\"{}\"]", "\\ud800".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        (
            "a.json",
            format!("[{}1]", "[1,], ".repeat(many)),
            PROBLEMS_MAX + 1,
        ),
        ("a.json", format!("[\"{}\"]", "\t".repeat(many)), 1),
    ] {
        let head: String = text.chars().take(20).collect();
        within(SOON, &head, || {
            let read = read(name, text);
            assert_eq!(read.problems.len(), problems, "{head}");
        });
    }
}

#[test]
fn the_largest_files_end_soon() {
    // Nothing of these is read far.
    for (name, unit) in [
        ("a.yaml", "["),
        ("a.yaml", "a"),
        ("a.yaml", "- "),
        ("a.yaml", "\n"),
        ("a.yaml", "'"),
        ("a.yaml", "\u{202e}"),
        ("a.yaml", "? "),
        ("a.yaml", ": "),
        ("a.yaml", "#"),
        ("a.yaml", "{"),
        ("a.json", "["),
        ("a.json", "1 "),
        ("a.json", "\"\\"),
        ("a.json", "\"\\u"),
    ] {
        within(SOON, unit, || {
            let read = read(name, unit.repeat((POLICY_BYTES_MAX - 10) / unit.len()));
            assert!(!read.problems.is_empty(), "{unit:?}");
        });
    }
    // These are read to their end, and some more than once.
    for (unit, problem) in [
        ("a: !x\n", Some(ProblemCode::YamlTag)),
        ("a: \"b\" c\n", Some(ProblemCode::YamlTrailingText)),
        ("a: yes\n", Some(ProblemCode::YamlAmbiguous)),
        ("a: 漢\n", Some(ProblemCode::PolicyDuplicateKey)),
        ("- a: 漢\n  b: [c, {d: 'e'}]\n", None),
    ] {
        within(SOON, unit, || {
            let read = read("a.yaml", unit.repeat(1_000_000 / unit.len()));
            assert_eq!(
                read.problems.first().map(Problem::code),
                problem,
                "{unit:?}"
            );
        });
    }
}

/// A small generator of numbers: tests must not differ from run to run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound as u64)).unwrap()
    }
}

fn seeds() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/problems");
    let mut seeds: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "txt"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
            (name, text)
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn mutated_files_never_panic_and_places_stay_true() {
    const INSERTS: [&str; 40] = [
        "\n", " ", "  ", "\t", "- ", ": ", ":", "? ", "[", "]", "{", "}", ",", "\"", "'", "|\n",
        ">\n", "#", " #", "&a ", "*a", "!t ", "!!", "%", "@", "`", "\\", "\\u00e9", "---\n",
        "...\n", "é", "漢", "😀", "\r\n", "|-\n  ", "~", "<<: ", "0x1", "\u{85}", "''",
    ];
    let seeds = seeds();
    let rounds = std::env::var("FUZZ_ROUNDS").map_or(40_000, |rounds| rounds.parse().unwrap());
    let mut random = Random(0x5eed_0f57_a9e0);
    for _ in 0..rounds {
        let (name, text) = &seeds[random.below(seeds.len())];
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..=random.below(6) {
            let at = random.below(characters.len() + 1);
            match random.below(4) {
                0 if at < characters.len() => {
                    characters.remove(at);
                }
                1 => {
                    let end = (at + random.below(12)).min(characters.len());
                    let piece: Vec<char> = characters[at..end].to_vec();
                    let to = random.below(characters.len() + 1);
                    characters.splice(to..to, piece);
                }
                2 => characters.truncate(at.max(1)),
                _ => {
                    let insert = INSERTS[random.below(INSERTS.len())];
                    characters.splice(at..at, insert.chars());
                }
            }
        }
        let text: String = characters.into_iter().collect();
        check(&read(name, text));
    }
}

#[test]
fn random_characters_never_panic() {
    const ALPHABET: &str = "ab1 \n\n  :-?[]{},'\"|>#&*!%@`\\~<=.é漢😀\r\tnu";
    let alphabet: Vec<char> = ALPHABET.chars().collect();
    let rounds = std::env::var("FUZZ_ROUNDS").map_or(40_000, |rounds| rounds.parse().unwrap());
    let mut random = Random(0xab5e_11ed);
    for round in 0..rounds {
        let length = 1 + random.below(60);
        let text: String = (0..length)
            .map(|_| alphabet[random.below(alphabet.len())])
            .collect();
        let name = if round % 4 == 0 { "a.json" } else { "a.yaml" };
        check(&read(name, text));
    }
}
