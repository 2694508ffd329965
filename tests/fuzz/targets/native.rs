//! Fuzz target of the decoder `native`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("native", input));
