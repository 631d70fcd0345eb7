//! What attention keeps of tokens that went through it before.

use super::projections::Columns;

/// Which tokens the rows of a batch are.
pub enum Tokens<'a> {
    /// Those of whole prompts, of these lengths, one after another. No prompt sees another.
    Prompts(&'a [usize]),
    /// Those of one prompt that come after the ones kept here, which they see; theirs are added.
    After(&'a mut KeysValues),
}

/// The keys and values of one block for the first tokens of a prompt, as attention multiplies them: normed,
/// and turned to their positions.
#[derive(Debug, Default)]
pub struct KeysValues {
    /// How many tokens they are of.
    pub tokens: usize,
    /// `[tokens, kv_heads * head_dim]`.
    pub keys: Vec<f32>,
    /// `[tokens, kv_heads * head_dim]`.
    pub values: Vec<f32>,
}

impl KeysValues {
    /// Adds those of `tokens` more tokens, which lie at columns of wider rows.
    pub fn add(
        &mut self,
        tokens: usize,
        keys: (&[f32], &Columns),
        values: (&[f32], &Columns),
        head_dim: usize,
    ) {
        self.tokens += tokens;
        for (kept, (rows, columns)) in [(&mut self.keys, keys), (&mut self.values, values)] {
            for row in rows.chunks_exact(columns.width) {
                let heads = columns.starts.iter().map(|&start| &row[start..][..head_dim]);
                heads.for_each(|head| kept.extend_from_slice(head));
            }
        }
    }
}
