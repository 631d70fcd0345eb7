//! A run that can do nothing more: memory or stack that ran out ends it in a sentence and exit
//! code 1, like every other failure, and leaves no draft.

#![expect(
    unsafe_code,
    reason = "an allocator and a signal handler are unsafe by their nature"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::io::{Cursor, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mimalloc::MiMalloc;

use super::draft;

/// mimalloc, except that memory which is refused ends the run.
///
/// So it does also where a library would have made an error of it (`try_reserve`): what it says is
/// the same, and less is left to chance.
pub struct Allocator;

// SAFETY: mimalloc is an allocator, and what it returns is passed on unless it is null.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        given(unsafe { MiMalloc.alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        given(unsafe { MiMalloc.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: passed on.
        given(unsafe { MiMalloc.realloc(memory, layout, bytes) }, bytes)
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { MiMalloc.dealloc(memory, layout) }
    }
}

#[inline]
fn given(memory: *mut u8, bytes: usize) -> *mut u8 {
    if memory.is_null() {
        out_of_memory(bytes);
    }
    memory
}

#[cold]
fn out_of_memory(bytes: usize) -> ! {
    let mut buffer = [0; 256];
    let mut message = Cursor::new(&mut buffer[..]);
    // It fits.
    let _ = write!(
        message,
        "error: Memory ran out: there are no {bytes} bytes more.\n       Read fewer --positions or \
         --layers, a smaller --top-k or a shorter prompt, or raise the limit (ulimit -v).\n"
    );
    let length = message.position() as usize;
    give_up(&buffer[..length])
}

/// Whether a thread is ending the run.
static ENDING: AtomicBool = AtomicBool::new(false);
thread_local! {
    /// Whether it is this one.
    static ENDING_HERE: Cell<bool> = const { Cell::new(false) };
}

/// Before a run's last words: from here on this thread alone says them. Where another does already, this one waits
/// for the end, which comes at once.
pub fn take_the_last_word() {
    if ENDING.swap(true, Ordering::SeqCst) && !ENDING_HERE.get() {
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    ENDING_HERE.set(true);
}

/// Says `message` and ends the run, from any thread and from a signal handler: it allocates nothing
/// and waits for no lock.
fn give_up(message: &[u8]) -> ! {
    if ENDING_HERE.get() {
        exit_at_once();
    }
    take_the_last_word();
    #[cfg(feature = "explore")]
    logit_lens::explore::give_back();
    draft::discard_what_can_be();
    if std::io::stderr().is_terminal() {
        say(b"\r\x1b[2K");
    }
    say(message);
    exit_at_once()
}

/// Ends the process with exit code 1 and runs nothing more of it: threads that still compute need
/// what the ordinary end takes apart.
#[cfg(unix)]
pub fn exit_at_once() -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(1) }
}

#[cfg(not(unix))]
pub fn exit_at_once() -> ! {
    std::process::exit(1)
}

#[cfg(unix)]
fn say(bytes: &[u8]) {
    // SAFETY: the bytes live as long as the call. If stderr is closed, the exit code still tells.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
}

#[cfg(not(unix))]
fn say(bytes: &[u8]) {
    let _ = std::io::stderr().write_all(bytes);
}

/// From now on, a stack that overflows ends the run in a sentence. Elsewhere than here it ends as
/// Rust's own handler has it, by SIGABRT.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn watch_the_stack() {
    // SAFETY: an all-zero sigaction is one without flags or blocked signals, and `fault` does only
    // what is allowed in a handler. Every thread has a stack for it: the standard library's.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = fault;
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_ONSTACK | libc::SA_SIGINFO;
        // Where it is refused, the standard library's handler stays.
        libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub fn watch_the_stack() {}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
extern "C" fn fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    /// How far from the stack's pointer a frame may reach.
    const FRAME: usize = 1 << 20;
    // SAFETY: the system gives a handler that asked for it (SA_SIGINFO) both structures, whole.
    let (address, stack) = unsafe {
        let machine = &(*context.cast::<libc::ucontext_t>()).uc_mcontext;
        #[cfg(target_arch = "x86_64")]
        let stack = machine.gregs[libc::REG_RSP as usize] as usize;
        #[cfg(target_arch = "aarch64")]
        let stack = machine.sp as usize;
        ((*info).si_addr() as usize, stack)
    };
    if address.abs_diff(stack) < FRAME {
        give_up(
            b"error: The stack ran out: something is nested too deeply, or the stack's limit is too low.\n       \
              Use another chat template, tokenizer or prompt, or raise the limit (ulimit -s).\n",
        );
    }
    // It is something else: the instruction runs again, and the process dies by the signal.
    // SAFETY: restoring the default action is allowed in a handler.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}
