//! Fuzz target of the decoder `sparkplug_b`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("sparkplug_b", input));
