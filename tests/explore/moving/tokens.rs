//! Tokens that are pinned, found and typed.

use logit_lens::explore::state::{Cursor, Effect, Focus, MOST_PINS, Open};
use logit_lens::text::targets::Target;
use ratatui::crossterm::event::KeyCode;

use super::LAST;
use crate::{DEMO, PROMPT, keys, press, state};

#[test]
fn tokens_are_pinned_once_and_unpinned() {
    let mut state = state(PROMPT, (120, 30));
    let paris = state.top()[0].id;
    assert_eq!(
        press(&mut state, KeyCode::Enter),
        Some(Effect::Follow(vec![paris]))
    );
    assert_eq!(state.side.pins[0].name, "␣Paris");
    assert_eq!(press(&mut state, KeyCode::Enter), None);
    assert_eq!(state.side.pins.len(), 1);
    // The second of the list.
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.focus, Focus::Top);
    let second = state.top()[1].id;
    press(&mut state, KeyCode::Down);
    assert_eq!(
        press(&mut state, KeyCode::Enter),
        Some(Effect::Follow(vec![second]))
    );
    press(&mut state, KeyCode::Tab);
    assert_eq!((state.focus, state.side.pin), (Focus::Pins, 1));
    press(&mut state, KeyCode::Up);
    assert_eq!(state.color_target().unwrap().ids, [paris]);
    keys(&mut state, "x");
    assert_eq!(
        state.side.pins.iter().map(|pin| pin.ids[0]).collect::<Vec<_>>(),
        [second]
    );
    press(&mut state, KeyCode::Delete);
    assert_eq!((state.side.pins.len(), state.focus), (0, Focus::Grid));
    for id in 0..MOST_PINS as u32 + 1 {
        let effect = state.pin_target(Target::token(id, &DEMO.tokens));
        assert_eq!(effect.is_some(), (id as usize) < MOST_PINS);
    }
    assert!(state.message.unwrap().is_error);
}

#[test]
fn a_token_is_found_where_it_is_likeliest() {
    let mut state = state(PROMPT, (120, 30));
    keys(&mut state, "g0/");
    assert!(matches!(state.open, Open::Input(..)));
    keys(&mut state, "paris");
    let hit = state.cursor;
    press(&mut state, KeyCode::Enter);
    assert_eq!((state.open.clone(), state.cursor), (Open::Nothing, hit));
    let picture = state.side.picture.clone().unwrap();
    let paris = DEMO.tokens.id_of(" Paris").unwrap();
    let prob = |cursor: Cursor| {
        let top = &picture.reading(cursor.row, cursor.at).unwrap().top;
        let found = top
            .iter()
            .find(|c| DEMO.tokens.label(c.id).to_lowercase().contains("paris"));
        found.map_or(0., |candidate| candidate.prob)
    };
    // No cell has it likelier, the prompt's own row apart.
    let cells = (1..=LAST).flat_map(|row| (0..12).map(move |at| Cursor { row, at }));
    let best = cells.map(prob).fold(0., f64::max);
    assert_eq!(prob(hit), best);
    assert!(
        picture
            .reading(hit.row, hit.at)
            .unwrap()
            .top
            .iter()
            .any(|c| c.id == paris)
    );
    let mut before = best;
    for _ in 0..5 {
        keys(&mut state, "n");
        assert!(prob(state.cursor) <= before && prob(state.cursor) > 0.);
        before = prob(state.cursor);
    }
    keys(&mut state, "NNNNN");
    assert_eq!(state.cursor, hit);
    // Given up, it leaves the cursor where it was.
    keys(&mut state, "0/xyzzyxyzzy");
    assert!(state.message.as_ref().unwrap().is_error);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.cursor.at, 0);
}

#[test]
fn a_typed_token_is_asked_for() {
    let mut state = state(PROMPT, (120, 30));
    keys(&mut state, "t Rome");
    assert_eq!(
        press(&mut state, KeyCode::Enter),
        Some(Effect::Resolve(" Rome".to_string()))
    );
    keys(&mut state, "tq");
    assert!(matches!(&state.open, Open::Input(_, line) if line.text() == "q"));
    state.paste("uick");
    assert_eq!(
        press(&mut state, KeyCode::Enter),
        Some(Effect::Resolve("quick".to_string()))
    );
    keys(&mut state, "tabc");
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.open, Open::Nothing);
}
