//! The tensors of a checkpoint, where they lie and checked, never copied as a whole.

mod blocks;
mod matrix;
mod pages;
mod scaled;
mod single;
pub mod torch;
mod truncation;
mod view;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use safetensors::SafeTensors;

use crate::error::{Error, Result};
use crate::source::{Asset, Outline, Storage, gguf};
use scaled::Scales;

pub use blocks::BlockType;
pub use matrix::{Layout, Matrix, Vector};
pub use scaled::Tile;
pub use single::TensorFile;
pub use truncation::on_cut_short;
pub use view::{DType, View};

/// All tensors of one checkpoint by name, over its files.
///
/// A decoder takes what it needs with [`Weights::matrix`] and [`Weights::vector`], which check the
/// shape; [`Weights::finish`] then refuses a checkpoint that holds more than was taken.
#[derive(Debug)]
pub struct Weights {
    tensors: BTreeMap<String, View>,
    taken: RefCell<BTreeSet<String>>,
    /// The type that weights are to be held in; `None`: as the file has them.
    requested: Option<DType>,
    layout: gguf::Layout,
    /// How scales of 8-bit floats are shared.
    tile: Option<Tile>,
    /// The files, where they are so small that all of them is read at once.
    small: Vec<Storage>,
}

impl Weights {
    /// Maps the files and reads their headers. No tensor data is read.
    ///
    /// # Errors
    /// A file that cannot be mapped, is not safetensors, is cut short, or repeats a tensor of another.
    pub fn open(assets: &[Asset], requested: Option<DType>) -> Result<Self> {
        if assets.iter().any(gguf::is_gguf_asset) {
            return Self::open_gguf(&gguf::Gguf::open(assets)?, requested);
        }
        let mut files = Vec::new();
        for asset in assets {
            files.push((asset, Storage::open(asset)?));
        }
        let streamed = files.iter().map(|(_, file)| file.len()).sum::<usize>() > pages::STREAMED;
        let mut tensors = BTreeMap::new();
        for (asset, file) in &files {
            for (name, view) in views(asset, file, streamed)? {
                if tensors.insert(name.clone(), view).is_some() {
                    return Err(Error::failed(
                        format!("The tensor {name} is in {asset} and in another shard."),
                        "Fetch the checkpoint again; each tensor should be in one file.",
                    ));
                }
            }
        }
        let files = files.into_iter().map(|(_, file)| file);
        Ok(Self {
            tensors,
            taken: RefCell::default(),
            requested,
            layout: gguf::Layout::default(),
            tile: None,
            small: files.filter(|_| !streamed).collect(),
        })
    }

    /// The tensors of an outline: those that are on this machine, and of the others what they are. Nothing can be
    /// computed with the others; whatever reads one gets NaN.
    ///
    /// # Errors
    /// A file that cannot be mapped.
    pub fn outlined(outline: &Outline) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for (name, tensor) in &outline.tensors {
            let (dtype, shape) = (tensor.dtype.into(), tensor.shape.clone());
            let view = match &tensor.bytes {
                Some(asset) => {
                    let file = Storage::open(asset)?;
                    let all = 0..file.len();
                    View::new(file, all, dtype, shape, false)
                }
                None => View::absent(name, dtype, shape),
            };
            tensors.insert(name.clone(), view);
        }
        Ok(Self {
            tensors,
            taken: RefCell::default(),
            requested: None,
            layout: gguf::Layout::default(),
            tile: None,
            small: Vec::new(),
        })
    }

    /// The same, with 8-bit floats in tiles that share a scale.
    pub fn in_tiles(self, tile: Option<Tile>) -> Self {
        Self { tile, ..self }
    }

    /// The names of the tensors that were taken.
    pub fn taken(&self) -> Vec<String> {
        self.taken.borrow().iter().cloned().collect()
    }

    /// Begins to read what will be needed soon, without waiting for it.
    pub fn read_ahead(&self) {
        if !self.small.is_empty() {
            pages::populate(self.small.clone());
        }
    }

    /// The tensors of a GGUF by the names that its family's checkpoints have.
    fn open_gguf(gguf: &gguf::Gguf, requested: Option<DType>) -> Result<Self> {
        let files = gguf.files();
        let streamed = files.iter().map(|file| file.len()).sum::<usize>() > pages::STREAMED;
        let mut tensors = BTreeMap::new();
        for named in gguf.tensors() {
            let view = block_view(&named, streamed)?;
            if tensors.insert(named.name.clone(), view).is_some() {
                return Err(twice(named.file_name, &named.tensor.name));
            }
        }
        for made in gguf.made()? {
            let bytes = made.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let view = View::in_memory(bytes, DType::F32, made.shape);
            if tensors.insert(made.name.clone(), view).is_some() {
                return Err(twice(gguf.name(), &made.name));
            }
        }
        Ok(Self {
            tensors,
            taken: RefCell::default(),
            requested,
            layout: gguf.layout(),
            tile: None,
            small: if streamed { Vec::new() } else { files },
        })
    }

    /// What a conversion has changed of the tensors.
    pub fn layout(&self) -> gguf::Layout {
        self.layout
    }

    /// Whether the checkpoint has a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Whether the checkpoint has a tensor whose name begins so.
    pub fn contains_any(&self, prefix: &str) -> bool {
        let first = self.tensors.range(prefix.to_string()..).next();
        first.is_some_and(|(name, _)| name.starts_with(prefix))
    }

    /// A weight matrix by name; `shape` is its shape in the file, which `layout` gives a meaning.
    ///
    /// # Errors
    /// No such tensor, another shape, or a type that is not a floating-point one.
    pub fn matrix(&self, name: &str, shape: [usize; 2], layout: Layout) -> Result<Matrix> {
        Ok(Matrix::new(self.take(name, &shape)?, shape, layout))
    }

    /// The outputs `range` of a weight matrix `[out, in]` of that shape, where several matrices
    /// lie in one tensor.
    ///
    /// # Errors
    /// As [`Weights::matrix`].
    pub fn outputs(&self, name: &str, shape: [usize; 2], range: Range<usize>) -> Result<Matrix> {
        let inputs = shape[1];
        let part = [range.len(), inputs];
        Ok(Matrix::new(
            self.take(name, &shape)?.narrow(range),
            part,
            Layout::OutIn,
        ))
    }

    /// A vector by name (a bias, a norm's weight).
    ///
    /// # Errors
    /// As [`Weights::matrix`].
    pub fn vector(&self, name: &str, len: usize) -> Result<Vector> {
        self.flat(name, &[len])
    }

    /// A tensor of any shape, its elements one after another.
    ///
    /// # Errors
    /// As [`Weights::matrix`].
    pub fn flat(&self, name: &str, shape: &[usize]) -> Result<Vector> {
        Ok(Vector::Stored(self.take(name, shape)?))
    }

    /// The number of parameters in the tensors taken, each counted once.
    pub fn parameters(&self) -> u64 {
        self.taken_views().map(|v| v.len() as u64).sum()
    }

    /// The type of most of the parameters taken, as the file has it.
    pub fn dtype(&self) -> DType {
        let mut counts: BTreeMap<DType, u64> = BTreeMap::new();
        for view in self.taken_views() {
            *counts.entry(view.dtype()).or_default() += view.len() as u64;
        }
        let most = counts.into_iter().max_by_key(|&(_, count)| count);
        most.map_or(DType::F32, |(dtype, _)| dtype)
    }

    /// Refuses tensors that nothing took, `buffer` names aside: a model that ignores part of its
    /// checkpoint is not the model that was trained.
    pub fn finish(&self, buffer: impl Fn(&str) -> bool) -> Result<()> {
        let taken = self.taken.borrow();
        let unused: Vec<&str> = (self.tensors.keys().map(String::as_str))
            .filter(|name| !taken.contains(*name) && !buffer(name))
            .collect();
        let Some(first) = unused.first() else {
            return Ok(());
        };
        let others = match unused.len() - 1 {
            0 => String::new(),
            1 => format!(" (and {})", unused[1]),
            n => format!(" (and {n} more)"),
        };
        Err(Error::failed(
            format!("The checkpoint has a tensor that this model family does not use: {first}{others}."),
            "It is a variant that lens does not know; ignoring the tensor would give wrong numbers.",
        ))
    }

    fn taken_views(&self) -> impl Iterator<Item = &View> {
        let taken = self.taken.borrow().clone();
        self.tensors
            .iter()
            .filter(move |(name, _)| taken.contains(*name) && !name.ends_with(SCALES))
            .map(|(_, view)| view)
    }

    fn take(&self, name: &str, shape: &[usize]) -> Result<View> {
        let Some(view) = self.tensors.get(name) else {
            return Err(Error::failed(
                format!("The checkpoint has no tensor {name}, which its config.json calls for."),
                "Check that config.json and the weights belong together and that no shard is missing.",
            ));
        };
        if view.shape() != shape {
            return Err(Error::failed(
                format!(
                    "The tensor {name} has the shape {:?}, but config.json makes it {shape:?}.",
                    view.shape()
                ),
                "Check that config.json and the weights belong together.",
            ));
        }
        if !view.dtype().is_supported() {
            return Err(Error::failed(
                format!(
                    "The tensor {name} is stored as {}, which lens does not compute with.",
                    view.dtype()
                ),
                "Use a checkpoint in float32, bfloat16 or float16 (not a quantised one).",
            ));
        }
        let view = match view.dtype() {
            DType::E4m3 => view.clone().scaled_by(self.scales(name, shape)?),
            _ => view.clone(),
        };
        self.taken.borrow_mut().insert(name.to_string());
        Ok(view.held_in(self.requested))
    }

    /// The scales of the matrix `name` of 8-bit floats.
    ///
    /// # Errors
    /// No such scales, another shape, one that is not a number, or a checkpoint that says nothing of tiles.
    fn scales(&self, name: &str, shape: &[usize]) -> Result<Scales> {
        let (Some(tile), &[rows, columns]) = (self.tile, shape) else {
            return Err(Error::failed(
                format!(
                    "The tensor {name} is stored as F8_E4M3, and config.json says nothing of its scales."
                ),
                "Check that config.json and the weights belong together, or use a checkpoint in bfloat16.",
            ));
        };
        let of = name.strip_suffix("weight").unwrap_or(name);
        let name = format!("{of}{SCALES}");
        let scales = self.flat(&name, &tile.scales([rows, columns]))?;
        let values = scales.values();
        if !values.iter().all(|scale| scale.is_finite()) {
            return Err(Error::failed(
                format!("The tensor {name} has a scale that is not a number."),
                "Download or convert the checkpoint again.",
            ));
        }
        Ok(Scales::new(tile, columns, values.into()))
    }
}

/// What the name of a matrix's scales ends in, in place of `weight`.
const SCALES: &str = "weight_scale_inv";

fn twice(file: &str, tensor: &str) -> Error {
    Error::failed(
        format!("{file} has the tensor {tensor} twice."),
        "Download the file again.",
    )
}

/// A tensor of a GGUF, as a view into its file.
fn block_view(named: &gguf::Named, streamed: bool) -> Result<View> {
    let tensor = named.tensor;
    let dtype = match tensor.kind {
        0 => DType::F32,
        1 => DType::F16,
        30 => DType::Bf16,
        kind => match BlockType::of_gguf(kind) {
            Some(block) => DType::Block(block),
            None => {
                return Err(Error::failed(
                    format!(
                        "The tensor {} is stored as {}, which lens does not read.",
                        tensor.name,
                        blocks::name_of_other(kind)
                    ),
                    "Take a file of another type, Q4_K_M or Q8_0 say.",
                ));
            }
        },
    };
    let numbers = tensor
        .shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size));
    // Blocks lie along a row.
    let rows_are_whole = tensor
        .shape
        .last()
        .is_none_or(|&row| dtype.bytes_of(row).is_some());
    let bytes = numbers.filter(|_| rows_are_whole).and_then(|n| dtype.bytes_of(n));
    let end = bytes.and_then(|bytes| tensor.start.checked_add(bytes));
    match end.filter(|&end| end <= named.file.len()) {
        Some(end) => Ok(View::new(
            named.file.clone(),
            tensor.start..end,
            dtype,
            tensor.shape.clone(),
            streamed,
        )),
        None => Err(Error::failed(
            format!(
                "{} is cut short: the tensor {} is not whole in it.",
                named.file_name, tensor.name
            ),
            "Download or copy it again.",
        )),
    }
}

/// The tensors of one safetensors file, as views into it.
fn views(asset: &Asset, file: &Storage, streamed: bool) -> Result<Vec<(String, View)>> {
    let parsed = SafeTensors::deserialize(file).map_err(|e| {
        Error::failed(
            format!("{asset} is not a whole safetensors file: {e}."),
            "Download or copy it again; if it is a Git LFS pointer, run git lfs pull.",
        )
    })?;
    let base = file.as_ptr() as usize;
    let view = |(name, tensor): (&str, safetensors::tensor::TensorView)| {
        let start = tensor.data().as_ptr() as usize - base;
        let range = start..start + tensor.data().len();
        let view = View::new(
            file.clone(),
            range,
            tensor.dtype().into(),
            tensor.shape().to_vec(),
            streamed,
        );
        (name.to_string(), view)
    };
    Ok(parsed.iter().map(view).collect())
}
