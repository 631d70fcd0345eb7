//! The pickle that describes what `torch.save` saved: numbers, texts, lists, dicts, and tensors as parts of
//! storages beside it.
//!
//! A pickle is a program that can call anything. Here nothing is called: of its instructions those that make
//! such data are followed, and of its names those below have a meaning. Any other is refused by its name.

use std::collections::BTreeMap;

use crate::error::cut;
use crate::weights::DType;

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

/// A tensor has no more dimensions than this.
const MOST_DIMENSIONS: usize = 8;

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
        let mut reader = Reader {
            rest: bytes,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
        };
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

/// The machine that a pickle is a program for: a stack of values, places marked on it, and values remembered.
struct Reader<'a> {
    rest: &'a [u8],
    values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: BTreeMap<usize, Id>,
}

type Outcome<T> = Result<T, String>;

impl<'a> Reader<'a> {
    /// Follows the instructions to the last, and gives what is then on the stack.
    fn run(&mut self) -> Outcome<Id> {
        loop {
            let opcode = self.byte()?;
            match opcode {
                b'.' => return self.pop(),
                // The version, and the length of a part that is read as a whole.
                0x80 => _ = self.byte()?,
                0x95 => _ = self.take(8)?,
                b'N' => self.push(Value::None),
                0x88 => self.push(Value::Bool(true)),
                0x89 => self.push(Value::Bool(false)),
                b'J' | b'K' | b'M' | 0x8a => self.int(opcode)?,
                b'G' => {
                    let value = f64::from_be_bytes(self.array()?);
                    self.push(Value::Float(value));
                }
                b'X' | 0x8c | 0x8d => self.text(opcode)?,
                b'(' => self.marks.push(self.stack.len()),
                b')' | b']' | 0x8f => self.push(Value::List(Vec::new())),
                b'}' => self.push(Value::Dict(Vec::new())),
                b't' => {
                    let items = self.marked()?;
                    self.push(Value::List(items));
                }
                0x85..=0x87 => self.tuple(usize::from(opcode - 0x84))?,
                b'a' | b'e' | 0x90 => self.append(opcode)?,
                b's' | b'u' => self.set(opcode)?,
                b'q' | b'r' | 0x94 => self.remember(opcode)?,
                b'h' | b'j' => self.recall(opcode)?,
                b'c' | 0x93 => self.name(opcode)?,
                b'Q' => self.storage()?,
                b'R' => self.reduce()?,
                b'b' => self.build()?,
                other => return Err(format!("it has the instruction 0x{other:02x}")),
            }
        }
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// The value on top, taken off. What lies below a mark is not to be had that way.
    fn pop(&mut self) -> Outcome<Id> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(id) if self.stack.len() >= bottom => Ok(id),
            _ => Err("its stack runs empty".to_string()),
        }
    }

    fn top(&self) -> Outcome<Id> {
        (self.stack.last().copied()).ok_or_else(|| "its stack runs empty".to_string())
    }

    /// All values above the last mark, taken off with it.
    fn marked(&mut self) -> Outcome<Vec<Id>> {
        let mark = self.marks.pop().ok_or("it has no mark where it needs one")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn take(&mut self, len: usize) -> Outcome<&'a [u8]> {
        let (taken, rest) = (self.rest.split_at_checked(len)).ok_or("it is cut short")?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        (self.take(N)?.try_into()).map_err(|_| "it is cut short".to_string())
    }

    fn byte(&mut self) -> Outcome<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// A length of so many bytes.
    fn len(&mut self, bytes: usize) -> Outcome<usize> {
        let mut whole = [0; 8];
        whole[..bytes].copy_from_slice(self.take(bytes)?);
        usize::try_from(u64::from_le_bytes(whole)).map_err(|_| "it is cut short".to_string())
    }

    fn int(&mut self, opcode: u8) -> Outcome<()> {
        let value = match opcode {
            b'J' => i32::from_le_bytes(self.array()?).into(),
            b'K' => self.byte()?.into(),
            b'M' => u16::from_le_bytes(self.array()?).into(),
            _ => self.long()?,
        };
        self.push(Value::Int(value));
        Ok(())
    }

    /// A whole number of any length, as long as it fits 64 bits.
    fn long(&mut self) -> Outcome<i64> {
        let len = usize::from(self.byte()?);
        let bytes = self.take(len)?;
        let negative = bytes.last().is_some_and(|&last| last >= 0x80);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        (whole.get_mut(..len))
            .ok_or("it has a number of more than 64 bits")?
            .copy_from_slice(bytes);
        Ok(i64::from_le_bytes(whole))
    }

    fn text(&mut self, opcode: u8) -> Outcome<()> {
        let len = match opcode {
            b'X' => self.len(4)?,
            0x8c => self.len(1)?,
            _ => self.len(8)?,
        };
        let text = String::from_utf8_lossy(self.take(len)?).into_owned();
        self.push(Value::Text(text));
        Ok(())
    }

    fn tuple(&mut self, len: usize) -> Outcome<()> {
        let mut items = Vec::with_capacity(len);
        for _ in 0..len {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::List(items));
        Ok(())
    }

    fn append(&mut self, opcode: u8) -> Outcome<()> {
        let items = match opcode {
            b'a' => vec![self.pop()?],
            _ => self.marked()?,
        };
        let list = self.top()?;
        match &mut self.values[list] {
            Value::List(list) => list.extend(items),
            _ => return Err("it appends to what is no list".to_string()),
        }
        Ok(())
    }

    fn set(&mut self, opcode: u8) -> Outcome<()> {
        let items = match opcode {
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.marked()?,
        };
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err("it has a key without a value".to_string());
        };
        let dict = self.top()?;
        match &mut self.values[dict] {
            Value::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return Err("it sets a key of what is no dict".to_string()),
        }
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Outcome<()> {
        let place = match opcode {
            b'q' => self.len(1)?,
            b'r' => self.len(4)?,
            _ => self.memo.len(),
        };
        let top = self.top()?;
        self.memo.insert(place, top);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Outcome<()> {
        let place = self.len(if opcode == b'h' { 1 } else { 4 })?;
        let id = self.memo.get(&place).copied();
        self.stack.push(id.ok_or("it recalls what it does not remember")?);
        Ok(())
    }

    /// A name, written out or as two texts on the stack.
    fn name(&mut self, opcode: u8) -> Outcome<()> {
        let (module, name) = match opcode {
            b'c' => (self.line()?, self.line()?),
            _ => {
                let name = self.popped_text()?;
                (self.popped_text()?, name)
            }
        };
        let known = Name::of(&module, &name);
        self.push(Value::Name(known.ok_or_else(|| {
            let named = format!("{}.{}", cut(&module), cut(&name));
            format!("it names {named}, which no saved tensor needs")
        })?));
        Ok(())
    }

    fn line(&mut self) -> Outcome<String> {
        let len = self.rest.iter().position(|&b| b == b'\n');
        let line = self.take(len.ok_or("it is cut short")?)?;
        self.byte()?;
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    fn popped_text(&mut self) -> Outcome<String> {
        let id = self.pop()?;
        match &self.values[id] {
            Value::Text(text) => Ok(text.clone()),
            _ => Err("it has a name that is no text".to_string()),
        }
    }

    /// `('storage', type, key, location, count)`: bytes beside the pickle.
    fn storage(&mut self) -> Outcome<()> {
        let id = self.pop()?;
        let storage = match &self.values[id] {
            Value::List(parts) => self.storage_of(parts),
            _ => None,
        };
        let storage = storage.ok_or("it refers to something that is no storage")?;
        self.push(Value::Storage(storage));
        Ok(())
    }

    fn storage_of(&self, parts: &[Id]) -> Option<StorageKey> {
        let [kind, dtype, key, ..] = *parts else {
            return None;
        };
        match [kind, dtype, key].map(|id| &self.values[id]) {
            [
                Value::Text(kind),
                Value::Name(Name::Storage(dtype)),
                Value::Text(_),
            ] if kind == "storage" => Some(StorageKey { dtype: *dtype, key }),
            _ => None,
        }
    }

    /// What Python would make by a call. Here each name has one meaning.
    fn reduce(&mut self) -> Outcome<()> {
        let (arguments, name) = (self.pop()?, self.pop()?);
        let Value::List(arguments) = &self.values[arguments] else {
            return Err("it calls without arguments".to_string());
        };
        // What is called here has no use for more.
        let arguments: Vec<Id> = arguments.iter().take(MOST_DIMENSIONS).copied().collect();
        match (&self.values[name], arguments.as_slice()) {
            (Value::Name(Name::OrderedDict), []) => self.push(Value::Dict(Vec::new())),
            (Value::Name(Name::RebuildTensor), [storage, offset, shape, strides, ..]) => {
                let tensor = self.tensor(*storage, *offset, *shape, *strides);
                self.push(Value::Tensor(tensor.ok_or("it has a tensor that is none")?));
            }
            (Value::Name(Name::RebuildParameter | Name::Size), [what, ..]) => self.stack.push(*what),
            _ => return Err("it calls something in a way that no saved tensor needs".to_string()),
        }
        Ok(())
    }

    fn tensor(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Option<Tensor> {
        match &self.values[storage] {
            Value::Storage(storage) => Some(Tensor {
                storage: *storage,
                offset: self.size(offset)?,
                shape: self.sizes(shape)?,
                strides: self.sizes(strides)?,
            }),
            _ => None,
        }
    }

    fn size(&self, id: Id) -> Option<usize> {
        match self.values[id] {
            Value::Int(size) => size.try_into().ok(),
            _ => None,
        }
    }

    fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        match &self.values[id] {
            Value::List(sizes) if sizes.len() <= MOST_DIMENSIONS => {
                sizes.iter().map(|&size| self.size(size)).collect()
            }
            _ => None,
        }
    }

    /// The attributes of a dict, such as the versions of a `state_dict`: they have no place in what is read.
    fn build(&mut self) -> Outcome<()> {
        self.pop()?;
        let object = self.top()?;
        match self.values[object] {
            Value::Dict(_) => Ok(()),
            _ => Err("it changes an object that is no dict".to_string()),
        }
    }
}
