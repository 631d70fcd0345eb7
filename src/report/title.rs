//! What a picture or a page is called.

use super::Document;
use super::words::{capital, lens_name, listed};
use crate::lens::Trajectory;
use crate::text::tokens::visible;

/// The title in two lines: what was asked for, or the model and the prompt.
pub fn headline(document: &Document, title: Option<&str>) -> [String; 2] {
    match title {
        Some(title) => [plain(title), String::new()],
        None => {
            let prompt = &document.trajectory.prompt;
            let model = short_name(&document.card.name);
            [
                format!("{} of {}", lenses(document.trajectory), plain(model)),
                plain(prompt.asked()),
            ]
        }
    }
}

/// The lenses that read: "Logit lens", "Logit and tuned lens".
pub fn lenses(trajectory: &Trajectory) -> String {
    let names: Vec<&str> = (trajectory.of_each_lens())
        .map(|read| lens_name(read.lens.name()))
        .collect();
    format!("{} lens", capital(&listed(&names)))
}

/// A model's name without the folders that it lies in.
pub fn short_name(name: &str) -> &str {
    let parts = name.trim_end_matches(['/', '\\']);
    match parts.rsplit(['/', '\\']).next() {
        Some(last) if !last.is_empty() && last != "." && last != ".." => last,
        _ => name,
    }
}

/// Text on one line, with its spaces as spaces.
pub fn plain(text: &str) -> String {
    visible(text.as_bytes()).replace('␣', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_folder_is_no_part_of_its_name() {
        for (name, short) in [
            ("demo", "demo"),
            ("org/model", "model"),
            ("/models/gpt2/", "gpt2"),
            ("..", ".."),
            ("C:\\models\\gpt2", "gpt2"),
        ] {
            assert_eq!(short_name(name), short);
        }
    }
}
