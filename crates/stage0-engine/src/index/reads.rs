//! Sets of facts, as bits by slot: what rules read, and what a decision depends on.
//!
//! Slots are numbered in the order of their names, so going through a set gives sorted names. The
//! first 64 facts need no memory of their own; a policy about many tools has far more, of which one
//! rule reads a few.

use core::ops::Range;

use crate::condition::Slot;

/// A set of slots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FactSet {
    first: u64,
    /// Further words that are not empty, ascending by their number.
    others: Vec<(u32, u64)>,
}

impl FactSet {
    /// Adds a slot.
    pub(crate) fn insert(&mut self, slot: Slot) {
        let bit = 1_u64.checked_shl(slot % u64::BITS).unwrap_or(0);
        self.add(slot / u64::BITS, bit);
    }

    /// Adds another set's slots.
    #[inline]
    pub(crate) fn unite(&mut self, other: &Self) {
        self.first |= other.first;
        for (word, bits) in &other.others {
            self.add(*word, *bits);
        }
    }

    fn add(&mut self, word: u32, bits: u64) {
        if word == 0 {
            self.first |= bits;
            return;
        }
        match self.others.binary_search_by_key(&word, |(known, _)| *known) {
            Ok(at) => {
                if let Some((_, known)) = self.others.get_mut(at) {
                    *known |= bits;
                }
            }
            Err(at) => self.others.insert(at, (word, bits)),
        }
    }

    /// Whether a slot is in it.
    pub(crate) fn contains(&self, slot: Slot) -> bool {
        let word = slot / u64::BITS;
        let bits = if word == 0 {
            self.first
        } else {
            let found = self.others.binary_search_by_key(&word, |(known, _)| *known);
            let found = found.ok().and_then(|at| self.others.get(at));
            found.map_or(0, |(_, bits)| *bits)
        };
        bits.checked_shr(slot % u64::BITS).unwrap_or(0) & 1 == 1
    }

    /// The slots, ascending.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        let words = core::iter::once((0, self.first)).chain(self.others.iter().copied());
        words.flat_map(|(word, bits)| {
            let mut left = bits;
            core::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left.wrapping_sub(1);
                Some(word.saturating_mul(u64::BITS).saturating_add(bit))
            })
        })
    }
}

impl FactSet {
    /// The slots as runs of neighbours, ascending. A run ends with its word.
    pub(crate) fn runs(&self) -> impl Iterator<Item = Range<Slot>> {
        let words = core::iter::once((0, self.first)).chain(self.others.iter().copied());
        words.flat_map(|(word, bits)| {
            let first = word.saturating_mul(u64::BITS);
            let mut left = bits;
            core::iter::from_fn(move || {
                let start = (left != 0).then(|| left.trailing_zeros())?;
                // With everything below the run filled in, the run ends where the ones end.
                let filled = left | left.wrapping_sub(1);
                let end = filled.trailing_ones();
                left &= filled.wrapping_add(1);
                Some(first.saturating_add(start)..first.saturating_add(end))
            })
        })
    }
}

impl FromIterator<Slot> for FactSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = Self::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::FactSet;

    #[test]
    fn slots_come_out_sorted_and_once() {
        let slots = [700, 0, 63, 64, 65, 700, 5, 128];
        let set: FactSet = slots.into_iter().collect();
        assert_eq!(
            set.slots().collect::<Vec<_>>(),
            [0, 5, 63, 64, 65, 128, 700]
        );
        for slot in 0..800 {
            assert_eq!(set.contains(slot), slots.contains(&slot), "{slot}");
        }
    }

    #[test]
    fn runs_are_the_slots() {
        for slots in [
            vec![],
            vec![0],
            vec![1, 2, 3, 5, 62, 63, 64, 65, 128, 700, 701],
            (0..64).collect(),
            (3..200).collect(),
        ] {
            let set: FactSet = slots.iter().copied().collect();
            assert_eq!(set.runs().flatten().collect::<Vec<_>>(), slots);
        }
        let set: FactSet = [4, 5, 6, 8].into_iter().collect();
        assert_eq!(set.runs().collect::<Vec<_>>(), [4..7, 8..9]);
    }

    #[test]
    fn united_sets_have_the_slots_of_both() {
        let mut set: FactSet = [1, 200].into_iter().collect();
        set.unite(&[0, 100, 201, 300].into_iter().collect());
        assert_eq!(set.slots().collect::<Vec<_>>(), [0, 1, 100, 200, 201, 300]);
    }
}
