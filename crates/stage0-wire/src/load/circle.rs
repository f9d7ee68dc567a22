//! Circles among files that import each other.
//!
//! The search goes depth first from the root and keeps its own stack, so a chain of imports may be
//! as long as there are files.

/// An import that leads back to a file that it was reached from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    /// The files in the order of their imports; the first one is the last one again.
    pub(super) files: Vec<usize>,
    /// The file whose import closes the circle.
    pub(super) from: usize,
    /// Which of its imports that is.
    pub(super) link: usize,
}

/// How far the search has come with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    Not,
    Open,
    Done,
}

/// A file between the root and the one that is looked at.
#[derive(Debug)]
struct Open {
    file: usize,
    links: Vec<usize>,
    next: usize,
}

/// Every import that closes a circle. The first file is the root, and `links` are the files that a
/// file imports.
pub(super) fn circles(files: usize, links: impl Fn(usize) -> Vec<usize>) -> Vec<Circle> {
    let mut visits = vec![Visit::Not; files];
    let mut path: Vec<Open> = Vec::new();
    let mut circles = Vec::new();
    let mut enter = Some(0).filter(|root| *root < files);
    loop {
        if let Some(file) = enter.take() {
            mark(&mut visits, file, Visit::Open);
            path.push(Open {
                file,
                links: links(file),
                next: 0,
            });
        }
        let Some(open) = path.last_mut() else {
            return circles;
        };
        let (from, link) = (open.file, open.next);
        open.next = link.saturating_add(1);
        let Some(to) = open.links.get(link).copied() else {
            mark(&mut visits, from, Visit::Done);
            path.pop();
            continue;
        };
        match visits.get(to) {
            Some(Visit::Not) => enter = Some(to),
            Some(Visit::Open) => {
                let files = path.iter().map(|open| open.file);
                let files = files.skip_while(|file| *file != to).chain([to]);
                circles.push(Circle {
                    files: files.collect(),
                    from,
                    link,
                });
            }
            Some(Visit::Done) | None => {}
        }
    }
}

fn mark(visits: &mut [Visit], file: usize, visit: Visit) {
    if let Some(slot) = visits.get_mut(file) {
        *slot = visit;
    }
}

#[cfg(test)]
mod tests {
    use super::circles;

    fn found(graph: &[&[usize]]) -> Vec<Vec<usize>> {
        let circles = circles(graph.len(), |file| graph[file].to_vec());
        circles.into_iter().map(|circle| circle.files).collect()
    }

    #[test]
    fn every_closing_import_is_found_once() {
        assert_eq!(found(&[]), [[0; 0]; 0]);
        assert_eq!(found(&[&[1, 2], &[2], &[]]), [[0; 0]; 0]);
        assert_eq!(found(&[&[0]]), [[0, 0]]);
        assert_eq!(
            found(&[&[1], &[2], &[1, 0]]),
            [vec![1, 2, 1], vec![0, 1, 2, 0]]
        );
    }

    #[test]
    fn long_chains_need_no_stack() {
        let files = 100_000;
        let next = |file: usize| vec![(file + 1) % files];
        let circles = circles(files, next);
        assert_eq!(circles.len(), 1);
        assert_eq!(circles[0].files.len(), files + 1);
    }
}
