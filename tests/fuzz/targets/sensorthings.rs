//! Fuzz target of the decoder `sensorthings`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("sensorthings", input));
