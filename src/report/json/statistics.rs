//! The statistics of a document: an array under each one's name.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

#[cfg(test)]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::analysis::statistics::Statistic;

/// An array for each statistic asked for, under its name.
#[derive(Debug)]
pub struct StatisticArrays<A>(pub Vec<(Statistic, A)>);

impl<A: Serialize> Serialize for StatisticArrays<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(statistic, array)| (statistic.name(), array)))
    }
}

impl<'de, A: DeserializeOwned> Deserialize<'de> for StatisticArrays<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Arrays(PhantomData))
    }
}

struct Arrays<A>(PhantomData<A>);

impl<'de, A: DeserializeOwned> Visitor<'de> for Arrays<A> {
    type Value = StatisticArrays<A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("statistics by name")
    }

    /// Other keys are other parts' of the document.
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut arrays = Vec::new();
        while let Some(name) = map.next_key::<Cow<str>>()? {
            match Statistic::ALL.into_iter().find(|s| s.name() == name) {
                Some(statistic) => arrays.push((statistic, map.next_value()?)),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(StatisticArrays(arrays))
    }
}

#[cfg(test)]
impl<A: JsonSchema> JsonSchema for StatisticArrays<A> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Statistics_of_{}", A::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let properties = Statistic::ALL.into_iter().map(|statistic| {
            let mut array = A::json_schema(generator);
            array.insert("description".to_string(), statistic.formula().into());
            (statistic.name().to_string(), array.to_value())
        });
        let properties: serde_json::Map<_, _> = properties.collect();
        json_schema!({"type": "object", "properties": properties})
    }
}
