//! Fuzz target of the decoder `senml_json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("senml_json", input));
