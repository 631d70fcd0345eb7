//! A checkpoint of which not all tensors are on this machine: every tensor's type and shape, as the shards'
//! headers have them, and where its bytes are.

use std::collections::BTreeMap;
use std::ops::Range;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::Asset;
use crate::error::{Error, Result};

/// The tensors of a checkpoint by name.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    pub tensors: BTreeMap<String, Outlined>,
}

/// One tensor.
#[derive(Debug, Clone)]
pub struct Outlined {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// The file that has it.
    pub shard: String,
    /// Its bytes there.
    pub range: Range<u64>,
    /// The same bytes here; `None` for a tensor that is not on this machine.
    pub bytes: Option<Asset>,
}

impl Outline {
    /// Adds the tensors that `header` describes, the JSON at the beginning of the file `shard` of `size` bytes.
    ///
    /// # Errors
    /// What is no header of such a file, or a tensor that another shard has, too.
    pub fn add(&mut self, shard: &str, header: &[u8], size: u64) -> Result<()> {
        let wrong = |what: String| {
            Error::failed(
                format!("{shard} is not a whole safetensors file: {what}."),
                "Choose another revision, or give a directory with the checkpoint.",
            )
        };
        let metadata: Metadata = serde_json::from_slice(header).map_err(|e| wrong(e.to_string()))?;
        let start = 8 + header.len() as u64;
        for name in metadata.offset_keys() {
            let Some(info) = metadata.info(&name) else {
                continue;
            };
            let (from, to) = info.data_offsets;
            let numbers = info.shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
            let bits = numbers.and_then(|numbers| numbers.checked_mul(info.dtype.bitsize()));
            let end = start.checked_add(to as u64).filter(|&end| end <= size);
            let fits = from <= to && bits == (to - from).checked_mul(8);
            let Some(end) = end.filter(|_| fits) else {
                return Err(wrong(format!("the tensor {name} does not fit in it")));
            };
            let outlined = Outlined {
                dtype: info.dtype,
                shape: info.shape.clone(),
                shard: shard.to_string(),
                range: start + from as u64..end,
                bytes: None,
            };
            if self.tensors.insert(name.clone(), outlined).is_some() {
                return Err(Error::failed(
                    format!("The tensor {name} is in {shard} and in another shard."),
                    "Choose another revision; each tensor should be in one file.",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a file's tensors follow one another from 0 on.
    const HEADER: &str = concat!(
        r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#,
        r#""a.b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]}}"#
    );

    #[test]
    fn a_header_says_where_tensors_are() {
        let mut outline = Outline::default();
        let start = 8 + HEADER.len() as u64;
        outline
            .add("x.safetensors", HEADER.as_bytes(), start + 16)
            .unwrap();
        let tensor = &outline.tensors["a.b"];
        assert_eq!(
            (tensor.dtype, tensor.shape.as_slice()),
            (Dtype::BF16, &[2, 3][..])
        );
        assert_eq!(tensor.range, start + 4..start + 16);
        // Again, as if another shard had it.
        assert!(
            outline
                .add("y.safetensors", HEADER.as_bytes(), start + 16)
                .is_err()
        );
    }

    #[test]
    fn headers_that_lie_are_refused() {
        let size = 8 + HEADER.len() as u64 + 16;
        for (header, size) in [
            (HEADER.to_string(), size - 1),
            (HEADER.replace("[2,3]", "[2,4]"), size),
            (HEADER.replace("[4,16]", "[16,4]"), size),
            (HEADER.replace("[2,3]", "[4294967296,4294967296,16]"), size),
            ("{".to_string(), size),
            ("[]".to_string(), size),
        ] {
            let refused = Outline::default().add("x.safetensors", header.as_bytes(), size);
            assert!(refused.is_err(), "{header}");
        }
    }
}
