//! The word that was probably meant.
//!
//! Deterministic: the same word and candidates in the same order give the same suggestion.

/// Characters of a word above which nothing is suggested: distances cost their product.
const WORD_CHARACTERS_MAX: usize = 64;

/// The candidate that is spelled most like a word, if any is alike enough to be worth a question.
/// Among equals the first one wins.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = word.chars().count();
    if length == 0 || length > WORD_CHARACTERS_MAX {
        return None;
    }
    let distance_max = match length {
        1 => 0,
        2..=5 => 1,
        _ => length.checked_div(3).unwrap_or(0),
    };
    let folded = fold(word);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let difference = candidate.chars().count().abs_diff(length);
        let distance = if fold(candidate) == folded {
            0
        } else if difference <= distance_max {
            strsim::osa_distance(word, candidate)
        } else if length >= 3 && candidate.starts_with(word) {
            // An abbreviation: better than nothing, worse than any misspelling.
            distance_max
        } else {
            continue;
        };
        let is_better = best.is_none_or(|(least, _)| distance < least);
        if distance <= distance_max && is_better {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Without what people mix up: case, and the sign between words.
fn fold(word: &str) -> String {
    word.chars()
        .filter(|character| !matches!(character, '_' | '-' | ' '))
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(word: &str) -> Option<&'static str> {
        nearest(
            word,
            [
                "id",
                "description",
                "otherwise",
                "issue_unknown",
                "issue",
                "deny",
                "defer",
            ],
        )
    }

    #[test]
    fn misspellings_case_signs_and_abbreviations_find_their_word() {
        assert_eq!(among("descripton"), Some("description"));
        assert_eq!(among("di"), Some("id"));
        assert_eq!(among("Deny"), Some("deny"));
        assert_eq!(among("issue-unknown"), Some("issue_unknown"));
        assert_eq!(among("issueUnknown"), Some("issue_unknown"));
        assert_eq!(among("desc"), Some("description"));
        assert_eq!(among("otherwize"), Some("otherwise"));
    }

    #[test]
    fn what_is_like_nothing_finds_nothing() {
        for word in ["", "x", "xy", "allow", "zzzzzzzzz", "de"] {
            assert_eq!(among(word), None, "{word}");
        }
        assert_eq!(among(&"d".repeat(100_000)), None);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(nearest("ab", ["ax", "ay"]), Some("ax"));
        assert_eq!(nearest("ab", ["ay", "ax"]), Some("ay"));
    }
}
