//! A Python script that makes the same readings with nnsight: a way out where a server speaks in another way than
//! lens does, and a control where it does not. Nothing is computed to write it.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::{Content, Document, Format, Report, Result, Setting, Sheet, no_picture};
use crate::analysis::statistics::Statistics;
use crate::error::Error;
use crate::lens::Follow;
use crate::model::Card;
use crate::source::{DEMO, is_on_the_hub};
use crate::text::targets::Target;

/// One script for all prompts.
pub const SCRIPT: Format = Format {
    name: "script",
    aliases: &["nnsight"],
    help: "A Python script of the same run with nnsight; runs nothing here",
    endings: &["py"],
    content: Content::Text,
    single: false,
    reads: false,
    reads_all_positions: |_| false,
    follow: |_| Follow::Nothing,
    statistics: |_| Statistics::none(),
    settings: |_| &[Setting::TopK, Setting::Track],
    sheets: false,
    report: |presentation| {
        Box::new(Script {
            top_k: presentation.top_k,
            prompts: Vec::new(),
            about: None,
        })
    },
};

struct Script {
    top_k: usize,
    /// Of each prompt its tokens, positions and targets, as Python has them.
    prompts: Vec<String>,
    about: Option<About>,
}

/// What all prompts share.
struct About {
    card: Card,
    layers: Vec<usize>,
}

impl Report for Script {
    fn document(&mut self, document: &Document, _: &mut dyn Write) -> Result<()> {
        let trajectory = document.trajectory;
        if let Some(target) = trajectory.targets.iter().find(|target| target.sequence) {
            return Err(Error::usage(
                format!(
                    "A script reads one token of a target, and {} is several in a row.",
                    target.name
                ),
                "Add --first-token, or read it with lens.",
            )
            .into());
        }
        let target = |target: &Target| json!([target.name, target.ids]);
        let targets: Vec<_> = trajectory.targets.iter().map(target).collect();
        self.prompts.push(format!(
            "    ({}, {}, {}),",
            json!(trajectory.prompt.ids),
            json!(trajectory.positions),
            json!(targets)
        ));
        self.about.get_or_insert_with(|| About {
            card: document.card.clone(),
            layers: trajectory.layers().map(|row| row.site.layer).collect(),
        });
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        let Some(About { card, layers }) = &self.about else {
            return Ok(());
        };
        if card.name == DEMO || !(is_on_the_hub(&card.name) || Path::new(&card.name).is_dir()) {
            return Err(Error::failed(
                format!("transformers loads no model from {}.", card.name),
                "Give --model a name of the hub, or a directory with config.json and safetensors.",
            )
            .into());
        }
        let Some(names) = card.modules else {
            return Err(Error::failed(
                format!(
                    "lens does not know the names of the modules of {} in Python.",
                    card.family
                ),
                "Write the script by hand, or read the model with lens.",
            )
            .into());
        };
        let (prompts, k) = (self.prompts.join("\n"), self.top_k.min(card.vocabulary));
        let attention = match names.plain_attention {
            true => ", attn_implementation=\"eager\"",
            false => "",
        };
        let [model, revision, layers] = [json!(card.name), json!(card.revision), json!(layers)];
        let revision = if card.revision.is_some() {
            revision.to_string()
        } else {
            "None".to_string()
        };
        let (blocks, norm, head) = (names.blocks, names.norm, names.head);
        write!(
            out,
            r#"# A logit lens with nnsight (https://nnsight.net), of the run that lens was asked for.
# The rows after blocks are read, not the one before block 0.
# pip install "nnsight==0.8.*" transformers; NDIF_API_KEY holds the key for REMOTE.
import json

import nnsight
import torch
from nnsight.modeling.transformers import TransformersModel

REMOTE = True  # False runs the model on this machine
TOP_K = {k}
LAYERS = {layers}
# Of each prompt the token ids, the positions to read, and the targets: a name and token ids.
PROMPTS = [
{prompts}
]

model = TransformersModel({model}, revision={revision}, task="text-generation"{attention})
cap = getattr(model.config, "final_logit_softcapping", None)
scale = (getattr(model.config, "logit_scale", None) or 1) / (getattr(model.config, "logits_scaling", None) or 1)

for ids, positions, targets in PROMPTS:
    with model.trace(ids, remote=REMOTE):
        rows = []
        for layer in LAYERS:
            h = model.{blocks}[layer].output
            h = h[0] if isinstance(h, tuple) else h
            h = h.reshape(-1, h.shape[-1])[positions]
            z = model.{head}(model.{norm}(h)).float() * scale
            z = z if cap is None else cap * torch.tanh(z / cap)
            p = torch.log_softmax(z.double(), -1)
            top = torch.topk(p, TOP_K)
            said = [[name, p[:, tokens].exp().sum(-1).tolist()] for name, tokens in targets]
            rows.append([top.indices.tolist(), top.values.exp().tolist(), said])
        saved = nnsight.save(json.dumps(rows))
    print("prompt:", repr(model.tokenizer.decode(ids)))
    for layer, (tokens, probs, said) in zip(LAYERS, json.loads(saved)):
        for at, position in enumerate(positions):
            top = [f"{{model.tokenizer.decode([token])!r}} {{prob:.1%}}" for token, prob in zip(tokens[at], probs[at])]
            top += [f"{{name}}: {{prob[at]:.1%}}" for name, prob in said]
            print(f"layer {{layer:>3}}, position {{position}}:", "  ".join(top))
"#
        )?;
        Ok(())
    }

    fn sheet(&mut self, _: &Sheet, _: &mut dyn Write) -> Result<()> {
        Err(no_picture(&SCRIPT))
    }
}
