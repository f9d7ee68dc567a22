//! The two ways in which people write an IBAN (ISO 13616).

use super::grounded::ends_token;

/// Characters of an IBAN: the shortest and the longest that there can be.
const LENGTHS: core::ops::RangeInclusive<usize> = 15..=34;

/// Characters of a group on paper.
const GROUP: usize = 4;

/// An IBAN in one piece and in groups; nothing where the text is neither of the two.
pub(super) fn forms(text: &str) -> Option<(String, String)> {
    let piece: String = text.split(' ').collect();
    if !is_iban(&piece) {
        return None;
    }
    let mut groups = String::with_capacity(piece.len().saturating_mul(2));
    for (at, character) in piece.chars().enumerate() {
        if at > 0 && at.is_multiple_of(GROUP) {
            groups.push(' ');
        }
        groups.push(character);
    }
    (text == piece || text == groups).then_some((piece, groups))
}

/// What tells whether the groups of this IBAN end: a last one that is short is the end.
pub(super) fn ends_of(piece: &str) -> fn(&str) -> bool {
    if piece.len().is_multiple_of(GROUP) {
        ends_groups
    } else {
        ends_token
    }
}

/// Whether whole groups can end before this text: what could be a further one may belong to them.
fn ends_groups(after: &str) -> bool {
    let is_part = |word: &str| word.len() <= GROUP && word.bytes().all(is_of_iban);
    let next = after.strip_prefix(' ').map(|rest| {
        let end = rest.find(|character: char| !character.is_ascii_alphanumeric());
        rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
    });
    ends_token(after) && !next.is_some_and(is_part)
}

const fn is_of_iban(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn is_iban(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let has_form = LENGTHS.contains(&bytes.len()) && bytes.iter().copied().all(is_of_iban);
    let Some((head, account)) = bytes.split_at_checked(GROUP).filter(|_| has_form) else {
        return false;
    };
    let [country @ .., _, _] = head else {
        return false;
    };
    let check = head.get(country.len()..).unwrap_or_default();
    country.iter().all(u8::is_ascii_uppercase)
        && check.iter().all(u8::is_ascii_digit)
        && remainder(account.iter().chain(head)) == 1
}

/// The remainder by 97 of the number that the characters make, of which letters are 10 to 35.
fn remainder<'b>(bytes: impl Iterator<Item = &'b u8>) -> u32 {
    bytes.fold(0, |sum: u32, byte| {
        let value = char::from(*byte).to_digit(36).unwrap_or(0);
        let shift = if value > 9 { 100 } else { 10 };
        sum.saturating_mul(shift).saturating_add(value) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iban_is_known_by_its_check_digits() {
        for iban in [
            "DE89370400440532013000",
            "GB29NWBK60161331926819",
            "BE71096123456769",
            "MT84MALT011000012345MTLCAST001S",
            "NO9386011117947",
        ] {
            assert!(is_iban(iban), "{iban}");
            let changed = iban.replacen(|c: char| c.is_ascii_digit(), "0", 1);
            assert!(!is_iban(&changed), "{changed}");
        }
        for text in [
            "",
            "DE89",
            "ACME",
            "DE8937040044053201300\u{fc}",
            "1234370400440532013000",
        ] {
            assert!(!is_iban(text), "{text}");
        }
    }

    #[test]
    fn groups_end_where_no_further_one_could_follow() {
        for (after, ends) in [
            ("", true),
            (".", true),
            (" by noon", true),
            (" please", true),
            (" 0001", false),
            (" AB", false),
            (" 00012", true),
            ("0", false),
        ] {
            assert_eq!(ends_groups(after), ends, "{after:?}");
        }
    }
}
