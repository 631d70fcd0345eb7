//! Models from the hub: the real client against a hub of the tests' own on loopback.

mod bench;
mod caching;
mod download;
mod environment;
mod gguf;
mod hostile;
#[cfg(unix)]
mod lies;
#[cfg(unix)]
mod malicious;
mod outline;
mod refusals;
mod resume;
mod server;
#[path = "../support/signals.rs"]
mod signals;
mod wire;
