//! JSON as Python writes and reads it.

use serde::de::DeserializeOwned;

/// What the JSON in `text` holds; see [`quote_constants`].
///
/// # Errors
/// Those of `serde_json`.
pub fn from_slice<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(&quote_constants(text))
}

/// The bytes of `text` with `NaN`, `Infinity` and `-Infinity`, which Python writes though JSON has
/// no such numbers, as strings. A field that is read then says that it is no number, and one that
/// is not read does no harm.
fn quote_constants(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(&byte) = rest.first() {
        let constant = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|constant| !in_string && rest.starts_with(constant.as_bytes()));
        if let Some(constant) = constant {
            out.extend(format!("\"{constant}\"").bytes());
            rest = &rest[constant.len()..];
            continue;
        }
        in_string ^= byte == b'"' && !escaped;
        escaped = in_string && byte == b'\\' && !escaped;
        out.push(byte);
        rest = &rest[1..];
    }
    out
}
