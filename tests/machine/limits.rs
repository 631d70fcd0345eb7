//! Memory, threads, disks.

use crate::support::{Checkpoint, lens, run};
use crate::{PROMPT, names};

#[test]
fn more_threads_than_a_machine_has_a_use_for_are_refused() {
    for threads in ["0", "1025", "18446744073709551616", "-1", "many"] {
        let run = run(&[PROMPT, &format!("--threads={threads}")]);
        assert_eq!(run.code, Some(2), "{threads}: {}", run.stderr);
        assert!(run.stderr.contains("from 1 to 1024"), "{}", run.stderr);
    }
}

#[test]
fn a_file_that_may_not_grow_further_is_an_error() {
    let folder = tempfile::TempDir::new().unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(lens().get_program())
        .args([PROMPT, "-q", "-o"])
        .arg(folder.path().join("lens.html"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("lens.html cannot be written"), "{said}");
    assert_eq!(names(folder.path()), [] as [String; 0]);
}

/// Address space is what `ulimit -v` counts; only Linux holds processes to it.
#[cfg(target_os = "linux")]
#[test]
fn what_does_not_fit_is_refused_with_its_size_before_it_is_tried() {
    let checkpoint = Checkpoint::copy_of("llama");
    checkpoint.set("max_position_embeddings", 100_000.into());
    let ids = ["5"; 3000].join(",");
    let limited = |kilobytes: usize| {
        std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\""))
            .arg(lens().get_program())
            .args([
                "--ids",
                &ids,
                "--positions",
                "all",
                "-k",
                "100000",
                "--format",
                "csv",
            ])
            .args(["--point", "embed,attn_out,resid_mid,mlp_out,resid_post", "-m"])
            .arg(checkpoint.path())
            .output()
            .unwrap()
    };
    let output = limited(200_000);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("of memory, and there are"), "{said}");
    assert!(said.contains("Read fewer --positions"), "{said}");
    assert!(output.stdout.is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_system_that_gives_no_threads_is_an_error() {
    // Addresses enough for everything but the stack of a thread, of 8 GiB.
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 4000000; exec \"$0\" \"$@\""])
        .arg(lens().get_program())
        .arg(PROMPT)
        .env("RUST_MIN_STACK", (8u64 << 30).to_string())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no threads to compute with"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_runs_out_is_said_in_a_sentence() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("lens.json");
    let mut said_so = 0;
    let addresses = (44..100).step_by(4).map(|n| format!("-v {n}000"));
    let data = (20..60).step_by(5).map(|n| format!("-d {n}000"));
    for limit in addresses.chain(data) {
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\"")])
            .arg(lens().get_program())
            .args([PROMPT, "-q", "--threads", "8", "-o"])
            .arg(&file)
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.success() {
            assert_eq!(
                (said.as_str(), names(folder.path())),
                ("", vec!["lens.json".to_string()])
            );
            std::fs::remove_file(&file).unwrap();
            continue;
        }
        assert_eq!(output.status.code(), Some(1), "{limit}: {said}");
        assert!(
            said.starts_with("error: ") && said.lines().count() == 2,
            "{limit}: {said}"
        );
        assert_eq!(names(folder.path()), [] as [String; 0], "{limit}");
        said_so += usize::from(said.contains("Memory ran out"));
    }
    assert!(said_so > 0);
}

/// The main thread's stack, and that of every other: both end the run alike.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn a_stack_that_overflows_ends_in_a_sentence() {
    let folder = tempfile::TempDir::new().unwrap();
    for (kilobytes, bytes_of_others) in [("16", "2097152"), ("32", "2097152"), ("8192", "20000")] {
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("ulimit -s {kilobytes}; exec \"$0\" \"$@\"")])
            .arg(lens().get_program())
            .args([PROMPT, "-q", "-o"])
            .arg(folder.path().join("lens.json"))
            // It lies on the stack too, and may fill so small a one before the run begins.
            .env_clear()
            .env("RUST_MIN_STACK", bytes_of_others)
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(1),
            "{kilobytes}, {bytes_of_others}: {said}"
        );
        assert!(said.starts_with("error: The stack ran out"), "{said}");
        assert_eq!(said.lines().count(), 2, "{said}");
        assert_eq!(names(folder.path()), [] as [String; 0]);
    }
}

/// What a template asks for at once is more than there is: no part of it is ever used.
#[cfg(target_os = "linux")]
#[test]
fn a_template_that_asks_for_more_than_there_is_ends_in_a_sentence() {
    let model = Checkpoint::copy_of("gpt2");
    model.write("chat_template.jinja", "{{ [1]|batch(2000000000,'x')|list }}");
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 2000000; exec \"$0\" \"$@\""])
        .arg(lens().get_program())
        .args(["hi", "--chat", "-q", "-m", model.path(), "-o"])
        .arg(model.file("lens.json"))
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: ") && said.lines().count() == 2, "{said}");
    let left = names(model.file("").as_path());
    assert!(!left.iter().any(|name| name.contains("lens")), "{left:?}");
}

/// A mapping that the process may not have is not a file that nobody may read.
#[cfg(target_os = "linux")]
#[test]
fn a_model_larger_than_the_addresses_there_are_is_said_to_be() {
    let model = Checkpoint::copy_of("gpt2");
    let weights = std::fs::File::options()
        .write(true)
        .open(model.file("model.safetensors"))
        .unwrap();
    weights.set_len(4 << 30).unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\""])
        .arg(lens().get_program())
        .args([PROMPT, "-q", "-m", model.path()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("does not fit in the memory") && said.contains("ulimit -v"),
        "{said}"
    );
}
