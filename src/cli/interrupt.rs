//! A run that is stopped from outside leaves nothing half-done behind.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::channel;
use std::time::Duration;

use logit_lens::error::Error;
use logit_lens::weights::on_cut_short;

use super::{draft, ending};

/// From now on, Ctrl-C and its like remove the drafts and clear the progress line before they end
/// the process.
pub fn watch() {
    // Where the system does not allow it, a stopped run may leave its drafts.
    let _ = install();
    let _ = on_cut_short(|| {
        clean_up();
        super::complain(&cut_short().into());
        ending::exit_at_once();
    });
}

fn cut_short() -> Error {
    Error::failed(
        "A file of the model was cut short, or its disk failed, while it was being read.",
        "Run the command again once nothing else is writing to the model's files.",
    )
}

#[cfg(unix)]
fn install() -> io::Result<()> {
    use std::sync::Arc;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU, SIGXFSZ};
    use signal_hook::flag;
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    // A file that may not grow further is then an error of writing, and said as such.
    flag::register(SIGXFSZ, Arc::default())?;
    let wanted = [SIGINT, SIGTERM, SIGQUIT, SIGXCPU, SIGHUP];
    let mut signals = Signals::new(wanted.into_iter().filter(|&signal| !is_ignored(signal)))?;
    std::thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            clean_up();
            // Whoever started this process sees which signal ended it.
            let _ = emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

/// Whether whoever started this process had it ignore the signal, as nohup does, and a shell for
/// what it runs in the background: then it stays ignored.
#[cfg(target_os = "linux")]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Elsewhere a run that has no terminal is taken for one that a hangup is not to end.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_ignored(signal: i32) -> bool {
    let on_a_terminal = io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal();
    signal == signal_hook::consts::SIGHUP && !on_a_terminal
}

#[cfg(windows)]
fn install() -> io::Result<()> {
    let interrupted = || {
        clean_up();
        // What Windows itself gives for a console program that Ctrl-C ended.
        std::process::exit(0xC000_013Au32 as i32);
    };
    ctrlc::set_handler(interrupted).map_err(io::Error::other)
}

fn clean_up() {
    #[cfg(feature = "explore")]
    logit_lens::explore::give_back();
    draft::discard_all();
    clear_line();
}

/// Clears the progress line. A terminal that has stalled takes nothing, and is not waited for.
fn clear_line() {
    const PATIENCE: Duration = Duration::from_millis(500);
    if !io::stderr().is_terminal() {
        return;
    }
    let (cleared, is_cleared) = channel();
    let clear = move || {
        let _ = io::stderr().write_all(b"\r\x1b[2K");
        let _ = cleared.send(());
    };
    // Without a thread the line stays.
    let _ = std::thread::Builder::new().spawn(clear);
    let _ = is_cleared.recv_timeout(PATIENCE);
}
