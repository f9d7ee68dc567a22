//! One target of cargo-fuzz; what must hold is said where its body is.

#![no_main]

use stage0_tests::fuzz;

libfuzzer_sys::fuzz_target!(|text: &[u8]| fuzz::request_text(text));
