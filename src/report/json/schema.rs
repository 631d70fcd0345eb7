//! The schema of every document that is written as JSON.

/// The JSON Schema (draft 2020-12) of all documents, as their types make it: a test holds it to them, and so nothing
/// that makes schemas is built into the binary.
pub const SCHEMA: &str = include_str!("schema.json");

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use schemars::generate::{SchemaGenerator, SchemaSettings};
    use serde_json::{Map, Value, json};

    use super::super::document::{Readings, SCHEMA_VERSION};
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

    /// The schema that the types make.
    fn schema() -> Value {
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

    /// After a wanted change, LENS_BLESS=1 writes it anew.
    #[test]
    fn the_schema_is_that_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/json/schema.json");
        let schema = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("LENS_BLESS").is_some_and(|bless| bless == "1") {
            std::fs::write(path, &schema).unwrap();
            return;
        }
        let is_same = std::fs::read_to_string(path).unwrap() == schema;
        assert!(is_same, "{path} is another; LENS_BLESS=1 accepts what is new");
    }
}
