//! Fuzz target of the decoder `station_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("station_file", input));
