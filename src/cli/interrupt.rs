//! A run that is stopped from outside leaves nothing half-done behind.

use std::io::{self, IsTerminal, Write};

use logit_lens::error::Error;
use logit_lens::weights::on_cut_short;

use super::draft;

/// From now on, Ctrl-C and its like remove the drafts and clear the progress line before they end
/// the process.
pub fn watch() {
    // Where the system does not allow it, a stopped run may leave its drafts.
    let _ = install();
    let _ = on_cut_short(|| {
        clean_up();
        super::complain(&cut_short().into());
        std::process::exit(1);
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
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT, SIGXCPU])?;
    // Under nohup, which nothing here has a terminal of, a hangup is to be ignored.
    if io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal() {
        signals.add_signal(SIGHUP)?;
    }
    std::thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            clean_up();
            // Whoever started this process sees which signal ended it.
            let _ = emulate_default_handler(signal);
        }
    })?;
    Ok(())
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
    draft::discard_all();
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        let _ = stderr.write_all(b"\r\x1b[2K");
    }
}
