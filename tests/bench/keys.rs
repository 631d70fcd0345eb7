//! How soon the explorer answers a key: the state changes, and the whole screen is drawn from it.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use logit_lens::decoder::{Point, Site};
use logit_lens::explore::picture::{Name, Picture};
use logit_lens::explore::screen::{Colors, draw};
use logit_lens::explore::state::{MOST_TOP, State};
use logit_lens::lens::{Row, Trajectory};
use logit_lens::readout::lenses::LogitLens;
use logit_lens::readout::{Candidate, Reading, Tracked};
use logit_lens::text::prompt::Prompt;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// SmolLM2's thirty layers and the embedding, at 500 tokens.
const LAYERS: usize = 30;
const POSITIONS: usize = 500;
/// The largest screen that is common.
const SCREEN: (u16, u16) = (200, 60);

/// Times keys of every kind, each with the drawing after it.
pub fn keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("keys/31x500");
    let keys = [
        ("move", 'h'),
        ("colour", 'c'),
        ("fold", 'z'),
        ("next place", 'n'),
        ("order", 'v'),
    ];
    for (name, key) in keys {
        let mut state = state();
        "/w1\n".chars().for_each(|c| press(&mut state, c));
        let mut terminal = Terminal::new(TestBackend::new(SCREEN.0, SCREEN.1)).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                press(&mut state, key);
                terminal.draw(|frame| draw(frame, &state, Colors::True)).unwrap();
                black_box(terminal.backend().buffer());
            });
        });
    }
    group.finish();
}

fn press(state: &mut State, key: char) {
    let code = if key == '\n' {
        KeyCode::Enter
    } else {
        KeyCode::Char(key)
    };
    state.press(&KeyEvent::new(code, KeyModifiers::NONE));
}

/// A prompt of which everything is read, with tokens that are different in each cell.
fn state() -> State {
    let mut state = State::new(
        "model".to_string(),
        vec!["logit".to_string()],
        "…".to_string(),
        SCREEN,
    );
    let ids: Vec<u32> = (0..POSITIONS as u32).collect();
    let prompt = Prompt {
        text: "…".to_string(),
        message: None,
        ids: ids.clone(),
        generated: 0,
        targets: Vec::new(),
        unusable_targets: Vec::new(),
    };
    let embed = Site {
        layer: 0,
        point: Point::Embed,
    };
    let blocks = (0..LAYERS).map(|layer| Site {
        layer,
        point: Point::ResidPost,
    });
    let sites: Vec<Site> = std::iter::once(embed).chain(blocks).collect();
    let heads = ids.iter().map(|id| format!("␣t{id}")).collect();
    state.begin(0, Picture::new(prompt.clone(), sites.clone(), heads, LAYERS));
    let row = |row: usize| (0..POSITIONS).map(|at| reading(row, at)).collect::<Vec<_>>();
    let rows = sites.iter().enumerate().map(|(nth, &site)| Row {
        site,
        readings: row(nth),
    });
    let read = Trajectory {
        lens: Arc::new(LogitLens),
        prompt,
        positions: (0..POSITIONS).collect(),
        rows: rows.collect(),
        output: row(LAYERS),
        targets: Vec::new(),
        tracked: vec![Vec::new(); POSITIONS],
        continuations: Vec::new(),
        hidden: None,
        others: Vec::new(),
    };
    let names = (0..VOCABULARY).map(|id| {
        let name = Name {
            label: format!("␣w{id}"),
            is_word: id % 3 > 0,
        };
        (id, name)
    });
    state.add(0, 0..POSITIONS, Arc::new(read), names.collect());
    // Of each position the tokens that lead somewhere are followed.
    let followed = |at: usize| -> Vec<Vec<Tracked>> {
        let tokens: Vec<u32> = (0..=LAYERS).map(|row| first(row, at)).collect();
        let value = |id: u32, row: usize| Tracked {
            id,
            logit: row as f32,
            logprob: -1.,
            prob: 1. / (row + 2) as f64,
            rank: 1 + row as u64,
        };
        let row = |row: usize| tokens.iter().map(|&id| value(id, row)).collect();
        (0..=LAYERS).map(row).collect()
    };
    state.add_tracks(
        0,
        0..POSITIONS,
        (0..POSITIONS).map(followed).collect(),
        Default::default(),
    );
    state
}

const VOCABULARY: u32 = 20_000;

fn first(row: usize, at: usize) -> u32 {
    ((row * 7919 + at * 104_729) % (VOCABULARY as usize - MOST_TOP)) as u32
}

fn reading(row: usize, at: usize) -> Reading {
    let candidate = |nth: u32| Candidate {
        id: first(row, at) + nth,
        logit: 10. - nth as f32,
        logprob: -1. - f64::from(nth),
        prob: 0.5 / f64::from(nth + 1),
    };
    Reading {
        top: (0..MOST_TOP as u32).map(candidate).collect(),
        log_sum_exp: 11.,
        entropy: (row * at % 50) as f64 / 10.,
        forward_kl: (LAYERS - row) as f64 / 3.,
        reverse_kl: 1.,
        cross_entropy: None,
        distances: None,
        lens_kl: None,
    }
}
