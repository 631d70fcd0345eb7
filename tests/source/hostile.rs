//! A network and a machine at their worst.

use std::time::{Duration, Instant};

use crate::bench::{Bench, ID, LARGE, real, weights};
use crate::environment::{assert_found, command};
use crate::server::Fault;
use crate::signals::heed;
use crate::wire::Response;

/// No environment is more talkative than this one.
const TALKATIVE: [(&str, &str); 3] = [
    ("HF_TOKEN", "hf_secret"),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
];

#[test]
fn a_connection_may_be_cut_anywhere() {
    for tenth in 1..=9 {
        let bench = Bench::new();
        bench.hub.faults(&[Fault::Cut(LARGE * tenth / 10)]);
        let model = bench.locate().unwrap();
        assert_eq!(
            model.weights[0].read().unwrap(),
            weights().bytes,
            "{tenth} tenths"
        );
        assert_eq!(bench.hub.downloads().len(), 2);
        assert!(bench.incomplete().is_empty());
    }
    // At every tenth of one download, one after another.
    let bench = Bench::new();
    bench.hub.faults(&[Fault::Cut(LARGE / 10); 9]);
    assert_eq!(
        bench.locate().unwrap().weights[0].read().unwrap(),
        weights().bytes
    );
    assert_eq!(bench.hub.downloads().len(), 10);
}

#[test]
fn a_storage_that_is_busy_is_asked_again_when_it_says() {
    let bench = Bench::new();
    bench
        .hub
        .faults(&[Fault::Busy(1), Fault::Status(429), Fault::Status(503)]);
    let since = Instant::now();
    bench.locate().unwrap();
    assert!(since.elapsed() >= Duration::from_secs(1), "it was waited for");
    assert_eq!(bench.hub.downloads().len(), 4);
    // For an hour nobody waits: the run ends, and says so.
    let bench = Bench::new();
    bench.hub.faults(&[Fault::Busy(3600)]);
    let error = bench.refused(&bench.options());
    assert!(error.to_string().contains("3600 seconds"), "{error}");
    assert_eq!(bench.hub.downloads().len(), 1);
}

#[test]
fn a_drip_is_waited_for() {
    let bench = Bench::with(&real());
    bench.hub.faults(&[Fault::Drip]);
    assert_found(&command(&bench, &[]).output().unwrap());
}

/// Two bytes a second, and a header that never ends: given up, and continued by the next run.
#[test]
fn what_comes_too_slowly_is_given_up() {
    let bench = Bench::with(&real());
    bench.hub.meddle(Box::new(|_, request| {
        request.storage.then(|| {
            let mut response = Response::new(200, real()["model.safetensors"].bytes.clone());
            response.pieces = (400, Duration::from_millis(500));
            response
        })
    }));
    let hurried = [("HF_HUB_DOWNLOAD_TIMEOUT", "1")];
    let output = command(&bench, &hurried).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("model.safetensors came at less than 1 KB a second"),
        "{said}"
    );
    assert_eq!(bench.incomplete().len(), 1, "what came is kept");
    bench.hub.requests();
    bench.hub.meddle(Box::new(|_, _| None));
    assert_found(&command(&bench, &[]).output().unwrap());
    assert!(bench.hub.downloads()[0].header("range").is_some());
}

#[test]
fn a_header_that_never_ends_is_given_up() {
    for storage in [false, true] {
        let bench = Bench::with(&real());
        bench.hub.meddle(Box::new(move |_, request| {
            (request.storage == storage).then(|| {
                let mut response = Response::new(200, Vec::new()).with("X-Long", "-".repeat(100_000));
                response.trickle = Some((16, Duration::from_millis(100)));
                response
            })
        }));
        let hurried = [("HF_HUB_DOWNLOAD_TIMEOUT", "1")];
        let output = command(&bench, &hurried).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("no answer within 1 s"), "{said}");
    }
}

#[test]
fn the_storage_may_send_one_on_but_gets_no_token() {
    let bench = Bench::with(&real());
    // To a port where nobody listens.
    bench.hub.faults(&[Fault::Redirect("http://127.0.0.1:9/"); 8]);
    let output = command(&bench, &TALKATIVE).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    for request in bench.hub.requests() {
        let sent = request.header("authorization");
        assert_eq!(sent.is_some(), !request.storage, "the hub's alone");
    }
    // From the storage back to the hub: even there it does not follow.
    let bench = Bench::with(&real());
    let back = format!("{}/{ID}/resolve/main/config.json", bench.hub.endpoint);
    bench.hub.faults(&[Fault::Redirect(back.leak()); 8]);
    let output = command(&bench, &TALKATIVE).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "that is not the file");
}

#[test]
fn no_message_tells_the_token() {
    let faults = [
        Fault::Cut(0),
        Fault::Garbage,
        Fault::Short,
        Fault::Status(403),
        Fault::Status(429),
        Fault::Status(503),
        Fault::Redirect("http://127.0.0.1:9/"),
        Fault::Redirect("no address"),
    ];
    for fault in faults {
        let bench = Bench::with(&real());
        bench.hub.faults(&[fault; 8]);
        said_without_the_token(&bench);
    }
    for refusal in [
        (401, "", "Invalid credentials"),
        (403, "GatedRepo", "hf_secret has no access"),
        (404, "RepoNotFound", ""),
        (500, "", "hf_secret"),
    ] {
        let bench = Bench::with(&real());
        bench
            .hub
            .repository(ID, |repository| repository.refusal = Some(refusal));
        said_without_the_token(&bench);
    }
}

fn said_without_the_token(bench: &Bench) {
    let output = command(bench, &TALKATIVE).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error: ") && !said.contains("hf_secret"),
        "{said}"
    );
}

/// Starts a download that drips, and waits until some of it is there.
fn begun(bench: &Bench) -> std::process::Child {
    bench.hub.faults(&[Fault::Drip]);
    let mut child = heed(&mut command(bench, &[]))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let partial = format!("{}.incomplete", real()["model.safetensors"].etag());
    let partial = bench.folder().join("blobs").join(partial);
    let since = Instant::now();
    while !partial.metadata().is_ok_and(|file| file.len() > 4000) {
        let ended = child.try_wait().unwrap();
        assert!(
            ended.is_none() && since.elapsed() < Duration::from_secs(60),
            "{ended:?}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// Killed without a chance to clean up, or asked to stop: the next run goes on from there.
#[cfg(unix)]
#[test]
fn a_run_after_a_killed_one_goes_on() {
    for signal in ["KILL", "INT"] {
        let bench = Bench::with(&real());
        let mut child = begun(&bench);
        let kill = std::process::Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status();
        assert!(kill.unwrap().success() && !child.wait().unwrap().success());
        assert_eq!(bench.incomplete().len(), 1, "{signal}: what came is kept");
        bench.hub.requests();
        assert_found(&command(&bench, &[]).output().unwrap());
        let downloads = bench.hub.downloads();
        assert_eq!(downloads.len(), 1);
        assert!(
            downloads[0].header("range").is_some(),
            "{signal}: it goes on where it stopped"
        );
        assert!(bench.incomplete().is_empty());
    }
}

#[test]
fn two_processes_download_one_file_once() {
    let bench = Bench::with(&real());
    let first = begun(&bench);
    let second = command(&bench, &[]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(
        second.status.success() && said.contains("waiting for another process"),
        "{said}"
    );
    assert!(first.wait_with_output().unwrap().status.success());
    assert_eq!(bench.hub.downloads().len(), 1);
}

/// A file system of 40 KB for a file of 49. Not every system lets a test have one.
#[cfg(target_os = "linux")]
#[test]
fn a_small_disk_fills_up() {
    let bench = Bench::with(&real());
    let cache = bench.dir.path().join("small");
    std::fs::create_dir(&cache).unwrap();
    let lens = command(&bench, &[]);
    let script = "mount -t tmpfs -o size=40k none \"$HF_HUB_CACHE\" || exit 77; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", script])
        .arg(lens.get_program())
        .args(lens.get_args());
    for (name, value) in lens.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let Ok(output) = command.env("HF_HUB_CACHE", &cache).output() else {
        return;
    };
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.code() == Some(77) || said.starts_with("unshare:") {
        eprintln!("left out: this system gives tests no file system of their own");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error: ") && said.to_lowercase().contains("no space left"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 2, "{said}");
}
