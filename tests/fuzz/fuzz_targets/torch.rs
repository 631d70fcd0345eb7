//! A file of `torch.save` of any bytes: its archive, its pickle, and its tensors where they would be read.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logit_lens::source::Asset;
use logit_lens::weights::torch::{Archive, Item};

/// No lens lies deeper.
const DEEPEST: usize = 3;

fn ask(item: Item, depth: usize) {
    let _ = (item.text(), item.number(), item.flag(), item.numbers());
    let _ = (item.is_some(), item.is_dict(), item.is_tensor());
    if let Ok(matrix) = item.matrix("a tensor") {
        assert_eq!(matrix.view().f32s(0..matrix.view().len()).len(), matrix.inputs() * matrix.outputs());
    }
    if let Ok(vector) = item.vector("a tensor") {
        let _ = vector.values();
    }
    if depth < DEEPEST {
        item.entries().into_values().for_each(|inner| ask(inner, depth + 1));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let asset = Asset::Memory {
        name: "lens.pt".into(),
        bytes: Bytes::copy_from_slice(bytes),
    };
    if let Ok(archive) = Archive::open(&asset) {
        ask(archive.root(), 0);
    }
});
