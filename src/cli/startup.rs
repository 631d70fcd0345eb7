//! What must be seen and set before Rust's own runtime begins.

#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "the C library is told what to call first")
)]

use std::sync::atomic::{AtomicBool, Ordering};

static STDOUT_IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether whoever started this process closed its stdout (`>&-`). The runtime opens /dev/null in
/// its place, where results would be lost without a word.
pub fn stdout_is_closed() -> bool {
    STDOUT_IS_CLOSED.load(Ordering::Relaxed)
}

#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static FIRST: extern "C" fn() = first;

#[cfg(target_os = "linux")]
extern "C" fn first() {
    /// Its place among mimalloc's options (mimalloc.h), and KiB of addresses that it takes at a time
    /// instead of a GiB: enough for most runs, and little where `ulimit -v` counts them.
    const ARENA_RESERVE: libmimalloc_sys::mi_option_t = 23;
    const ARENA: std::ffi::c_long = 64 << 10;
    // SAFETY: these calls need nothing that is not there yet; nothing was allocated so far.
    let stdout = unsafe {
        libmimalloc_sys::mi_option_set(ARENA_RESERVE, ARENA);
        // The C library has a little memory of its own, for which each thread would reserve 64 MiB.
        #[cfg(target_env = "gnu")]
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD)
    };
    STDOUT_IS_CLOSED.store(stdout == -1, Ordering::Relaxed);
}
