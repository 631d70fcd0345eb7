//! Terminals with little room: every line fits, whatever is written.

use logit_lens::analysis::statistics::Statistics;
use logit_lens::lens::{Request, Trajectory};
use logit_lens::model::Model;
use logit_lens::report::{self, Depth, Document, Format, Presentation, Report, Sheet};
use logit_lens::text::targets::{Target, TargetSpec};
use unicode_width::UnicodeWidthStr;

use crate::PROMPT;
use crate::support::{fixtures, load};

const WIDTHS: [usize; 9] = [20, 21, 23, 27, 32, 40, 45, 60, 86];

fn target(model: &Model, spec: &str) -> Target {
    let spec: TargetSpec = spec.parse().unwrap();
    spec.resolve(&model.tokens, model.card.vocabulary).unwrap()
}

fn assert_fits(written: &[u8], columns: usize, what: &str) {
    let text = anstream::adapter::strip_bytes(written).into_vec();
    for line in String::from_utf8(text).unwrap().lines() {
        assert!(line.width() <= columns, "{what}, {columns} columns: {line}");
    }
}

fn report(format: &str, presentation: &Presentation) -> Box<dyn Report> {
    (Format::named(format).unwrap().report)(presentation)
}

/// All that goes to a terminal, of one trajectory.
fn assert_reports_fit(model: &Model, trajectory: &Trajectory, against: &Target) {
    let statistics: Statistics = "all".parse().unwrap();
    let document = Document {
        card: &model.card,
        tokens: &model.tokens,
        trajectory,
        statistics: &statistics,
        against: Some(against),
        assertions: &[],
        number: 0,
        id: Some("a prompt with a name that is rather long"),
    };
    for columns in WIDTHS {
        let narrow = Presentation {
            width: columns,
            ..Presentation::default()
        };
        let tables = Presentation {
            each: true,
            bands: true,
            fold_rows: true,
            ..narrow.clone()
        };
        let colors = Presentation {
            colors: Depth::True,
            color_by: "forward_kl".parse().unwrap(),
            ..narrow.clone()
        };
        let shades = Presentation {
            color_by: "rank".parse().unwrap(),
            ..narrow.clone()
        };
        let reports = [
            ("table", report("table", &narrow)),
            ("tables", report("table", &tables)),
            ("heatmap", report("heatmap", &colors)),
            ("shades", report("heatmap", &shades)),
            ("plot", report("plot", &narrow)),
        ];
        for (name, mut report) in reports {
            let mut out = Vec::new();
            report.document(&document, &mut out).unwrap();
            report.end(&mut out).unwrap();
            assert_fits(&out, columns, name);
        }
    }
}

#[test]
fn no_line_is_longer_than_its_terminal() {
    for name in &fixtures() {
        let mut model = load(name);
        model.card.name = "an-organisation/a-model-with-a-name-of-its-own".to_string();
        let against = target(&model, "id:9");
        for positions in ["-1", "all"] {
            let request = Request {
                points: "embed,attn_out,resid_mid,mlp_out,resid_post".parse().unwrap(),
                positions: positions.parse().unwrap(),
                distances: true,
                targets: vec![target(&model, "id:5"), target(&model, "a-group=id:7|id:8|id:10")],
                against: Some(against.clone()),
                ..Request::default()
            };
            for prompt in [PROMPT, "é 東\n\u{1b} กัน"] {
                let trajectory = model.lens(prompt, &request).unwrap();
                assert_reports_fit(&model, &trajectory, &against);
            }
        }
        for columns in WIDTHS {
            let mut out = Vec::new();
            let narrow = Presentation {
                width: columns,
                ..Presentation::default()
            };
            report("table", &narrow).card(&model.card, &mut out).unwrap();
            assert_fits(&out, columns, "card");
        }
        assert_sheets_fit(&model);
    }
}

fn assert_sheets_fit(model: &Model) {
    let prompts = [PROMPT, "é 東 🙂"].map(|text| model.prompt(text, Default::default()).unwrap());
    let wide = Sheet {
        title: vec!["left   a model · a prompt that is longer than most terminals are".to_string()],
        notes: vec!["The target is one that is tracked, and this note says so.".to_string()],
        ..report::tokenisation(&prompts, &model.tokens, "a model")
    };
    for sheet in [wide, report::card_sheet(&model.card)] {
        for columns in WIDTHS {
            let mut out = Vec::new();
            sheet.table(columns, &mut out).unwrap();
            assert_fits(&out, columns, "sheet");
        }
    }
}

#[test]
fn colours_are_the_scales_from_one_end_to_the_other_in_little_room() {
    let model = load("gpt2");
    let trajectory = model.lens(PROMPT, &Request::default()).unwrap();
    let document = Document {
        card: &model.card,
        tokens: &model.tokens,
        trajectory: &trajectory,
        statistics: &Statistics::none(),
        against: None,
        assertions: &[],
        number: 0,
        id: None,
    };
    for columns in WIDTHS {
        let mut out = Vec::new();
        let narrow = Presentation {
            width: columns,
            colors: Depth::True,
            ..Presentation::default()
        };
        report("heatmap", &narrow).document(&document, &mut out).unwrap();
        let text = String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap();
        let legend = text.lines().find(|line| line.starts_with("0 ")).unwrap();
        assert!(legend.contains(" 1"), "{legend}");
    }
}
