//! What the system is told about the pages of mapped files. All of it is advice: where a system
//! does not take it, nothing but speed is lost.

#![expect(unsafe_code, reason = "the system is told of pages by address")]

use std::ops::Range;

use crate::source::Storage;

/// A checkpoint larger than this is streamed: its pages are asked for block by block and given
/// back after use, so that it does not push everything else out of memory. Smaller ones stay, for
/// the next run.
pub const STREAMED: usize = 2 << 30;

/// Asks for the pages of `range` to be read ahead, without waiting for them.
pub fn will_need(file: &Storage, range: &Range<usize>) {
    #[cfg(unix)]
    if let Some(map) = file.mapping() {
        let _ = map.advise_range(memmap2::Advice::WillNeed, range.start, range.len());
    }
    #[cfg(not(unix))]
    let _ = (file, range);
}

/// Gives the pages of `range` back: they leave the process, and are the first to leave the cache
/// when memory is short.
pub fn done_with(file: &Storage, range: &Range<usize>) {
    #[cfg(target_os = "linux")]
    if let Some(map) = file.mapping() {
        use rustix::mm::{Advice, madvise};
        let page = rustix::param::page_size();
        let start = range.start.next_multiple_of(page);
        let len = (range.end - range.end % page).saturating_sub(start);
        // SAFETY: the whole pages of the range lie in the mapping, which is read-only and of a
        // file: pages dropped are read again when touched.
        let _ = unsafe {
            let first = map.as_ptr().add(start).cast_mut().cast();
            madvise(first, len, Advice::LinuxCold).and_then(|()| madvise(first, len, Advice::LinuxDontNeed))
        };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, range);
}

/// Maps the pages of small checkpoints in the background, while other work is done: a page mapped
/// here is a page fault less in a product.
pub fn populate(files: Vec<Storage>) {
    #[cfg(target_os = "linux")]
    let _ = std::thread::Builder::new().spawn(move || {
        const STRETCH: usize = 8 << 20;
        for map in files.iter().filter_map(Storage::mapping) {
            for start in (0..map.len()).step_by(STRETCH) {
                let len = STRETCH.min(map.len() - start);
                if map
                    .advise_range(memmap2::Advice::PopulateRead, start, len)
                    .is_err()
                {
                    return;
                }
            }
        }
    });
    #[cfg(not(target_os = "linux"))]
    drop(files);
}
