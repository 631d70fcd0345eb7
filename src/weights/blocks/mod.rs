//! The block types of GGUF: a few numbers share a scale, and each is a few bits.

mod decode;

/// How numbers are stored in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockType {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    Iq4Nl,
    Iq4Xs,
    Mxfp4,
}

use BlockType::*;

/// The types by GGUF's numbers, with their names, numbers in a block and bytes of it.
const TYPES: [(u32, BlockType, &str, usize, usize); 13] = [
    (2, Q4_0, "Q4_0", 32, 18),
    (3, Q4_1, "Q4_1", 32, 20),
    (6, Q5_0, "Q5_0", 32, 22),
    (7, Q5_1, "Q5_1", 32, 24),
    (8, Q8_0, "Q8_0", 32, 34),
    (10, Q2K, "Q2_K", 256, 84),
    (11, Q3K, "Q3_K", 256, 110),
    (12, Q4K, "Q4_K", 256, 144),
    (13, Q5K, "Q5_K", 256, 176),
    (14, Q6K, "Q6_K", 256, 210),
    (20, Iq4Nl, "IQ4_NL", 32, 18),
    (23, Iq4Xs, "IQ4_XS", 256, 136),
    (39, Mxfp4, "MXFP4", 32, 17),
];

/// The other types that a file may have, by GGUF's numbers, for messages.
const OTHERS: [(u32, &str); 20] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (40, "NVFP4"),
];

impl BlockType {
    /// The type that GGUF has the number `kind` for.
    pub fn of_gguf(kind: u32) -> Option<Self> {
        TYPES.iter().find(|known| known.0 == kind).map(|known| known.1)
    }

    fn row(self) -> &'static (u32, Self, &'static str, usize, usize) {
        // Every type is in the table.
        &TYPES[self as usize]
    }

    /// Its name in llama.cpp.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// The numbers of a block.
    pub fn numbers(self) -> usize {
        self.row().3
    }

    /// The bytes of a block.
    pub fn bytes(self) -> usize {
        self.row().4
    }
}

/// What a type that is not read is called.
pub fn name_of_other(kind: u32) -> String {
    let named = OTHERS.iter().find(|(other, _)| *other == kind);
    named.map_or(format!("type {kind}"), |(_, name)| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_where_it_says() {
        for (i, &(kind, block_type, ..)) in TYPES.iter().enumerate() {
            assert_eq!(block_type as usize, i);
            assert_eq!(BlockType::of_gguf(kind), Some(block_type));
            assert!(block_type.numbers() % 32 == 0);
            assert!(OTHERS.iter().all(|(other, _)| *other != kind));
        }
    }
}
