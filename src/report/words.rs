//! What a trajectory comes to, in words.

use std::io::{self, Write};

use anstyle::{Effects, Style};

use super::Document;
use super::text::{cut, decimal, percent, plain, quoted, width};
use crate::decoder::{Point, Site};
use crate::model::Card;
use crate::text::targets::Target;

const BOLD: Style = Style::new().effects(Effects::BOLD);
/// A prompt's start has this much room in a heading, or a line of its own.
const SHORTEST_START: usize = 16;

/// The model's output at the `at`th position read, where it is top-1, and where the distribution came
/// nearer to it most.
pub fn story(document: &Document, at: usize) -> String {
    let answer = document.trajectory.output[at].top1();
    let label = quoted(&document.tokens.label(answer.id));
    let output = format!("Output: {label} at {}.", percent(answer.prob));
    let sentences = match document.trajectory.others.is_empty() {
        true => [lead(document, at), drop_in_kl(document, at)],
        false => [lead_by_lens(document, at), None],
    };
    std::iter::once(output)
        .chain(sentences.into_iter().flatten())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What `resid_mid` is, where no MLP reads it.
const SIDE_BY_SIDE: &str = "Attention and MLP run side by side in this model: resid_mid (rows i_mid) is the \
    stream with the attention's output added, and the MLP does not read it.";

/// What there is to say of the rows of `sites`, if `resid_mid` is among them and the model has none of its
/// own.
pub fn side_by_side(card: &Card, sites: impl IntoIterator<Item = Site>) -> Option<String> {
    let is_mid = |site: Site| site.point == Point::ResidMid;
    let is_said = card.parallel && sites.into_iter().any(is_mid);
    is_said.then(|| SIDE_BY_SIDE.to_string())
}

/// At which layers the output is top-1, and what was before.
fn lead(document: &Document, at: usize) -> Option<String> {
    let trajectory = document.trajectory;
    let layers: Vec<_> = trajectory.layers().collect();
    let last = layers.last()?.site.layer;
    let some = layers.len() < document.card.layers;
    let Some(first) = trajectory.leads_first_at(at) else {
        return Some("It is top-1 at none of the layers shown.".to_string());
    };
    let place = layers.iter().position(|row| row.site.layer == first)?;
    let settles = trajectory.settles_at(at);
    if place == 0 && settles == Some(first) {
        return Some(match some {
            true => "It is top-1 at every layer shown.".to_string(),
            false => "It is top-1 at every layer.".to_string(),
        });
    }
    let previous = match place.checked_sub(1) {
        Some(before) => {
            let label = document.tokens.label(layers[before].readings[at].top1().id);
            format!(" (previous: {})", quoted(&label))
        }
        None => String::new(),
    };
    let it = match some {
        true => "Among the layers shown, ",
        false => "It is ",
    };
    Some(match settles {
        Some(settles) if settles == first && first == last => {
            format!("{it}top-1 only at layer {first}{previous}.")
        }
        Some(settles) if settles == first => format!("{it}top-1 from layer {first} on{previous}."),
        Some(settles) => {
            format!("{it}top-1 first at layer {first}{previous}, and from layer {settles} on.")
        }
        None => format!("{it}top-1 first at layer {first}{previous}, and not at the last layer shown."),
    })
}

/// From which layer on the output is top-1 under each lens.
fn lead_by_lens(document: &Document, at: usize) -> Option<String> {
    let shown = document.trajectory.layers().count();
    (shown > 0).then_some(())?;
    let it = match shown < document.card.layers {
        true => "Among the layers shown, it is",
        false => "It is",
    };
    let settles: Vec<Option<usize>> = (document.trajectory.of_each_lens())
        .map(|read| read.settles_at(at))
        .collect();
    if settles.iter().all(|layer| *layer == settles[0])
        && let Some(layer) = settles[0]
    {
        return Some(format!("{it} top-1 from layer {layer} on under every lens."));
    }
    let mut groups: Vec<(Option<usize>, Vec<&str>)> = Vec::new();
    for (read, settles) in document.trajectory.of_each_lens().zip(settles) {
        let name = lens_name(read.lens.name());
        match groups.iter_mut().find(|(layer, _)| *layer == settles) {
            Some((_, names)) => names.push(name),
            None => groups.push((settles, vec![name])),
        }
    }
    let phrase = |(layer, names): &(Option<usize>, Vec<&str>)| {
        let lenses = format!(
            "{} {}",
            listed(names),
            if names.len() > 1 { "lenses" } else { "lens" }
        );
        match layer {
            Some(layer) => format!("from layer {layer} on under the {lenses}"),
            None => format!("not at the last under the {lenses}"),
        }
    };
    let mut phrases: Vec<String> = groups.iter().map(phrase).collect();
    let last = phrases.pop()?;
    // Commas between them: a phrase has an "and" of its own.
    Some(match phrases.is_empty() {
        true => format!("{it} top-1 {last}."),
        false => format!("{it} top-1 {}, and {last}.", phrases.join(", ")),
    })
}

/// "a", "a and b", "a, b and c".
pub fn listed(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => one.to_string(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A text with a capital at its beginning.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}", chars.as_str())
}

/// A lens's name in a sentence: Jacobi has a capital.
pub fn lens_name(name: &str) -> &str {
    match name {
        "jacobian" => "Jacobian",
        name => name,
    }
}

/// The heading of how far `target` is above `against`: of texts of several tokens there is no logit.
pub fn difference_heading(target: &Target, against: &Target) -> String {
    let measure = match target.sequence || against.sequence {
        true => "logprob",
        false => "logit",
    };
    format!("{measure} − {}", against.name)
}

/// Where KL from the output falls most, by how much and to what.
fn drop_in_kl(document: &Document, at: usize) -> Option<String> {
    let change = document.trajectory.sudden_change(at)?;
    let mut layers = document.trajectory.layers();
    let there = layers.find(|row| row.site.layer == change.layer)?;
    let (drop, to) = (decimal(change.drop, 2), decimal(there.readings[at].forward_kl, 2));
    let layer = change.layer;
    (drop != "0.00")
        .then(|| format!("Largest drop in KL from the output: layer {layer} (−{drop} nats, to {to})."))
}

/// A picture's heading: the model, and the prompt by its id, else by how it begins; in one line, or two
/// where it does not fit in `columns`.
pub fn write_caption(document: &Document, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let prompt = document.id.unwrap_or(&document.trajectory.prompt.text);
    // No more of a long prompt than can be shown.
    let start: String = prompt.chars().take(columns).collect();
    let model = cut(&plain(&document.card.name), columns);
    let room = columns.saturating_sub(width(&model) + 3);
    let (between, room) = if room < SHORTEST_START {
        ("\n", columns)
    } else {
        (" · ", room)
    };
    writeln!(out, "{BOLD}{model}{BOLD:#}{between}{}", cut(&plain(&start), room))
}
