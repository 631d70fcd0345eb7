//! What fitted lenses read, against torch in float64 (`tests/fixtures/lenses/make.py`), at every row and position.

use std::sync::Arc;

use logit_lens::decoder::Point;
use logit_lens::lens::{Positions, Request, Trajectory};
use logit_lens::model::Model;
use logit_lens::readout::lenses::{Lens, LensChoices};
use logit_lens::source::HubOptions;
use safetensors::SafeTensors;

use crate::numbers::{assert_near, logits};
use crate::support::{Reference, fixture, load};

/// Of three families: GPT-2 with its layer norm, Gemma 2 with a scaled embedding and a soft cap, GPT-NeoX with an
/// unembedding of its own.
const FAMILIES: [&str; 3] = ["gpt2", "gemma2", "gpt-neox"];

/// The forms of one Jacobian lens of gpt2.
const FORMS: [&str; 10] = [
    "jacobian.pt",
    "provenance.pt",
    "metadata.pt",
    "checkpoint.pt",
    "identity.pt",
    "float32.pt",
    "bfloat16.pt",
    "protocol4.pt",
    "transposed.pt",
    "mlx.safetensors",
];

fn lenses(model: &Model, written: &str) -> Vec<Arc<dyn Lens>> {
    let choices: LensChoices = written.parse().unwrap();
    let lenses = choices
        .iter()
        .map(|choice| choice.load(&model.subject(), &HubOptions::default()));
    lenses.collect::<Result<_, _>>().unwrap()
}

/// A path in the lenses' fixtures of a checkpoint.
fn of(name: &str, file: &str) -> String {
    fixture("lenses").join(name).join(file).display().to_string()
}

/// The first prompt of the fixture at every position, with all logits.
fn read(model: &Model, name: &str, written: &str) -> Trajectory {
    let request = Request {
        lenses: lenses(model, written),
        positions: Positions::all(),
        top_k: model.card.vocabulary,
        ..Request::default()
    };
    let prompt = &Reference::read(name).prompts[0];
    model.lens(&prompt.text, &request).unwrap()
}

/// Compares every row that is no output with the reference, and the output with the model's own.
fn assert_is_the_reference(read: &Trajectory, name: &str) {
    let bytes = std::fs::read(fixture("lenses").join(name).join("reference.safetensors")).unwrap();
    let reference = SafeTensors::deserialize(&bytes).unwrap();
    let lens = read.lens.name();
    let wanted = reference
        .names()
        .iter()
        .filter(|label| label.starts_with(&format!("{lens}.")))
        .count();
    let mut compared = 0;
    for row in read
        .rows
        .iter()
        .filter(|row| !row.site.is_output(Reference::read(name).layers))
    {
        let tensor = reference.tensor(&format!("{lens}.{}", row.site)).unwrap();
        let (words, _) = tensor.data().as_chunks::<8>();
        let theirs: Vec<f64> = words.iter().map(|&word| f64::from_le_bytes(word)).collect();
        let theirs = theirs.chunks(tensor.shape()[1]);
        assert_eq!(theirs.len(), row.readings.len());
        for (at, (ours, theirs)) in row.readings.iter().zip(theirs).enumerate() {
            assert_near(
                &logits(ours),
                theirs,
                &format!("{name}: {lens} {} at {at}", row.site),
            );
        }
        compared += 1;
    }
    assert_eq!(compared, wanted, "{name}: {lens}");
    let last = read.rows.last().unwrap();
    for (row, output) in last.readings.iter().zip(&read.output) {
        assert_eq!(row.top, output.top);
    }
}

#[test]
fn fitted_lenses_read_what_torch_computes_in_float64() {
    for name in FAMILIES {
        let model = load(name);
        for (lens, file) in [("tuned", "tuned"), ("jacobian", "jacobian.pt")] {
            let read = read(&model, name, &format!("{lens}={}", of(name, file)));
            assert_is_the_reference(&read, name);
            let has_embed = read.rows[0].site.point == Point::Embed;
            assert_eq!(has_embed, lens == "tuned", "{name}");
        }
    }
}

#[test]
fn every_published_form_of_a_jacobian_lens_is_the_same_lens() {
    let model = load("gpt2");
    for form in FORMS {
        let read = read(&model, "gpt2", &format!("jacobian={}", of("gpt2", form)));
        assert_is_the_reference(&read, "gpt2");
    }
}

#[test]
fn several_lenses_read_in_one_pass_what_each_reads_alone() {
    for name in FAMILIES {
        let model = load(name);
        let (tuned, jacobian) = (of(name, "tuned"), of(name, "jacobian.pt"));
        let together = read(&model, name, &format!("logit,tuned={tuned},jacobian={jacobian}"));
        let names: Vec<&str> = together.of_each_lens().map(|read| read.lens.name()).collect();
        assert_eq!(names, ["logit", "tuned", "jacobian"]);
        for other in &together.others {
            assert_is_the_reference(other, name);
        }
        let alone = read(&model, name, "logit");
        assert_eq!(alone.rows.len(), together.rows.len());
        for (row, other) in alone.rows.iter().zip(&together.rows) {
            assert_eq!(row.site, other.site);
            for (ours, theirs) in row.readings.iter().zip(&other.readings) {
                assert_near(&logits(ours), &logits(theirs), name);
            }
        }
    }
}

#[test]
fn a_lens_says_what_it_was_fitted_on() {
    let model = load("gpt2");
    let fitted = |form: &str| {
        let lens = lenses(&model, &format!("jacobian={}", of("gpt2", form))).remove(0);
        lens.artefact().unwrap().fitted.clone()
    };
    let provenance = fitted("provenance.pt");
    assert_eq!(provenance.model.as_deref(), Some("gpt2"));
    assert_eq!(provenance.dataset.as_deref(), Some("Salesforce/wikitext"));
    assert_eq!((provenance.prompts, provenance.skipped), (Some(7), Some(16)));
    let metadata = fitted("metadata.pt");
    assert_eq!(metadata.model_revision.as_deref(), Some("main"));
    assert_eq!(metadata.skipped, Some(4));
    assert_eq!(fitted("checkpoint.pt").prompts, Some(5));
    assert_eq!(fitted("mlx.safetensors").model.as_deref(), Some("gpt2"));
}

#[test]
fn the_sha256_is_that_of_the_file() {
    use sha2::{Digest, Sha256};
    let model = load("gpt2");
    let path = of("gpt2", "jacobian.pt");
    let lens = lenses(&model, &format!("jacobian={path}")).remove(0);
    let digest = Sha256::digest(std::fs::read(path).unwrap());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(lens.artefact().unwrap().sha256(), Some(hex.as_str()));
}
