//! The logit lens (nostalgebraist 2020): the model's own unembedding of the row as it is.

use candle_core::Tensor;

use super::Lens;
use crate::decoder::Site;
use crate::error::Result;

/// The identity.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogitLens;

impl Lens for LogitLens {
    fn name(&self) -> &str {
        "logit"
    }

    fn map(&self, _: Site, rows: Tensor) -> Result<Tensor> {
        Ok(rows)
    }
}
