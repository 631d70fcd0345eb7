//! What somebody else's file makes a library do gets so much time, memory and stack, and no more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::machine::memory;

/// How often time and memory are looked at.
const TICK: Duration = Duration::from_millis(20);

/// What a piece of work may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub time: Duration,
    /// Bytes that the process may grow by meanwhile, if half of what is available is not less.
    pub memory: u64,
    /// Bytes of stack; they are taken only as they are used.
    pub stack: usize,
}

/// Runs `f` in a thread of its own. Work beyond its limits cannot be stopped: it is left alone, and
/// ends with the process.
///
/// # Errors
/// What `f` says, a panic in it, or which limit it goes beyond, as the end of a sentence.
pub fn within<R: Send + 'static>(
    limits: Limits,
    f: impl FnOnce() -> Result<R, String> + Send + 'static,
) -> Result<R, String> {
    let (sender, receiver) = channel();
    let work = move || {
        let done = catch_unwind(AssertUnwindSafe(f));
        // Nobody waits for it if it was given up.
        let _ = sender.send(done.unwrap_or_else(|_| Err("it asks for something impossible".to_string())));
    };
    let thread = std::thread::Builder::new().stack_size(limits.stack).spawn(work);
    let thread = thread.map_err(|error| format!("the system gives it no thread: {error}"))?;
    let done = wait(&receiver, limits)?;
    // It has sent all it had to say, so this takes no time; how it ended is in what it sent.
    let _ = thread.join();
    done
}

/// What the thread sends, unless it goes beyond a limit first.
fn wait<R>(receiver: &Receiver<R>, limits: Limits) -> Result<R, String> {
    let since = Instant::now();
    let before = memory::used().unwrap_or(0);
    let most = memory::available().map_or(limits.memory, |there| limits.memory.min(there / 2));
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Disconnected) => return Err("it ended without a result".to_string()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if since.elapsed() > limits.time {
            return Err(format!("it takes longer than {} seconds", limits.time.as_secs()));
        }
        if memory::used().is_some_and(|now| now.saturating_sub(before) > most) {
            return Err(format!("it takes more than {} of memory", memory::size(most)));
        }
    }
}
