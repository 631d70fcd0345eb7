//! Lines of text, and the prompt.

use logit_lens::explore::line::Line;
use logit_lens::explore::state::{Effect, Open};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::ctrl;
use crate::{PROMPT, key, keys, press, state};

#[test]
fn a_line_is_edited_by_what_is_seen_as_a_character() {
    let mut line = Line::new("eine e\u{301}🙂東");
    line.press(&key(KeyCode::Left));
    line.press(&key(KeyCode::Backspace));
    assert_eq!(line.text(), "eine e\u{301}東");
    line.press(&key(KeyCode::Backspace));
    assert_eq!(line.text(), "eine 東");
    line.press(&key(KeyCode::Delete));
    line.press(&ctrl('w'));
    assert_eq!(line.text(), "");
    line.insert("a b");
    line.press(&key(KeyCode::Home));
    line.press(&key(KeyCode::Char('c')));
    line.press(&KeyEvent::new(KeyCode::Right, KeyModifiers::CONTROL));
    line.press(&ctrl('k'));
    assert_eq!(line.text(), "ca");
    line.press(&ctrl('u'));
    assert!(!line.press(&key(KeyCode::Backspace)) && line.text().is_empty());
}

#[test]
fn the_prompt_is_edited_in_place() {
    let mut state = state(PROMPT, (120, 30));
    let edit = |text: &str, now| {
        Some(Effect::Edit {
            text: text.to_string(),
            now,
        })
    };
    keys(&mut state, "e");
    let longer = format!("{PROMPT}!");
    assert_eq!(keys(&mut state, "!"), edit(&longer, false));
    assert_eq!(state.paste("?"), edit(&format!("{longer}?"), false));
    // Given up, what it was is read again.
    assert_eq!(press(&mut state, KeyCode::Esc), edit(PROMPT, true));
    assert_eq!(state.open, Open::Nothing);
    keys(&mut state, "e");
    assert_eq!(press(&mut state, KeyCode::Left), None);
    assert_eq!(press(&mut state, KeyCode::Esc), None);
    keys(&mut state, "e!");
    assert_eq!(press(&mut state, KeyCode::Enter), edit(&longer, true));
    assert_eq!(keys(&mut state, "+"), Some(Effect::Continue));
    assert_eq!(keys(&mut state, "-"), Some(Effect::TakeBack));
}
