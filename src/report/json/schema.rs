//! The schema of every document that is written as JSON, made from their types.

use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::document::{Readings, SCHEMA_VERSION};
use crate::report::{
    CardDocument, ComparisonDocument, EvaluationDocument, FamiliesDocument, ModelComparisonDocument,
    SummaryDocument, TokensDocument,
};

/// A kind of document: its name in the schema, when it is written, and its type.
type Kind = (&'static str, &'static str, fn(&mut SchemaGenerator) -> Value);

/// Every kind of document.
const KINDS: [Kind; 9] = [
    (
        "Readings",
        "the readings of one prompt, also a line of JSON Lines",
        of::<Readings>,
    ),
    (
        "ManyReadings",
        "the readings of several prompts",
        of::<Vec<Readings>>,
    ),
    ("Summary", "--summary", of::<SummaryDocument>),
    ("Comparison", "--compare, or two models", of::<ComparisonDocument>),
    (
        "ModelComparison",
        "--summary of two models",
        of::<ModelComparisonDocument>,
    ),
    ("Evaluation", "--eval", of::<EvaluationDocument>),
    ("Tokens", "--tokens", of::<TokensDocument>),
    ("Card", "a model without a prompt", of::<CardDocument>),
    ("Families", "--families", of::<FamiliesDocument>),
];

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// The JSON Schema (draft 2020-12) of all documents.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let kinds: Vec<(&str, Value)> = (KINDS.iter())
        .map(|(name, written, of)| {
            let mut kind = of(&mut generator);
            if let Some(kind) = kind.as_object_mut() {
                kind.insert("description".to_string(), json!(written));
            }
            (*name, kind)
        })
        .collect();
    let mut definitions: Map<String, Value> = generator.take_definitions(true);
    let any_of: Vec<Value> = (kinds.iter())
        .map(|(name, _)| json!({"$ref": format!("#/$defs/{name}Document")}))
        .collect();
    definitions.extend(
        kinds
            .into_iter()
            .map(|(name, kind)| (format!("{name}Document"), kind)),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("lens JSON, version {SCHEMA_VERSION}"),
        "description": "Within a version keys may be added, so readers should ignore those they do not know; a key that goes, or changes in meaning or shape, makes the next version.",
        "anyOf": any_of,
        "$defs": definitions,
    })
}
