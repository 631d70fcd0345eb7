//! What vLLM and its vllm-lens plugin are sent, and what they answer: JSON over HTTP, as vLLM 0.30 and
//! vllm-lens 1.3 have it.

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use crate::engine::http::{Client, Reply};
use crate::error::{Error, Result};

/// A prompt whose residual stream is wanted, as `POST /v1/completions` takes it.
#[derive(Serialize)]
pub struct Completion<'a> {
    pub model: &'a str,
    pub prompt: &'a [u32],
    max_tokens: u32,
    temperature: u32,
    /// The log-probability of the server's own next token, which ours is held against.
    logprobs: u32,
    return_tokens_as_token_ids: bool,
    vllm_xargs: Arguments,
}

#[derive(Serialize)]
struct Arguments {
    /// A list of layers, as JSON in a string.
    output_residual_stream: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    activations_transport: Option<&'static str>,
}

impl<'a> Completion<'a> {
    /// The residual stream of `prompt` after each of `layers`, rising; `apart` to have it fetched from an
    /// address of its own instead of in the answer.
    pub fn new(model: &'a str, prompt: &'a [u32], layers: &[usize], apart: bool) -> Self {
        let layers: Vec<String> = layers.iter().map(usize::to_string).collect();
        Self {
            model,
            prompt,
            max_tokens: 1,
            temperature: 0,
            logprobs: 1,
            return_tokens_as_token_ids: true,
            vllm_xargs: Arguments {
                output_residual_stream: format!("[{}]", layers.join(", ")),
                activations_transport: apart.then_some("binary"),
            },
        }
    }
}

/// What comes of it.
#[derive(Deserialize)]
pub struct Completed {
    #[serde(default)]
    choices: Vec<Choice>,
    pub activations: Option<Activations>,
}

#[derive(Deserialize)]
struct Choice {
    logprobs: Option<Logprobs>,
}

#[derive(Deserialize)]
struct Logprobs {
    #[serde(default)]
    tokens: Vec<String>,
    #[serde(default)]
    token_logprobs: Vec<Option<f64>>,
}

impl Completed {
    /// The token that the server itself goes on with, and its log-probability in nats.
    pub fn next(&self) -> Option<(u32, f64)> {
        let logprobs = self.choices.first()?.logprobs.as_ref()?;
        let id = logprobs.tokens.first()?.strip_prefix("token_id:")?.parse().ok()?;
        Some((id, (*logprobs.token_logprobs.first()?)?))
    }
}

#[derive(Deserialize)]
pub struct Activations {
    pub residual_stream: Stream,
}

/// Rows `[layer][position][hidden]`.
#[derive(Deserialize)]
pub struct Stream {
    /// The bytes in base64.
    pub data: Option<String>,
    /// Where they are, if not here.
    pub handle: Option<String>,
    /// The type of the numbers as numpy holds them.
    pub dtype: String,
    /// The type that the server computed them in.
    pub original_dtype: Option<String>,
    pub shape: Vec<usize>,
    pub compression: Option<String>,
}

/// What `GET /v1/models` answers.
#[derive(Deserialize)]
pub struct Models {
    pub data: Vec<Served>,
}

#[derive(Deserialize)]
pub struct Served {
    /// The name that requests give.
    pub id: String,
    /// The path or id that it was loaded from.
    pub root: Option<String>,
    /// The model that an adapter belongs to.
    pub parent: Option<String>,
    /// The most tokens of a prompt and its continuation.
    pub max_model_len: Option<usize>,
}

/// What `GET /version` answers.
#[derive(Deserialize)]
pub struct Version {
    pub version: String,
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
pub fn refusal(client: &Client, reply: &Reply) -> Error {
    let host = client.host();
    let said = client.quoted(&message(&reply.body));
    let said = if said.is_empty() {
        "no reason".to_string()
    } else {
        said
    };
    match reply.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if client.has_key() => Error::failed(
            format!("{host} does not accept the key in VLLM_API_KEY."),
            "Set it to what the server was started with (--api-key).",
        ),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::failed(
            format!("{host} asks for a key."),
            "Set VLLM_API_KEY to what the server was started with (--api-key).",
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
            "See the server's own log, and run the same command again.",
        ),
        status => Error::failed(
            format!("{host} refuses the request (status {}: {said}).", status.as_u16()),
            "Check that --remote gives the address of a vLLM server that serves this model.",
        ),
    }
}

/// What the body of a refusal says, in any of the forms that it has.
fn message(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return String::from_utf8_lossy(body).into_owned();
    };
    let places = ["/error/message", "/message", "/error", "/detail"];
    let text = places
        .iter()
        .find_map(|place| value.pointer(place)?.as_str().map(str::to_string));
    text.unwrap_or_else(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_bytes_that_the_plugin_reads() {
        let here = Completion::new("served", &[261, 295], &[0, 1, 3], false);
        assert_eq!(
            serde_json::to_string(&here).unwrap(),
            r#"{"model":"served","prompt":[261,295],"max_tokens":1,"temperature":0,"logprobs":1,"return_tokens_as_token_ids":true,"vllm_xargs":{"output_residual_stream":"[0, 1, 3]"}}"#
        );
        let apart = Completion::new("served", &[261], &[79], true);
        assert_eq!(
            serde_json::to_string(&apart).unwrap(),
            r#"{"model":"served","prompt":[261],"max_tokens":1,"temperature":0,"logprobs":1,"return_tokens_as_token_ids":true,"vllm_xargs":{"output_residual_stream":"[79]","activations_transport":"binary"}}"#
        );
    }
}
