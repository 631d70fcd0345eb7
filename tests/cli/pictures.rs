//! Pictures for a page: what is drawn is what the JSON of the same run says.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::run;
use crate::{LLAMA, PROMPT, assert_fails, assert_works};

/// Control characters, markup, quotes, marks that turn text around, wide characters.
const HOSTILE: &str = "</script><b>\u{1b}[31m \"q\" & '\u{202e}\u{7f} 東 ]]>";

struct Run {
    json: Value,
    svg: String,
}

fn drawn(prompt: &str, options: &[&str]) -> Run {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (json, svg) = (path("lens.json"), path("lens.svg"));
    let run = run(&[&[prompt, "-m", LLAMA, "-q", "-o", &json, "-o", &svg], options].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    Run {
        json: serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap(),
        svg: std::fs::read_to_string(svg).unwrap(),
    }
}

#[test]
fn every_cell_of_the_svg_is_the_jsons() {
    for prompt in [PROMPT, HOSTILE] {
        for (order, by) in [("up", "prob"), ("down", "entropy")] {
            let Run { json, svg } = drawn(prompt, &["--order", order, "--color-by", by]);
            let drawing = roxmltree::Document::parse(&svg).unwrap();
            let cells: Vec<_> = (drawing.descendants())
                .filter(|node| node.attribute("data-row").is_some())
                .collect();
            let (layers, positions) = (3, json["input"].as_array().unwrap().len());
            assert_eq!(cells.len(), (layers + 1) * positions);
            let number =
                |node: roxmltree::Node, name: &str| -> f64 { node.attribute(name).unwrap().parse().unwrap() };
            let mut colours: Vec<(f64, String)> = Vec::new();
            let mut heights: Vec<(usize, f64)> = Vec::new();
            for cell in cells {
                let position: usize = cell.attribute("data-position").unwrap().parse().unwrap();
                let row = cell.attribute("data-row").unwrap();
                let of = |key: &str| match row {
                    "embed" => json["embed"][key][position].clone(),
                    layer => json[key][layer.parse::<usize>().unwrap()][position].clone(),
                };
                let text = cell.children().find(|n| n.has_tag_name("text")).unwrap();
                let token = of("topk")[0].as_str().unwrap().to_string();
                let shown = text.text().unwrap();
                let label = logit_lens::text::tokens::visible(token.as_bytes());
                let whole = shown.trim_end_matches('…');
                assert!(
                    label.starts_with(whole) || token.starts_with(whole) || token.starts_with("<|id"),
                    "{label} {shown}"
                );
                let rect = cell.children().find(|n| n.has_tag_name("rect")).unwrap();
                let value = match by {
                    "prob" => of("topk_probs")[0].as_f64().unwrap(),
                    _ => of("entropy").as_f64().unwrap(),
                };
                colours.push((value, rect.attribute("fill").unwrap().to_string()));
                if let (Ok(layer), 0) = (row.parse::<usize>(), position) {
                    heights.push((layer, number(rect, "y")));
                }
            }
            // Equal values have equal colours, and a larger one is never darker.
            colours.sort_by(|a, b| a.0.total_cmp(&b.0));
            let green = |hex: &str| u8::from_str_radix(&hex[3..5], 16).unwrap();
            assert!(
                colours
                    .windows(2)
                    .all(|pair| green(&pair[0].1) <= green(&pair[1].1))
            );
            heights.sort_by_key(|(layer, _)| *layer);
            assert!(
                heights
                    .windows(2)
                    .all(|pair| (pair[0].1 > pair[1].1) == (order == "up"))
            );
            assert!(!svg.contains(|c: char| c.is_control() && c != '\n'));
        }
    }
}

#[test]
fn lines_run_through_the_probabilities() {
    let Run { json, svg } = drawn(PROMPT, &["--plot", "--track", "id:9", "--track", " the"]);
    let drawing = roxmltree::Document::parse(&svg).unwrap();
    let lines: Vec<Vec<(f64, f64)>> = (drawing.descendants())
        .filter(|node| node.has_tag_name("polyline"))
        .map(|node| {
            let points = node.attribute("points").unwrap().split(' ');
            let pair = |point: &str| {
                let (x, y) = point.split_once(',').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            };
            points.map(pair).collect()
        })
        .collect();
    // Of lines with a point for each layer there are the targets' alone; the last target's is drawn first.
    let curves: Vec<&Vec<(f64, f64)>> = lines.iter().filter(|line| line.len() == 3).collect();
    assert_eq!(curves.len(), 2);
    let (bottom, top) = (
        curves[0]
            .iter()
            .chain(curves[1])
            .map(|p| p.1)
            .fold(f64::MIN, f64::max),
        120.,
    );
    for (curve, target) in curves.iter().rev().zip(0..) {
        let prob = |layer: usize| json["targets"][target]["probs"][layer][7].as_f64().unwrap();
        for layer in 1..3 {
            let risen = (curve[0].1 - curve[layer].1) / top;
            // Points are written to a hundredth.
            assert!((risen - (prob(layer) - prob(0))).abs() < 2e-4, "{bottom}");
            assert!(curve[layer].0 > curve[layer - 1].0);
        }
    }
    assert!(svg.contains(">probability<") && svg.contains(">layer<") && svg.contains("␣the"));
}

#[test]
fn pixels_and_pages_are_drawn_without_a_font_on_the_machine() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (png, pdf) = (path("lens.png"), path("lens.pdf"));
    let outputs = ["-o", png.to_str().unwrap(), "-o", pdf.to_str().unwrap()];
    let args = [&[PROMPT, "-m", LLAMA][..], &outputs].concat();
    assert_eq!(run(&args).code, Some(0));
    let png = std::fs::read(png).unwrap();
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    let Run { svg, .. } = drawn(PROMPT, &[]);
    let drawing = roxmltree::Document::parse(&svg).unwrap();
    for (attribute, at) in [("width", 16), ("height", 20)] {
        let points: f64 = drawing
            .root_element()
            .attribute(attribute)
            .unwrap()
            .trim_end_matches("pt")
            .parse()
            .unwrap();
        assert!(
            (f64::from(side(at)) - points / 72. * 300.).abs() <= 1.5,
            "300 dots an inch"
        );
    }
    let pdf = std::fs::read(pdf).unwrap();
    assert!(
        pdf.starts_with(b"%PDF-") && pdf.windows(8).any(|w| w == b"DejaVuSa"),
        "a font is embedded"
    );
}

/// The parts of a PNG: each one's name and bytes.
fn chunks(png: &[u8]) -> Vec<(String, &[u8])> {
    let mut rest = &png[8..];
    let mut chunks = Vec::new();
    while let [a, b, c, d, after @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        chunks.push((
            String::from_utf8_lossy(&after[..4]).into_owned(),
            &after[4..4 + length],
        ));
        rest = &after[8 + length..];
    }
    chunks
}

#[test]
fn pictures_of_a_long_prompt_are_no_strips() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (png, pdf, svg) = (path("lens.png"), path("lens.pdf"), path("lens.svg"));
    let prompt = PROMPT.repeat(12);
    let outputs = ["-o", &png, "-o", &pdf, "-o", &svg];
    assert_eq!(
        run(&[&[&prompt, "-m", LLAMA, "-q"][..], &outputs].concat()).code,
        Some(0)
    );
    let png = std::fs::read(png).unwrap();
    let chunks = chunks(&png);
    let chunk = |name: &str| chunks.iter().find(|(is, _)| is == name).unwrap().1;
    let side = |at: usize| f64::from(u32::from_be_bytes(chunk("IHDR")[at..at + 4].try_into().unwrap()));
    assert!(side(4) <= 1.51 * side(0), "{} by {}", side(0), side(4));
    // 300 dots an inch, in dots a metre.
    assert_eq!(chunk("pHYs"), [0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1]);
    let pdf = std::fs::read(pdf).unwrap();
    let has = |text: &[u8]| pdf.windows(text.len()).any(|window| window == text);
    assert!(
        has(b"/Title") && !has(b"/Count 1\n") && !has(b"/Count 1/"),
        "pages, and a title"
    );
    assert!(
        std::fs::read_to_string(svg)
            .unwrap()
            .contains("Logit lens of llama")
    );
}

#[test]
fn a_title_is_what_was_asked_for() {
    let Run { svg, .. } = drawn(PROMPT, &["--title", "Where is <it>?"]);
    assert!(svg.contains("<title>Where is &lt;it&gt;?</title>") && !svg.contains("Logit lens of"));
}

#[test]
fn a_page_is_one_file_and_holds_nothing_raw() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("lens.html");
    let page = run(&[
        HOSTILE,
        "-m",
        LLAMA,
        "-q",
        "--point",
        "embed,resid_mid,resid_post",
        "-o",
        path.to_str().unwrap(),
    ]);
    assert_eq!((page.code, page.stdout.as_str()), (Some(0), ""));
    let page = std::fs::read_to_string(&path).unwrap();
    let data = page
        .split("id=\"lens-data\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["meta"]["prompt"], HOSTILE);
    assert!(data["points"]["resid_mid"]["topk"].is_array() && data.get("tracked").is_none());
    assert!(
        data["tracked_ids"][0]
            .as_object()
            .unwrap()
            .values()
            .all(|track| track.get("logits").is_none())
    );
    assert!(!page.contains("<b>\u{1b}") && !page.contains("{{"));
    for address in [
        "http-equiv=\"refresh\"",
        "src=\"http",
        "href=\"http",
        "url(http",
        "@import",
    ] {
        assert!(!page.contains(address), "{address}");
    }
}

#[test]
fn a_page_is_of_one_prompt_and_no_plain_table() {
    for (args, problem) in [
        (
            &[PROMPT, PROMPT, "-m", LLAMA, "-o", "x.html"][..],
            "shows one prompt",
        ),
        (&[PROMPT, "-m", LLAMA, "--tokens", "-o", "x.svg"], "no svg output"),
    ] {
        assert_fails(&run(args), 2, problem);
    }
    let heatmap = run(&[PROMPT, "-m", LLAMA, "--heatmap", "--color-by", "rank"]);
    assert_works(&heatmap);
    assert!(heatmap.stdout.contains("rank of the model's output"));
    let plot = run(&[PROMPT, "-m", LLAMA, "--plot"]);
    assert_works(&plot);
    assert!(
        plot.stdout.contains("100% ┤") && plot.stdout.contains("final ") && plot.stdout.contains(", peak ")
    );
}

#[test]
fn each_of_several_pictures_says_whose_it_is() {
    for picture in ["--heatmap", "--plot"] {
        let run = run(&["The Eiffel Tower", "Water is", "-m", LLAMA, picture]);
        assert_works(&run);
        for start in ["llama · The Eiffel Tower\n", "llama · Water is\n"] {
            assert_eq!(run.stdout.matches(start).count(), 1, "{}", run.stdout);
        }
    }
}
