//! A terminal's screen as SVG, for those who read the README outside of one.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;
use vt100::{Cell, Color};

/// Of a character, in pixels, with room for every monospaced font.
const WIDE: f64 = 8.4;
const HIGH: f64 = 18.;
const MARGIN: f64 = 12.;

/// The lines that `text` fills on a dark terminal of `columns` columns.
pub fn screen(text: &str, columns: u16) -> String {
    let lines = text.trim_end().lines().count() as u16;
    let mut terminal = vt100::Parser::new(lines, columns, 0);
    terminal.process(text.trim_end().replace('\n', "\r\n").as_bytes());
    picture(terminal.screen())
}

/// A screen as it is.
pub fn picture(screen: &vt100::Screen) -> String {
    let (lines, columns) = screen.size();
    let (width, height) = (
        f64::from(columns) * WIDE + 2. * MARGIN,
        f64::from(lines) * HIGH + 2. * MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for line in 0..lines {
        let cell = |column| screen.cell(line, column);
        let mut column = 0;
        // Neighbours that look the same are drawn at once.
        while let Some(first) = cell(column) {
            let mut run = String::new();
            let begin = column;
            while let Some(next) = cell(column)
                && looks(next) == looks(first)
            {
                run.push_str(if next.has_contents() { next.contents() } else { " " });
                column += 1;
            }
            draw(&mut svg, first, &run, (begin, line), column - begin);
        }
    }
    svg + "</svg>\n"
}

/// All that a run of cells has in common.
fn looks(cell: &Cell) -> (Color, Color, bool, bool, bool) {
    (
        cell.bgcolor(),
        cell.fgcolor(),
        cell.bold(),
        cell.dim(),
        cell.inverse(),
    )
}

/// The terminal's own ink and ground, and ink that is dim.
const INK: &str = "#d7dae0";
const GROUND: &str = "#16181d";
const DIM: &str = "#8b909a";
/// Its first eight colours.
const BASIC: [&str; 8] = [
    "#16181d", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0",
];

/// A colour as SVG has it; `None` for the terminal's own.
fn color(color: Color) -> Option<String> {
    match color {
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Idx(i) => BASIC.get(usize::from(i)).map(|color| color.to_string()),
        Color::Default => None,
    }
}

fn draw(svg: &mut String, cell: &Cell, text: &str, (column, line): (u16, u16), columns: u16) {
    let (x, y) = (MARGIN + f64::from(column) * WIDE, MARGIN + f64::from(line) * HIGH);
    let wide = f64::from(columns) * WIDE;
    let own = if cell.dim() { DIM } else { INK };
    let (mut ink, mut ground) = (color(cell.fgcolor()), color(cell.bgcolor()));
    if cell.inverse() {
        (ink, ground) = (
            Some(ground.unwrap_or(GROUND.to_string())),
            Some(ink.unwrap_or(own.to_string())),
        );
    }
    if let Some(ground) = ground {
        writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{wide:.1}\" height=\"{HIGH}\" fill=\"{ground}\" \
             shape-rendering=\"crispEdges\"/>"
        )
        .unwrap();
    }
    let ink = ink.unwrap_or(own.to_string());
    let weight = if cell.bold() { " font-weight=\"bold\"" } else { "" };
    let mut before = 0;
    for word in text.split(' ') {
        // Each word at its own column, whatever the font's width is.
        let (x, wide) = (x + before as f64 * WIDE, word.width() as f64 * WIDE);
        before += word.width() + 1;
        let word = word.replace('&', "&amp;").replace('<', "&lt;");
        if !word.is_empty() {
            writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" fill=\"{ink}\"{weight}>{word}</text>",
                y + 0.76 * HIGH
            )
            .unwrap();
        }
    }
}
