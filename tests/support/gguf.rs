//! GGUF files of metadata alone, written here.

/// A value of the metadata.
pub enum Value {
    Count(u64),
    Number(f32),
    Flag(bool),
    Text(String),
    Texts(Vec<Vec<u8>>),
    Integers(Vec<i32>),
    Numbers(Vec<f32>),
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_string())
    }
}

impl Value {
    /// A list of texts.
    pub fn texts(texts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        Self::Texts(texts.into_iter().map(|text| text.as_ref().to_vec()).collect())
    }

    /// The number of its kind, and its bytes.
    fn written(&self) -> Vec<u8> {
        let list = |kind: u32, len: usize, items: Vec<u8>| {
            [
                &9u32.to_le_bytes()[..],
                &kind.to_le_bytes(),
                &(len as u64).to_le_bytes(),
                &items,
            ]
            .concat()
        };
        match self {
            Self::Count(count) => [&10u32.to_le_bytes()[..], &count.to_le_bytes()].concat(),
            Self::Number(number) => [&6u32.to_le_bytes()[..], &number.to_le_bytes()].concat(),
            Self::Flag(flag) => [&7u32.to_le_bytes()[..], &[u8::from(*flag)]].concat(),
            Self::Text(of) => [&8u32.to_le_bytes()[..], &text(of.as_bytes())].concat(),
            Self::Texts(texts) => list(8, texts.len(), texts.iter().flat_map(|of| text(of)).collect()),
            Self::Integers(all) => list(5, all.len(), all.iter().flat_map(|n| n.to_le_bytes()).collect()),
            Self::Numbers(all) => list(6, all.len(), all.iter().flat_map(|n| n.to_le_bytes()).collect()),
        }
    }
}

fn text(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text].concat()
}

/// A file of a small Llama without weights, with what is said of its tokenizer under `tokenizer.ggml`.
pub fn with_tokenizer(tokenizer: Vec<(&str, Value)>) -> Vec<u8> {
    let mut pairs: Vec<(String, Value)> = vec![
        ("general.architecture".to_string(), "llama".into()),
        ("llama.block_count".to_string(), 1.into()),
        ("llama.context_length".to_string(), 64.into()),
        ("llama.embedding_length".to_string(), 32.into()),
        ("llama.attention.head_count".to_string(), 4.into()),
        (
            "llama.attention.layer_norm_rms_epsilon".to_string(),
            Value::Number(1e-5),
        ),
    ];
    let own = tokenizer.into_iter();
    pairs.extend(own.map(|(key, value)| (format!("tokenizer.ggml.{key}"), value)));
    let mut file = [
        b"GGUF\x03\0\0\0",
        &0u64.to_le_bytes()[..],
        &(pairs.len() as u64).to_le_bytes(),
    ]
    .concat();
    for (key, value) in pairs {
        file.extend([text(key.as_bytes()), value.written()].concat());
    }
    file
}
