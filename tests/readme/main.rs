//! What the README shows is what the binary says.

mod pictures;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::lens;

/// One command of a `console` block and the output shown below it.
struct Example {
    command: String,
    shown: String,
}

/// The commands that need nothing but the binary: no other program, no network, no other model.
fn examples(readme: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for part in format!("\n{block}").split("\n$ ").skip(1) {
            let (command, shown) = part.split_once('\n').unwrap_or((part, ""));
            let alone = command.starts_with("lens ") && !command.contains(['|', '>', '#']);
            let own_model =
                !command.contains("-m ") && !command.contains("--model ") || command.contains("demo");
            let pictured =
                command.contains(" -o ") || command.contains(" --heatmap") || command.contains(" --explore");
            if alone && own_model && !pictured {
                examples.push(Example {
                    command: command.to_string(),
                    shown: shown.trim_end().to_string(),
                });
            }
        }
    }
    examples
}

/// What a shell gets to see of a `lens` command.
fn output(command: &str) -> String {
    let binary = Path::new(lens().get_program()).parent().unwrap().to_path_buf();
    let path = std::env::join_paths(
        [binary]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output = Command::new("sh")
        .args(["-c", command])
        .env("PATH", path.unwrap())
        .env_remove("NO_COLOR")
        // A README's page has about as many columns.
        .env("COLUMNS", "100")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_string()
}

/// Whether what is new is accepted.
fn bless() -> bool {
    std::env::var_os("LENS_BLESS").is_some_and(|bless| bless == "1")
}

/// The README's command that has `part` in it, as it is shown there.
fn shown(part: &str) -> String {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let mut commands = readme.lines().filter_map(|line| line.strip_prefix("$ "));
    commands
        .find(|command| command.contains(part))
        .unwrap()
        .to_string()
}

fn assert_picture(name: &str, drawn: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), ".github", "pictures", name]
        .iter()
        .collect();
    if bless() {
        std::fs::write(path, drawn).unwrap();
    } else {
        let there = std::fs::read_to_string(path).unwrap();
        assert!(
            there == drawn,
            "{name} is not what its command draws; LENS_BLESS=1 draws it anew"
        );
    }
}

#[cfg(unix)]
#[test]
fn the_pictures_are_what_their_commands_draw() {
    let folder = tempfile::TempDir::new().unwrap();
    for name in ["heatmap.svg", "lines.svg"] {
        let file = folder.path().join(name);
        output(&shown(&format!("-o {name}")).replace(name, file.to_str().unwrap()));
        assert_picture(name, &std::fs::read_to_string(file).unwrap());
    }
    // As wide as a pipe's table, in the colours of a terminal that has them all.
    let command = format!(
        "COLORTERM=truecolor TERM=xterm {} --color always",
        shown("--heatmap")
    );
    assert_picture("terminal.svg", &pictures::screen(&output(&command), 100));
}

/// The README, and what is too long for it.
const DOCUMENTS: [&str; 3] = ["README.md", ".github/docs/formats.md", ".github/docs/demo.md"];

/// After a wanted change, LENS_BLESS=1 writes the new outputs into the documents.
#[cfg(unix)]
#[test]
fn the_examples_are_what_the_binary_says() {
    let mut count = 0;
    for document in DOCUMENTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        let mut text = std::fs::read_to_string(&path).unwrap();
        for Example { command, shown } in examples(&text) {
            count += 1;
            let said = output(&command);
            if bless() {
                let separator = if shown.is_empty() { "" } else { "\n" };
                let old = format!("$ {command}\n{shown}{separator}");
                text = text.replacen(&old, &format!("$ {command}\n{said}\n"), 1);
            } else {
                assert_eq!(shown, said, "{command}; LENS_BLESS=1 accepts what is new");
            }
        }
        if bless() {
            std::fs::write(&path, text).unwrap();
        }
    }
    assert!(count >= 9);
}
