//! The explorer: its keys without a terminal, its screen without one, and all of it in one.

#![cfg(feature = "explore")]

mod beside;
mod drawing;
mod listing;
mod moving;
mod reading;
mod screens;
#[path = "../support/mod.rs"]
mod support;
#[cfg(unix)]
mod terminal;

use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock};

use logit_lens::explore::picture::{Name, Names, Picture};
use logit_lens::explore::reader::{Answer, Ask, Reader, Shared};
use logit_lens::explore::state::{Effect, MOST_TOP, State};
use logit_lens::lens::{Points, Positions, Request};
use logit_lens::model::Model;
use logit_lens::text::prompt::Bos;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

const PROMPT: &str = "The Eiffel Tower is in the city of";

static DEMO: LazyLock<Model> = LazyLock::new(|| Model::open("demo").unwrap());

fn request(points: &str) -> Request {
    Request {
        points: points.parse().unwrap_or_else(|_| Points::default()),
        positions: Positions::all(),
        top_k: MOST_TOP,
        ..Request::default()
    }
}

/// The explorer of the demo with all of a prompt read, on a screen of this size.
fn state(prompt: &str, size: (u16, u16)) -> State {
    read_by(&DEMO, prompt, "", size)
}

fn read_by(model: &Model, text: &str, points: &str, size: (u16, u16)) -> State {
    let mut state = State::new(
        model.card.name.clone(),
        vec!["logit".to_string()],
        text.to_string(),
        size,
    );
    read_into(&mut state, 0, model, text, points);
    state
}

/// All of a prompt, read on one of two sides.
fn read_into(state: &mut State, which: usize, model: &Model, text: &str, points: &str) {
    let prompt = model.prompt(text, Bos::Auto).unwrap();
    let bands = model.bands(prompt, &request(points), &()).unwrap();
    let heads = bands.prompt().ids.iter().map(|&id| model.tokens.label(id));
    let picture = Picture::new(
        bands.prompt().clone(),
        bands.sites().to_vec(),
        heads.collect(),
        model.card.layers,
    );
    state.begin(which, picture);
    let all = 0..bands.len();
    let read = bands.read(all.clone(), &()).unwrap();
    let wanted: Vec<Vec<u32>> = (0..bands.len())
        .map(|at| {
            let mut ids: Vec<u32> = read.rows.iter().map(|row| row.readings[at].top1().id).collect();
            ids.push(read.output[at].top1().id);
            ids.sort_unstable();
            ids.dedup();
            ids
        })
        .collect();
    let values = bands.follow(all.clone(), &read, &wanted, &()).unwrap();
    let readings = read.rows.iter().flat_map(|row| &row.readings).chain(&read.output);
    let names: Names = readings
        .flat_map(|reading| &reading.top)
        .map(|candidate| {
            let name = Name {
                label: model.tokens.label(candidate.id),
                is_word: model.tokens.is_word(candidate.id),
            };
            (candidate.id, name)
        })
        .collect();
    state.add(which, all.clone(), Arc::new(read), names);
    state.add_tracks(which, all, values, Names::new());
}

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// Types characters one after another; what the last of them asks for.
fn keys(state: &mut State, text: &str) -> Option<Effect> {
    let presses = text.chars().map(|c| state.press(&key(KeyCode::Char(c))));
    presses.last().flatten()
}

fn press(state: &mut State, code: KeyCode) -> Option<Effect> {
    state.press(&key(code))
}

/// The documentation's keys are those of the table; LENS_BLESS=1 writes them there.
#[test]
fn the_documentation_has_the_keys() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/docs/explore.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- keys -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /keys -->").unwrap();
    let keys = logit_lens::explore::keys::markdown();
    let with_keys = format!("{before}<!-- keys -->\n{keys}<!-- /keys -->{after}");
    if std::env::var_os("LENS_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(path, with_keys).unwrap();
    } else {
        assert!(text == with_keys, "LENS_BLESS=1 writes the keys anew");
    }
}
