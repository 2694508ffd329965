//! Fuzz target of the decoder `tasmota`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("tasmota", input));
