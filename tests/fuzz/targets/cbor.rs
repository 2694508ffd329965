//! Fuzz target of the decoder `cbor`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("cbor", input));
