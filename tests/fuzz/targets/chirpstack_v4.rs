//! Fuzz target of the decoder `chirpstack_v4`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("chirpstack_v4", input));
