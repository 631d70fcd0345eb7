//! What an NDIF server is sent and what it answers, as ndif 0.1 and nnsight 0.8 have it.

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use crate::engine::http::{Client, Content, Reply};
use crate::error::{Error, Result};

/// The version of nnsight's wire that is spoken here, as clients say theirs.
const NNSIGHT: &str = "0.8.1";
const PYTHON: &str = "3.12.1";
/// What separates the parts of a request, which no part has in it.
const BOUNDARY: &str = "----lens-5f3759df-2f1c-4a1e-9e4c-0b6d1c7e8a90";

/// The envelope of a request.
#[derive(Serialize)]
struct Envelope<'a> {
    model_key: String,
    session_id: &'a str,
    compress: bool,
    env: Environment<'a>,
}

#[derive(Serialize)]
struct Environment<'a> {
    attn_implementation: &'a str,
}

/// The name of a model as the server compares it: JSON with Python's spacing and order.
pub fn model_key(repository: &str, revision: Option<&str>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let revision = revision.map_or("null".to_string(), quoted);
    format!(
        "nnsight.modeling.transformers.TransformersModel:{{\"repo_id\": {}, \"revision\": {revision}, \"task\": \
         \"text-generation\"}}",
        quoted(repository)
    )
}

/// `POST /request`: the envelope and the pickle, as the two parts of a form.
pub fn form(model_key: String, attention: &str, pickle: &[u8]) -> Result<Content<'static>> {
    let envelope = Envelope {
        model_key,
        session_id: "",
        compress: false,
        env: Environment {
            attn_implementation: attention,
        },
    };
    let envelope = serde_json::to_vec(&envelope).map_err(|e| {
        Error::failed(
            format!("The request cannot be written: {e}."),
            "This is a defect worth reporting.",
        )
    })?;
    let part = |head: &str, body: &[u8]| {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n");
        [head.as_bytes(), body, b"\r\n"].concat()
    };
    let blob = "name=\"blob\"; filename=\"request\"\r\nContent-Type: application/octet-stream";
    let body = [
        part("name=\"data\"", &envelope),
        part(blob, pickle),
        format!("--{BOUNDARY}--\r\n").into_bytes(),
    ];
    const KIND: &str = "multipart/form-data; boundary=----lens-5f3759df-2f1c-4a1e-9e4c-0b6d1c7e8a90";
    Ok(Content {
        kind: KIND,
        headers: vec![
            ("nnsight-version", NNSIGHT.to_string()),
            ("python-version", PYTHON.to_string()),
        ],
        body: body.concat(),
    })
}

/// What `GET /env` answers.
#[derive(Deserialize)]
pub struct Environments {
    pub packages: std::collections::BTreeMap<String, Option<String>>,
}

/// Where a request stands.
#[derive(Deserialize)]
pub struct Response {
    pub id: String,
    pub status: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub data: Option<serde_json::Value>,
}

/// What an answer holds.
///
/// # Errors
/// A refusal, said in its own words, or what is no such answer.
pub fn read<T: for<'de> Deserialize<'de>>(client: &Client, reply: &Reply) -> Result<T> {
    if !reply.status.is_success() {
        return Err(refusal(client, reply));
    }
    serde_json::from_slice(&reply.body).map_err(|e| client.odd(&e.to_string()))
}

/// The error for an answer that refuses.
fn refusal(client: &Client, reply: &Reply) -> Error {
    let host = client.host();
    let said = serde_json::from_slice::<serde_json::Value>(&reply.body).ok();
    let said = said.and_then(|value| value.get("detail").map(|detail| detail.to_string()));
    let said = said.unwrap_or_else(|| String::from_utf8_lossy(&reply.body).into_owned());
    let said = client.quoted(said.trim_matches('"'));
    let said = if said.is_empty() {
        "no reason".to_string()
    } else {
        said
    };
    match reply.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if !client.has_key() => Error::failed(
            format!("{host} asks for a key."),
            "Set NDIF_API_KEY to a key from https://login.ndif.us.",
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::failed(
            format!("{host} does not accept the key ({said})."),
            "Set NDIF_API_KEY to a key from https://login.ndif.us that may use this model.",
        ),
        status if status.is_redirection() => Error::failed(
            format!("{host} sends its requests on to another address, where lens does not follow."),
            "Give that address to --remote.",
        ),
        StatusCode::TOO_MANY_REQUESTS => Error::failed(
            format!("{host} takes no more requests for now ({said})."),
            "Run the same command again in a few minutes.",
        ),
        status if status.is_server_error() => Error::failed(
            format!("{host} failed (status {}: {said}).", status.as_u16()),
            "Run the same command again in a few minutes.",
        ),
        status => Error::failed(
            format!("{host} refuses the request (status {}: {said}).", status.as_u16()),
            "Check that --remote gives the address of an NDIF server, and that it has this model.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_as_python_names_it() {
        assert_eq!(
            model_key("meta-llama/Llama-3.1-70B", None),
            "nnsight.modeling.transformers.TransformersModel:{\"repo_id\": \"meta-llama/Llama-3.1-70B\", \
             \"revision\": null, \"task\": \"text-generation\"}"
        );
        assert!(model_key("a/b", Some("v1")).contains("\"revision\": \"v1\""));
    }

    #[test]
    fn a_request_is_a_form_of_two_parts() {
        let content = form(model_key("a/b", None), "sdpa", b"\x80\x04.").unwrap();
        let mark = content
            .kind
            .strip_prefix("multipart/form-data; boundary=")
            .unwrap();
        assert_eq!(mark, BOUNDARY);
        let expected = [
            &b"--MARK\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{\"model_key\":\
            \"nnsight.modeling.transformers.TransformersModel:{\\\"repo_id\\\": \\\"a/b\\\", \\\"revision\\\": null, \
            \\\"task\\\": \\\"text-generation\\\"}\",\"session_id\":\"\",\"compress\":false,\
            \"env\":{\"attn_implementation\":\"sdpa\"}}\r\n\
            --MARK\r\nContent-Disposition: form-data; name=\"blob\"; filename=\"request\"\r\n\
            Content-Type: application/octet-stream\r\n\r\n"[..],
            b"\x80\x04.",
            b"\r\n--MARK--\r\n",
        ];
        let text = String::from_utf8_lossy(&content.body).replace(mark, "MARK");
        assert_eq!(text, String::from_utf8_lossy(&expected.concat()));
    }
}
