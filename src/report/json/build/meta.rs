//! What it takes to reproduce the readings.

use chrono::{SecondsFormat, Utc};

use super::Builder;
use crate::report::json::document::{Engine, LensMeta, Meta, SCHEMA_VERSION};

impl<'a> Builder<'a> {
    pub(super) fn meta(&self) -> Meta {
        let card = self.document.card;
        Meta {
            version: 2,
            schema_version: SCHEMA_VERSION,
            timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            model: card.name.clone(),
            revision: card.revision.clone(),
            prompt: self.document.trajectory.prompt.text.clone(),
            tool: "lens".to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
            family: card.family.clone(),
            parameters: card.parameters,
            n_layers: card.layers,
            vocabulary: card.vocabulary,
            parallel: card.parallel,
            device: card.device.clone(),
            engine: card.engine.as_ref().map(Engine::from),
            dtype: card.held.to_string(),
            file_dtype: card.stored.to_string(),
            compute_dtype: card.computed.to_string(),
            layer_convention: "layer i is the output of block i; embed is the residual stream before block 0"
                .to_string(),
            rank_base: 1,
            log_base: "e".to_string(),
            lenses: LensMeta::of_each(
                (self.document.trajectory.of_each_lens()).map(|read| read.lens.as_ref()),
            ),
        }
    }
}
