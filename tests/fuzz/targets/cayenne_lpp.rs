//! Fuzz target of the decoder `cayenne_lpp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("cayenne_lpp", input));
