//! The secret hash that keys are placed by.
//!
//! Whoever chooses keys (a caller with a header, a tenant with a name) must not be able to choose where
//! they go: keys that crowd one place would push others into the shared bucket, and two keys with equal
//! tags share one. So a table is seeded from the operating system's randomness, by way of the standard
//! library's `RandomState`. The hash itself is foldhash in its `quality` form, at a fifth of the cost of
//! `SipHash`; it withstands callers who see decisions only, and neither hashes nor fine timings. Hosts
//! whose keys come from somebody with both should hash them with a keyed function first.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

/// One for the process; tables differ in their own seed.
static SHARED: LazyLock<SharedSeed> =
    LazyLock::new(|| SharedSeed::from_u64(RandomState::new().hash_one(0_u64)));

/// How a table hashes its keys.
#[derive(Clone)]
pub(super) struct Secret(SeedableRandomState);

impl Secret {
    /// One that nobody can guess.
    pub(super) fn random() -> Self {
        let seed = RandomState::new().hash_one(1_u64);
        Self(SeedableRandomState::with_seed(seed, &SHARED))
    }

    /// The same for the same seed, in every process: for tests.
    pub(super) fn seeded(seed: u64) -> Self {
        Self(SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()))
    }

    #[inline]
    pub(super) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.0.hash_one(key)
    }
}

impl std::fmt::Debug for Secret {
    /// Without the seed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}
