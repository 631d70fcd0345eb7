//! What each key does to the state.

use logit_lens::analysis::statistics::Statistic;
use logit_lens::decoder::Point;
use logit_lens::explore::command::{Options, command};
use logit_lens::explore::keys::{self, BINDINGS, Group, HelpLine, Key};
use logit_lens::explore::line::Line;
use logit_lens::explore::state::{Cursor, Effect, Focus, MOST_PINS, Open, State};
use logit_lens::report::{ColorBy, Order};
use logit_lens::text::targets::Target;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::{DEMO, PROMPT, key, keys, press, state};

const LAST: usize = 10;

fn ctrl(c: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> MouseEvent {
    MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    }
}

#[test]
fn it_begins_at_the_output_of_the_last_position() {
    let state = state(PROMPT, (120, 30));
    assert_eq!(state.cursor, Cursor { row: LAST, at: 11 });
    let top = &state.top()[0];
    assert_eq!(DEMO.tokens.text(top.id), " Paris");
    assert!(top.prob > 0.99);
}

#[test]
fn arrows_and_letters_move_and_stop_at_the_ends() {
    let mut state = state(PROMPT, (120, 30));
    let at = |row, at| Cursor { row, at };
    press(&mut state, KeyCode::Right);
    press(&mut state, KeyCode::Up);
    assert_eq!(state.cursor, at(LAST, 11));
    keys(&mut state, "hhj");
    assert_eq!(state.cursor, at(LAST - 1, 9));
    keys(&mut state, "lk");
    assert_eq!(state.cursor, at(LAST, 10));
    keys(&mut state, "g0");
    assert_eq!(state.cursor, at(0, 0));
    keys(&mut state, "hj");
    assert_eq!(state.cursor, at(0, 0));
    keys(&mut state, "G$");
    assert_eq!(state.cursor, at(LAST, 11));
    press(&mut state, KeyCode::Home);
    press(&mut state, KeyCode::PageDown);
    assert_eq!(state.cursor, at(0, 0));
    state.press(&ctrl('u'));
    press(&mut state, KeyCode::End);
    assert_eq!(state.cursor, at(LAST, 11));
}

#[test]
fn turned_about_down_is_the_next_layer() {
    let mut state = state(PROMPT, (120, 30));
    keys(&mut state, "gv");
    assert_eq!(state.view.order, Order::Down);
    press(&mut state, KeyCode::Down);
    assert_eq!(state.cursor.row, 1);
    keys(&mut state, "vj");
    assert_eq!((state.view.order, state.cursor.row), (Order::Up, 0));
}

/// On every screen the cursor's cell is among those that are seen.
#[test]
fn the_cursor_is_always_seen() {
    for size in [(1, 1), (9, 4), (40, 10), (60, 20), (80, 24), (120, 30), (200, 60)] {
        let mut state = state(PROMPT, size);
        for code in "hhhhhhhhhhhhjjjjjjjjjjjjlllkkkvzw$gG0c".chars() {
            keys(&mut state, &code.to_string());
            let seen = state.seen();
            assert!(
                seen.iter().any(|seen| seen.at == state.cursor.at),
                "{size:?} {code}"
            );
            let lines = state.grid_lines();
            let shown = lines.iter().skip(state.above).take(state.grid_height());
            assert!(
                shown.into_iter().any(|line| line.has(state.cursor.row)),
                "{size:?} {code}"
            );
        }
        state.resize(30, 12);
        assert!(state.seen().iter().any(|seen| seen.at == state.cursor.at));
    }
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
fn the_mouse_goes_to_what_is_under_it() {
    let mut state = state(PROMPT, (120, 30));
    let seen = state.seen();
    let grid = state.layout().grid;
    let cell = seen[2];
    state.mouse(&mouse(
        MouseEventKind::Down(MouseButton::Left),
        cell.x as u16 + 1,
        grid.y,
    ));
    assert_eq!(
        state.cursor,
        Cursor {
            row: LAST,
            at: cell.at
        }
    );
    state.mouse(&mouse(MouseEventKind::ScrollDown, 0, 0));
    assert_eq!(state.cursor.row, LAST - 1);
    state.mouse(&mouse(MouseEventKind::ScrollUp, 0, 0));
    assert_eq!(state.cursor.row, LAST);
    let top = state.layout().top.unwrap();
    state.mouse(&mouse(
        MouseEventKind::Down(MouseButton::Left),
        top.x + 2,
        top.y + 3,
    ));
    assert_eq!((state.focus, state.candidate), (Focus::Top, 2));
    // Nothing is dragged, and nothing is there below the grid's cells.
    let before = state.cursor;
    state.mouse(&mouse(MouseEventKind::Drag(MouseButton::Left), 40, 3));
    state.mouse(&mouse(
        MouseEventKind::Down(MouseButton::Left),
        0,
        grid.bottom() - 1,
    ));
    assert_eq!(state.cursor, before);
}

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

#[test]
fn the_view_is_written_and_said_as_a_command() {
    let mut state = state(PROMPT, (120, 30));
    keys(&mut state, "o");
    let write = |file: &str| {
        Some(Effect::Write {
            file: file.to_string(),
            replace: false,
        })
    };
    assert_eq!(press(&mut state, KeyCode::Enter), write("lens.html"));
    keys(&mut state, "o");
    state.press(&ctrl('u'));
    keys(&mut state, "a.svg");
    assert_eq!(press(&mut state, KeyCode::Enter), write("a.svg"));
    assert_eq!(keys(&mut state, "y"), Some(Effect::Command));
    state.open = Open::Command("lens".to_string());
    keys(&mut state, "q");
    assert_eq!(state.open, Open::Nothing);
}

/// The command is one that `lens` takes, and says all that is not as it is by default.
#[test]
fn the_command_gives_the_view() {
    let mut state = state(PROMPT, (120, 30));
    let prompt = state.side.picture.as_ref().unwrap().prompt.clone();
    let options = Options {
        model: vec!["--model".to_string(), "demo".to_string()],
        text: vec!["--bos".to_string(), "never".to_string()],
        lenses: vec!["logit".to_string(), "tuned=a dir".to_string()],
    };
    let said = |state: &State, by_ids| command(state, &prompt, by_ids, &options);
    assert_eq!(
        said(&state, false),
        format!("lens '{PROMPT}' --model demo --bos never --heatmap")
    );
    let paris = state.top()[0].id;
    press(&mut state, KeyCode::Enter);
    keys(&mut state, "ccvwp");
    let all = said(&state, true);
    let ids: Vec<String> = prompt.ids.iter().map(u32::to_string).collect();
    assert_eq!(
        all,
        format!(
            "lens --ids {} --model demo --heatmap --point resid_mid --color-by rank --track id:{paris} --order down \
             --words",
            ids.join(",")
        )
    );
    let args: Vec<&str> = all.split(' ').skip(1).collect();
    let run = crate::support::run(&args);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{all}");
    assert!(run.stdout.contains("9_mid") && run.stdout.contains("rank of ␣Paris"));
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
