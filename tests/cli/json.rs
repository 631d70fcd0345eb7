//! The JSON document: its schema, and what its numbers owe each other.

use std::collections::BTreeSet;

use logit_lens::lens::Request;
use logit_lens::model::Model;
use serde_json::Value;

use crate::schema::{Document, OneRow};
use crate::support::{self, load, run};

const EIFFEL: &str = "The Eiffel Tower is in the city of";
/// Two-byte, three-byte and four-byte characters, a newline, and DEL, which JSON need not escape.
const FRAGMENTS: &str = "Café 東京 🙂\n \u{7f}is";

/// What the binary writes, which must be one JSON document and nothing else.
fn text(fixture: &str, prompt: &str, options: &[&str]) -> String {
    let model = format!("tests/fixtures/{fixture}");
    let run = run(&[&[prompt, "-m", &model, "--json"], options].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{fixture}");
    run.stdout
}

fn document(fixture: &str, prompt: &str, options: &[&str]) -> Document {
    serde_json::from_str(&text(fixture, prompt, options)).unwrap()
}

/// Asserts that the row has, at each position read, `k` tokens in order, and nothing elsewhere.
fn assert_row(row: &OneRow, k: usize, positions: &[usize], tokens: &logit_lens::text::tokens::Tokens) {
    let lengths = [
        row.topk.len(),
        row.topk_ids.len(),
        row.topk_probs.len(),
        row.topk_logprobs.len(),
        row.topk_logits.len(),
    ];
    assert_eq!(lengths, [row.entropy.len(); 5]);
    for position in 0..row.entropy.len() {
        let (ids, probs) = (&row.topk_ids[position], &row.topk_probs[position]);
        let (logprobs, logits) = (&row.topk_logprobs[position], &row.topk_logits[position]);
        let expected = if positions.contains(&position) { k } else { 0 };
        let lengths = [ids.len(), probs.len(), logprobs.len(), logits.len()];
        assert_eq!(lengths, [expected; 4]);
        assert_eq!(row.entropy[position].is_some(), expected > 0);
        let decoded: Vec<String> = ids.iter().map(|&id| tokens.exact(id)).collect();
        assert_eq!(row.topk[position], decoded);
        assert!(probs.iter().sum::<f64>() < 1. + 1e-9 && probs.iter().all(|&p| p > 0.));
        assert!(logits.is_sorted_by(|a, b| a >= b), "likeliest first: {logits:?}");
        for (prob, logprob) in probs.iter().zip(logprobs) {
            assert!((prob.ln() - logprob).abs() < 1e-12);
        }
    }
}

/// −log p of the least likely token of any row at any position of a prompt, in nats: what no loss and no
/// divergence of the prompt can be above.
fn largest_loss(model: &Model, prompt: &str) -> f64 {
    let request = Request {
        positions: "all".parse().unwrap(),
        top_k: model.card.vocabulary,
        ..Request::default()
    };
    let trajectory = &model.read(&[prompt], &request).unwrap()[0];
    let rows = trajectory.rows.iter().flat_map(|row| &row.readings);
    let losses = rows
        .chain(&trajectory.output)
        .map(|reading| -reading.top.last().unwrap().logprob);
    losses.fold(0., f64::max)
}

/// Asserts that the row's statistics are there where they can be, and are possible values: an entropy of at
/// most that of all tokens being equally likely, nothing above `largest`, which is [`largest_loss`].
fn assert_statistics(row: &OneRow, input_ids: &[u32], positions: &[usize], vocabulary: usize, largest: f64) {
    let n = input_ids.len();
    let columns = [&row.entropy, &row.forward_kl, &row.reverse_kl, &row.cross_entropy];
    assert_eq!(columns.map(Vec::len), [n; 4]);
    for position in 0..n {
        let read = positions.contains(&position);
        let there = columns.map(|column| column[position].is_some());
        assert_eq!(there, [read, read, read, read && position + 1 < n]);
        let most = [(vocabulary as f64).ln(), largest, largest, largest];
        for (value, most) in columns
            .iter()
            .zip(most)
            .filter_map(|(c, most)| Some((c[position]?, most)))
        {
            // Rounding may take a value a hair over either end.
            assert!(
                (-1e-9..=most + 1e-6).contains(&value),
                "{value} of at most {most}"
            );
        }
        let (Some(next), Some(loss)) = (input_ids.get(position + 1), row.cross_entropy[position]) else {
            continue;
        };
        if let Some(place) = row.topk_ids[position].iter().position(|id| id == next) {
            assert!((loss + row.topk_logprobs[position][place]).abs() < 1e-6);
        }
    }
}

#[test]
fn a_document_keeps_its_schema_and_agrees_with_itself() {
    let all = ["--positions", "all", "-k", "4"];
    let some = ["--positions", "0,-3:-1", "--layers", "embed,1", "-k", "2"];
    for fixture in &support::fixtures() {
        let model = load(fixture);
        for prompt in [EIFFEL, FRAGMENTS] {
            let largest = largest_loss(&model, prompt);
            for (options, k) in [(&[][..], 5), (&all, 4), (&some, 2)] {
                let document = document(fixture, prompt, options);
                let ids = model.tokens.encode(prompt).unwrap();
                let n = ids.len();
                assert_eq!(document.input_ids, ids);
                let decoded: Vec<String> = ids.iter().map(|&id| model.tokens.exact(id)).collect();
                assert_eq!(document.input, decoded);
                assert_eq!(document.meta.prompt, prompt);

                let (layers, positions): (Vec<usize>, Vec<usize>) = match k {
                    5 => ((0..model.card.layers).collect(), vec![n - 1]),
                    4 => ((0..model.card.layers).collect(), (0..n).collect()),
                    _ => (vec![1], vec![0, n - 3, n - 2]),
                };
                assert_eq!(document.layers, layers);
                assert_eq!(
                    document.positions.as_ref(),
                    (positions.len() < n).then_some(&positions)
                );
                let rows = (0..layers.len()).map(|l| document.row(l));
                for row in rows
                    .chain(document.embed.clone())
                    .chain([document.output.clone()])
                {
                    assert_row(&row, k, &positions, &model.tokens);
                    assert_statistics(&row, &ids, &positions, model.card.vocabulary, largest);
                }
                let apart = |kl: &[Option<f64>]| kl.iter().flatten().any(|kl| kl.abs() > 1e-6);
                assert!(!apart(&document.output.forward_kl) && !apart(&document.output.reverse_kl));
                assert!(apart(&document.embed.as_ref().unwrap().forward_kl));
                if layers.contains(&(model.card.layers - 1)) {
                    let last = document.row(layers.len() - 1);
                    assert_eq!(document.output, last, "the last layer is the output");
                }
                assert_tracks(&document, &positions);
                assert_settles(&document, &positions);
                assert_changes(&document, &positions);
                widget_reads(&document);
            }
        }
    }
}

/// Every token that is in the top anywhere is followed through all layers, and says at each what
/// the top says.
fn assert_tracks(document: &Document, positions: &[usize]) {
    let tracked = &document.tracked_ids;
    assert_eq!(tracked.len(), document.input.len());
    assert_eq!(document.tracked.len(), document.input.len());
    for (at, tracks) in tracked.iter().enumerate() {
        assert_eq!(tracks.is_empty(), !positions.contains(&at));
        let tops = document.topk_ids.iter().map(|layer| &layer[at]);
        let embed = document.embed.iter().map(|row| &row.topk_ids[at]);
        let shown: BTreeSet<u32> = tops.chain(embed).flatten().copied().collect();
        assert_eq!(tracks.keys().copied().collect::<BTreeSet<_>>(), shown);
        for (id, track) in tracks {
            let layers = document.layers.len();
            let lengths = [track.probs.len(), track.logits.len(), track.ranks.len()];
            assert_eq!(lengths, [layers; 3]);
            assert!(document.tracked[at].contains_key(&track.token));
            for l in 0..layers {
                let rank = track.ranks[l] as usize;
                assert!((1..=document.meta.vocabulary).contains(&rank));
                let top = &document.topk_ids[l][at];
                match top.iter().position(|top| top == id) {
                    Some(place) => {
                        assert_eq!(rank, place + 1);
                        assert_eq!(track.probs[l], document.topk_probs[l][at][place]);
                        assert_eq!(track.logits[l], document.topk_logits[l][at][place]);
                    }
                    None => assert!(rank > top.len()),
                }
            }
        }
        // V2's trajectories are keyed by text: each is that of one of the ids with this text.
        for (token, probs) in &document.tracked[at] {
            let with_text = tracks.values().filter(|track| track.token == *token);
            assert!(with_text.map(|track| &track.probs).any(|p| p == probs));
        }
    }
}

fn assert_settles(document: &Document, positions: &[usize]) {
    assert_eq!(document.settles_at.len(), document.input.len());
    for (at, settles) in document.settles_at.iter().enumerate() {
        if !positions.contains(&at) {
            assert_eq!(*settles, None);
            continue;
        }
        let answer = document.output.topk_ids[at][0];
        let layers = document.layers.iter().zip(&document.topk_ids);
        let wrong = layers.clone().rev().find(|(_, top)| top[at][0] != answer);
        let expected = document
            .layers
            .iter()
            .find(|&layer| wrong.is_none_or(|(wrong, _)| layer > wrong));
        assert_eq!(settles.as_ref(), expected);
    }
}

/// The first layer that leads, and the one at which forward KL falls most, by their definitions.
fn assert_changes(document: &Document, positions: &[usize]) {
    for &at in positions {
        let answer = document.output.topk_ids[at][0];
        let leads = document.topk_ids.iter().position(|top| top[at][0] == answer);
        assert_eq!(document.leads_first_at[at], leads.map(|l| document.layers[l]));
        let agrees = |l: usize| document.topk_ids[l][at][0] == answer;
        for (l, row) in document.agrees.iter().enumerate() {
            assert_eq!(row[at], Some(agrees(l)));
        }
        let kl = |l: usize| document.forward_kl[l][at].unwrap();
        let falls = (1..document.layers.len()).map(|l| (document.layers[l], kl(l - 1) - kl(l)));
        let most = falls.fold(None, |most: Option<(usize, f64)>, fall| match most {
            Some(most) if most.1 >= fall.1 => Some(most),
            _ => (fall.1 > 0.).then_some(fall).or(most),
        });
        let said = document.sudden_change[at].as_ref().map(|c| (c.layer, c.drop));
        assert_eq!(said.map(|c| c.0), most.map(|c| c.0));
        // serde_json may read a number one unit in the last place off.
        assert!(
            said.zip(most)
                .is_none_or(|(said, most)| (said.1 - most.1).abs() < 1e-14)
        );
    }
}

/// What logitlenskit's widget does with a V2 document before it draws: it walks all positions of
/// the input and looks up every token of the top by its text.
fn widget_reads(document: &Document) {
    for at in 0..document.input.len() {
        for layer in &document.topk {
            for token in &layer[at] {
                assert_eq!(document.tracked[at][token].len(), document.layers.len());
            }
        }
    }
}

#[test]
fn what_is_asked_for_beside_has_a_schema_too() {
    let options = [
        "--point",
        "embed,attn_out,resid_mid,mlp_out,resid_post",
        "--track",
        "group=id:3|id:4",
        "--against",
        "id:5",
        "--generate",
        "3",
        "-q",
    ];
    let document = document("llama", EIFFEL, &options);
    let points = document.points.unwrap();
    assert_eq!(
        points.keys().collect::<Vec<_>>(),
        ["attn_out", "mlp_out", "resid_mid"]
    );
    assert!(
        points
            .values()
            .all(|point| point.layers == [0, 1, 2] && point.topk_ids.len() == 3)
    );
    assert_eq!((document.input.len(), document.generated), (11, Some(3)));
    let targets = document.targets.unwrap();
    assert_eq!(
        (targets[0].ids.as_slice(), targets[0].probs.len()),
        (&[3, 4][..], 3)
    );
    assert_eq!(document.followed_ids[0], [3, 4]);
    let mid = points["resid_mid"].targets.as_ref().unwrap();
    assert_eq!((mid[0].probs.len(), mid[0].probs[0].len()), (3, 11));
    let embed = document.embed.unwrap().targets.unwrap();
    assert_eq!((embed[0].name.as_str(), embed[0].ranks.len()), ("group", 11));
    assert!(
        embed[0]
            .logit_difference
            .as_ref()
            .unwrap()
            .iter()
            .all(Option::is_some)
    );
}

#[test]
fn the_meta_says_what_it_takes_to_make_the_figure_again() {
    let meta = document("llama-linear", EIFFEL, &[]).meta;
    let said = [meta.model, meta.tool, meta.family, meta.device, meta.log_base];
    assert_eq!(said, ["tests/fixtures/llama-linear", "lens", "llama", "cpu", "e"]);
    let dtypes = [meta.dtype, meta.file_dtype, meta.compute_dtype];
    assert_eq!(dtypes, ["float16", "float16", "float32"]);
    assert_eq!((meta.version, meta.rank_base, meta.revision), (2, 1, None));
    assert_eq!((meta.n_layers, meta.vocabulary), (2, 321));
    assert_eq!(meta.tool_version, env!("CARGO_PKG_VERSION"));
    assert_eq!(meta.parameters, load("llama-linear").card.parameters);
    assert!(meta.layer_convention.contains("output of block i"));
    assert!(chrono::DateTime::parse_from_rfc3339(&meta.timestamp).is_ok());
    assert!(meta.timestamp.ends_with('Z'));
}

#[test]
fn another_dtype_moves_the_numbers_a_little_and_says_so() {
    let (exact, rounded) = (
        document("gpt2", EIFFEL, &[]),
        document("gpt2", EIFFEL, &["--dtype", "bf16"]),
    );
    let meta = &rounded.meta;
    let dtypes = [&meta.dtype, &meta.file_dtype, &meta.compute_dtype];
    assert_eq!(dtypes, ["bfloat16", "float32", "float32"]);
    let top = |document: &Document| document.output.topk_probs[7][0];
    let moved = (top(&exact) - top(&rounded)).abs();
    assert!(moved > 0. && moved < 0.01, "{moved}");
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for fixture in ["gpt2", "llama"] {
        let with = |threads: &str| {
            let options = ["--positions", "all", "--threads", threads];
            let text = text(fixture, EIFFEL, &options);
            let timestamp = serde_json::from_str::<Value>(&text).unwrap()["meta"]["timestamp"].clone();
            text.replacen(timestamp.as_str().unwrap(), "", 1)
        };
        assert_eq!(with("1"), with("2"));
    }
}

#[test]
fn a_row_that_was_not_asked_for_is_not_there() {
    let document = document("gpt2", EIFFEL, &["--layers", "0"]);
    assert!(document.embed.is_none());
    let document = self::document("gpt2", EIFFEL, &["--layers", "embed"]);
    assert!(document.layers.is_empty() && document.topk.is_empty());
    assert_eq!(document.output.topk_ids[7].len(), 5);
}

#[test]
fn a_byte_that_is_no_character_and_one_that_is_a_control_come_through() {
    let document = document("gpt2", FRAGMENTS, &[]);
    assert!(!document.input.iter().any(|token| token.contains('\u{fffd}')));
    assert!(
        document.input.iter().any(|token| token.starts_with("\\x")),
        "a byte as its label"
    );
    assert!(document.input.contains(&"\u{7f}".to_string()));
    let text = text("gpt2", FRAGMENTS, &[]);
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(control), "escaped, whatever reads them");
}
