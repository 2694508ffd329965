//! Fuzz target of the decoder `ngsi`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("ngsi", input));
