//! Random-looking bytes that are the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A seeded generator (SplitMix64: the state counts up by the golden ratio and is scrambled). Clones share the sequence,
/// so that no two draws of one test are equal by accident of cloning.
#[derive(Debug, Clone)]
pub struct Entropy(Arc<AtomicU64>);

impl Entropy {
    /// The generator of a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// The next 64 bits.
    #[must_use]
    pub fn next_u64(&self) -> u64 {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(GOLDEN, Ordering::SeqCst).wrapping_add(GOLDEN);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number below `limit`, which must not be zero.
    #[must_use]
    pub fn below(&self, limit: u64) -> u64 {
        self.next_u64() % limit
    }

    /// The next bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_be_bytes()[..chunk.len()]);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_sequence_of_splitmix64() {
        // The first values for seed 1234567, as the algorithm's reference implementation prints them.
        let entropy = Entropy::seeded(1_234_567);
        assert_eq!(entropy.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(entropy.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn clones_share_one_sequence() {
        let entropy = Entropy::seeded(1);
        assert_ne!(entropy.bytes::<12>(), entropy.clone().bytes::<12>());
    }
}
