//! Whole screens as they were seen and found good, colours too: `cat` shows the files. LENS_BLESS=1 writes them anew.

use std::fmt::Write as _;
use std::path::Path;

use logit_lens::explore::screen::{Colors, draw};
use logit_lens::explore::state::{Entry, List, Outcome, State, Summary};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::event::KeyCode;
use ratatui::style::{Color, Modifier};

use crate::beside::two;
use crate::{PROMPT, keys, press, state};

/// A screen as a terminal would be told it.
fn ansi(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut style = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let cell = &buffer[(x, y)];
            let next = sgr(cell);
            if next != style {
                write!(line, "\x1b[0{next}m").unwrap();
                style = next;
            }
            line.push_str(cell.symbol());
            x += unicode_width::UnicodeWidthStr::width(cell.symbol()).max(1) as u16;
        }
        if !style.is_empty() {
            line.push_str("\x1b[0m");
        }
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text
}

/// A cell's style as the numbers of SGR, each after a semicolon.
fn sgr(cell: &Cell) -> String {
    let mut numbers = String::new();
    let modifiers = [(Modifier::BOLD, 1), (Modifier::DIM, 2), (Modifier::REVERSED, 7)];
    for (modifier, number) in modifiers {
        if cell.modifier.contains(modifier) {
            write!(numbers, ";{number}").unwrap();
        }
    }
    for (color, ground) in [(cell.fg, 30), (cell.bg, 40)] {
        match color {
            Color::Reset => {}
            Color::Rgb(r, g, b) => write!(numbers, ";{};2;{r};{g};{b}", ground + 8).unwrap(),
            Color::Indexed(i) => write!(numbers, ";{};5;{i}", ground + 8).unwrap(),
            basic => write!(numbers, ";{}", ground + number(basic)).unwrap(),
        }
    }
    numbers
}

/// The number of one of the sixteen colours, from the ground's on.
fn number(color: Color) -> u8 {
    match color {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::LightYellow => 63,
        Color::White => 67,
        other => panic!("{other:?} is not used"),
    }
}

fn assert_screen(name: &str, state: &State, size: (u16, u16), colors: Colors) {
    let mut state = state.clone();
    state.message = None;
    state.numbers = colors == Colors::None;
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| draw(frame, &state, colors)).unwrap();
    let drawn = ansi(terminal.backend().buffer());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explore/screens");
    let path = folder.join(format!("{name}.ansi"));
    if std::env::var_os("LENS_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(path, drawn).unwrap();
    } else {
        let there = std::fs::read_to_string(&path).unwrap();
        assert!(
            there == drawn,
            "{name} is\n{drawn}\nand was\n{there}\nLENS_BLESS=1 accepts what is new"
        );
    }
}

#[test]
fn the_grid_is_seen_on_screens_of_every_size() {
    let sizes = [
        (60, 20, Colors::Basic),
        (80, 24, Colors::Indexed),
        (120, 40, Colors::True),
        (200, 60, Colors::True),
    ];
    for (columns, lines, colors) in sizes {
        let mut state = state(PROMPT, (columns, lines));
        press(&mut state, KeyCode::Enter);
        keys(&mut state, "jj");
        assert_screen(
            &format!("grid-{columns}x{lines}"),
            &state,
            (columns, lines),
            colors,
        );
    }
}

#[test]
fn without_colours_there_are_numbers() {
    for size in [(80, 24), (120, 40)] {
        let state = state(PROMPT, size);
        let name = format!("numbers-{}x{}", size.0, size.1);
        assert_screen(&name, &state, size, Colors::None);
    }
}

#[test]
fn two_prompts_are_seen_beside_each_other() {
    for size in [(60, 20), (80, 24), (120, 40)] {
        let mut state = two(PROMPT, "The capital of Japan is", size);
        keys(&mut state, "d");
        let name = format!("two-{}x{}", size.0, size.1);
        assert_screen(&name, &state, size, Colors::True);
    }
}

#[test]
fn a_list_is_seen_as_a_table() {
    for size in [(60, 20), (80, 24), (120, 40)] {
        let mut state = state(PROMPT, size);
        state.list_prompts(list());
        let name = format!("list-{}x{}", size.0, size.1);
        assert_screen(&name, &state, size, Colors::Indexed);
    }
}

#[test]
fn the_help_is_seen() {
    let mut state = state(PROMPT, (80, 24));
    keys(&mut state, "?");
    assert_screen("help-80x24", &state, (80, 24), Colors::True);
}

/// Some prompts of every kind.
pub fn list() -> List {
    let read = |output: &str, output_prob, target, settles| {
        Outcome::Read(Summary {
            output: output.to_string(),
            output_prob,
            target,
            settles,
        })
    };
    let entry = |id: &str, prompt: &str, target: Option<&str>, outcome| Entry {
        id: Some(id.to_string()),
        prompt: prompt.to_string(),
        target: target.map(str::to_string),
        outcome,
        failures: Vec::new(),
    };
    let mut failed = entry(
        "rome",
        "The Colosseum is in the city of",
        Some("␣Rome"),
        read("␣Paris", 0.61, Some((0.12, 3)), Some(8)),
    );
    failed.failures = vec!["top1 == target".to_string()];
    List::new(vec![
        entry(
            "paris",
            PROMPT,
            Some("␣Paris"),
            read("␣Paris", 0.997, Some((0.997, 1)), Some(7)),
        ),
        failed,
        entry(
            "東京",
            "日本の首都は\u{1b}[31m",
            None,
            read("東京", 0.4, None, None),
        ),
        entry("later", "Not read yet", Some("x"), Outcome::Awaited),
        entry(
            "long",
            &"words and ".repeat(300),
            None,
            Outcome::Refused("The prompt is 601 tokens, and the model's context holds 512.".to_string()),
        ),
    ])
}
