//! A server that answers as vLLM with vllm-lens does, from the readings of the engine on this machine; except
//! for what a test has it do otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use half::{bf16, f16};
use logit_lens::engine::Engine;
use logit_lens::lens::{Positions, Request as Readings};
use logit_lens::model::Model;
use logit_lens::text::prompt::Prompt;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};

use crate::server::{Request, Response, Server};

/// The type that rows travel in.
#[derive(Clone, Copy, PartialEq)]
pub enum Numbers {
    F32,
    F16,
    Bf16,
}

/// Rows in an answer, before they are packed.
pub struct Rows {
    /// `[layer][position][hidden]`.
    pub numbers: Vec<f32>,
    pub shape: [usize; 3],
}

/// How the server is.
pub struct Fake {
    /// The directory or name of its model.
    pub model: &'static str,
    /// The names that it serves.
    pub served: &'static [&'static str],
    pub numbers: Numbers,
    pub key: Option<&'static str>,
    pub context: usize,
    /// What becomes of the rows of a prompt of more than one token.
    pub rows: fn(Rows) -> Option<Rows>,
    /// How far off its own log-probabilities are.
    pub offset: f64,
    /// What is answered in the place of all that.
    pub instead: fn(&Request) -> Option<Response>,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            model: "demo",
            served: &["demo"],
            numbers: Numbers::F32,
            key: None,
            context: 256,
            rows: Some,
            offset: 0.,
            instead: |_| None,
        }
    }
}

impl Fake {
    pub fn start(self) -> Server {
        let model = crate::support::load_path(self.model).unwrap();
        let parked = std::sync::Mutex::new(Vec::new());
        Server::start(move |request| self.answer(&model, &parked, request))
    }

    fn answer(&self, model: &Model, parked: &std::sync::Mutex<Vec<Vec<u8>>>, request: &Request) -> Response {
        if let Some(response) = (self.instead)(request) {
            return response;
        }
        if request.path == "/version" {
            return Response::new(200, r#"{"version":"0.30.0"}"#);
        }
        let wanted = self.key.map(|key| format!("Bearer {key}"));
        if wanted.is_some() && request.header("authorization") != wanted.as_deref() {
            return Response::new(401, r#"{"error":"Unauthorized"}"#);
        }
        if request.path == "/v1/models" {
            let served = self.served.iter().map(|name| {
                json!({"id": name, "object": "model", "root": name, "parent": null, "max_model_len": self.context})
            });
            let models = json!({"object": "list", "data": served.collect::<Vec<_>>()});
            return Response::new(200, models.to_string());
        }
        if let Some(handle) = request.path.strip_prefix("/v1/activations/handle-") {
            let parked = parked.lock().unwrap();
            return Response::new(200, parked[handle.parse::<usize>().unwrap()].clone());
        }
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/v1/completions")
        );
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        if !self.served.contains(&body["model"].as_str().unwrap()) {
            return Response::new(404, r#"{"error":{"message":"The model does not exist."}}"#);
        }
        let ids: Vec<usize> = serde_json::from_value(body["prompt"].clone()).unwrap();
        if let Some(id) = ids.iter().find(|&&id| id >= model.card.vocabulary) {
            let message = format!("Token id {id} is out of vocabulary");
            return Response::new(400, json!({"error": {"message": message}}).to_string());
        }
        Response::new(200, self.completion(model, parked, &body).to_string())
    }

    fn completion(&self, model: &Model, parked: &std::sync::Mutex<Vec<Vec<u8>>>, body: &Value) -> Value {
        let ids: Vec<u32> = serde_json::from_value(body["prompt"].clone()).unwrap();
        let arguments = &body["vllm_xargs"];
        let layers: Vec<usize> =
            serde_json::from_str(arguments["output_residual_stream"].as_str().unwrap()).unwrap();
        // A layer that is not there is left out, as the plugin does it.
        let layers: Vec<usize> = layers
            .into_iter()
            .filter(|&layer| layer < model.card.layers)
            .collect();
        let (rows, next, logprob) = read(model, &ids, &layers);
        let rows = match ids.len() {
            1 => Some(rows),
            _ => (self.rows)(rows),
        };
        let mut answer = json!({
            "id": "cmpl-1",
            "choices": [{"index": 0, "text": "…", "logprobs": {
                "tokens": [format!("token_id:{next}")],
                "token_logprobs": [logprob + self.offset],
            }}],
        });
        let Some(rows) = rows.filter(|_| !layers.is_empty()) else {
            return answer;
        };
        let packed = compress_to_vec(&self.bytes(&rows.numbers)[..], CompressionLevel::Fastest);
        let (dtype, original) = match self.numbers {
            Numbers::F32 => ("float32", "torch.float32"),
            Numbers::F16 => ("float16", "torch.float16"),
            Numbers::Bf16 => ("int16", "torch.bfloat16"),
        };
        let mut stream = json!({
            "dtype": dtype, "original_dtype": original, "shape": rows.shape, "compression": "zstd",
        });
        if arguments["activations_transport"] == "binary" {
            let mut parked = parked.lock().unwrap();
            stream["handle"] = json!(format!("handle-{}", parked.len()));
            stream["nbytes"] = json!(packed.len());
            parked.push(packed);
        } else {
            stream["data"] = json!(STANDARD.encode(packed));
        }
        answer["activations"] = json!({"residual_stream": stream});
        answer
    }

    fn bytes(&self, numbers: &[f32]) -> Vec<u8> {
        match self.numbers {
            Numbers::F32 => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Numbers::F16 => numbers
                .iter()
                .flat_map(|&x| f16::from_f32(x).to_le_bytes())
                .collect(),
            Numbers::Bf16 => numbers
                .iter()
                .flat_map(|&x| bf16::from_f32(x).to_le_bytes())
                .collect(),
        }
    }
}

/// The residual stream of a prompt after each of `layers`, and the likeliest next token with its
/// log-probability.
fn read(model: &Model, ids: &[u32], layers: &[usize]) -> (Rows, u32, f64) {
    let prompt = Prompt {
        text: String::new(),
        message: None,
        ids: ids.to_vec(),
        generated: 0,
        targets: Vec::new(),
        unusable_targets: Vec::new(),
    };
    let request = Readings {
        layers: "0:".parse().unwrap(),
        positions: Positions::all(),
        keep_rows: true,
        top_k: 1,
        ..Readings::default()
    };
    let read = model.read_prompts(vec![prompt], &request, &()).unwrap().remove(0);
    let top = read.output[ids.len() - 1].top1();
    // [positions, layers, hidden].
    let hidden: Vec<Vec<Vec<f32>>> = read.hidden.unwrap().to_vec3().unwrap();
    let numbers = layers.iter().flat_map(|&layer| {
        let rows = hidden.iter().map(move |position| position[layer].clone());
        rows.flatten().collect::<Vec<f32>>()
    });
    let rows = Rows {
        numbers: numbers.collect(),
        shape: [layers.len(), ids.len(), model.card.hidden],
    };
    (rows, top.id, top.logprob)
}
