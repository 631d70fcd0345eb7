//! What a release hands out.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const TARGETS: [&str; 4] = [
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-gnu",
];

fn script(name: &str, args: &[&str]) -> Output {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".github/release")
        .join(name);
    Command::new("bash").arg(path).args(args).output().unwrap()
}

#[test]
fn a_tarball_has_the_binary_and_what_belongs_beside_it() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    let packed = script("pack.sh", &[env!("CARGO_BIN_EXE_lens"), "any-target", out]);
    assert!(packed.status.success(), "{packed:?}");

    let name = format!("logit-lens-{}-any-target", env!("CARGO_PKG_VERSION"));
    let tarball = folder.path().join(format!("{name}.tar.gz"));
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(&tarball)
        .arg("-C")
        .arg(out)
        .status();
    assert!(unpacked.unwrap().success());
    let text = |file: &str| fs::read_to_string(folder.path().join(&name).join(file)).unwrap();
    for (file, has) in [
        ("LICENSE", "MIT License"),
        ("README.md", "# lens"),
        ("CHANGELOG.md", "# Changes"),
        ("man/lens.1", ".TH lens"),
        ("completions/lens.bash", "LENS_COMPLETE"),
        ("completions/_lens", "#compdef lens"),
        ("completions/lens.fish", "--command lens"),
        ("completions/_lens.ps1", "Register-ArgumentCompleter"),
        ("completions/lens.elv", "edit:completion"),
    ] {
        assert!(text(file).contains(has), "{file}");
    }
    let binary = folder.path().join(&name).join("lens");
    let version = Command::new(binary).arg("--version").output().unwrap();
    assert_eq!(
        version.stdout,
        format!("lens {}\n", env!("CARGO_PKG_VERSION")).as_bytes()
    );
}

#[test]
fn the_formula_names_each_tarball_with_its_hash() {
    let folder = TempDir::new().unwrap();
    let sums = folder.path().join("SHA256SUMS");
    let address = "https://example.org/owner/lens/releases/download/v1.2.3";
    let line = |(i, target): (usize, &&str)| format!("{i:064}  logit-lens-1.2.3-{target}.tar.gz\n");
    let all: Vec<String> = TARGETS.iter().enumerate().map(line).collect();

    fs::write(&sums, all.concat()).unwrap();
    let written = script("formula.sh", &["1.2.3", address, sums.to_str().unwrap()]);
    assert!(written.status.success(), "{written:?}");
    let formula = String::from_utf8(written.stdout).unwrap();
    assert!(
        formula.contains("homepage \"https://example.org/owner/lens\""),
        "{formula}"
    );
    for (i, target) in TARGETS.iter().enumerate() {
        let url = format!("url \"{address}/logit-lens-1.2.3-{target}.tar.gz\"\n      sha256 \"{i:064}\"");
        assert!(formula.contains(&url), "{formula}");
    }

    fs::write(&sums, all[1..].concat()).unwrap();
    let refused = script("formula.sh", &["1.2.3", address, sums.to_str().unwrap()]);
    assert!(
        !refused.status.success() && refused.stdout.is_empty(),
        "{refused:?}"
    );
}

/// What `cargo binstall` makes of the manifest that a release writes: an address like the formula's, and a place like the
/// tarball's. PyPI shows the README's links as they are.
#[test]
fn binstall_finds_the_tarball_of_a_release() {
    let folder = TempDir::new().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let release = folder.path().join(".github/release");
    fs::create_dir_all(&release).unwrap();
    for file in ["Cargo.toml", "README.md", ".github/release/repository.sh"] {
        fs::copy(root.join(file), folder.path().join(file)).unwrap();
    }
    let address = "https://example.org/owner/lens";
    let script = release.join("repository.sh");
    assert!(
        Command::new("bash")
            .arg(script)
            .arg(address)
            .status()
            .unwrap()
            .success()
    );
    let manifest = fs::read_to_string(folder.path().join("Cargo.toml")).unwrap();
    let readme = fs::read_to_string(folder.path().join("README.md")).unwrap();
    assert!(readme.contains(&format!("]({address}/blob/HEAD/.github/docs/formats.md)")));
    assert!(
        !readme.contains("](."),
        "a link from a file of the repository to another"
    );
    let value = |key: &str| {
        let line = manifest
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("{key}: {manifest}"))
            .trim_matches('"')
    };
    let target = TARGETS[3];
    let expanded = |key: &str| {
        [
            ("repo", value("repository")),
            ("name", value("name")),
            ("version", "1.2.3"),
            ("target", target),
        ]
        .iter()
        .chain(&[("bin", "lens"), ("binary-ext", "")])
        .fold(value(key).to_string(), |text, (name, value)| {
            text.replace(&format!("{{ {name} }}"), value)
        })
    };
    let name = format!("logit-lens-1.2.3-{target}");
    assert_eq!(
        expanded("pkg-url"),
        format!("{address}/releases/download/v1.2.3/{name}.tar.gz")
    );
    assert_eq!(expanded("bin-dir"), format!("{name}/lens"));
}

/// The tag, the crate and the changelog are held together by the workflow; the last two are here, too.
#[test]
fn the_changelog_knows_the_version() {
    let changelog = include_str!("../../.github/CHANGELOG.md");
    assert!(changelog.contains(&format!("\n## {}", env!("CARGO_PKG_VERSION"))));
}

/// The registry takes ten megabytes, and a build needs what is beside the code, too.
#[test]
fn the_crate_has_what_a_build_needs_and_is_small_enough() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let files = String::from_utf8(listed.stdout).unwrap();
    for needed in [
        "src/main.rs",
        "src/lib.rs",
        "src/demo/model.safetensors",
        "src/cli/man.roff",
        "README.md",
        "LICENSE",
    ] {
        assert!(files.lines().any(|file| file == needed), "{needed}");
    }
    // Cargo makes a few of the files itself.
    let sizes = files
        .lines()
        .filter_map(|file| fs::metadata(root.join(file)).ok());
    let bytes: u64 = sizes.map(|file| file.len()).sum();
    assert!(bytes < 10_000_000, "{bytes}");
}
