//! The pickle that describes what `torch.save` saved: numbers, texts, lists, dicts, and tensors as parts of
//! storages beside it.
//!
//! A pickle is a program that can call anything. Here nothing is called: of its instructions those that make
//! such data are followed, and of its names those below have a meaning. Any other is refused by its name.

mod bytes;
mod calls;
mod machine;

use crate::weights::DType;
use machine::Reader;

/// What an instruction comes to, or why it cannot be followed, for the middle of a sentence.
type Outcome<T> = Result<T, String>;

/// A value's number among all values of a pickle. Values are kept once, however often they are used, so that
/// what is small as a file stays small in memory.
pub type Id = usize;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A list, a tuple or a set.
    List(Vec<Id>),
    /// In the order of its keys' coming.
    Dict(Vec<(Id, Id)>),
    Name(Name),
    Storage(StorageKey),
    Tensor(Tensor),
}

/// Bytes beside the pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageKey {
    pub dtype: DType,
    /// The name of its file, a text.
    pub key: Id,
}

/// A tensor as a part of a storage, in numbers, not bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    pub storage: StorageKey,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// A name of Python's that has a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    RebuildTensor,
    RebuildParameter,
    OrderedDict,
    Size,
    Storage(DType),
    /// A type of numbers, where it is said of what a lens was fitted in.
    Dtype,
}

impl Name {
    fn of(module: &str, name: &str) -> Option<Self> {
        let other = |dtype| Some(Self::Storage(DType::Other(dtype)));
        match (module, name) {
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch", "Size") => Some(Self::Size),
            ("torch", "FloatStorage") => Some(Self::Storage(DType::F32)),
            ("torch", "HalfStorage") => Some(Self::Storage(DType::F16)),
            ("torch", "BFloat16Storage") => Some(Self::Storage(DType::Bf16)),
            ("torch", "DoubleStorage") => other(safetensors::Dtype::F64),
            ("torch", "LongStorage") => other(safetensors::Dtype::I64),
            ("torch", "IntStorage") => other(safetensors::Dtype::I32),
            ("torch", "ShortStorage") => other(safetensors::Dtype::I16),
            ("torch", "CharStorage") => other(safetensors::Dtype::I8),
            ("torch", "ByteStorage") => other(safetensors::Dtype::U8),
            ("torch", "BoolStorage") => other(safetensors::Dtype::BOOL),
            ("torch", "float32" | "float16" | "bfloat16" | "float64") => Some(Self::Dtype),
            _ => None,
        }
    }
}

/// All values of a pickle.
#[derive(Debug)]
pub struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Reads a pickle to its end.
    ///
    /// # Errors
    /// An instruction or a name that no saved tensor needs, or what is no whole pickle; why, for the middle of
    /// a sentence.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(bytes);
        let root = reader.run()?;
        Ok(Self {
            values: reader.values,
            root,
        })
    }

    /// The number of what was saved.
    pub fn root(&self) -> Id {
        self.root
    }

    /// The value of a number that came from this pickle.
    pub fn value(&self, id: Id) -> &Value {
        &self.values[id]
    }
}
