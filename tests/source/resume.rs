//! Downloads that are interrupted, and downloads that are not what they should be.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::bench::{Bench, LARGE, plain, weights};
use crate::server::Fault;
use crate::wire::{Request, Response};

fn ranges(downloads: &[Request]) -> Vec<Option<&str>> {
    downloads.iter().map(|request| request.header("range")).collect()
}

/// Downloads, and answers what was asked of the storage.
fn download(bench: &Bench) -> Vec<Request> {
    let model = bench.locate().unwrap();
    assert_eq!(model.weights[0].read().unwrap(), weights().bytes);
    assert!(bench.incomplete().is_empty());
    bench.hub.downloads()
}

#[test]
fn a_cut_connection_is_resumed_where_it_stopped() {
    let bench = Bench::new();
    bench.hub.faults(&[Fault::Cut(600_000), Fault::Cut(100_000)]);
    let downloads = download(&bench);
    assert_eq!(
        ranges(&downloads),
        [None, Some("bytes=600000-"), Some("bytes=700000-")]
    );
}

#[test]
fn the_next_run_resumes_too() {
    let bench = Bench::new();
    bench.hub.faults(&[Fault::Cut(600_000), Fault::Status(403)]);
    bench.refused(&bench.options());
    assert_eq!(ranges(&bench.hub.downloads()), [None, Some("bytes=600000-")]);

    let left = bench.incomplete();
    assert_eq!(left.len(), 1);
    assert_eq!(fs::read(&left[0]).unwrap(), weights().bytes[..600_000]);
    assert!(
        !bench
            .folder()
            .join("snapshots")
            .join(crate::bench::OLD)
            .join("model.safetensors")
            .exists()
    );

    assert_eq!(ranges(&download(&bench)), [Some("bytes=600000-")]);
}

#[test]
fn a_download_that_gets_nowhere_is_given_up() {
    let bench = Bench::new();
    bench
        .hub
        .faults(&[&[Fault::Cut(600_000)], [Fault::Cut(0); 8].as_slice()].concat());
    let error = bench.refused(&bench.options());
    assert!(
        error
            .problem
            .contains("600000 of 1500000 bytes of model.safetensors"),
        "{error}"
    );
    assert!(error.remedy.contains("continues"), "{error}");
    assert_eq!(bench.hub.downloads().len(), 5);
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    let bench = Bench::new();
    bench
        .hub
        .faults(&[Fault::Status(503), Fault::Cut(10), Fault::Status(500)]);
    assert_eq!(
        ranges(&download(&bench)),
        [None, None, Some("bytes=10-"), Some("bytes=10-")]
    );
}

#[test]
fn a_server_without_ranges_starts_over() {
    let bench = Bench::new();
    bench.hub.faults(&[Fault::Cut(600_000), Fault::NoRange]);
    assert_eq!(ranges(&download(&bench)), [None, Some("bytes=600000-")]);
}

#[test]
fn an_overlong_or_complete_leftover_does_no_harm() {
    for size in [LARGE, LARGE + 7] {
        let bench = Bench::new();
        let blobs = bench.folder().join("blobs");
        fs::create_dir_all(&blobs).unwrap();
        let mut bytes = weights().bytes;
        bytes.resize(size, 0);
        fs::write(blobs.join(format!("{}.incomplete", weights().etag())), bytes).unwrap();
        let expected: &[Option<&str>] = if size == LARGE { &[] } else { &[None] };
        assert_eq!(ranges(&download(&bench)), expected);
    }
}

#[test]
fn a_leftover_of_something_else_is_dropped() {
    let bench = Bench::new();
    let blobs = bench.folder().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(
        blobs.join(format!("{}.incomplete", weights().etag())),
        vec![7; 1000],
    )
    .unwrap();
    assert_eq!(ranges(&download(&bench)), [Some("bytes=1000-"), None]);
}

/// Small files have git's hash, which is as good as a large one's.
#[test]
fn a_leftover_of_a_small_file_is_dropped_too() {
    for junk in ["{\"model_type\":\"evil", "{}", "{\"model_type\": \"gpt3\"}"] {
        let bench = Bench::new();
        let blobs = bench.folder().join("blobs");
        fs::create_dir_all(&blobs).unwrap();
        let config = &plain()["config.json"];
        fs::write(blobs.join(format!("{}.incomplete", config.etag())), junk).unwrap();
        let model = bench.locate().unwrap();
        assert_eq!(model.config.read().unwrap(), config.bytes, "{junk}");
    }
}

#[test]
fn a_content_of_another_length_in_the_cache_is_replaced() {
    let bench = Bench::new();
    let blobs = bench.folder().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(weights().etag()), "cut short").unwrap();
    assert_eq!(ranges(&download(&bench)), [None]);
}

/// Without ranges every connection begins anew, and none is progress.
#[test]
fn a_server_without_ranges_is_not_asked_for_ever() {
    let bench = Bench::new();
    let sizes = AtomicUsize::new(100_000);
    bench.hub.meddle(Box::new(move |_, request| {
        let cut = sizes.fetch_add(usize::from(request.storage) * 100_000, Ordering::Relaxed);
        request.storage.then(|| {
            let mut response = Response::new(200, weights().bytes);
            response.sent = cut;
            response
        })
    }));
    let error = bench.refused(&bench.options());
    assert!(error.problem.contains("broke off"), "{error}");
    assert!(bench.hub.downloads().len() <= 6);
}

/// A server that sends a byte and hangs up does not hold a run for as long as it likes.
#[test]
fn a_byte_for_each_connection_is_not_enough() {
    let bench = Bench::new();
    bench.hub.faults(&[Fault::Cut(1); 100]);
    let error = bench.refused(&bench.options());
    assert!(error.problem.contains("5 of 1500000 bytes"), "{error}");
    assert_eq!(bench.hub.downloads().len(), 5);
}

#[test]
fn wrong_contents_are_refused() {
    for (fault, says) in [(Fault::Garbage, "its hash"), (Fault::Short, "750000 of 1500000")] {
        let bench = Bench::new();
        bench.hub.faults(&[fault]);
        let error = bench.refused(&bench.options());
        assert!(
            error.problem.contains("model.safetensors arrived damaged"),
            "{error}"
        );
        assert!(error.problem.contains(says), "{error}");
        assert!(bench.incomplete().is_empty());
        assert!(!bench.folder().join("blobs").join(weights().etag()).exists());
        assert_eq!(bench.hub.downloads().len(), 1);

        download(&bench);
    }
}

/// As on a file system whose locks do not lock.
#[test]
fn a_second_writer_is_noticed() {
    let bench = Bench::new();
    bench.hub.faults(&[Fault::Slow]);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            let path = loop {
                let large = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > 1000);
                match bench.incomplete().into_iter().find(large) {
                    Some(path) => break path,
                    None => std::thread::sleep(Duration::from_millis(1)),
                }
            };
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"something else").unwrap();
        });
        bench.refused(&bench.options())
    });
    assert!(error.problem.contains("another process"), "{error}");
    assert!(bench.incomplete().is_empty());
    download(&bench);
}
