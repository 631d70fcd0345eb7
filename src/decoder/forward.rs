//! The forward pass, and where it lets one look.

use std::fmt;

use candle_core::{DType, Device, Tensor};

use super::parts::{KeysValues, Tokens, add};
use super::{Block, Decoder, Norm, Projections, Residual};
use crate::error::Result;
use crate::weights::Matrix;

/// Prompts that go through each block together, without padding.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    ids: Vec<u32>,
    lengths: Vec<usize>,
}

/// What the blocks keep of a prompt's first tokens, so that those which come after them need no more than
/// their own rows: each block's keys and values. An empty one is the beginning of a prompt.
#[derive(Debug, Default)]
pub struct Past {
    blocks: Vec<KeysValues>,
}

impl Past {
    /// How many tokens went through.
    pub fn tokens(&self) -> usize {
        self.blocks.first().map_or(0, |block| block.tokens)
    }
}

impl Batch {
    /// Adds a prompt of one or more token ids.
    pub fn push(&mut self, ids: &[u32]) {
        self.ids.extend_from_slice(ids);
        self.lengths.push(ids.len());
    }

    /// The number of tokens of each prompt, in order.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The token ids of each prompt, in order.
    pub fn prompts(&self) -> Vec<&[u32]> {
        let mut rest = self.ids.as_slice();
        let mut prompt = |&length: &usize| {
            let (prompt, after) = rest.split_at(length);
            rest = after;
            prompt
        };
        self.lengths.iter().map(&mut prompt).collect()
    }

    /// The number of tokens of all prompts.
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// Each token's position in its own prompt, the first of them `first`.
    fn positions(&self, first: u32) -> Vec<u32> {
        (self.lengths.iter())
            .flat_map(|&n| first..first + n as u32)
            .collect()
    }
}

/// Which tokens the rows are that go through the blocks.
enum Rows<'a> {
    /// Those of whole prompts of these lengths.
    Prompts(&'a [usize]),
    /// Those after these.
    After(&'a mut Past),
}

impl Rows<'_> {
    /// The same, for one block.
    fn of_block(&mut self, layer: usize) -> Tokens<'_> {
        match self {
            Self::Prompts(lengths) => Tokens::Prompts(lengths),
            Self::After(past) => Tokens::After(&mut past.blocks[layer]),
        }
    }
}

/// A place in a block (or before all) where the hook is handed a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// The residual stream before block 0.
    Embed,
    /// What the block's attention adds.
    AttnOut,
    /// The residual stream after the block's attention, before its MLP. Where attention and MLP
    /// run side by side, the stream with the attention's output alone.
    ResidMid,
    /// What the block's MLP adds.
    MlpOut,
    /// The residual stream after the block.
    ResidPost,
}

impl Point {
    /// Every point, in the order of the forward pass.
    pub const ALL: [Self; 5] = [
        Self::Embed,
        Self::AttnOut,
        Self::ResidMid,
        Self::MlpOut,
        Self::ResidPost,
    ];

    /// Its name in options, JSON and CSV.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::AttnOut => "attn_out",
            Self::ResidMid => "resid_mid",
            Self::MlpOut => "mlp_out",
            Self::ResidPost => "resid_post",
        }
    }
}

/// A point of a certain block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Site {
    /// The block, from 0; 0 also for [`Point::Embed`].
    pub layer: usize,
    pub point: Point,
}

impl Site {
    /// Whether its row is the output of a model of so many `layers`.
    pub fn is_output(self, layers: usize) -> bool {
        self.point == Point::ResidPost && self.layer + 1 == layers
    }
}

/// A row's label, as the field writes it: `embed`, `3`, `3_mid`, `3_attn_out`, `3_mlp_out`.
impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = self.layer;
        match self.point {
            Point::Embed => f.pad("embed"),
            Point::ResidPost => f.pad(&layer.to_string()),
            Point::ResidMid => f.pad(&format!("{layer}_mid")),
            Point::AttnOut => f.pad(&format!("{layer}_attn_out")),
            Point::MlpOut => f.pad(&format!("{layer}_mlp_out")),
        }
    }
}

/// Is handed the tensor `[tokens, hidden]` at each site, in the order in which they come to be, and hands
/// back the one to go on with: the same, or a changed one of the same shape.
pub type Hook<'a> = dyn FnMut(Site, Tensor) -> Result<Tensor> + 'a;

impl Decoder {
    /// Runs the batch through all blocks in float32, by way of `hook` at each site. The last
    /// [`Point::ResidPost`] is what the model's own final norm and unembedding would read.
    pub fn forward(&self, batch: &Batch, device: &Device, hook: &mut Hook) -> Result<()> {
        self.forward_in(DType::F32, batch, device, hook)
    }

    /// The same with the stream in `dtype`. Float64 on the CPU shares no kernel with float32.
    pub fn forward_in(&self, dtype: DType, batch: &Batch, device: &Device, hook: &mut Hook) -> Result<()> {
        let stream = self.embed(dtype, batch, device)?;
        self.run(stream, Rows::Prompts(batch.lengths()), hook)
    }

    /// Runs the tokens `ids` that come after those of `past`, and keeps what is kept of them there too.
    /// On the CPU, in float32.
    ///
    /// # Errors
    /// Those of `hook`.
    pub fn forward_after(&self, past: &mut Past, ids: &[u32], hook: &mut Hook) -> Result<()> {
        let mut batch = Batch::default();
        batch.push(ids);
        let stream = self.embed_from(DType::F32, &batch, past.tokens() as u32, &Device::Cpu)?;
        past.blocks.resize_with(self.blocks.len(), KeysValues::default);
        self.run(stream, Rows::After(past), hook)
    }

    /// Whether what is kept of a prompt of `from` tokens is still true of it when it has `to`. Some ways of
    /// stretching rotary positions turn every token anew.
    pub fn can_continue(&self, from: usize, to: usize) -> bool {
        let rotary = self
            .blocks
            .iter()
            .filter_map(|block| block.attention.rotary.as_ref());
        rotary
            .map(|rotary| &rotary.frequencies)
            .all(|f| f.outlast(from, to))
    }

    /// The stream before block 0 through all blocks.
    fn run(&self, stream: Tensor, mut rows: Rows, hook: &mut Hook) -> Result<()> {
        let embed = Site {
            layer: 0,
            point: Point::Embed,
        };
        let mut stream = hook(embed, stream)?;
        let device = stream.device().clone();
        let bring = |layer: usize| match self.blocks.get(layer) {
            Some(block) => block
                .matrices()
                .into_iter()
                .try_for_each(|matrix| matrix.bring(&device)),
            None => Ok(()),
        };
        bring(0)?;
        for (layer, block) in self.blocks.iter().enumerate() {
            let next = self
                .blocks
                .get(layer + 1)
                .map_or(vec![&self.unembed.head], Block::matrices);
            next.into_iter().for_each(|matrix| matrix.view().will_need());
            stream = block.forward(&stream, rows.of_block(layer), &mut |point, tensor| {
                hook(Site { layer, point }, tensor)
            })?;
            bring(layer + 1)?;
            block
                .matrices()
                .into_iter()
                .for_each(|matrix| matrix.view().done_with());
        }
        Ok(())
    }

    /// The residual stream before block 0, `[tokens, hidden]`.
    pub fn embed(&self, dtype: DType, batch: &Batch, device: &Device) -> Result<Tensor> {
        self.embed_from(dtype, batch, 0, device)
    }

    /// The same, of prompts from their position `first` on.
    fn embed_from(&self, dtype: DType, batch: &Batch, first: u32, device: &Device) -> Result<Tensor> {
        let embedding = &self.embedding;
        let mut rows = embedding.tokens.rows(&batch.ids, device)?.to_dtype(dtype)?;
        if embedding.scale != 1. {
            rows = (rows * embedding.scale)?;
        }
        if let Some(project) = &embedding.project {
            rows = project.apply(&rows)?;
        }
        if let Some(positions) = &embedding.positions {
            let at = batch.positions(positions.offset + first);
            rows = add(&rows, &positions.table.rows(&at, device)?.to_dtype(dtype)?)?;
        }
        normed(&embedding.norm, rows)
    }
}

impl Block {
    /// The weight matrices, in the order of their use.
    fn matrices(&self) -> Vec<&Matrix> {
        let mut linears = match &self.attention.projections {
            Projections::Separate { q, k, v } => vec![q, k, v],
            Projections::Fused { qkv, .. } => vec![qkv],
        };
        linears.push(&self.attention.output);
        linears.extend(&self.mlp.gate);
        linears.extend([&self.mlp.up, &self.mlp.down]);
        linears.into_iter().map(|linear| &linear.weight).collect()
    }

    fn forward(
        &self,
        stream: &Tensor,
        tokens: Tokens,
        hook: &mut dyn FnMut(Point, Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (branch_post, sum_post) = match self.residual {
            Residual::NormedSums => ([&None, &None], [&self.attention_post_norm, &self.mlp_post_norm]),
            _ => ([&self.attention_post_norm, &self.mlp_post_norm], [&None, &None]),
        };
        let read = normed(&self.attention_norm, stream.clone())?;
        let attn_out = normed(branch_post[0], self.attention.apply(&read, tokens)?)?;
        let attn_out = hook(Point::AttnOut, self.scaled(attn_out)?)?;
        let resid_mid = normed(sum_post[0], add(stream, &attn_out)?)?;
        let resid_mid = hook(Point::ResidMid, resid_mid)?;
        let read = match self.residual {
            Residual::Sequential | Residual::NormedSums => normed(&self.mlp_norm, resid_mid.clone())?,
            Residual::Parallel => normed(&self.mlp_norm, stream.clone())?,
            Residual::Shared => read,
        };
        let mlp_out = normed(branch_post[1], self.mlp.apply(&read)?)?;
        let mlp_out = hook(Point::MlpOut, self.scaled(mlp_out)?)?;
        hook(Point::ResidPost, normed(sum_post[1], add(&resid_mid, &mlp_out)?)?)
    }

    fn scaled(&self, branch: Tensor) -> Result<Tensor> {
        match self.branch_scale {
            1. => Ok(branch),
            scale => Ok((branch * scale)?),
        }
    }
}

/// The rows through a norm, if there is one.
fn normed(norm: &Option<Norm>, rows: Tensor) -> Result<Tensor> {
    match norm {
        Some(norm) => norm.apply(&rows),
        None => Ok(rows),
    }
}
