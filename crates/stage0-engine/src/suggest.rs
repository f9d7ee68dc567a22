//! Did-you-mean: the known name that a mistyped one is nearest to.
//!
//! The checker asks it for unknown facts, functions, tools and keys. It only words a message: nothing
//! is ever decided by resemblance.

/// Longer names are not compared: the cost of a comparison grows with the product of both lengths.
const NAME_BYTES_MAX: usize = 64;

/// The known name that `wanted` was probably meant to be.
///
/// A third of the characters may be wrong, or one of a short name: inserted, left out, replaced or
/// swapped with a neighbour. A different case is not wrong. Ties go to the name with fewer exact differences, then
/// to the one that sorts first, so the order of `known` does not matter.
/// Each known name costs about a microsecond.
///
/// ```
/// use stage0_engine::suggest::nearest;
///
/// assert_eq!(nearest("amuont", ["amount", "account"]), Some("amount"));
/// assert_eq!(nearest("colour", ["amount", "account"]), None);
/// ```
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wanted.is_empty() || wanted.len() > NAME_BYTES_MAX {
        return None;
    }
    let folded = wanted.to_ascii_lowercase();
    let length = wanted.chars().count();
    known
        .into_iter()
        .filter(|name| name.len() <= NAME_BYTES_MAX)
        .filter_map(|name| {
            let name_length = name.chars().count();
            let third = length.max(name_length) / 3;
            let wrong_max = third.max(1).min(length.saturating_sub(1));
            if length.abs_diff(name_length) > wrong_max {
                return None;
            }
            let wrong = strsim::osa_distance(&folded, &name.to_ascii_lowercase());
            (wrong <= wrong_max).then(|| (wrong, strsim::osa_distance(wanted, name), name))
        })
        .min()
        .map(|(_, _, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_keyboard_find_their_name() {
        let known = [
            "amount",
            "account",
            "currency",
            "context",
            "to",
            "payments.payout",
        ];
        for (wanted, expected) in [
            ("amuont", Some("amount")),
            ("amout", Some("amount")),
            ("ammount", Some("amount")),
            ("AMOUNT", Some("amount")),
            ("curency", Some("currency")),
            ("contxt", Some("context")),
            ("payments.payot", Some("payments.payout")),
            ("payments.pyaout", Some("payments.payout")),
            ("ot", Some("to")),
            ("xy", None),
            ("x", None),
            ("", None),
            ("banana", None),
        ] {
            assert_eq!(nearest(wanted, known), expected, "{wanted}");
        }
    }

    #[test]
    fn ties_do_not_depend_on_the_order_of_the_known_names() {
        assert_eq!(nearest("rule-x", ["rule-b", "rule-a"]), Some("rule-a"));
        assert_eq!(nearest("rule-x", ["rule-a", "rule-b"]), Some("rule-a"));
        assert_eq!(nearest("ABCx", ["abcd", "ABCd"]), Some("ABCd"));
    }

    #[test]
    fn long_names_are_left_alone() {
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        assert_eq!(nearest(&long, [long.as_str()]), None);
        assert_eq!(nearest("a", [long.as_str()]), None);
        assert_eq!(nearest("ab", []), None);
    }
}
