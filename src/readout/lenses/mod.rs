//! Lenses: what a row of the residual stream is mapped to before the final norm reads it. A lens is a file
//! here.

mod logit;

use std::fmt;

use candle_core::Tensor;

use crate::decoder::Site;
use crate::error::Result;

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
}
