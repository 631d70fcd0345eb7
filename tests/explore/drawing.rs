//! The screen as it is drawn: text and colours, without a terminal.

use std::fmt::Write as _;
use std::path::Path;

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

/// The styles of a screen: in each line the runs of cells that look the same.
fn styles(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let style = |x: u16| {
            let cell = &buffer[(x, y)];
            (cell.fg, cell.bg, cell.modifier)
        };
        let mut x = 0;
        while x < buffer.area.width {
            let first = style(x);
            let start = x;
            while x < buffer.area.width && style(x) == first {
                x += 1;
            }
            if first != (Color::Reset, Color::Reset, Modifier::empty()) {
                let (fg, bg, modifier) = first;
                writeln!(text, "{y}:{start}-{} {fg} on {bg} {modifier:?}", x - 1).unwrap();
            }
        }
    }
    text
}

fn assert_snapshot(name: &str, buffer: &Buffer) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/explore/screens/{name}.txt"));
    let drawn = format!("{}\n{}", text(buffer), styles(buffer));
    if std::env::var_os("LENS_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, drawn).unwrap();
    } else {
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == drawn,
            "{name} is drawn otherwise (LENS_BLESS=1 accepts it):\n{drawn}"
        );
    }
}

#[test]
fn screens_of_every_size_look_as_they_did() {
    for (columns, lines) in [(60, 20), (80, 24), (120, 30), (200, 60)] {
        let size = (columns, lines);
        let mut state = state(PROMPT, size);
        press(&mut state, KeyCode::Enter);
        state.message = None;
        assert_snapshot(&format!("{columns}x{lines}"), &drawn(&state, size, Colors::True));
    }
}

#[test]
fn every_number_of_colours_looks_as_it_did() {
    let size = (80, 24);
    for (name, colors) in [
        ("256", Colors::Indexed),
        ("16", Colors::Basic),
        ("none", Colors::None),
    ] {
        let mut state = state(PROMPT, size);
        state.numbers = colors == Colors::None;
        let buffer = drawn(&state, size, colors);
        assert_snapshot(&format!("colours-{name}"), &buffer);
        let has_color = |color: Color| color != Color::Reset;
        let colored = buffer
            .content()
            .iter()
            .any(|cell| has_color(cell.fg) || has_color(cell.bg));
        assert_eq!(colored, colors != Colors::None);
    }
}

#[test]
fn the_help_and_a_search_look_as_they_did() {
    let size = (80, 24);
    let mut state = state(PROMPT, size);
    keys(&mut state, "?");
    assert_snapshot("help", &drawn(&state, size, Colors::True));
    keys(&mut state, "token");
    assert_snapshot("help-search", &drawn(&state, size, Colors::True));
    press(&mut state, KeyCode::Esc);
    keys(&mut state, "/par");
    assert_snapshot("find", &drawn(&state, size, Colors::True));
}

/// The colours are the palette's, of the value that the cell has.
#[test]
fn a_cell_has_the_colour_of_its_value() {
    let size = (120, 30);
    let state = state(PROMPT, size);
    let buffer = drawn(&state, size, Colors::True);
    let picture = state.picture.as_ref().unwrap();
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
    let mut state = state(", , , , , ,", size);
    let count = state.grid_lines().len();
    keys(&mut state, "z");
    assert!(state.grid_lines().len() < count, "{:?}", state.grid_lines());
    let text = text(&drawn(&state, size, Colors::True));
    assert!(text.contains("no words (z unfolds)"), "{text}");
    // The cursor goes over a fold.
    for _ in 0..20 {
        keys(&mut state, "j");
    }
    assert!(state.grid_lines().last().unwrap().has(state.cursor.row));
}
