//! The keys as they are written.

use logit_lens::explore::keys::{self, BINDINGS, Group, HelpLine, Key};
use logit_lens::explore::state::Open;
use ratatui::crossterm::event::KeyCode;

use crate::{PROMPT, keys, press, state};

#[test]
fn the_help_has_every_key_and_is_searched() {
    let all = keys::help("");
    for binding in BINDINGS {
        assert!(all.contains(&HelpLine::Key(binding.written, binding.help)));
        // What is written is what is pressed.
        assert_eq!(
            binding.written.split("  ").count().max(1),
            written(binding.keys),
            "{}",
            binding.written
        );
    }
    let mut state = state(PROMPT, (120, 30));
    keys(&mut state, "?colour prob");
    let Open::Help(line, _) = &state.open else {
        panic!("{:?}", state.open);
    };
    let found = keys::help(line.text());
    let keys: Vec<&HelpLine> = found
        .iter()
        .filter(|line| matches!(line, HelpLine::Key(..)))
        .collect();
    assert_eq!(keys.len(), 1, "{found:?}");
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.open, Open::Nothing);
    assert!(keys::help("no such thing").is_empty());
}

/// How many keys are written: `<` stands for `,` too, `>` for `.`, and `+` for `=`.
fn written(keys: &[Key]) -> usize {
    let unwritten = [',', '.', '='].map(|c| Key::Plain(KeyCode::Char(c)));
    keys.iter().filter(|key| !unwritten.contains(key)).count()
}

#[test]
fn no_key_is_bound_twice() {
    // In a list of prompts some are other ones.
    for in_list in [false, true] {
        let own = BINDINGS
            .iter()
            .filter(|binding| (binding.group == Group::Listing) == in_list);
        let all: Vec<Key> = own.flat_map(|binding| binding.keys).copied().collect();
        for (i, key) in all.iter().enumerate() {
            assert!(!all[i + 1..].contains(key), "{key:?}");
        }
    }
}
