//! The view as a run: the command that gives it, and the files that it is written to.

use std::path::PathBuf;

use super::state::State;
use crate::decoder::Point;
use crate::lens::{Points, Positions};
use crate::readout::lenses::LensChoices;
use crate::report::{ColorBy, Format, Order};
use crate::run::{Destination, Prompts, Run, Task};
use crate::text::prompt::Prompt;
use crate::text::prompts::{Item, What};
use crate::text::targets::{Target, TargetSpec};

/// Options of a command line, as they were given.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Those that say which model it is, and how it is loaded and read.
    pub model: Vec<String>,
    /// Those that say how a text becomes tokens.
    pub text: Vec<String>,
    /// Each lens that is loaded, as `--lens` takes it.
    pub lenses: Vec<String>,
}

impl Options {
    /// The lens of a view, where that is not the logit lens.
    fn lens(&self, state: &State) -> Option<&str> {
        let lens = self.lenses.get(state.view.lens).map(String::as_str);
        lens.filter(|lens| *lens != "logit")
    }
}

/// The command that draws the view, as a shell takes it; if `by_ids`, with the prompt's tokens, which no text may
/// come to.
pub fn command(state: &State, prompt: &Prompt, by_ids: bool, options: &Options) -> String {
    let mut words = vec!["lens".to_string()];
    if let (first, Some(second)) = state.sides()
        && !by_ids
    {
        // Of two there is no picture; the table has both.
        let prompts = [&first.prompt, &second.prompt];
        let models = options.model.iter().filter(|word| *word == "--model").count();
        match models {
            2 => words.push(quoted(prompts[0])),
            _ => {
                words.push("--compare".to_string());
                words.extend(prompts.map(|prompt| quoted(prompt)));
            }
        }
        words.extend(
            options
                .model
                .iter()
                .chain(&options.text)
                .map(|option| quoted(option)),
        );
        if let Some(lens) = options.lens(state) {
            words.extend(["--lens".to_string(), quoted(lens)]);
        }
        if state.view.point != Point::ResidPost {
            words.extend(["--point".to_string(), state.view.point.name().to_string()]);
        }
        words.extend(["--positions".to_string(), "all".to_string()]);
        return words.join(" ");
    }
    match by_ids {
        false => words.push(quoted(prompt.asked())),
        true => {
            let own = &prompt.ids[..prompt.ids.len() - prompt.generated];
            let ids: Vec<String> = own.iter().map(u32::to_string).collect();
            words.extend(["--ids".to_string(), ids.join(",")]);
        }
    }
    let text = options.text.iter().filter(|_| !by_ids);
    words.extend(options.model.iter().chain(text).map(|option| quoted(option)));
    if prompt.generated > 0 {
        words.extend(["--generate".to_string(), prompt.generated.to_string()]);
    }
    let view = &state.view;
    words.push("--heatmap".to_string());
    if let Some(lens) = options.lens(state) {
        words.extend(["--lens".to_string(), quoted(lens)]);
    }
    if view.point != Point::ResidPost {
        words.extend(["--point".to_string(), view.point.name().to_string()]);
    }
    if view.color_by != ColorBy::Prob {
        words.extend(["--color-by".to_string(), view.color_by.name().to_string()]);
    }
    let is_of_target = matches!(view.color_by, ColorBy::Target | ColorBy::Rank);
    if let Some(target) = state.color_target().filter(|_| is_of_target) {
        words.extend(["--track".to_string(), quoted(&spelled(target))]);
    }
    if view.order == Order::Down {
        words.extend(["--order".to_string(), "down".to_string()]);
    }
    if view.words {
        words.push("--words".to_string());
    }
    words.join(" ")
}

/// The run that writes the view to a file: all positions, the colours' token first among those tracked.
pub fn run(state: &State, run: &Run, options: &Options, path: PathBuf, format: &'static Format) -> Run {
    let first = state.color_target().into_iter();
    let others = state
        .side
        .pins
        .iter()
        .filter(|pin| Some(*pin) != state.color_target());
    let track = first
        .chain(others)
        .filter_map(|pin| spelled(pin).parse::<TargetSpec>().ok());
    let mut written = Run {
        task: Task::Read,
        prompts: Prompts::Given(vec![Item::new(What::Text(state.side.prompt.clone()))]),
        outputs: vec![Destination {
            path: Some(path),
            format,
        }],
        quiet: true,
        ..run.clone()
    };
    // Each was one of a list that was read.
    written.selection.lenses =
        (options.lens(state)).map_or(LensChoices::default(), |lens| lens.parse().unwrap_or_default());
    written.selection.points = points(state.view.point);
    written.selection.positions = Some(Positions::all());
    written.selection.top_k = Some(state.view.top_k);
    written.selection.track = track.collect();
    written.presentation.color_by = state.view.color_by;
    written.presentation.order = state.view.order;
    written.presentation.words = state.view.words;
    written
}

/// The rows that are read at a point: of the residual stream with the embedding.
pub fn points(point: Point) -> Points {
    match point {
        Point::ResidPost => Points::default(),
        // Every point's name is one.
        point => point.name().parse().unwrap_or_default(),
    }
}

/// A target as `--track` takes it, by the ids of its tokens.
fn spelled(target: &Target) -> String {
    let ids: Vec<String> = target.ids.iter().map(|id| format!("id:{id}")).collect();
    match ids.len() {
        1 => ids[0].clone(),
        _ => format!("{}={}", target.name, ids.join("|")),
    }
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// What tells a terminal to put `text` on the clipboard (OSC 52), where it does that.
pub fn clipboard(text: &str) -> Vec<u8> {
    format!("\x1b]52;c;{}\x07", base64(text.as_bytes())).into_bytes()
}

/// Bytes in base 64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            match digit <= three.len() {
                true => text.push(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize] as char),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn base_64_is_the_rfcs() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (text, encoded) in vectors {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(clipboard("f"), b"\x1b]52;c;Zg==\x07");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("gpt2"), "gpt2");
        assert_eq!(quoted("It's"), "'It'\\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a $b"), "'a $b'");
    }
}
