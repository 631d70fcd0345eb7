//! Models in several GGUF files, and directories of them.

use std::path::Path;

use logit_lens::source::gguf;
use tempfile::TempDir;

use super::{file, load, place, text};
use crate::assert_refused;
use crate::support::load_path;

#[test]
fn parts_and_directories_are_one_model_or_none() {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let open = |path: &Path| load_path(path.to_str().unwrap());
    let file_of = |name: &str| open(&folder.path().join(name));

    assert_refused(file_of("none.gguf"), &["no file", "none.gguf"], "a missing file");
    put("model.gguf", &file("llama"));
    assert!(file_of("model.gguf").is_ok());
    assert!(open(folder.path()).is_ok(), "the directory of one file");
    put("mmproj-model-f16.gguf", &file("qwen2"));
    assert!(open(folder.path()).is_ok(), "a projector beside it");
    put("other.gguf", &file("qwen2"));
    assert_refused(open(folder.path()), &["model.gguf, other.gguf"], "two models");

    let [first, second] = halves(&file("llama"));
    put("split-00001-of-00002.gguf", &first);
    let missing = file_of("split-00001-of-00002.gguf");
    assert_refused(missing, &["split-00002-of-00002.gguf"], "a part missing");
    put("split-00002-of-00002.gguf", &second);
    let whole = load(file("llama")).unwrap().card.parameters;
    for part in [1, 2] {
        let model = file_of(&format!("split-0000{part}-of-00002.gguf")).unwrap();
        assert_eq!(model.card.parameters, whole);
    }
    put("split-00002-of-00002.gguf", &first);
    assert_refused(file_of("split-00001-of-00002.gguf"), &["twice"], "a part twice");
}

/// A file in two parts: all metadata and half of the tensors, and the other half.
fn halves(whole: &[u8]) -> [Vec<u8>; 2] {
    let header = gguf::Header::read(whole, "whole").unwrap();
    let infos = place(whole, &text(&header.tensors[0].name));
    let pairs = u64::from_le_bytes(whole[16..24].try_into().unwrap());
    let (first, second) = header.tensors.split_at(header.tensors.len() / 2);
    let data = |tensor: &gguf::Tensor| {
        let starts = header.tensors.iter().map(|other| other.start);
        let end = starts.filter(|&start| start > tensor.start).min();
        &whole[tensor.start..end.unwrap_or(whole.len())]
    };
    let part = |tensors: &[gguf::Tensor], pairs: u64, metadata: &[u8]| {
        let mut bytes = [
            b"GGUF\x03\0\0\0",
            &(tensors.len() as u64).to_le_bytes()[..],
            &pairs.to_le_bytes(),
            metadata,
        ]
        .concat();
        let mut offset = 0;
        for tensor in tensors {
            bytes.extend(text(&tensor.name));
            bytes.extend((tensor.shape.len() as u32).to_le_bytes());
            let sizes = tensor.shape.iter().rev();
            sizes.for_each(|&size| bytes.extend((size as u64).to_le_bytes()));
            bytes.extend(tensor.kind.to_le_bytes());
            bytes.extend((offset as u64).to_le_bytes());
            offset += data(tensor).len().next_multiple_of(32);
        }
        for tensor in tensors {
            bytes.resize(bytes.len().next_multiple_of(32), 0);
            bytes.extend(data(tensor));
        }
        bytes
    };
    [part(first, pairs, &whole[24..infos]), part(second, 0, &[])]
}
