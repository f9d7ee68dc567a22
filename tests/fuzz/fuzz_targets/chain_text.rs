//! One target of cargo-fuzz; what must hold is said where its body is.

#![no_main]

use stage0_tests::fuzz::chain as fuzz;

libfuzzer_sys::fuzz_target!(|text: &[u8]| fuzz::chain_text(text));
