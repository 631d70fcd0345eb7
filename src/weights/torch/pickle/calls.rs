//! Names, and what Python would make by calling them: each has one meaning here, and nothing is called.

use super::machine::Reader;
use super::{Id, Name, Outcome, StorageKey, Tensor, Value};
use crate::error::cut;

/// A tensor has no more dimensions than this.
const MOST_DIMENSIONS: usize = 8;

impl Reader<'_> {
    /// A name, written out or as two texts on the stack.
    pub(super) fn name(&mut self, opcode: u8) -> Outcome<()> {
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

    fn popped_text(&mut self) -> Outcome<String> {
        let id = self.pop()?;
        match &self.values[id] {
            Value::Text(text) => Ok(text.clone()),
            _ => Err("it has a name that is no text".to_string()),
        }
    }

    /// `('storage', type, key, location, count)`: bytes beside the pickle.
    pub(super) fn storage(&mut self) -> Outcome<()> {
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
    pub(super) fn reduce(&mut self) -> Outcome<()> {
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
    pub(super) fn build(&mut self) -> Outcome<()> {
        self.pop()?;
        let object = self.top()?;
        match self.values[object] {
            Value::Dict(_) => Ok(()),
            _ => Err("it changes an object that is no dict".to_string()),
        }
    }
}
