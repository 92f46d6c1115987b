//! Numbers that look random and are the same for ever: SplitMix64, whose output no crate's update can change.

/// A stream of numbers that belongs to one record.
pub(super) struct Random(u64);

impl Random {
    /// The stream of the record `index` of a kind.
    pub(super) fn of(kind: u64, index: u64) -> Self {
        let mut random = Self(kind.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ index);
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where `end` is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or_default()
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of the items, each as likely.
    pub(super) fn one<T: Copy, const N: usize>(&mut self, items: &[T; N]) -> T {
        const { assert!(N > 0, "there must be something to choose from") };
        items[usize::try_from(self.below(N as u64)).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_records_numbers_never_change() {
        let mut random = Random::of(1, 7);
        assert_eq!([random.below(1000), random.below(1000), random.below(1000)], [531, 261, 559]);
        assert_eq!(random.below(0), 0);
    }
}
