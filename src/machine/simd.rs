//! One code for every instruction set.

/// Runs `f`, inlined and vectorised, with the widest instruction set of the machine that it runs
/// on. `f` should be marked `#[inline(always)]`, and so should what it calls.
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
