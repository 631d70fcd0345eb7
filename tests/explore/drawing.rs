//! The screen as it is drawn: text and colours, without a terminal.

use std::fmt::Write as _;

use logit_lens::explore::screen::{Colors, draw};
use logit_lens::explore::state::State;
use logit_lens::report::{ColorBy, Rgb, Scale};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyCode;
use ratatui::style::{Color, Modifier};

use crate::{DEMO, PROMPT, keys, press, read_by, state};

fn drawn(state: &State, (columns, lines): (u16, u16), colors: Colors) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| draw(frame, state, colors)).unwrap();
    terminal.backend().buffer().clone()
}

/// The text of a screen, line by line.
fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += unicode_width::UnicodeWidthStr::width(symbol).max(1) as u16;
        }
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text
}

#[test]
fn screens_of_every_size_have_their_panes() {
    for (columns, lines) in [(60, 20), (80, 24), (120, 30), (200, 60)] {
        let size = (columns, lines);
        let mut state = state(PROMPT, size);
        press(&mut state, KeyCode::Enter);
        state.message = None;
        let text = text(&drawn(&state, size, Colors::True));
        for part in [
            PROMPT,
            "layer 9, after 11 ␣of",
            "pinned tokens",
            "100% ┤",
            "demo · resid_post",
            "? keys",
        ] {
            assert!(text.contains(part), "{part} in {columns} × {lines}:\n{text}");
        }
    }
}

#[test]
fn every_number_of_colours_is_used() {
    let size = (80, 24);
    let state = state(PROMPT, size);
    let colors = |colors: Colors| {
        let mut state = state.clone();
        state.numbers = colors == Colors::None;
        let buffer = drawn(&state, size, colors);
        let all = buffer.content().iter().flat_map(|cell| [cell.fg, cell.bg]);
        all.filter(|color| *color != Color::Reset).collect::<Vec<_>>()
    };
    assert!(
        colors(Colors::True)
            .iter()
            .any(|color| matches!(color, Color::Rgb(..)))
    );
    let indexed = colors(Colors::Indexed);
    assert!(indexed.iter().any(|color| matches!(color, Color::Indexed(_))));
    assert!(!indexed.iter().any(|color| matches!(color, Color::Rgb(..))));
    let basic = colors(Colors::Basic);
    assert!(!basic.is_empty());
    assert!(
        !basic
            .iter()
            .any(|color| matches!(color, Color::Rgb(..) | Color::Indexed(_)))
    );
    assert!(colors(Colors::None).is_empty());
}

#[test]
fn the_help_is_above_everything() {
    let size = (80, 24);
    let mut state = state(PROMPT, size);
    keys(&mut state, "?token");
    let text = text(&drawn(&state, size, Colors::True));
    assert!(
        text.contains("search: token") && text.contains("Type a token and pin it"),
        "{text}"
    );
    assert!(!text.contains("Quit"), "{text}");
}

/// The colours are the palette's, of the value that the cell has.
#[test]
fn a_cell_has_the_colour_of_its_value() {
    let size = (120, 30);
    let state = state(PROMPT, size);
    let buffer = drawn(&state, size, Colors::True);
    let picture = state.side.picture.as_ref().unwrap();
    let grid = state.layout().grid;
    let mut seen = 0;
    for (line, row) in (0..=10).rev().enumerate() {
        for column in state.seen() {
            let prob = picture.reading(row, column.at).unwrap().top1().prob;
            let Rgb(r, g, b) = Scale::fit(ColorBy::Prob, [prob].into_iter()).color(prob);
            let cell = &buffer[(column.x as u16 + 1, grid.y + line as u16)];
            assert_eq!(cell.bg, Color::Rgb(r, g, b), "{row} {}", column.at);
            let is_bold = cell.modifier.contains(Modifier::BOLD);
            let is_cursor = (row, column.at) == (state.cursor.row, state.cursor.at);
            assert_eq!(is_bold, is_cursor || picture.agrees(row, column.at));
            seen += 1;
        }
    }
    assert!(seen >= 66);
}

#[test]
fn nothing_is_drawn_outside_and_nothing_raw() {
    let prompt = "a\u{1b}[31m\u{202e}b\n東京🙂 e\u{301} \u{7}";
    for columns in [1, 2, 5, 20, 39, 60, 61, 99, 100, 130] {
        for lines in [1, 2, 3, 6, 8, 12, 15, 20, 31] {
            let size = (columns, lines);
            let mut state = read_by(&DEMO, prompt, "", size);
            for open in ["", "?", "/x", "tabc"] {
                press(&mut state, KeyCode::Esc);
                keys(&mut state, open);
                for colors in [Colors::True, Colors::None] {
                    state.numbers = colors == Colors::None;
                    let text = text(&drawn(&state, size, colors));
                    let is_raw = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
                    assert!(!text.contains(is_raw), "{text:?}");
                }
            }
        }
    }
}

#[test]
fn rows_without_words_are_folded() {
    let size = (120, 30);
    let mut state = state(PROMPT, size);
    state
        .side
        .names
        .values_mut()
        .for_each(|name| name.is_word = false);
    keys(&mut state, "jjjjjz");
    // The output's row and the cursor's stay.
    let lines = state.grid_lines();
    let rows: Vec<Vec<usize>> = (lines.iter())
        .map(|line| (0..11).filter(|&row| line.has(row)).collect())
        .collect();
    assert_eq!(rows, [vec![10], (6..10).collect(), vec![5], (0..5).collect()]);
    let text = text(&drawn(&state, size, Colors::True));
    assert!(text.contains("⋮ 5–8: no words (z unfolds)"), "{text}");
    assert!(text.contains("⋮ embed–3: no words (z unfolds)"), "{text}");
    // The cursor goes over a fold, and not into one at the end.
    keys(&mut state, "j");
    assert_eq!(state.cursor.row, 5);
    keys(&mut state, "k");
    assert_eq!(state.cursor.row, 10);
    keys(&mut state, "z");
    assert_eq!(state.grid_lines().len(), 11);
}
