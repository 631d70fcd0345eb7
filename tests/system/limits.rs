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
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -v 40000; exec \"$0\" \"$@\""])
        .arg(lens().get_program())
        .arg(PROMPT)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no threads to compute with"), "{said}");
}
