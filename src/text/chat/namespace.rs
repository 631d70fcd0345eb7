//! Jinja's namespaces, of which none can come to lie in itself.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::{Kwargs, Object, ObjectRepr, ValueKind};

use super::filters::is_macro;
use super::python::{self, check_depth};
use super::tuple::Tuple;
use super::{Answer, refusal};

/// What `namespace()` makes: names that a loop's body may assign to.
///
/// A value printed, compared or dropped is followed to its ends, so it must have such. Whatever is
/// assigned is therefore copied as it is then, without what only looks into another value, and
/// refused where it leads back to the namespace.
#[derive(Debug, Default)]
pub struct Namespace(Mutex<IndexMap<String, Value>>);

impl Namespace {
    /// The function `namespace(mapping, name=value, …)`.
    pub fn create(first: Option<Value>, named: Kwargs) -> Answer<Value> {
        let namespace = Arc::new(Self::default());
        if let Some(first) = first {
            for name in first.try_iter()? {
                namespace.assign(&python::str(&name)?, &first.get_item(&name)?)?;
            }
        }
        for name in named.args() {
            namespace.assign(name, &named.get::<Value>(name)?)?;
        }
        Ok(Value::from_dyn_object(namespace))
    }

    /// The function that `{% set target.name = value %}` becomes.
    pub fn set(target: &Value, name: &str, value: &Value) -> Answer<Value> {
        match target.downcast_object::<Self>() {
            Some(namespace) => namespace.assign(name, value).map(|()| Value::UNDEFINED),
            None => Err(refusal("only namespaces have names to assign to".to_string())),
        }
    }

    fn assign(self: &Arc<Self>, name: &str, value: &Value) -> Answer<()> {
        if name.starts_with('_') {
            return Err(refusal(format!("{name} is no name for a namespace")));
        }
        let kept = self.copy(value, 0)?;
        self.attributes().insert(name.to_string(), kept);
        Ok(())
    }

    fn copy(self: &Arc<Self>, value: &Value, depth: usize) -> Answer<Value> {
        check_depth(depth)?;
        if let Some(other) = value.downcast_object::<Self>() {
            if Arc::ptr_eq(self, &other) {
                return Err(refusal("it puts a namespace into itself".to_string()));
            }
            let values: Vec<Value> = other.attributes().values().cloned().collect();
            for value in values {
                self.copy(&value, depth + 1)?;
            }
            return Ok(value.clone());
        }
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter()?.map(|item| self.copy(&item, depth + 1));
                let items = items.collect::<Answer<Vec<_>>>()?;
                Ok(match value.downcast_object_ref::<Tuple>() {
                    Some(_) => Tuple::value(items),
                    None => Value::from(items),
                })
            }
            ValueKind::Map if !is_macro(value) => {
                let keys = value.try_iter()?;
                let items = keys.map(|key| {
                    let item = self.copy(&value.get_item(&key)?, depth + 1)?;
                    Ok((self.copy(&key, depth + 1)?, item))
                });
                let items: Vec<(Value, Value)> = items.collect::<Answer<_>>()?;
                Ok(Value::from_iter(items))
            }
            _ => Ok(value.clone()),
        }
    }

    fn attributes(&self) -> std::sync::MutexGuard<'_, IndexMap<String, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for Namespace {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.attributes().get(key.as_str()?).cloned()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = self.attributes().clone();
        let values = attributes
            .into_iter()
            .map(|(name, value)| (Value::from(name), value));
        match python::str(&Value::from_iter(values)) {
            Ok(text) => write!(f, "<Namespace {text}>"),
            Err(_) => Err(fmt::Error),
        }
    }
}
