//! The rows of the residual stream themselves, as safetensors, for probes.
//!
//! One file holds all prompts: a tensor for each point read, `[positions, layers, hidden]` in float32, the rows
//! before the final norm as the first lens maps them, and for each other lens those as it maps them
//! (`tuned.resid_post`); `prompt` and `position` say which position of which prompt each is of, `token` which token
//! stands there. The metadata has the model, the layers and the prompts.

use std::collections::HashMap;
use std::io::Write;

use candle_core::DType;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

use super::{Content, Document, Failure, Format, Report, Result, Sheet, no_picture};
use crate::analysis::statistics::Statistics;
use crate::decoder::Point;
use crate::error::Error;
use crate::lens::{Follow, Trajectory};

/// One file of all prompts.
pub const ROWS: Format = Format {
    name: "safetensors",
    aliases: &["rows"],
    help: "The rows read, before the final norm, for probes",
    endings: &["safetensors"],
    content: Content::Binary,
    single: false,
    reads: true,
    reads_all_positions: |_| false,
    follow: |_| Follow::Nothing,
    statistics: |_| Statistics::none(),
    settings: |_| &[],
    sheets: false,
    report: |_| Box::new(Rows::default()),
};

/// The rows of all prompts so far.
#[derive(Default)]
struct Rows {
    points: Vec<PointRows>,
    prompts: Vec<serde_json::Value>,
    prompt: Vec<i64>,
    position: Vec<i64>,
    token: Vec<i64>,
    hidden: usize,
    model: Vec<(&'static str, String)>,
}

/// Those at one point under one lens.
struct PointRows {
    /// The lens's number among those of the run.
    lens: usize,
    point: Point,
    /// The tensor's name.
    name: String,
    layers: Vec<usize>,
    /// `[positions, layers, hidden]`, little-endian float32.
    bytes: Vec<u8>,
}

impl Report for Rows {
    fn document(&mut self, document: &Document, _out: &mut dyn Write) -> Result<()> {
        let trajectory = document.trajectory;
        if self.points.is_empty() {
            self.begin(document);
        }
        for (lens, read) in trajectory.of_each_lens().enumerate() {
            let rows = kept(read)?;
            for of in self.points.iter_mut().filter(|of| of.lens == lens) {
                for rows in &rows {
                    for (nth, _) in read.at_point(of.point) {
                        self.hidden = rows[nth].len();
                        of.bytes.extend(rows[nth].iter().flat_map(|x| x.to_le_bytes()));
                    }
                }
            }
        }
        for &position in &trajectory.positions {
            self.prompt.push(self.prompts.len() as i64);
            self.position.push(position as i64);
            self.token.push(i64::from(trajectory.prompt.ids[position]));
        }
        self.prompts.push(json!({
            "id": document.id,
            "text": trajectory.prompt.text,
            "input_ids": trajectory.prompt.ids,
        }));
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        let failed = |error: safetensors::SafeTensorError| {
            Failure::Report(Error::failed(
                format!("The rows cannot be written as safetensors: {error}."),
                "This is a defect worth reporting.",
            ))
        };
        let count = self.position.len();
        let bytes = |numbers: &[i64]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_le_bytes()).collect() };
        let numbers = [
            ("prompt", bytes(&self.prompt)),
            ("position", bytes(&self.position)),
            ("token", bytes(&self.token)),
        ];
        let mut tensors = Vec::new();
        for of in &self.points {
            let shape = vec![count, of.layers.len(), self.hidden];
            let view = TensorView::new(Dtype::F32, shape, &of.bytes).map_err(failed)?;
            tensors.push((of.name.as_str(), view));
        }
        for (name, bytes) in &numbers {
            tensors.push((
                name,
                TensorView::new(Dtype::I64, vec![count], bytes).map_err(failed)?,
            ));
        }
        let file = safetensors::tensor::serialize(tensors, Some(self.metadata())).map_err(failed)?;
        Ok(out.write_all(&file)?)
    }

    fn sheet(&mut self, _sheet: &Sheet, _out: &mut dyn Write) -> Result<()> {
        Err(no_picture(&ROWS))
    }
}

/// The rows of a trajectory, `[positions][rows][hidden]`.
fn kept(read: &Trajectory) -> Result<Vec<Vec<Vec<f32>>>> {
    let Some(hidden) = &read.hidden else {
        return Err(Failure::Report(Error::failed(
            "The rows to write were not kept.",
            "Read the prompts with Request::keep_rows.",
        )));
    };
    let hidden = hidden.to_dtype(DType::F32).map_err(Error::from)?;
    Ok(hidden.to_vec3().map_err(Error::from)?)
}

impl Rows {
    fn begin(&mut self, document: &Document) {
        let card = document.card;
        for (lens, read) in document.trajectory.of_each_lens().enumerate() {
            for point in Point::ALL {
                let layers: Vec<usize> = read.at_point(point).map(|(_, row)| row.site.layer).collect();
                let name = match lens {
                    0 => point.name().to_string(),
                    _ => format!("{}.{}", read.lens.name(), point.name()),
                };
                if !layers.is_empty() {
                    self.points.push(PointRows {
                        lens,
                        point,
                        name,
                        layers,
                        bytes: Vec::new(),
                    });
                }
            }
        }
        self.model = vec![
            ("model", card.name.clone()),
            ("revision", card.revision.clone().unwrap_or_default()),
            ("dtype", card.held.to_string()),
            ("compute_dtype", card.computed.to_string()),
            ("lens", document.trajectory.lens.name().to_string()),
        ];
        if let Some(engine) = &card.engine {
            let dtype = engine.dtype().unwrap_or("unknown");
            self.model.push(("engine", format!("{engine} in {dtype}")));
        }
    }

    fn metadata(&self) -> HashMap<String, String> {
        let layers = self.points.iter().map(|of| {
            let layers = if of.point == Point::Embed {
                json!([])
            } else {
                json!(of.layers)
            };
            (format!("layers.{}", of.name), layers.to_string())
        });
        let model = self
            .model
            .iter()
            .map(|(key, value)| (key.to_string(), value.clone()));
        let more = [
            ("prompts", json!(self.prompts).to_string()),
            ("tool", "lens".to_string()),
            ("tool_version", env!("CARGO_PKG_VERSION").to_string()),
            (
                "axes",
                "[position, layer, hidden]; layer i is the output of block i, before the final norm"
                    .to_string(),
            ),
        ];
        let more = more.map(|(key, value)| (key.to_string(), value));
        layers.chain(model).chain(more).collect()
    }
}
