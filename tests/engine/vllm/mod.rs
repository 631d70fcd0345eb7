//! vLLM with vllm-lens: numbers, refusals, faults.

mod fake;
mod faults;
mod numbers;
mod refusals;

use crate::server::Server;

pub const PROMPT: &str = "The Eiffel Tower is in the city of";

/// What `--remote` is given for a server.
pub fn remote(server: &Server) -> String {
    format!("vllm+{}", server.address)
}
