//! Python's tuples, which are lists but for how they print.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::Answer;

/// The items of a tuple.
#[derive(Debug)]
pub struct Tuple(pub Vec<Value>);

impl Tuple {
    /// The tuple of the items of `value`.
    pub fn of(value: &Value) -> Answer<Value> {
        Ok(Self::value(value.try_iter()?))
    }

    /// The tuple of these items.
    pub fn value(items: impl IntoIterator<Item = Value>) -> Value {
        Value::from_object(Self(items.into_iter().collect()))
    }

    /// The pairs of a mapping, as `dict.items` gives them.
    pub fn pairs(mapping: &Value) -> Answer<Vec<Value>> {
        let pairs = mapping.try_iter()?.map(|key| {
            let value = mapping.get_item(&key)?;
            Ok(Self::value([key, value]))
        });
        pairs.collect()
    }
}

impl Object for Tuple {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }
}
