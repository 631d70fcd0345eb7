//! Lenses that are none, or not the model's; and files of torch's that hold something else than tensors.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logit_lens::error::Result;
use logit_lens::model::Model;
use logit_lens::readout::lenses::{Lens, LensChoice, Subject};
use logit_lens::source::{Asset, HubOptions};
use logit_lens::weights::torch::Archive;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::assert_refused;
use crate::support::{fixture, lens, load};

fn of_gpt2(file: &str) -> PathBuf {
    fixture("lenses").join("gpt2").join(file)
}

fn jacobian(model: &Model, path: &Path) -> Result<Arc<dyn Lens>> {
    LensChoice::Jacobian(Some(path.display().to_string())).load(&model.subject(), &HubOptions::default())
}

fn tuned(model: &Model, path: &Path) -> Result<Arc<dyn Lens>> {
    LensChoice::Tuned(Some(path.display().to_string())).load(&model.subject(), &HubOptions::default())
}

/// A pickle that is written by hand, with the opcodes of protocol 2.
#[derive(Default, Clone)]
struct Pickle(Vec<u8>);

impl Pickle {
    fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.op(b"X")
            .op(&(text.len() as u32).to_le_bytes())
            .op(text.as_bytes())
    }

    fn int(self, n: i32) -> Self {
        self.op(b"J").op(&n.to_le_bytes())
    }

    fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }

    /// A tensor of float32 in the storage `key`.
    fn tensor(self, key: &str, offset: i32, shape: [i32; 2], strides: [i32; 2]) -> Self {
        let storage = self.global("torch._utils", "_rebuild_tensor_v2").op(b"((");
        let storage = storage.text("storage").global("torch", "FloatStorage");
        let tensor = storage.text(key).text("cpu").int(4).op(b"tQ").int(offset);
        let tensor = tensor.int(shape[0]).int(shape[1]).op(b"\x86");
        let tensor = tensor.int(strides[0]).int(strides[1]).op(b"\x86");
        tensor
            .op(b"\x89")
            .global("collections", "OrderedDict")
            .op(b")RtR")
    }

    /// A vector of float32 in the storage `key`.
    fn vector(self, key: &str, len: i32) -> Self {
        let storage = self.global("torch._utils", "_rebuild_tensor_v2").op(b"((");
        let storage = storage.text("storage").global("torch", "FloatStorage");
        let tensor = storage.text(key).text("cpu").int(4).op(b"tQ").int(0);
        let tensor = tensor.int(len).op(b"\x85").int(1).op(b"\x85");
        tensor
            .op(b"\x89")
            .global("collections", "OrderedDict")
            .op(b")RtR")
    }

    /// A Jacobian lens with these facts and one matrix for each layer, all of one storage.
    fn jacobian(facts: &[(&str, Value)], layers: &[i32], hidden: i32) -> Self {
        let mut pickle = Self::default().op(b"\x80\x02}(").text("J").op(b"}(");
        for &layer in layers {
            pickle = pickle.int(layer).tensor("0", 0, [hidden, hidden], [hidden, 1]);
        }
        pickle = pickle.op(b"u");
        for (name, value) in facts {
            pickle = pickle.text(name);
            pickle = match value {
                Value::String(text) => pickle.text(text),
                Value::Array(list) => {
                    let list = list.iter().map(|n| n.as_i64().unwrap() as i32);
                    list.fold(pickle.op(b"]("), Self::int).op(b"e")
                }
                Value::Null => pickle.op(b"N"),
                number => pickle.int(number.as_i64().unwrap() as i32),
            };
        }
        pickle.op(b"u.")
    }
}

/// A zip archive as torch writes one, of stored files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let header = bytes.len() as u32;
        let size = (content.len() as u32).to_le_bytes();
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(size.iter().chain(&size));
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(*content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(header.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = (bytes.len() as u32).to_le_bytes();
    let count = (files.len() as u16).to_le_bytes();
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count.iter().chain(&count));
    bytes.extend((directory.len() as u32).to_le_bytes().iter().chain(&start));
    bytes.extend([0, 0]);
    bytes
}

/// The file of a pickle and one storage of float32.
fn file(pickle: &Pickle, storage: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = storage.iter().flat_map(|x| x.to_le_bytes()).collect();
    archive(&[("archive/data.pkl", &pickle.0), ("archive/data/0", &data)])
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    path
}

fn in_memory(bytes: &[u8]) -> Asset {
    Asset::Memory {
        name: "a.pt".into(),
        bytes: bytes.to_vec().into(),
    }
}

/// The identity of GPT-2's width, as one storage.
fn identity() -> Vec<f32> {
    (0..144).map(|i| if i % 13 == 0 { 1. } else { 0. }).collect()
}

#[test]
fn a_jacobian_lens_of_another_kind_or_size_is_refused_by_name() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    let refuse = |facts: &[(&str, Value)], layers: &[i32], hidden: i32, names: &[&str]| {
        let path = write(
            &folder,
            "a.pt",
            &file(&Pickle::jacobian(facts, layers, hidden), &identity()),
        );
        assert_refused(jacobian(&model, &path), names, &format!("{facts:?} {layers:?}"));
    };
    let accept = |facts: &[(&str, Value)], layers: &[i32]| {
        let path = write(
            &folder,
            "a.pt",
            &file(&Pickle::jacobian(facts, layers, 12), &identity()),
        );
        jacobian(&model, &path).unwrap()
    };
    accept(
        &[("d_model", json!(12)), ("source_layers", json!([0, 1]))],
        &[0, 1],
    );
    accept(
        &[
            ("target_layer", json!(2)),
            ("capture_point", json!("block_output")),
        ],
        &[1, 0],
    );
    // The last layer's matrix may be there where it is the identity.
    accept(
        &[("stream_reduce", json!("none")), ("stream_index", Value::Null)],
        &[0, 1, 2],
    );

    refuse(&[("d_model", json!(16))], &[0, 1], 12, &["d_model 16", "12"]);
    refuse(&[("n_layers", json!(4))], &[0, 1], 12, &["n_layers 4", "3"]);
    refuse(
        &[("target_layer", json!(1))],
        &[0, 1],
        12,
        &["target_layer", "layer 1"],
    );
    refuse(
        &[("capture_point", json!("attn_out"))],
        &[0, 1],
        12,
        &["capture_point attn_out"],
    );
    refuse(
        &[("stream_reduce", json!("mean"))],
        &[0, 1],
        12,
        &["stream_reduce mean"],
    );
    refuse(
        &[("estimator", json!("relevance_lens"))],
        &[0, 1],
        12,
        &["estimator relevance_lens"],
    );
    accept(&[("target_layer", json!(-1))], &[0, 1]);
    refuse(&[("target_layer", json!(-2))], &[0, 1], 12, &["layer -2"]);
    // A name out of a file is repeated by its beginning.
    let long = "x".repeat(1 << 20);
    for name in ["estimator", "capture_point"] {
        let path = write(
            &folder,
            "long.pt",
            &file(
                &Pickle::jacobian(&[(name, json!(long))], &[0, 1], 12),
                &identity(),
            ),
        );
        let error = jacobian(&model, &path).unwrap_err();
        assert!(error.problem.len() < 500, "{} characters", error.problem.len());
    }
    refuse(&[("n_proj", json!(64))], &[0, 1], 12, &["n_proj"]);
    refuse(
        &[("source_layers", json!([0, 1, 2]))],
        &[0, 1],
        12,
        &["source_layers"],
    );
    refuse(&[], &[0], 12, &["no matrix for layer 1"]);
    refuse(&[], &[1], 12, &["no matrix for layer 0"]);
    refuse(&[], &[0, 1, 3], 12, &["layer 3"]);
    refuse(&[], &[-1, 0, 1], 12, &["layer -1"]);
    refuse(&[], &[0, 1], 6, &["[6, 6]", "[12, 12]"]);
    // Of the whole storage, no matrix is left.
    refuse(&[], &[0, 1], 13, &["not whole"]);

    let mut head: Vec<f32> = identity();
    head[5] = 0.02;
    let path = write(
        &folder,
        "a.pt",
        &file(&Pickle::jacobian(&[], &[0, 1, 2], 12), &head),
    );
    assert_refused(
        jacobian(&model, &path),
        &["last layer, 2", "identity"],
        "no identity",
    );
}

#[test]
fn matrices_that_are_not_finite_are_refused_where_they_are_read() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let mut storage = identity();
        storage[14] = bad;
        let path = write(
            &folder,
            "a.pt",
            &file(&Pickle::jacobian(&[], &[0, 1], 12), &storage),
        );
        let request = logit_lens::lens::Request {
            lenses: vec![jacobian(&model, &path).unwrap()],
            ..Default::default()
        };
        assert_refused(
            model.lens("The Eiffel Tower", &request),
            &["row 0", "not finite"],
            "NaN",
        );
    }
}

#[test]
fn a_tuned_lens_of_another_size_is_refused_by_name() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    let config = |change: &[(&str, Value)]| {
        let text = std::fs::read_to_string(of_gpt2("tuned/config.json")).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        for (name, value) in change {
            config[*name] = value.clone();
        }
        std::fs::copy(of_gpt2("tuned/params.pt"), folder.path().join("params.pt")).unwrap();
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        tuned(&model, folder.path())
    };
    config(&[]).unwrap();
    assert_refused(
        config(&[("d_model", json!(16))]),
        &["d_model 16", "12"],
        "d_model",
    );
    let layers = [("num_hidden_layers", json!(4))];
    assert_refused(config(&layers), &["num_hidden_layers 4", "3"], "layers");
    let kind = [("lens_type", json!("low_rank"))];
    assert_refused(config(&kind), &["low_rank", "linear_tuned_lens"], "type");
    assert_refused(config(&[("bias", json!(false))]), &["0.bias"], "bias");
    // Another model's translators: one too few.
    let neox = load("gpt-neox");
    let path = fixture("lenses").join("gpt-neox/tuned");
    assert!(tuned(&neox, &path).is_ok());
    assert_refused(tuned(&neox, &of_gpt2("tuned")), &["d_model 12"], "neox");

    for missing in ["params.pt", "config.json"] {
        config(&[]).unwrap();
        std::fs::remove_file(folder.path().join(missing)).unwrap();
        assert_refused(
            tuned(&model, folder.path()),
            &["config.json", "params.pt"],
            missing,
        );
    }
    assert_refused(
        tuned(&model, Path::new("/nowhere/at/all")),
        &["/nowhere/at/all"],
        "no directory",
    );
}

#[test]
fn a_lens_of_another_model_is_refused_and_what_cannot_be_known_is_said() {
    let model = load("gpt2");
    let hub = |name: &'static str, revision: &'static str| Subject {
        name,
        revision: Some(revision),
        decoder: &model.decoder,
    };
    let commit = "11e7e1f0b5dd4fd9bd5ba0a4b2a1a5a4f3b9e5c2";
    let load = |file: &str, subject: Subject| {
        LensChoice::Jacobian(Some(of_gpt2(file).display().to_string())).load(&subject, &HubOptions::default())
    };
    assert!(
        load("provenance.pt", hub("openai-community/gpt2", commit))
            .unwrap()
            .doubts()
            .is_empty()
    );
    let other = load("provenance.pt", hub("openai-community/gpt2-xl", commit));
    assert_refused(
        other,
        &["fitted on gpt2", "openai-community/gpt2-xl"],
        "another model",
    );
    let unknown = load("jacobian.pt", hub("openai-community/gpt2", commit)).unwrap();
    assert!(
        unknown.doubts()[0].contains("does not say which model"),
        "{:?}",
        unknown.doubts()
    );
    for (name, is_said) in [("./a-finetune", true), ("models/gpt2", false)] {
        let local = Subject {
            name,
            revision: None,
            decoder: &model.decoder,
        };
        let doubts = load("provenance.pt", local).unwrap().doubts().to_vec();
        let said = doubts.iter().any(|doubt| doubt.contains("cannot be known"));
        assert_eq!(said, is_said, "{name}: {doubts:?}");
    }
    assert_refused(
        load("provenance.pt", hub("someone/gpt2", commit)),
        &["fitted on gpt2", "someone/gpt2"],
        "another owner",
    );
}

/// Lenses that say which revision of gpt2 they were fitted on, under a model at `commit`.
#[test]
fn another_revision_is_refused_and_one_that_is_no_commit_is_said() {
    let model = load("gpt2");
    let commit = "11e7e1f0b5dd4fd9bd5ba0a4b2a1a5a4f3b9e5c2";
    let subject = Subject {
        name: "openai-community/gpt2",
        revision: Some(commit),
        decoder: &model.decoder,
    };
    let folder = TempDir::new().unwrap();
    let read = |facts: &[(&str, Value)]| {
        let path = write(
            &folder,
            "a.pt",
            &file(&Pickle::jacobian(facts, &[0, 1], 12), &identity()),
        );
        LensChoice::Jacobian(Some(path.display().to_string())).load(&subject, &HubOptions::default())
    };
    let of = |revision: &str| read(&[("model_name", json!("gpt2")), ("model_revision", json!(revision))]);
    for same in [commit, &commit.to_uppercase(), "main"] {
        let doubts = of(same).unwrap().doubts().to_vec();
        assert!(doubts.is_empty(), "{doubts:?}");
    }
    let other = "e7da7f221d5bf496a48136c0cd264e630fe9fcc8";
    assert_refused(of(other), &["e7da7f22", "11e7e1f0"], "another commit");
    let doubts = of("step3000").unwrap().doubts().to_vec();
    assert!(
        doubts.len() == 1 && doubts[0].contains("step3000") && doubts[0].contains("cannot be known"),
        "{doubts:?}"
    );
    // A model of the same name, of which it is not said whose it is.
    let doubts = LensChoice::Jacobian(Some({
        let facts = [("model_name", json!("pythia"))];
        let bytes = file(&Pickle::jacobian(&facts, &[0, 1], 12), &identity());
        write(&folder, "b.pt", &bytes).display().to_string()
    }))
    .load(
        &Subject {
            name: "someone/pythia",
            ..subject
        },
        &HubOptions::default(),
    );
    let doubts = doubts.unwrap().doubts().to_vec();
    assert!(
        doubts.len() == 1 && doubts[0].contains("someone/pythia"),
        "{doubts:?}"
    );
}

/// Tensors that are no tuned lens of a model of 3 layers and a hidden size of 12, though config.json says so.
#[test]
fn translators_of_another_shape_or_number_are_refused_by_name() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    write(
        &folder,
        "config.json",
        br#"{"base_model_name_or_path": "gpt2", "lens_type": "linear_tuned_lens"}"#,
    );
    let read = |tensors: &[(&str, [i32; 2])]| {
        let mut pickle = Pickle::default().op(b"\x80\x02}(");
        for (name, [rows, columns]) in tensors {
            pickle = pickle.text(name);
            pickle = match columns {
                0 => pickle.vector("0", *rows),
                _ => pickle.tensor("0", 0, [*rows, *columns], [*columns, 1]),
            };
        }
        write(&folder, "params.pt", &file(&pickle.op(b"u."), &identity()));
        tuned(&model, folder.path())
    };
    let whole = [
        ("0.weight", [12, 12]),
        ("0.bias", [12, 0]),
        ("1.weight", [12, 12]),
        ("1.bias", [12, 0]),
        ("2.weight", [12, 12]),
        ("2.bias", [12, 0]),
    ];
    let but = |place: usize, tensor| {
        let mut tensors = whole;
        tensors[place] = tensor;
        tensors
    };
    let with = |tensor| [&whole[..], &[tensor]].concat();
    let doubts = read(&whole).unwrap().doubts().to_vec();
    assert!(!doubts.iter().any(|doubt| doubt.contains("holds")), "{doubts:?}");
    assert_refused(
        read(&but(2, ("1.weight", [12, 6]))),
        &["1.weight", "[12, 6]"],
        "a shape",
    );
    assert_refused(read(&but(3, ("1.bias", [11, 0]))), &["1.bias", "12"], "a length");
    assert_refused(
        read(&but(4, ("x.weight", [12, 12]))),
        &["translator 2"],
        "one too few",
    );
    assert_refused(
        read(&with(("3.weight", [12, 12]))),
        &["3.weight", "3 layers"],
        "one too many",
    );
    assert_refused(
        read(&with(("3.bias", [12, 0]))),
        &["3.bias", "3 layers"],
        "a bias too many",
    );
    let older = read(&with(("unembedding.weight", [12, 12])));
    let doubts = older.unwrap().doubts().to_vec();
    assert!(
        doubts
            .iter()
            .any(|doubt| doubt.contains("holds unembedding.weight beside its translators")),
        "{doubts:?}"
    );
}

#[test]
fn a_sum_over_no_prompts_is_refused() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    let read = |count: Option<i32>| {
        let mut pickle = Pickle::default().op(b"\x80\x02}(").text("jacobian_sum").op(b"}(");
        for layer in [0, 1] {
            pickle = pickle.int(layer).tensor("0", 0, [12, 12], [12, 1]);
        }
        pickle = pickle.op(b"u");
        if let Some(count) = count {
            pickle = pickle.text("n_done").int(count);
        }
        let path = write(&folder, "a.pt", &file(&pickle.op(b"u."), &identity()));
        jacobian(&model, &path)
    };
    assert!(read(Some(1)).is_ok());
    for count in [None, Some(0), Some(-1)] {
        assert_refused(read(count), &["n_done"], &format!("{count:?}"));
    }
}

/// A manifest describes the one lens that lies beside it, or those that it names.
#[test]
fn a_manifest_of_other_lenses_is_not_believed() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    let bytes = std::fs::read(of_gpt2("jacobian.pt")).unwrap();
    let path = write(&folder, "a.pt", &bytes);
    let prompts = || {
        let lens = jacobian(&model, &path).unwrap();
        lens.artefact().unwrap().fitted.dataset.clone()
    };
    write(&folder, "manifest.json", br#"{"dataset": "c4", "file": "b.pt"}"#);
    assert_eq!(prompts().as_deref(), Some("c4"), "it is alone");
    write(&folder, "b.pt", &bytes);
    assert_eq!(prompts(), None, "the manifest is about b.pt");
    write(&folder, "manifest.json", br#"{"dataset": "c4", "file": "a.pt"}"#);
    assert_eq!(prompts().as_deref(), Some("c4"));
    write(&folder, "a.json", br#"{"dataset": "pile"}"#);
    assert_eq!(prompts().as_deref(), Some("pile"), "its own goes first");
}

#[test]
fn an_unembedding_that_is_not_the_fitted_one_is_said() {
    for name in ["gpt2", "gemma2", "gpt-neox"] {
        let model = load(name);
        let lens = tuned(&model, &fixture("lenses").join(name).join("tuned")).unwrap();
        assert!(lens.doubts().is_empty(), "{name}: {:?}", lens.doubts());
    }
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    std::fs::copy(of_gpt2("tuned/params.pt"), folder.path().join("params.pt")).unwrap();
    // The second is how older files spell it.
    for key in ["unembed_hash", "unemebd_hash"] {
        let config = json!({"base_model_name_or_path": "gpt2", "lens_type": "linear_tuned_lens", key: "ab".repeat(32)});
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let lens = tuned(&model, folder.path()).unwrap();
        let said = lens
            .doubts()
            .iter()
            .filter(|doubt| doubt.contains("another unembedding"));
        assert_eq!(said.count(), 1, "{:?}", lens.doubts());
    }
}

#[test]
fn early_positions_and_prompts_without_bos_are_doubtful_under_a_jacobian_lens() {
    let model = load("gpt2");
    let lens = |file: &str| jacobian(&model, &of_gpt2(file)).unwrap();
    assert_eq!(lens("jacobian.pt").doubts_of(&[16, 17], Some(true)).len(), 0);
    let early = lens("jacobian.pt").doubts_of(&[3, 20], Some(true));
    assert!(
        early.len() == 1 && early[0].to_string().contains("first 16 positions"),
        "{early:?}"
    );
    assert_eq!(lens("metadata.pt").doubts_of(&[4], Some(true)).len(), 0);
    let no_bos = lens("metadata.pt").doubts_of(&[4], Some(false));
    assert!(
        no_bos.len() == 1 && no_bos[0].to_string().contains("--bos always"),
        "{no_bos:?}"
    );
    assert_eq!(lens("metadata.pt").doubts_of(&[4], None).len(), 0);

    let folder = TempDir::new().unwrap();
    let path = write(&folder, "a.pt", &std::fs::read(of_gpt2("jacobian.pt")).unwrap());
    write(&folder, "manifest.json", br#"{"force_bos": false}"#);
    let fitted_without = jacobian(&model, &path).unwrap().doubts_of(&[20], Some(true));
    assert!(
        fitted_without[0].to_string().contains("--bos never"),
        "{fitted_without:?}"
    );
}

#[test]
fn a_pickle_that_names_anything_else_is_refused_by_that_name() {
    for (module, name) in [
        ("os", "system"),
        ("builtins", "eval"),
        ("posix", "system"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_qtensor"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("__builtin__", "getattr"),
    ] {
        let call = Pickle::default().op(b"\x80\x02").global(module, name);
        let call = call.text("touch /tmp/never").op(b"\x85R.");
        let opened = Archive::open(&in_memory(&file(&call, &[])));
        assert_refused(opened, &[&format!("{module}.{name}")], name);
        // The same by two texts on the stack.
        let call = Pickle::default()
            .op(b"\x80\x04\x8c")
            .op(&[module.len() as u8])
            .op(module.as_bytes());
        let call = call
            .op(b"\x8c")
            .op(&[name.len() as u8])
            .op(name.as_bytes())
            .op(b"\x93)R.");
        let opened = Archive::open(&in_memory(&file(&call, &[])));
        assert_refused(opened, &[&format!("{module}.{name}")], name);
    }
    let long = "x".repeat(1 << 20);
    let call = Pickle::default().op(b"\x80\x02").global(&long, &long).op(b".");
    let error = Archive::open(&in_memory(&file(&call, &[]))).unwrap_err();
    assert!(error.problem.len() < 500, "{} characters", error.problem.len());
    // What could make an object of a class, or import one, has no meaning here.
    for op in [b'i', b'o', 0x81, b'P', 0x82, b'0', b'2', b'I', b'S', 0x8e, 0x97] {
        let pickle = Pickle::default().op(b"\x80\x02").op(&[op]).op(b"os\nsystem\n.");
        let opened = Archive::open(&in_memory(&file(&pickle, &[])));
        assert_refused(opened, &[&format!("0x{op:02x}")], "an instruction");
    }
}

#[test]
fn what_is_no_archive_of_torchs_is_refused() {
    let pickle = Pickle::jacobian(&[], &[0, 1], 12);
    for (bytes, names) in [
        (b"".to_vec(), &["not a whole file"][..]),
        (
            b"version https://git-lfs.github.com/spec/v1".to_vec(),
            &["not a whole file"],
        ),
        (
            b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec(),
            &["before 1.6"],
        ),
        (archive(&[("archive/version", b"3")]), &["data.pkl"]),
        (
            archive(&[("a/data.pkl", b"N."), ("b/data.pkl", b"N.")]),
            &["data.pkl"],
        ),
        (
            archive(&[("a/data.pkl", b"N."), ("a/data.pkl", b"N.")]),
            &["twice"],
        ),
        (
            archive(&[("a/data.pkl", &pickle.0), ("a/byteorder", b"big")]),
            &["little-endian"],
        ),
    ] {
        assert_refused(Archive::open(&in_memory(&bytes)), names, &format!("{names:?}"));
    }
    let mut compressed = file(&pickle, &identity());
    let place = compressed.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    compressed[place + 10] = 8;
    assert_refused(
        Archive::open(&in_memory(&compressed)),
        &["compressed"],
        "compressed",
    );
}

/// Everything that can be asked of a file of any bytes.
fn ask_everything(bytes: &[u8]) {
    let Ok(archive) = Archive::open(&in_memory(bytes)) else {
        return;
    };
    let mut items = vec![archive.root()];
    for _ in 0..3 {
        let inner: Vec<_> = items
            .iter()
            .flat_map(|item| item.entries().into_values())
            .collect();
        for item in &inner {
            let _ = (item.text(), item.number(), item.flag(), item.numbers());
            let _ = (item.is_some(), item.is_tensor(), item.is_dict());
            if let Ok(matrix) = item.matrix("a tensor") {
                let size = matrix.view().len();
                let _ = matrix.view().f32s(0..size);
            }
            if let Ok(vector) = item.vector("a tensor") {
                let _ = vector.values();
            }
        }
        items = inner;
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    for form in ["jacobian.pt", "checkpoint.pt", "protocol4.pt", "tuned/params.pt"] {
        let whole = std::fs::read(of_gpt2(form)).unwrap();
        assert!(Archive::open(&in_memory(&whole)).is_ok());
        for len in 0..whole.len() {
            assert!(
                Archive::open(&in_memory(&whole[..len])).is_err(),
                "{form} cut to {len} bytes"
            );
        }
    }
}

#[test]
fn a_pickle_that_is_cut_anywhere_is_refused() {
    let pickle = Pickle::jacobian(&[("d_model", json!(12))], &[0, 1], 12);
    for len in 0..pickle.0.len() {
        let cut = Pickle(pickle.0[..len].to_vec());
        assert!(
            Archive::open(&in_memory(&file(&cut, &identity()))).is_err(),
            "cut to {len}"
        );
    }
}

#[test]
fn a_small_pickle_takes_little_memory() {
    // A list of two of the list before it, forty times: a tree of 2^40.
    let mut pickle = Pickle::default().op(b"\x80\x02]q\x00");
    for i in 0..40u8 {
        pickle = pickle.op(&[b']', b'(', b'h', i, b'h', i, b'e', b'q', i + 1]);
    }
    let archive = Archive::open(&in_memory(&file(&pickle.op(b"."), &[]))).unwrap();
    assert_eq!(archive.root().numbers(), None);
}

/// A text of a megabyte that a list has three thousand times, and one that is as many keys of a dict.
#[cfg(target_os = "linux")]
#[test]
fn a_text_that_is_used_often_takes_its_memory_once() {
    const TIMES: usize = 3000;
    let text = "x".repeat(1 << 20);
    let matrices = || {
        let pickle = Pickle::default().op(b"\x80\x02}(").text("J").op(b"}(");
        let matrix = |pickle: Pickle, layer| pickle.int(layer).tensor("0", 0, [12, 12], [12, 1]);
        [0, 1].into_iter().fold(pickle, matrix).op(b"u")
    };
    let list = matrices()
        .text("source_layers")
        .op(b"](")
        .text(&text)
        .op(b"q\x00");
    let list = list.op(&b"h\x00".repeat(TIMES)).op(b"eu.");
    let keys = matrices().text(&text).op(b"q\x00N");
    let keys = keys.op(&b"h\x00N".repeat(TIMES)).op(b"u.");
    let folder = TempDir::new().unwrap();
    for (name, pickle) in [("list", list), ("keys", keys)] {
        let path = write(&folder, "a.pt", &file(&pickle, &identity()));
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\""])
            .arg(lens().get_program())
            .args(["The Eiffel Tower", "-q", "-m"])
            .arg(fixture("gpt2"))
            .arg("--lens")
            .arg(format!("jacobian={}", path.display()))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_of_a_file_has_an_answer(
        form in prop::sample::select(vec!["jacobian.pt", "metadata.pt", "protocol4.pt", "tuned/params.pt"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = std::fs::read(of_gpt2(form)).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        ask_everything(&bytes);
    }

    #[test]
    fn any_pickle_has_an_answer(bytes in prop::collection::vec(
        prop_oneof![
            prop::sample::select(b".}]()u\x85\x86\x87taesRQbhqcXJKNG\x93\x94\x8c\x80\x88".to_vec()),
            any::<u8>(),
        ], 0..60)) {
        ask_everything(&file(&Pickle(bytes), &[1., 2., 3., 4.]));
    }

    #[test]
    fn any_tensor_has_an_answer(offset in -2..9i32, shape in [-1..5i32, -1..5i32], strides in [-1..5i32, -1..5i32]) {
        let pickle = Pickle::default().op(b"\x80\x02}").text("a").tensor("0", offset, shape, strides).op(b"s.");
        ask_everything(&file(&pickle, &[1., 2., 3., 4.]));
    }
}
