//! A file of prompts of any bytes, as lines and as records.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logit_lens::text::prompts::Lines;

fuzz_target!(|bytes: &[u8]| {
    for name in ["prompts.txt", "prompts.jsonl"] {
        let items: Vec<_> = Lines::new(bytes, name.to_string()).collect();
        // What is wrong ends the prompts.
        let wrong = items.iter().position(Result::is_err);
        assert!(wrong.is_none_or(|at| at + 1 == items.len()));
    }
});
