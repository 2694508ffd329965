//! Fuzz target of the decoder `zigbee2mqtt`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("zigbee2mqtt", input));
