//! A mapped file that is cut short while it is mapped: what lay past its new end cannot be read.
//!
//! Unix signals that to each thread that reads there (SIGBUS), and the thread cannot go on. Windows
//! does not let a mapped file be cut short.

#![cfg_attr(unix, expect(unsafe_code, reason = "a signal handler may do very little"))]

use std::io;

/// Calls `report` when a mapped file turns out to have been cut short, or its disk fails. It runs in
/// a thread of its own and should end the process: whoever was reading waits for that.
///
/// # Errors
/// A system that gives no thread or no signal handler; the process then dies by the signal.
#[cfg(unix)]
pub fn on_cut_short(report: impl FnOnce() + Send + 'static) -> io::Result<()> {
    use std::io::Read;
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::Ordering;

    let (mut told, tell) = UnixStream::pair()?;
    TELL.store(tell.into_raw_fd(), Ordering::SeqCst);
    std::thread::Builder::new().spawn(move || {
        if told.read_exact(&mut [0]).is_ok() {
            report();
        }
    })?;
    // SAFETY: an all-zero sigaction is one without flags or blocked signals, and `stop` does only
    // what POSIX allows in a handler. It takes the place of the standard library's, which would
    // have the second thread that reads there kill the process.
    let installed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = stop as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_ONSTACK;
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut())
    };
    match installed {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Where the handler says that it was called.
#[cfg(unix)]
static TELL: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(-1);

/// Tells, and never returns to the reader.
#[cfg(unix)]
extern "C" fn stop(_signal: libc::c_int) {
    let tell = TELL.load(std::sync::atomic::Ordering::SeqCst);
    // SAFETY: write and pause are safe in a handler; the byte lives as long as the call.
    unsafe {
        libc::write(tell, [1u8].as_ptr().cast(), 1);
        loop {
            libc::pause();
        }
    }
}

#[cfg(not(unix))]
pub fn on_cut_short(_report: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Ok(())
}
