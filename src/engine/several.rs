//! Several requests at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::Result;

/// What `job` makes of each of `items`, in their order, up to `most` of them under way at a time.
///
/// # Errors
/// The first failure by the order of the items; after one, no more are begun.
pub fn several<T: Sync, R: Send>(
    items: &[T],
    most: usize,
    job: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let results: Vec<Mutex<Option<Result<R>>>> = items.iter().map(|_| Mutex::default()).collect();
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(place)) = (items.get(i), results.get(i)) else {
                return;
            };
            let result = job(item);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            *place.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..items.len().min(most) {
            // With fewer threads it takes longer.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let results = results.into_iter().filter_map(|result| {
        let result = result.into_inner();
        result.unwrap_or_else(|poisoned| poisoned.into_inner())
    });
    results.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn results_are_in_order_and_a_failure_ends_them() {
        let items: Vec<usize> = (0..100).collect();
        for most in [1, 7, 1000] {
            assert_eq!(several(&items, most, |&i| Ok(i * i)).unwrap()[99], 99 * 99);
        }
        let begun = AtomicUsize::new(0);
        let failing = several(&items, 1, |&i| {
            begun.fetch_add(1, Ordering::Relaxed);
            if i == 3 {
                Err(Error::failed("No.", "None."))
            } else {
                Ok(i)
            }
        });
        assert_eq!(
            (failing.unwrap_err().problem.as_str(), begun.into_inner()),
            ("No.", 4)
        );
        assert!(several(&[] as &[usize], 3, |&i| Ok(i)).unwrap().is_empty());
    }
}
