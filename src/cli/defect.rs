//! What is said of a defect of lens itself: an error like others, never a backtrace.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use logit_lens::error::Error;

/// Where the last panic was, and what it said. One that a library's user expects is never shown.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Runs `f`; a panic in it becomes an error.
pub fn caught<R>(f: impl FnOnce() -> Result<R>) -> Result<R> {
    panic::set_hook(Box::new(|info| {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(info.to_string());
    }));
    panic::catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let what = last.take().unwrap_or_default().replace('\n', " ");
        Err(Error::failed(
            format!("This is a defect of lens: {what}."),
            "Please report it, with the command and the model that it came with.",
        )
        .into())
    })
}
