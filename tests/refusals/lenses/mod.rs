//! Lenses that are none, or not the model's; and files of torch's that hold something else than tensors.

mod archives;
mod doubts;
mod matrices;
#[cfg(target_os = "linux")]
mod memory;
mod translators;
mod written;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use logit_lens::error::Result;
use logit_lens::model::Model;
use logit_lens::readout::lenses::{Lens, LensChoice};
use logit_lens::source::HubOptions;

use crate::support::fixture;

fn of_gpt2(file: &str) -> PathBuf {
    fixture("lenses").join("gpt2").join(file)
}

fn jacobian(model: &Model, path: &Path) -> Result<Arc<dyn Lens>> {
    LensChoice::Jacobian(Some(path.display().to_string())).load(&model.subject(), &HubOptions::default())
}

fn tuned(model: &Model, path: &Path) -> Result<Arc<dyn Lens>> {
    LensChoice::Tuned(Some(path.display().to_string())).load(&model.subject(), &HubOptions::default())
}
