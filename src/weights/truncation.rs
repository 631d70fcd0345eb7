//! A mapped file that is cut short while it is mapped: what lay past its new end cannot be read.
//!
//! Unix signals that to the thread that reads there (SIGBUS), and the thread cannot go on. Windows
//! does not let a mapped file be cut short.

#![expect(unsafe_code, reason = "a signal handler may do very little")]

use std::io;

/// Calls `report` when a mapped file turns out to have been cut short, or its disk fails. It runs in
/// a thread of its own and should end the process: whoever was reading waits for that.
///
/// # Errors
/// A system that gives no thread or no signal handler; the process then dies by the signal.
#[cfg(unix)]
pub fn on_cut_short(report: impl FnOnce() + Send + 'static) -> io::Result<()> {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use signal_hook::consts::SIGBUS;
    use signal_hook::low_level;

    let (mut told, tell) = UnixStream::pair()?;
    low_level::pipe::register(SIGBUS, tell)?;
    // The standard library's own handler, which looks for stack overflows, comes first and takes
    // the signal's handling back to killing the process; so this one never returns to the reader.
    // SAFETY: all that runs in the handler is nanosleep, which POSIX allows there.
    unsafe {
        low_level::register(SIGBUS, || {
            loop {
                std::thread::sleep(Duration::from_secs(1))
            }
        })
    }?;
    std::thread::Builder::new().spawn(move || {
        if told.read_exact(&mut [0]).is_ok() {
            report();
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
pub fn on_cut_short(_report: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Ok(())
}
