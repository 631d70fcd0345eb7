//! Jacobian lenses of any size with random matrices, as `torch.save` writes them and as they are published:
//! half precision, every storage at a multiple of 64 bytes.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use half::f16;

use crate::arithmetic::Sizes;
use crate::checkpoint::Random;

/// Where torch lets each storage begin.
const ALIGNED: u64 = 64;
/// What the names of a file's parts begin with.
const PREFIX: &str = "archive";

/// The Jacobian lens of `model`, in its directory; made now, unless it was before.
pub fn jacobian(model: &Path) -> PathBuf {
    let path = model.join("bench_jacobian_lens.pt");
    if !path.exists() {
        let (layers, hidden) = Sizes::read(model).shape();
        let making = tempfile::NamedTempFile::new_in(model).unwrap();
        write(making.as_file(), layers - 1, hidden);
        making.persist(&path).unwrap();
    }
    path
}

/// An archive of `count` matrices, near the identity as fitted ones are in late layers.
fn write(file: &File, count: usize, hidden: usize) {
    let mut zip = Zip {
        file: BufWriter::with_capacity(1 << 20, file),
        directory: Vec::new(),
        count: 0,
    };
    let random = &mut Random(3);
    zip.add("data.pkl", pickle(count, hidden).len(), |file| {
        file.write_all(&pickle(count, hidden)).unwrap();
    });
    zip.add("byteorder", 6, |file| file.write_all(b"little").unwrap());
    for layer in 0..count {
        zip.add(&format!("data/{layer}"), 2 * hidden * hidden, |file| {
            for row in 0..hidden {
                for column in 0..hidden {
                    let identity = if row == column { 1. } else { 0. };
                    let value = f16::from_f32(identity + random.weight() / 4.);
                    file.write_all(&value.to_le_bytes()).unwrap();
                }
            }
        });
    }
    zip.end();
    // On the disk now, so that writing it does not disturb what is measured.
    file.sync_all().unwrap();
}

/// `{"J": {layer: tensor}, "n_prompts": 100, "d_model": hidden}` in protocol 2.
fn pickle(count: usize, hidden: usize) -> Vec<u8> {
    let mut bytes = b"\x80\x02}(".to_vec();
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.push(b'X');
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
    };
    let int = |bytes: &mut Vec<u8>, n: usize| {
        bytes.push(b'J');
        bytes.extend((n as u32).to_le_bytes());
    };
    text(&mut bytes, "J");
    bytes.extend(b"}(");
    for layer in 0..count {
        int(&mut bytes, layer);
        bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut bytes, "storage");
        bytes.extend(b"ctorch\nHalfStorage\n");
        text(&mut bytes, &layer.to_string());
        text(&mut bytes, "cpu");
        int(&mut bytes, hidden * hidden);
        bytes.extend(b"tQ");
        int(&mut bytes, 0);
        int(&mut bytes, hidden);
        int(&mut bytes, hidden);
        bytes.push(0x86);
        int(&mut bytes, hidden);
        int(&mut bytes, 1);
        bytes.extend(b"\x86\x89ccollections\nOrderedDict\n)RtR");
    }
    bytes.push(b'u');
    for (name, n) in [("n_prompts", 100), ("d_model", hidden)] {
        text(&mut bytes, name);
        int(&mut bytes, n);
    }
    bytes.extend(b"u.");
    bytes
}

/// A zip archive of stored files, of less than 4 GiB. Its sums are left at 0: nobody here checks them.
struct Zip<'a> {
    file: BufWriter<&'a File>,
    directory: Vec<u8>,
    count: u16,
}

impl Zip<'_> {
    /// Adds a file of `size` bytes, which `content` writes.
    fn add(&mut self, name: &str, size: usize, content: impl FnOnce(&mut BufWriter<&File>)) {
        let name = format!("{PREFIX}/{name}");
        let header = self.file.stream_position().unwrap();
        let start = header + 30 + name.len() as u64 + 4;
        let padding = (start.next_multiple_of(ALIGNED) - start) as u16;
        let size = u32::try_from(size).unwrap().to_le_bytes();
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend(size.iter().chain(&size));
        common.extend((name.len() as u16).to_le_bytes());
        self.file.write_all(b"PK\x03\x04").unwrap();
        self.file.write_all(&common).unwrap();
        self.file.write_all(&(padding + 4).to_le_bytes()).unwrap();
        self.file.write_all(name.as_bytes()).unwrap();
        // An extra field that only takes room, as torch's own.
        self.file.write_all(b"FB").unwrap();
        self.file.write_all(&padding.to_le_bytes()).unwrap();
        self.file.write_all(&vec![b'Z'; usize::from(padding)]).unwrap();
        content(&mut self.file);
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(&common);
        // No extra field, no comment, the first disk, no attributes.
        self.directory.extend([0; 12]);
        self.directory
            .extend(u32::try_from(header).unwrap().to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
    }

    fn end(mut self) {
        let start = u32::try_from(self.file.stream_position().unwrap()).unwrap();
        let (count, len) = (self.count.to_le_bytes(), self.directory.len() as u32);
        self.file.write_all(&self.directory).unwrap();
        self.file.write_all(b"PK\x05\x06\0\0\0\0").unwrap();
        self.file.write_all(&[count, count].concat()).unwrap();
        self.file.write_all(&len.to_le_bytes()).unwrap();
        self.file.write_all(&start.to_le_bytes()).unwrap();
        self.file.write_all(&[0, 0]).unwrap();
        self.file.flush().unwrap();
    }
}
