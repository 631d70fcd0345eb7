//! Lenses: what a row of the residual stream is mapped to before the final norm reads it. A lens is a file
//! here.

mod artefact;
mod choice;
mod doubt;
mod facts;
mod jacobian;
mod logit;
mod stored;
mod tuned;
mod unembed_hash;

use std::fmt;

use candle_core::{Device, Tensor};

use crate::decoder::{Decoder, Point, Site};
use crate::error::{Error, Result};

pub use artefact::{Artefact, Fitted};
pub use choice::{LensChoice, LensChoices};
pub use doubt::PromptDoubt;
pub use logit::LogitLens;

/// A map of rows before the final norm. The last block's row is the model's output under every lens, and
/// is not mapped.
pub trait Lens: fmt::Debug + Send + Sync {
    /// Its name as an option and in reports.
    fn name(&self) -> &str;

    /// What the final norm reads of `rows`, `[positions, hidden]`, all of them of one site.
    ///
    /// # Errors
    /// A site that the lens was not made for.
    fn map(&self, site: Site, rows: Tensor) -> Result<Tensor>;

    /// Whether it has a map for the rows of `site`.
    fn reads(&self, _site: Site) -> bool {
        true
    }

    /// Where its maps come from; `None` of a lens that has no parameters.
    fn artefact(&self) -> Option<&Artefact> {
        None
    }

    /// What a reader should know of it, a sentence each.
    fn doubts(&self) -> &[String] {
        &[]
    }

    /// What a reader should know of its readings at `positions` of a prompt that begins with the BOS token or
    /// does not; `None` for the last of a model that has none.
    fn doubts_of(&self, _positions: &[usize], _begins_with_bos: Option<bool>) -> Vec<PromptDoubt> {
        Vec::new()
    }
}

/// The model that a fitted lens is to read.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The hub id, or the path as given.
    pub name: &'a str,
    /// The commit hash of a hub model.
    pub revision: Option<&'a str>,
    pub decoder: &'a Decoder,
}

impl Subject<'_> {
    fn layers(&self) -> usize {
        self.decoder.blocks.len()
    }

    fn hidden(&self) -> usize {
        self.decoder.hidden
    }
}

/// Whether a site is where the lenses that are fitted are fitted: the stream after a block, or before the
/// first.
fn is_in_the_stream(site: Site) -> bool {
    matches!(site.point, Point::ResidPost | Point::Embed)
}

/// The error for a row that a lens has no map for.
pub fn no_map(lens: &dyn Lens, site: Site) -> Error {
    Error::usage(
        format!("The {} lens has no map for the row {site}.", lens.name()),
        "Read other --layers or --point, or use the logit lens alone.",
    )
}

/// Refuses rows that a lens has made infinite or no numbers of: its matrix is not finite.
fn require_finite(rows: &Tensor, artefact: &Artefact, site: Site) -> Result<()> {
    let values = rows.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
    match values.iter().all(|x| x.is_finite()) {
        true => Ok(()),
        false => Err(Error::failed(
            format!(
                "The map of the row {site} in {} gives numbers that are not finite.",
                artefact.name
            ),
            "Its matrix holds NaN or infinity, or overflows: fit or download the lens again.",
        )),
    }
}
