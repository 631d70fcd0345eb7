//! What real servers said, once: their answers, replayed to requests of the very bytes that they were given, read
//! as on this machine. `tests/engine/real/check.py --record` makes the recordings.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::server::{Request, Response, Server};
use crate::{assert_near, run};

#[derive(Deserialize)]
struct Recording {
    exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
struct Exchange {
    method: String,
    path: String,
    request: Bytes,
    status: u16,
    response: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Bytes {
    Text(String),
    Base64(String),
}

impl Bytes {
    fn get(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Base64(text) => STANDARD.decode(text).unwrap(),
        }
    }
}

#[derive(Deserialize)]
struct Case {
    name: String,
    engine: Option<String>,
    args: Vec<String>,
}

/// A server that answers as the recorded one did; what it was not asked then is an error that says so.
fn replay(path: &PathBuf) -> Server {
    let recording: Recording = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    /// A method, a path and a body.
    type Asked = (String, String, Vec<u8>);
    let mut answers: HashMap<Asked, Vec<(u16, Vec<u8>)>> = HashMap::new();
    for exchange in recording.exchanges {
        let asked = (exchange.method, exchange.path, exchange.request.get());
        let said = (exchange.status, exchange.response.get());
        answers.entry(asked).or_default().push(said);
    }
    let answers = Mutex::new(answers);
    Server::start(move |request: &Request| {
        let asked = (request.method.clone(), request.path.clone(), request.body.clone());
        let mut answers = answers.lock().unwrap();
        let Some(said) = answers.get_mut(&asked) else {
            return Response::new(418, format!("not recorded: {} {}", request.method, request.path));
        };
        // What changes with time is answered in order, the last for good.
        let (status, body) = if said.len() > 1 {
            said.remove(0)
        } else {
            said[0].clone()
        };
        let address = format!("http://{}", request.header("host").unwrap());
        let body = match String::from_utf8(body) {
            Ok(text) => text.replace("http://SERVER", &address).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        Response::new(status, body)
    })
}

fn read_as_here(engine: &str, folder: &str, name: &str, tolerance: f64) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let model = format!("{folder}/{name}");
    let path = root.join(format!("tests/engine/recordings/{engine}-{name}.json"));
    let cases = std::fs::read_to_string(root.join("tests/engine/cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&cases).unwrap();
    for case in cases
        .iter()
        .filter(|case| case.engine.as_deref().is_none_or(|only| only == engine))
    {
        let server = replay(&path);
        let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
        let here = [&args[..], &["-m", &model, "--json"]].concat();
        let remote = format!("{engine}+{}", server.address);
        let there = [&here[..], &["--remote", &remote]].concat();
        let [here, there] = [here, there].map(|args| run(&args, None));
        let document = |run: &crate::Run| crate::document(run);
        let what = format!("{engine} {name} {}", case.name);
        assert_near(&document(&here), &document(&there), tolerance, &what);
    }
}

#[test]
fn ndif_reads_as_this_machine_does() {
    for name in ["llama", "gpt2", "gemma2"] {
        read_as_here("ndif", "tests/fixtures", name, 1e-4);
    }
}

#[test]
fn vllm_reads_as_this_machine_does() {
    for name in ["llama", "gpt2", "gemma2"] {
        read_as_here("vllm", "tests/engine/models", name, 1e-4);
    }
}
