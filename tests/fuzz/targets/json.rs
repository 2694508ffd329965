//! Fuzz target of the decoder `json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("json", input));
