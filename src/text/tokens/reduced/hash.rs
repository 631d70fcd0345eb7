//! A hash for short strings, a few multiplications each. With a seed that nobody knows beforehand, a file cannot
//! be made to have many alike.

/// Odd, with as many ones as zeros (the golden ratio's and the square root of three's fractions).
const LENGTH: u64 = 0x9e37_79b9_7f4a_7c15;
const WORD: u64 = 0xbb67_ae85_84ca_a73b;

/// The high half of a product and its low half, one over the other: each bit depends on all.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// The hash of `bytes`.
pub fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed ^ (bytes.len() as u64).wrapping_mul(LENGTH);
    let last = match (bytes.last_chunk::<8>(), bytes) {
        (Some(&last), _) => {
            let words = bytes.as_chunks::<8>().0;
            for &word in words {
                state = fold(state ^ u64::from_le_bytes(word), WORD);
            }
            u64::from_le_bytes(last)
        }
        // The two halves may overlap.
        (None, [a, b, c, d, ..]) => {
            let [.., e, f, g, h] = bytes else { unreachable!() };
            u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h])
        }
        (None, [first, ..]) => {
            let middle = bytes[bytes.len() / 2];
            u64::from_le_bytes([*first, middle, bytes[bytes.len() - 1], 0, 0, 0, 0, 0])
        }
        (None, []) => 0,
    };
    fold(fold(state ^ last, WORD), seed | 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Each byte and the length count, at every length.
    #[test]
    fn strings_that_differ_have_other_hashes() {
        let mut seen = HashSet::new();
        for length in 0..40 {
            assert!(seen.insert(hash(7, &vec![0; length])), "{length} zeros");
            for at in 0..length {
                for bit in 0..8 {
                    let mut bytes = vec![0; length];
                    bytes[at] = 1 << bit;
                    assert!(seen.insert(hash(7, &bytes)), "{bytes:?}");
                }
            }
        }
        assert_ne!(hash(7, b"token"), hash(8, b"token"));
    }
}
