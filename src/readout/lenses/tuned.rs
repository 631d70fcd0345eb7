//! The tuned lens (Belrose et al. 2023): `h + W h + b` before the final norm, a W and b fitted for each layer.
//!
//! Translator i of its files reads the *input* of block i: the row of layer i − 1, and of `embed` for 0.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;

use super::facts::Facts;
use super::stored::{self, Stored};
use super::{Artefact, Fitted, Lens, Subject, is_in_the_stream, no_map, require_finite, unembed_hash};
use crate::decoder::{Linear, Point, Site};
use crate::error::{Error, Result, cut};
use crate::source::LensFiles;

/// A translator for the input of each block.
#[derive(Debug)]
struct TunedLens {
    artefact: Artefact,
    /// By the block whose input they read.
    translators: Vec<Linear>,
    doubts: Vec<String>,
}

impl Lens for TunedLens {
    fn name(&self) -> &str {
        "tuned"
    }

    fn map(&self, site: Site, rows: Tensor) -> Result<Tensor> {
        let Some(translator) = self.translator(site) else {
            return Err(no_map(self, site));
        };
        let mapped = (&rows + translator.apply(&rows)?)?;
        require_finite(&mapped, &self.artefact, site)?;
        Ok(mapped)
    }

    fn reads(&self, site: Site) -> bool {
        self.translator(site).is_some()
    }

    fn artefact(&self) -> Option<&Artefact> {
        Some(&self.artefact)
    }

    fn doubts(&self) -> &[String] {
        &self.doubts
    }
}

impl TunedLens {
    fn translator(&self, site: Site) -> Option<&Linear> {
        let block = match site.point {
            Point::Embed => 0,
            _ => site.layer + 1,
        };
        is_in_the_stream(site)
            .then(|| self.translators.get(block))
            .flatten()
    }
}

/// Maps the files of a tuned lens and checks them against the model.
///
/// # Errors
/// Files that are no tuned lens, or one of another model.
pub fn load(files: &LensFiles, subject: &Subject) -> Result<Arc<dyn Lens>> {
    let facts = match &files.description {
        Some(config) => Facts::of_json(config)?,
        None => Facts::default(),
    };
    check_config(files, &facts, subject)?;
    let artefact = Artefact::new(
        files,
        Fitted {
            model: facts.text(&["base_model_name_or_path"]).map(str::to_string),
            model_revision: facts.text(&["base_model_revision"]).map(str::to_string),
            ..Fitted::default()
        },
    );
    let mut doubts = artefact.check_model(subject)?;
    let stored = Stored::open(&files.weights)?;
    let mut tensors = stored.tensors(None);
    let has_bias = facts.flag(&["bias"]).unwrap_or(true);
    let translators = translators(files, &mut tensors, has_bias, subject)?;
    if let Some(other) = tensors.keys().next() {
        doubts.push(format!(
            "{} holds {other} beside its translators, as older files do, which is not read: the model's own \
             unembedding is.",
            files.name
        ));
    }
    // The second spelling is that of older files.
    let hash = facts.text(&["unembed_hash", "unemebd_hash"]);
    doubts.extend(hash.and_then(|hash| other_unembedding(files, hash, subject)));
    Ok(Arc::new(TunedLens {
        artefact,
        translators,
        doubts,
    }))
}

/// Refuses what config.json says that is not so of this model, or of a lens of this kind.
fn check_config(files: &LensFiles, facts: &Facts, subject: &Subject) -> Result<()> {
    if let Some(kind) = facts
        .text(&["lens_type"])
        .filter(|kind| *kind != "linear_tuned_lens")
    {
        return Err(refused(
            files,
            &format!("is a lens of the type {}, not linear_tuned_lens", cut(kind)),
        ));
    }
    let sizes = [
        ("d_model", subject.hidden()),
        ("num_hidden_layers", subject.layers()),
    ];
    match facts.other_size(&sizes) {
        Some(how) => Err(refused(files, &how)),
        None => Ok(()),
    }
}

/// The translators, taken from `tensors`: one for each block.
fn translators(
    files: &LensFiles,
    tensors: &mut BTreeMap<String, stored::Tensor>,
    has_bias: bool,
    subject: &Subject,
) -> Result<Vec<Linear>> {
    let hidden = subject.hidden();
    let mut translators = Vec::new();
    for block in 0..subject.layers() {
        let name = format!("{block}.weight");
        let Some(tensor) = tensors.remove(&name) else {
            return Err(refused(
                files,
                &format!(
                    "has no translator {block}, and the model's {} layers need one each",
                    subject.layers()
                ),
            ));
        };
        let weight = tensor.matrix(&name)?;
        if [weight.outputs(), weight.inputs()] != [hidden, hidden] {
            let shape = [weight.outputs(), weight.inputs()];
            return Err(refused(
                files,
                &format!("has {name} of the shape {shape:?}, and the model's is [{hidden}, {hidden}]"),
            ));
        }
        let name = format!("{block}.bias");
        let bias = match (tensors.remove(&name), has_bias) {
            (Some(tensor), true) => Some(tensor.vector(&name)?),
            (None, false) => None,
            (Some(_), false) => {
                return Err(refused(
                    files,
                    &format!("has {name}, but no biases by its config.json"),
                ));
            }
            (None, true) => return Err(refused(files, &format!("has no {name}"))),
        };
        if bias.as_ref().is_some_and(|bias| bias.values().len() != hidden) {
            return Err(refused(
                files,
                &format!("has {name} of another length than {hidden}"),
            ));
        }
        translators.push(Linear { weight, bias });
    }
    let is_translator = |name: &&String| {
        let number = name.strip_suffix(".weight").or(name.strip_suffix(".bias"));
        number.is_some_and(|number| number.parse::<usize>().is_ok())
    };
    match tensors.keys().find(is_translator) {
        Some(more) => Err(refused(
            files,
            &format!("has {more}, and the model has only {} layers", subject.layers()),
        )),
        None => Ok(translators),
    }
}

/// What there is to say where the lens was fitted with another unembedding.
fn other_unembedding(files: &LensFiles, hash: &str, subject: &Subject) -> Option<String> {
    let ours = unembed_hash::of(&subject.decoder.unembed.head)?;
    (!ours.eq_ignore_ascii_case(hash)).then(|| {
        format!(
            "{} was fitted with another unembedding than this model's (unembed_hash {}…, here {}…).",
            files.name,
            hash.chars().take(8).collect::<String>(),
            &ours[..8]
        )
    })
}

fn refused(files: &LensFiles, how: &str) -> Error {
    Error::failed(
        format!("The tuned lens {} {how}.", files.name),
        "Use a tuned lens that was fitted on this model.",
    )
}
