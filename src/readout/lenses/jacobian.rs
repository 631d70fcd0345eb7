//! The Jacobian lens (Gurnee et al. 2026): `J h` before the final norm, J the mean over prompts of what a change
//! of the row comes to in the rows after the last block, at its own position and later ones.
//!
//! Its files have a matrix for the output of each block but the last.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;

use super::facts::Facts;
use super::stored::Stored;
use super::{Artefact, Fitted, Lens, PromptDoubt, Subject, is_in_the_stream, no_map, require_finite};
use crate::decoder::{Linear, Point, Site};
use crate::error::{Error, Result, cut};
use crate::source::LensFiles;
use crate::weights::Matrix;

/// The positions at the beginning of each prompt that a fit leaves out where it does not say how many.
const SKIPPED: u64 = 16;
/// How far a matrix of the last layer may be from the identity, which it stands for.
const NEAR_IDENTITY: f32 = 1e-2;

/// A matrix for each layer but the last.
#[derive(Debug)]
struct JacobianLens {
    artefact: Artefact,
    maps: Vec<Linear>,
    /// What the products are multiplied by: of a sum over prompts, one divided by their number.
    scale: f64,
    doubts: Vec<String>,
}

impl Lens for JacobianLens {
    fn name(&self) -> &str {
        "jacobian"
    }

    fn map(&self, site: Site, rows: Tensor) -> Result<Tensor> {
        let Some(map) = self.linear(site) else {
            return Err(no_map(self, site));
        };
        let mapped = match self.scale {
            1. => map.apply(&rows)?,
            scale => (map.apply(&rows)? * scale)?,
        };
        require_finite(&mapped, &self.artefact, site)?;
        Ok(mapped)
    }

    fn reads(&self, site: Site) -> bool {
        self.linear(site).is_some()
    }

    fn artefact(&self) -> Option<&Artefact> {
        Some(&self.artefact)
    }

    fn doubts(&self) -> &[String] {
        &self.doubts
    }

    fn doubts_of(&self, positions: &[usize], begins_with_bos: Option<bool>) -> Vec<PromptDoubt> {
        let fitted = &self.artefact.fitted;
        let skipped = fitted.skipped.unwrap_or(SKIPPED);
        let early = positions.iter().find(|&&position| (position as u64) < skipped);
        let early = early.map(|&position| PromptDoubt::Early { skipped, position });
        let bos = match (begins_with_bos, fitted.bos) {
            (Some(true), Some(false)) => Some(PromptDoubt::Bos),
            (Some(false), None | Some(true)) => Some(PromptDoubt::NoBos),
            _ => None,
        };
        early.into_iter().chain(bos).collect()
    }
}

impl JacobianLens {
    fn linear(&self, site: Site) -> Option<&Linear> {
        let has_map = is_in_the_stream(site) && site.point != Point::Embed;
        has_map.then(|| self.maps.get(site.layer)).flatten()
    }
}

/// Maps the file of a Jacobian lens and checks it against the model.
///
/// # Errors
/// A file that is no Jacobian lens by the formula above, or one of another model.
pub fn load(files: &LensFiles, subject: &Subject) -> Result<Arc<dyn Lens>> {
    let stored = Stored::open(&files.weights)?;
    let facts = facts(files, &stored)?;
    check_estimator(files, &facts)?;
    check_layers(files, &facts, subject)?;
    let artefact = Artefact::new(files, fitted(&facts));
    let doubts = artefact.check_model(subject)?;
    let (matrices, scale) = matrices(files, &stored, &facts)?;
    Ok(Arc::new(JacobianLens {
        artefact,
        maps: maps(files, matrices, &facts, subject)?,
        scale,
        doubts,
    }))
}

/// What the file says of itself, then what is said of it beside it.
fn facts<'a>(files: &LensFiles, stored: &'a Stored) -> Result<Facts<'a>> {
    let own = stored.root().map(Facts::of_item).unwrap_or_default();
    Ok(match &files.description {
        Some(beside) => own.or(Facts::of_json(beside)?),
        None => own,
    })
}

fn fitted(facts: &Facts) -> Fitted {
    let text = |names: &[&str]| facts.text(names).map(str::to_string);
    let count = |names: &[&str]| facts.number(names).and_then(|n| n.try_into().ok());
    Fitted {
        model: text(&["model_name", "model_id", "hf_model_name"]),
        model_revision: text(&["model_revision"]),
        dataset: text(&["dataset_id", "corpus", "dataset"]),
        prompts: count(&["n_prompts", "n_done"]),
        skipped: count(&["skip_first", "skip_first_positions"]),
        bos: facts.flag(&["force_bos", "add_bos_token", "add_bos", "bos"]),
    }
}

/// Refuses matrices that are something else than the formula's.
fn check_estimator(files: &LensFiles, facts: &Facts) -> Result<()> {
    if facts.has("n_proj") {
        return Err(refused(
            files,
            "is an estimate by random projections (n_proj), not the mean of Jacobians",
        ));
    }
    let expected = [
        ("estimator", ["jacobian_lens", "jacobian"]),
        ("capture_point", ["block_output", "resid_post"]),
        ("stream_reduce", ["none", "none"]),
    ];
    for (name, known) in expected {
        if let Some(theirs) = facts.text(&[name]).filter(|theirs| !known.contains(theirs)) {
            return Err(refused(
                files,
                &format!(
                    "was fitted with the {name} {}, and lens reads {}",
                    cut(theirs),
                    known[0]
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses sizes and a target that are not this model's.
fn check_layers(files: &LensFiles, facts: &Facts, subject: &Subject) -> Result<()> {
    let last = subject.layers() as i64 - 1;
    if let Some(target) = facts.number(&["target_layer"])
        && target != last
        && target != -1
    {
        return Err(refused(
            files,
            &format!("leads to layer {target} (target_layer), and the model's last is {last}"),
        ));
    }
    let sizes = [("d_model", subject.hidden()), ("n_layers", subject.layers())];
    match facts.other_size(&sizes) {
        Some(how) => Err(refused(files, &how)),
        None => Ok(()),
    }
}

/// The matrices by layer, and what their products are multiplied by.
fn matrices(files: &LensFiles, stored: &Stored, facts: &Facts) -> Result<(BTreeMap<i64, Matrix>, f64)> {
    let is_in = |part: &str| stored.root().is_some_and(|root| root.get(part).is_some());
    let (part, scale) = match (is_in("J"), is_in("jacobian_sum")) {
        (false, true) => match facts.number(&["n_done"]) {
            Some(count @ 1..) => (Some("jacobian_sum"), 1. / count as f64),
            _ => return Err(refused(files, "is a sum over no prompts (n_done)")),
        },
        (false, false) if stored.root().is_some() => {
            return Err(refused(
                files,
                "has neither J nor jacobian_sum, the matrices by layer",
            ));
        }
        _ => (Some("J"), 1.),
    };
    let mut matrices = BTreeMap::new();
    for (name, tensor) in stored.tensors(part) {
        let Ok(layer) = name.parse::<i64>() else {
            return Err(refused(
                files,
                &format!("has the matrix {}, which is no layer's number", cut(&name)),
            ));
        };
        matrices.insert(layer, tensor.matrix(&name)?);
    }
    Ok((matrices, scale))
}

/// A map for each layer but the last, in their order.
fn maps(
    files: &LensFiles,
    mut matrices: BTreeMap<i64, Matrix>,
    facts: &Facts,
    subject: &Subject,
) -> Result<Vec<Linear>> {
    let hidden = subject.hidden();
    let last = subject.layers() as i64 - 1;
    let layers: Vec<i64> = matrices.keys().copied().collect();
    if facts.numbers("source_layers").is_some_and(|mut named| {
        named.sort_unstable();
        named != layers
    }) {
        return Err(refused(files, "has other matrices than its source_layers name"));
    }
    for (layer, matrix) in &matrices {
        if [matrix.outputs(), matrix.inputs()] != [hidden, hidden] {
            let shape = [matrix.outputs(), matrix.inputs()];
            return Err(refused(
                files,
                &format!(
                    "has for layer {layer} a matrix of the shape {shape:?}, and the model's is [{hidden}, {hidden}]"
                ),
            ));
        }
    }
    if let Some(matrix) = matrices.remove(&last)
        && !is_identity(&matrix)
    {
        return Err(refused(
            files,
            &format!(
                "has a matrix for the last layer, {last}, that is not the identity, as lenses of parts of a block have"
            ),
        ));
    }
    let missing = (0..last).find(|layer| !matrices.contains_key(layer));
    if let Some(missing) = missing {
        return Err(refused(files, &format!("has no matrix for layer {missing}")));
    }
    if let Some(more) = matrices.keys().find(|layer| !(0..last).contains(*layer)) {
        return Err(refused(
            files,
            &format!("has a matrix for layer {more}, and the model's last layer is {last}"),
        ));
    }
    let linear = |weight| Linear { weight, bias: None };
    Ok(matrices.into_values().map(linear).collect())
}

fn is_identity(matrix: &Matrix) -> bool {
    let size = matrix.inputs();
    (0..size).all(|i| {
        let row = matrix.view().f32s(i * size..(i + 1) * size);
        let wanted = |j: usize| if i == j { 1. } else { 0. };
        row.iter()
            .enumerate()
            .all(|(j, x)| (x - wanted(j)).abs() <= NEAR_IDENTITY)
    })
}

fn refused(files: &LensFiles, how: &str) -> Error {
    Error::failed(
        format!("The Jacobian lens {} {how}.", files.name),
        "Use a Jacobian lens that was fitted on this model, from the output of each block to the last's.",
    )
}
