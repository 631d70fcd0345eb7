//! Layers, points, positions, tokens and statistics as they are written on the command line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logit_lens::lens::{Layers, Points, Positions};
use logit_lens::analysis::statistics::Statistics;
use logit_lens::text::targets::TargetSpec;

fuzz_target!(|input: (u16, &str)| {
    let (count, text) = (usize::from(input.0) + 1, input.1);
    if let Some(chosen) = text.parse::<Layers>().ok().and_then(|l| l.resolve(count).ok()) {
        assert!(chosen.is_sorted() && chosen.iter().all(|&layer| layer < count));
    }
    if let Some(chosen) = text.parse::<Positions>().ok().and_then(|p| p.resolve(count).ok()) {
        assert!(!chosen.is_empty() && chosen.is_sorted() && chosen.iter().all(|&at| at < count));
    }
    let _ = text.parse::<Points>();
    let _ = text.parse::<TargetSpec>();
    let _ = text.parse::<Statistics>();
});
