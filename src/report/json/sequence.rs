//! Arrays and objects that are written item by item, and read back whole.

#[cfg(test)]
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An array. One that is to be written makes each item as it is written, so that the whole is
/// never in memory; one that was read holds its items.
pub enum Sequence<'a, T> {
    Lazy(usize, Box<dyn Fn(usize) -> T + 'a>),
    Read(Vec<T>),
}

/// An object whose keys are data. As with [`Sequence`], its entries are made as they are written.
pub enum Entries<'a, T> {
    Lazy(usize, Box<dyn Fn(usize) -> (String, T) + 'a>),
    Read(BTreeMap<String, T>),
}

impl<'a, T> Sequence<'a, T> {
    /// `len` items, item i being `item(i)`.
    pub fn new(len: usize, item: impl Fn(usize) -> T + 'a) -> Self {
        Self::Lazy(len, Box::new(item))
    }
}

impl<'a, T> Entries<'a, T> {
    /// `len` entries, entry i being `entry(i)`.
    pub fn new(len: usize, entry: impl Fn(usize) -> (String, T) + 'a) -> Self {
        Self::Lazy(len, Box::new(entry))
    }
}

/// No entries.
impl<T> Default for Entries<'_, T> {
    fn default() -> Self {
        Self::Read(BTreeMap::new())
    }
}

impl<T: Serialize> Serialize for Sequence<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Read(items) => serializer.collect_seq(items),
            Self::Lazy(len, item) => {
                let mut sequence = serializer.serialize_seq(Some(*len))?;
                (0..*len).try_for_each(|i| sequence.serialize_element(&item(i)))?;
                sequence.end()
            }
        }
    }
}

impl<T: Serialize> Serialize for Entries<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Read(entries) => serializer.collect_map(entries),
            Self::Lazy(len, entry) => {
                let mut map = serializer.serialize_map(Some(*len))?;
                (0..*len).try_for_each(|i| {
                    let (key, value) = entry(i);
                    map.serialize_entry(&key, &value)
                })?;
                map.end()
            }
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Sequence<'_, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::Read)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Entries<'_, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self::Read)
    }
}

#[cfg(test)]
impl<T: JsonSchema> JsonSchema for Sequence<'_, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}

#[cfg(test)]
impl<T: JsonSchema> JsonSchema for Entries<'_, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}

impl<T> fmt::Debug for Sequence<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lazy(len, _) => write!(f, "[{len} items]"),
            Self::Read(items) => write!(f, "[{} items]", items.len()),
        }
    }
}

impl<T> fmt::Debug for Entries<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lazy(len, _) => write!(f, "{{{len} entries}}"),
            Self::Read(entries) => write!(f, "{{{} entries}}", entries.len()),
        }
    }
}
