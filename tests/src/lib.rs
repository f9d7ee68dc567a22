//! The shared corpus, the oracle and the laws.
