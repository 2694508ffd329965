//! Fuzz target of the decoder `line_protocol`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("line_protocol", input));
