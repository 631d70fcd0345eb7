//! How much memory there is, so that what cannot fit is refused before it is tried.

use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

use crate::error::{Error, Result};

/// What is needed is not compared with what there is below this: looking takes longer.
const SMALL: u64 = 64 << 20;

/// Refuses work that needs more than there is: `what` is to be done, with `bytes` of memory, and
/// `remedy` is what makes it less.
///
/// # Errors
/// More bytes than this process can have.
pub fn require(bytes: u64, what: &str, remedy: &str) -> Result<()> {
    if bytes <= SMALL {
        return Ok(());
    }
    match available() {
        Some(there) if bytes > there => Err(Error::failed(
            format!(
                "{what} takes about {} of memory, and there are {}.",
                size(bytes),
                size(there)
            ),
            remedy,
        )),
        _ => Ok(()),
    }
}

/// The bytes that this process can still have: what the machine, its container and the process's
/// own limit leave. `None` where the system does not say.
pub fn available() -> Option<u64> {
    let memory = MemoryRefreshKind::nothing().with_ram();
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(memory));
    let container = system.cgroup_limits().map(|limits| limits.free_memory);
    let machine = Some(system.available_memory()).filter(|&bytes| bytes > 0);
    [machine, container, address_space()].into_iter().flatten().min()
}

/// What `ulimit -v` leaves of addresses.
#[cfg(target_os = "linux")]
fn address_space() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::As).current?;
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let used: u64 = pages.split(' ').next()?.parse().ok()?;
    Some(limit.saturating_sub(used * rustix::param::page_size() as u64))
}

#[cfg(not(target_os = "linux"))]
fn address_space() -> Option<u64> {
    None
}

/// The bytes of this process that are in memory. `None` where the system does not say.
pub fn used() -> Option<u64> {
    let own = Pid::from_u32(std::process::id());
    let mut system = System::new();
    let memory = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, memory);
    system.process(own).map(sysinfo::Process::memory)
}

/// Bytes as people say them.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_fit_is_refused_with_its_size() {
        assert!(require(1 << 20, "A little", "").is_ok());
        let error = require(1 << 60, "Reading the universe", "Read less.").unwrap_err();
        assert!(
            error
                .problem
                .starts_with("Reading the universe takes about 1152921504.6 GB of memory")
        );
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
        assert!(used().is_some_and(|bytes| bytes > 1 << 16));
    }
}
