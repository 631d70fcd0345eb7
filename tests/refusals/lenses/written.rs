//! Files of torch's, written by hand.

use std::io::Write as _;
use std::path::PathBuf;

use logit_lens::source::Asset;
use serde_json::Value;
use tempfile::TempDir;

/// A pickle that is written by hand, with the opcodes of protocol 2.
#[derive(Default, Clone)]
pub(super) struct Pickle(pub Vec<u8>);

impl Pickle {
    pub(super) fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.op(b"X")
            .op(&(text.len() as u32).to_le_bytes())
            .op(text.as_bytes())
    }

    pub(super) fn int(self, n: i32) -> Self {
        self.op(b"J").op(&n.to_le_bytes())
    }

    pub(super) fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }

    /// A tensor of float32 in the storage `key`.
    pub(super) fn tensor(self, key: &str, offset: i32, shape: [i32; 2], strides: [i32; 2]) -> Self {
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
    pub(super) fn vector(self, key: &str, len: i32) -> Self {
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
    pub(super) fn jacobian(facts: &[(&str, Value)], layers: &[i32], hidden: i32) -> Self {
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
pub(super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
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
pub(super) fn file(pickle: &Pickle, storage: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = storage.iter().flat_map(|x| x.to_le_bytes()).collect();
    archive(&[("archive/data.pkl", &pickle.0), ("archive/data/0", &data)])
}

pub(super) fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    path
}

pub(super) fn in_memory(bytes: &[u8]) -> Asset {
    Asset::Memory {
        name: "a.pt".into(),
        bytes: bytes.to_vec().into(),
    }
}

/// The identity of GPT-2's width, as one storage.
pub(super) fn identity() -> Vec<f32> {
    (0..144).map(|i| if i % 13 == 0 { 1. } else { 0. }).collect()
}
