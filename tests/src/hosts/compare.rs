//! Asks hosts with the corpus, and counts.
//!
//! A host is asked every question, also behind one that it got wrong. What it did not answer counts as
//! wrong, so that a host which quietly collects nothing has no score to be proud of.

use std::fmt;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread::{available_parallelism, scope};

use super::{Host, Question, Reply};

/// Differences that are shown in full.
const SHOWN_MAX: usize = 5;

/// What came of asking a host.
#[derive(Debug)]
pub struct Score {
    /// The host.
    pub host: String,
    /// How often it was asked.
    pub asked: usize,
    /// How often it gave the bytes that it must.
    pub agreed: usize,
    /// Where it did not, with what was expected and found.
    pub differences: Vec<String>,
}

impl Score {
    /// A host that was not yet asked.
    pub fn new(host: String) -> Self {
        Self {
            host,
            asked: 0,
            agreed: 0,
            differences: Vec::new(),
        }
    }

    /// Whether it was asked, and got everything right.
    pub fn is_perfect(&self) -> bool {
        self.asked > 0 && self.agreed == self.asked
    }
}

impl fmt::Display for Score {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in self.differences.iter().take(SHOWN_MAX) {
            writeln!(formatter, "{difference}")?;
        }
        if self.differences.len() > SHOWN_MAX {
            let more = self.differences.len().saturating_sub(SHOWN_MAX);
            writeln!(formatter, "and {more} more")?;
        }
        write!(
            formatter,
            "host {:<10} {}/{}",
            self.host, self.agreed, self.asked
        )
    }
}

/// A question with its place, and the reply that every host must give.
#[derive(Debug, Clone)]
pub struct Exam {
    /// Where it stands, as reports name it.
    pub place: String,
    /// What is asked.
    pub question: Question,
    /// What has to come of it.
    pub expected: Reply,
}

/// Asks every host every question.
pub fn compare(hosts: &mut [Box<dyn Host>], exams: &[Exam]) -> Vec<Score> {
    of_each(hosts, |host| score(host, exams))
}

/// What comes of each host, in their order. As many are at work at once as there are processors.
pub(super) fn of_each<T: Send>(
    hosts: &mut [Box<dyn Host>],
    ask: impl Fn(&mut dyn Host) -> T + Sync,
) -> Vec<T> {
    let mut found: Vec<Option<T>> = hosts.iter().map(|_| None).collect();
    let waiting = Mutex::new(hosts.iter_mut().zip(&mut found));
    let workers = available_parallelism().map_or(1, NonZero::get);
    scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                // Nobody holds the queue while a host is asked.
                while let Some((host, place)) = next(&waiting) {
                    *place = Some(ask(host.as_mut()));
                }
            });
        }
    });
    found.into_iter().flatten().collect()
}

fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.next()
}

fn score(host: &mut dyn Host, exams: &[Exam]) -> Score {
    let mut score = Score::new(host.name().to_owned());
    for Exam {
        place,
        question,
        expected,
    } in exams
    {
        score.asked = score.asked.saturating_add(1);
        let found = match host.ask(question) {
            Ok(found) if found == *expected => {
                score.agreed = score.agreed.saturating_add(1);
                continue;
            }
            Ok(found) => found.to_string(),
            Err(trouble) => trouble,
        };
        let difference = format!(
            "{}: {place}\n  expected {expected}\n  found    {found}",
            score.host
        );
        score.differences.push(difference);
    }
    score
}
