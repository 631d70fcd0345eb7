//! What a trajectory comes to, in words.

use super::Document;
use super::text::percent;

/// When the answer at the `at`th position read appeared, what it displaced, when it settled, and
/// where the distribution came nearer to it most.
pub fn story(document: &Document, at: usize) -> String {
    let trajectory = document.trajectory;
    let answer = trajectory.output[at].top1();
    let label = document.tokens.label(answer.id);
    let mut story = format!("Output: {label} at {}.", percent(answer.prob));
    let last = document.card.layers - 1;
    let Some(first) = trajectory.leads_first_at(at) else {
        if trajectory.layers().next().is_some() {
            story.push_str(" It is top-1 at none of the layers shown.");
        }
        return story;
    };
    let layers: Vec<_> = trajectory.layers().collect();
    let place = layers.iter().position(|row| row.site.layer == first).unwrap_or(0);
    let settled = trajectory.settles_at(at);
    let it = match layers.len() < document.card.layers {
        true => "Of the layers shown, it",
        false => "It",
    };
    let appeared = match place {
        0 => format!("at layer {first}, the first shown"),
        _ => {
            let before = layers[place - 1].readings[at].top1().id;
            format!(
                "at layer {first}, where it displaced {}",
                document.tokens.label(before)
            )
        }
    };
    story.push_str(&match settled {
        Some(settled) if settled == first && place == 0 => " It is top-1 at every layer shown.".to_string(),
        Some(settled) if settled == first && first == last => format!(" {it} is top-1 only {appeared}."),
        Some(settled) if settled == first => format!(" {it} became top-1 {appeared}, and stayed."),
        Some(settled) => {
            format!(" {it} first was top-1 {appeared}, lost the lead, and settled at layer {settled}.")
        }
        None => format!(" {it} first was top-1 {appeared}, but is not at the last layer shown."),
    });
    if let Some(change) = trajectory.sudden_change(at) {
        story.push_str(&format!(
            " KL to the output fell most at layer {}, by {:.2} nats.",
            change.layer, change.drop
        ));
    }
    story
}
