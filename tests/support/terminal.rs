//! A terminal for a run to be in.

use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};

/// A terminal of so many columns and lines: the end that shows what is written and takes keys, and the end of the run.
pub fn terminal(columns: u16, lines: u16) -> (File, OwnedFd) {
    let size = libc::winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let (mut ours, mut theirs) = (-1, -1);
    #[expect(unsafe_code, reason = "no safe way to make a terminal")]
    // SAFETY: the pointers are to what the call fills or reads; both descriptors are new, and this
    // is all that knows of them.
    unsafe {
        let (no_name, no_settings) = (std::ptr::null_mut(), std::ptr::null());
        assert_eq!(
            libc::openpty(&mut ours, &mut theirs, no_name, no_settings, &size),
            0
        );
        (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
    }
}
