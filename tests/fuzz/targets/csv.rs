//! Fuzz target of the decoder `csv`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("csv", input));
