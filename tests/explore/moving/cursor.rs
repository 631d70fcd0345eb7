//! Where the cursor goes, by keys and by the mouse.

use logit_lens::explore::state::{Cursor, Focus};
use logit_lens::report::Order;
use ratatui::crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::{LAST, ctrl};
use crate::{DEMO, PROMPT, keys, press, state};

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
