//! Fuzz target of the decoder `the_things_stack_v3`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| saola_fuzz::check("the_things_stack_v3", input));
