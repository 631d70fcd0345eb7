//! A child that heeds signals, whatever its parent does.

use std::process::Command;

/// Who runs the tests may ignore some signals (nohup, a shell's background job), and children
/// inherit that.
pub fn heed(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let reset = || {
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
                #[expect(unsafe_code, reason = "no safe way to set a child's signals")]
                // SAFETY: signal is safe between fork and exec.
                unsafe {
                    libc::signal(signal, libc::SIG_DFL)
                };
            }
            Ok(())
        };
        #[expect(unsafe_code, reason = "no safe way to set a child's signals")]
        // SAFETY: all it does is safe between fork and exec.
        unsafe {
            command.pre_exec(reset)
        };
    }
    command
}
