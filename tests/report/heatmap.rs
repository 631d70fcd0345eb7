//! The heatmap in a terminal, through a terminal's eyes.

use crate::support::load;
use logit_lens::analysis::statistics::{Statistic, Statistics};
use logit_lens::decoder::Point;
use logit_lens::lens::{Request, Trajectory};
use logit_lens::model::Model;
use logit_lens::report::{ColorBy, Depth, Document, Format, Order, Presentation, Rgb, Scale};
use unicode_width::UnicodeWidthStr;

fn read(model: &Model, prompt: &str) -> Trajectory {
    let request = Request {
        positions: "all".parse().unwrap(),
        ..Request::default()
    };
    model.lens(prompt, &request).unwrap()
}

/// What a terminal of that width shows.
fn screen(model: &Model, trajectory: &Trajectory, presentation: &Presentation) -> vt100::Parser {
    let mut text = Vec::new();
    let document = Document {
        card: &model.card,
        tokens: &model.tokens,
        trajectory,
        statistics: &Statistics::none(),
        against: None,
        assertions: &[],
        number: 0,
        id: None,
    };
    let format = Format::named("heatmap").unwrap();
    let mut heatmap = (format.report)(presentation);
    heatmap.document(&document, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap().replace('\n', "\r\n");
    let mut terminal = vt100::Parser::new(200, presentation.width as u16, 0);
    terminal.process(text.as_bytes());
    terminal
}

/// The text of some columns of a line, and the background that all of them have.
fn strip(terminal: &vt100::Parser, line: u16, columns: std::ops::Range<u16>) -> (String, vt100::Color) {
    let mut text = String::new();
    let cell = |column| terminal.screen().cell(line, column).unwrap();
    let background = cell(columns.start).bgcolor();
    for column in columns {
        text.push_str(match cell(column).contents() {
            "" if cell(column).is_wide_continuation() => "",
            "" => " ",
            contents => contents,
        });
        // The emulator keeps the colour of a wide character in its first half.
        assert!(cell(column).is_wide_continuation() || cell(column).bgcolor() == background);
    }
    (text, background)
}

/// Every cell of every band, by the lines between the row labels.
fn assert_cells(model: &Model, trajectory: &Trajectory, columns: u16, by: ColorBy, order: Order) {
    let presentation = Presentation {
        width: columns.into(),
        colors: Depth::True,
        color_by: by,
        order,
        ..Presentation::default()
    };
    let terminal = screen(model, trajectory, &presentation);
    let value = |row: usize, at: usize| match by {
        ColorBy::Statistic(statistic) => {
            statistic.of(&trajectory.rows[row].readings[at], &trajectory.output[at])
        }
        _ => Some(trajectory.rows[row].readings[at].top1().prob),
    };
    let all =
        (0..trajectory.rows.len()).flat_map(|row| (0..trajectory.positions.len()).map(move |at| (row, at)));
    // The embedding says the prompt's own token: it does not set the scale.
    let in_blocks = all.filter(|&(row, _)| trajectory.rows[row].site.point != Point::Embed);
    let scale = Scale::fit(by, in_blocks.filter_map(|(row, at)| value(row, at)));
    let lines: Vec<String> = (0..200)
        .map(|l| terminal.screen().contents_between(l, 0, l, columns))
        .collect();
    let label = trajectory
        .rows
        .iter()
        .map(|row| row.site.to_string().len())
        .max()
        .unwrap();
    let rows = trajectory.rows.len();
    // A band begins where the first row drawn has its label.
    let first = match order {
        Order::Up => trajectory.rows.last().unwrap().site.to_string(),
        Order::Down => trajectory.rows[0].site.to_string(),
    };
    let (mut at, mut line) = (0, 0);
    while at < trajectory.positions.len() {
        while !lines[line].trim_start().starts_with(&format!("{first} ")) {
            line += 1;
        }
        let mut column = label as u16 + 1;
        // The cells of a row end where colours end.
        while column < columns
            && terminal.screen().cell(line as u16, column).unwrap().bgcolor() != vt100::Color::Default
        {
            let labels: Vec<String> = (0..rows)
                .map(|row| model.tokens.label(trajectory.rows[row].readings[at].top1().id))
                .collect();
            let head = model.tokens.label(trajectory.prompt.ids[at]);
            let widest = labels.iter().chain([&head]).map(|l| l.width()).max().unwrap();
            let width = widest.clamp(4, 10) as u16 + 2;
            for (row, label) in labels.iter().enumerate() {
                let on = match order {
                    Order::Up => line + rows - 1 - row,
                    Order::Down => line + row,
                };
                let (text, background) = strip(&terminal, on as u16, column..column + width);
                let text = text.trim();
                match text.strip_suffix('…') {
                    Some(cut) => assert!(label.starts_with(cut)),
                    None => assert_eq!(text, label),
                }
                let expected = match value(row, at) {
                    Some(value) => {
                        let Rgb(r, g, b) = scale.color(value);
                        vt100::Color::Rgb(r, g, b)
                    }
                    None => vt100::Color::Default,
                };
                assert_eq!(background, expected, "row {row}, position {at}");
            }
            let beside = match order {
                Order::Up => line + rows,
                Order::Down => line - 1,
            };
            let (text, _) = strip(&terminal, beside as u16, column..column + width);
            assert!(head.starts_with(text.trim().trim_end_matches('…')));
            at += 1;
            column += width;
        }
        line += rows;
    }
}

#[test]
fn every_cell_has_its_token_and_its_colour_at_80_and_at_200_columns() {
    for (name, prompt) in [
        ("demo", "The Eiffel Tower is in the city of"),
        ("tests/fixtures/gpt2", "Café 東京 🙂\n is"),
        (
            "tests/fixtures/llama",
            "The\u{1b}[31m capital of France is the city of Paris 東京",
        ),
    ] {
        let model = Model::open(name).unwrap();
        let trajectory = read(&model, prompt);
        for columns in [80, 200] {
            for by in [ColorBy::Prob, ColorBy::Statistic(Statistic::ForwardKl)] {
                for order in [Order::Up, Order::Down] {
                    assert_cells(&model, &trajectory, columns, by, order);
                }
            }
        }
    }
}

#[test]
fn without_colours_numbers_tell_the_same() {
    let model = load("gpt2");
    let trajectory = read(&model, "The Eiffel Tower is");
    let presentation = Presentation {
        width: 80,
        colors: Depth::Shades,
        ..Presentation::default()
    };
    let contents = screen(&model, &trajectory, &presentation).screen().contents();
    assert!(contents.contains("00–99 = 0 to 1: probability"), "{contents}");
    for line in contents.lines() {
        assert!(line.width() <= 80);
    }
    // A row from the top down is a row of the model from the last one on: tokens with their percent.
    let lines: Vec<&str> = contents.lines().collect();
    for (row, line) in trajectory.rows.iter().rev().zip(&lines[2..]) {
        let shown: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(shown[0], row.site.to_string());
        let numbers: Vec<String> = (row.readings.iter())
            .map(|reading| format!("{:02.0}", (100. * reading.top1().prob).min(99.)))
            .collect();
        let found: Vec<&str> = shown[1..].iter().skip(1).step_by(2).copied().collect();
        assert_eq!(found, numbers, "{line}");
    }
    // 256 colours: every background is one of the palette's.
    let presentation = Presentation {
        width: 80,
        colors: Depth::Indexed,
        ..Presentation::default()
    };
    let terminal = screen(&model, &trajectory, &presentation);
    let backgrounds: std::collections::HashSet<_> = (0..20u16)
        .flat_map(|line| (0..80u16).map(move |column| (line, column)))
        .map(|(line, column)| format!("{:?}", terminal.screen().cell(line, column).unwrap().bgcolor()))
        .collect();
    assert!(backgrounds.len() > 3 && backgrounds.iter().all(|b| b.starts_with("Idx") || b == "Default"));
}
