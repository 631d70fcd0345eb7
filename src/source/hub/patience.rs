//! Trying again, within reason.

use std::time::Duration;

use super::failure::Failure;

/// How often something that fails in passing is tried again, with growing pauses.
pub struct Patience {
    failures: u32,
}

impl Patience {
    const RETRIES: u32 = 4;

    pub fn new() -> Self {
        Self { failures: 0 }
    }

    /// Something went right: the next failure is the first again.
    pub fn renew(&mut self) {
        self.failures = 0;
    }

    /// Waits a little, or for as long as `failure` asks for, or answers that it has been long enough.
    pub fn wait(&mut self, failure: &Failure) -> bool {
        if self.failures == Self::RETRIES {
            return false;
        }
        let pause = Duration::from_millis(100 << self.failures);
        std::thread::sleep(failure.asks_for().map_or(pause, |asked| asked.max(pause)));
        self.failures += 1;
        true
    }
}
