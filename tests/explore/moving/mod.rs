//! What each key does to the state.

mod cursor;
mod editing;
mod help;
mod tokens;
mod written;

use logit_lens::analysis::statistics::Statistic;
use logit_lens::decoder::Point;
use logit_lens::explore::command::{Options, command};
use logit_lens::explore::state::{Effect, MOST_PINS, Open, State};
use logit_lens::report::ColorBy;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::{PROMPT, keys, press, state};

const LAST: usize = 10;

fn ctrl(c: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)
}

#[test]
fn colours_points_and_numbers_of_tokens_go_round() {
    let mut state = state(PROMPT, (120, 30));
    let colors = |state: &mut State| {
        keys(state, "c");
        state.view.color_by
    };
    assert_eq!(colors(&mut state), ColorBy::Target);
    assert_eq!(colors(&mut state), ColorBy::Rank);
    assert_eq!(colors(&mut state), ColorBy::Statistic(Statistic::Entropy));
    assert_eq!(colors(&mut state), ColorBy::Statistic(Statistic::ForwardKl));
    assert_eq!(colors(&mut state), ColorBy::Prob);
    keys(&mut state, "C");
    assert_eq!(state.view.color_by, ColorBy::Statistic(Statistic::ForwardKl));
    for point in [Point::ResidMid, Point::AttnOut, Point::MlpOut, Point::ResidPost] {
        assert_eq!(keys(&mut state, "p"), Some(Effect::Read));
        assert_eq!(state.view.point, point);
    }
    keys(&mut state, "<<");
    assert_eq!((state.view.top_k, state.top().len()), (8, 8));
    keys(&mut state, ">>>");
    assert_eq!(state.top().len(), 11);
    keys(&mut state, &"<".repeat(40));
    assert_eq!(state.top().len(), 1);
}

#[test]
fn it_is_left_from_everywhere() {
    let mut state = state(PROMPT, (120, 30));
    assert_eq!(keys(&mut state, "q"), Some(Effect::Quit));
    for opened in ["", "?", "/", "t", "/abc"] {
        keys(&mut state, opened);
        assert_eq!(state.press(&ctrl('c')), Some(Effect::Quit), "{opened}");
        press(&mut state, KeyCode::Esc);
        assert_eq!(state.open, Open::Nothing);
    }
    assert_eq!(state.press(&ctrl('z')), Some(Effect::Suspend));
    assert_eq!(state.press(&ctrl('l')), Some(Effect::Redraw));
}

#[test]
fn the_lens_is_turned_where_there_are_several() {
    let mut state = state(PROMPT, (120, 30));
    assert_eq!(keys(&mut state, "L"), None);
    assert!(state.message.as_ref().unwrap().is_error);
    state.lenses = vec!["logit".to_string(), "tuned".to_string()];
    assert_eq!(keys(&mut state, "L"), Some(Effect::Read));
    assert_eq!(state.lens(), "tuned");
    let prompt = state.side.picture.as_ref().unwrap().prompt.clone();
    let options = Options {
        lenses: vec!["logit".to_string(), "tuned=a dir".to_string()],
        ..Options::default()
    };
    let told = command(&state, &prompt, false, &options);
    assert!(told.ends_with("--heatmap --lens 'tuned=a dir'"), "{told}");
    keys(&mut state, "L");
    assert!(!command(&state, &prompt, false, &options).contains("--lens"));
}

/// No keys in any order take the state where it cannot be.
#[test]
fn any_keys_leave_a_state_that_holds() {
    let pool = "hjklgG0$/nNtxcCp<>vzw?qabceoy+- \t\n\u{1b}\u{8}東";
    let chars: Vec<char> = pool.chars().collect();
    let mut state = state(PROMPT, (70, 18));
    let mut seed = 7_u64;
    for round in 0..3000 {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let code = match chars[(seed >> 33) as usize % chars.len()] {
            '\t' => KeyCode::Tab,
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '\u{8}' => KeyCode::Backspace,
            c => KeyCode::Char(c),
        };
        press(&mut state, code);
        if round % 97 == 0 {
            state.resize((seed >> 20) as u16 % 210, (seed >> 40) as u16 % 70);
        }
        let picture = state.side.picture.as_ref().unwrap();
        assert!(state.cursor.row <= LAST && state.cursor.at < picture.positions());
        assert!(state.side.pins.len() <= MOST_PINS && state.side.pin <= state.side.pins.len());
        assert!(!state.seen().is_empty());
    }
}
