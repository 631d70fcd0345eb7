//! What two models' comparison comes to, in words.

use super::document::mean;
use crate::analysis::compare_many::{ModelComparison, Moved};
use crate::report::text::plain;

/// How much later the right model settles, in a sentence.
pub(super) fn settles(comparison: &ModelComparison) -> Option<String> {
    let later = mean(comparison.settles_later)?;
    let error = comparison.settles_later.standard_error();
    let error = error.map_or(String::new(), |error| format!(" ±{error:.2}"));
    let count = match comparison.settles_later.count() {
        n if n as usize == comparison.prompts => String::new(),
        n => format!(" ({n} prompts that settle on both sides)"),
    };
    Some(match later {
        small if small.abs() < 0.005 => format!("Both settle at the same layer on average{error}{count}."),
        later => format!(
            "The right one settles {:.2}{error} layers {} on average{count}.",
            later.abs(),
            if later > 0. { "later" } else { "earlier" }
        ),
    })
}

/// How many prompts the models cut into different tokens, though of one vocabulary.
pub(super) fn cut_differently(comparison: &ModelComparison) -> Option<String> {
    let (count, of) = (comparison.cut_differently, comparison.prompts);
    (count > 0).then(|| {
        format!(
            "The models make different tokens of {count} of {of} prompts: what differs there is not their weights alone."
        )
    })
}

/// So many of the prompts that moved most are shown to people.
const SHOWN: usize = 5;

/// The prompts that moved most, a line each.
pub(super) fn moved(comparison: &ModelComparison) -> Vec<String> {
    let apart = |moved: &&Moved| moved.kl_left_right.unwrap_or(moved.unshared) > 0.;
    let shown: Vec<&Moved> = comparison.moved.iter().filter(apart).take(SHOWN).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let by = if comparison.same_vocabulary {
        "KL(left‖right)"
    } else {
        "tokens not shared"
    };
    let line = |moved: &&Moved| {
        let value = match moved.kl_left_right {
            Some(kl) if kl < 0.01 => format!("{kl:.2e}"),
            Some(kl) => format!("{kl:.3}"),
            None => format!("{:.0}%", 100. * moved.unshared),
        };
        let layer = moved
            .layer
            .map_or(String::new(), |layer| format!(", most at layer {layer}"));
        let tokens = match moved.left_top1 == moved.right_top1 {
            true => moved.left_top1.clone(),
            false => format!("{} → {}", moved.left_top1, moved.right_top1),
        };
        let id = moved
            .id
            .as_ref()
            .map_or(String::new(), |id| format!("{}  ", plain(id)));
        format!("  {value}  {id}{}  {tokens}{layer}", plain(&moved.prompt))
    };
    std::iter::once(format!("Moved most, by {by} of the output:"))
        .chain(shown.iter().map(line))
        .collect()
}

/// What the columns mean.
pub(super) fn explanation(has_targets: bool) -> String {
    let target = match has_targets {
        true => "; Δ log p(target): right − left, in nats",
        false => "",
    };
    format!(
        "KL(p‖q) = Σ p (log p − log q), in nats; same top-1: how often both have it; shared: tokens among the top k \
         of both{target}."
    )
}
