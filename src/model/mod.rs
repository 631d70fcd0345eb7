//! A model ready to be read: decoder, tokenizer, device.

mod generation;
mod prompting;

use std::fmt;
use std::sync::{Arc, OnceLock};

use candle_core::Device;

use crate::decoder::{self, Config, Decoder, Modules, modules};
use crate::error::Result;
use crate::machine::device::{self, DeviceChoice};
use crate::readout::lenses::Subject;
use crate::source::{self, HubOptions, ModelFiles};
use crate::text::tokens::Tokens;
use crate::weights::{DType, Weights};

pub use generation::Generation;

/// A model whose files are mapped and checked. Nothing has been computed.
pub struct Model {
    pub card: Card,
    pub decoder: Decoder,
    pub tokens: Tokens,
    pub device: Device,
    /// The token that the model's texts begin with, if it has one.
    pub bos: Option<u32>,
    pub generation: Generation,
}

/// What a model is, for people and for `meta`.
#[derive(Debug, Clone)]
pub struct Card {
    /// The hub id, or the path as given.
    pub name: String,
    /// The commit hash of a hub model.
    pub revision: Option<String>,
    /// What there is to say of it, of a model that lens itself brings.
    pub about: Option<&'static str>,
    /// `model_type` in config.json.
    pub family: String,
    pub parameters: u64,
    pub layers: usize,
    pub hidden: usize,
    /// Attention heads of a block.
    pub heads: usize,
    pub vocabulary: usize,
    /// Whether attention and MLP of a block run side by side, the MLP not reading what the attention adds.
    pub parallel: bool,
    /// The longest prompt in tokens; `None` where any length will do.
    pub context: Option<usize>,
    /// The type of the weights in the file.
    pub stored: DType,
    /// The type that the weights are held in for the products.
    pub held: DType,
    /// The type that products, norms and logits are computed in.
    pub computed: DType,
    pub device: String,
    /// What runs the model, where that is a server.
    pub engine: Option<EngineCard>,
    /// The names of its modules in `transformers`, where they are known.
    pub modules: Option<&'static Modules>,
}

/// A server that runs a model.
#[derive(Debug, Clone)]
pub struct EngineCard {
    /// Its software.
    pub name: String,
    pub version: Option<String>,
    /// The type that it computes in, once it has said so.
    dtype: Arc<OnceLock<String>>,
}

impl EngineCard {
    /// Of software of that name and version.
    pub fn new(name: &str, version: Option<&str>) -> Self {
        Self {
            name: name.to_string(),
            version: version.map(word),
            dtype: Arc::default(),
        }
    }

    /// Keeps the type that the server computes in, the first that it says.
    pub fn says(&self, dtype: &str) {
        let _ = self.dtype.set(word(dtype));
    }

    /// The type that the server computes in, once it has said so.
    pub fn dtype(&self) -> Option<&str> {
        self.dtype.get().map(String::as_str)
    }
}

/// A server's own word: no more of it than a version or a type has, wherever it will be shown.
fn word(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "._+- ".contains(*c);
    text.chars().filter(is_plain).take(40).collect()
}

/// Its name and version.
impl fmt::Display for EngineCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{} {version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// How a model is to be loaded.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions {
    pub device: DeviceChoice,
    /// The type to hold weights in; as the file has them when `None`.
    pub dtype: Option<DType>,
    /// Whether nothing will be computed: the weights are then not read, but for the little that is checked.
    pub headers_only: bool,
}

impl Model {
    /// The model of that name, as the command line takes it: `demo`, a hub id (which downloads it
    /// unless it is cached), or a directory.
    ///
    /// # Errors
    /// A model that is not there, and those of [`Model::load`].
    pub fn open(name: &str) -> Result<Self> {
        Self::load(
            &source::locate(name, &HubOptions::default())?,
            LoadOptions::default(),
        )
    }

    /// The model as a fitted lens is checked against it.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            name: &self.card.name,
            revision: self.card.revision.as_deref(),
            decoder: &self.decoder,
        }
    }

    /// Maps the weights, describes the decoder and loads the tokenizer.
    ///
    /// # Errors
    /// Anything in the files that lens does not follow to the letter: see [`decoder::load`].
    pub fn load(files: &ModelFiles, options: LoadOptions) -> Result<Self> {
        // The tokenizer takes longer to parse than all the rest: it has a thread of its own.
        std::thread::scope(|scope| {
            let load = || Tokens::load(files);
            let tokens = std::thread::Builder::new().spawn_scoped(scope, load);
            let device = options.device.open()?;
            let config = Config::read(&files.config)?;
            let weights = match &files.outline {
                Some(outline) => Weights::outlined(outline)?,
                None => Weights::open(&files.weights, options.dtype)?,
            }
            .in_tiles(config.tiles()?);
            if !options.headers_only {
                weights.read_ahead();
            }
            let decoder = decoder::load(&config, &weights)?;
            let card = card(files, &config, &weights, &decoder, &device, options.dtype)?;
            let tokens = match tokens {
                Ok(thread) => thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?,
                // The system gives no thread, so it is done here.
                Err(_) => load()?,
            };
            let named = tokens.special_tokens().get("bos_token");
            let named = named.and_then(|bos| tokens.id_of_special(bos));
            // A name that a class has by default may stand for no row of the embedding.
            let named = named.filter(|&bos| (bos as usize) < card.vocabulary);
            Ok(Self {
                card,
                decoder,
                device,
                bos: named.or(config.ids("bos_token_id")?.first().copied()),
                generation: Generation::read(files, &config)?,
                tokens,
            })
        })
    }
}

/// The tensors that rows of the last block are read by: the final norm, the unembedding, and what is small beside
/// them. The embedding is among them only where it is the unembedding, too.
///
/// # Errors
/// Those of [`Model::load`] about the checkpoint.
pub fn tensors_of_the_readout(files: &ModelFiles) -> Result<Vec<String>> {
    let Some(outline) = &files.outline else {
        return Ok(Vec::new());
    };
    let mut nothing = outline.clone();
    nothing
        .tensors
        .values_mut()
        .for_each(|tensor| tensor.bytes = None);
    let weights = Weights::outlined(&nothing)?;
    let decoder = decoder::load(&Config::read(&files.config)?, &weights)?;
    let [embedding, head] = [&decoder.embedding.tokens, &decoder.unembed.head];
    let [embedding, head] = [embedding, head].map(|matrix| matrix.view().absent_name());
    let is_of_a_block = |name: &str| name.split('.').any(|part| part.parse::<u32>().is_ok());
    let is_read = |name: &String| {
        !is_of_a_block(name) && (Some(name.as_str()) == head || Some(name.as_str()) != embedding)
    };
    Ok(weights.taken().into_iter().filter(is_read).collect())
}

fn card(
    files: &ModelFiles,
    config: &Config,
    weights: &Weights,
    decoder: &Decoder,
    device: &Device,
    requested: Option<DType>,
) -> Result<Card> {
    let stored = weights.dtype();
    let family = config.required_text("model_type")?;
    Ok(Card {
        name: files.name.clone(),
        revision: files.revision.clone(),
        about: files.about,
        parameters: weights.parameters(),
        layers: decoder.blocks.len(),
        hidden: decoder.hidden,
        heads: decoder.blocks.first().map_or(0, |block| block.attention.heads),
        vocabulary: decoder.vocabulary,
        parallel: decoder.blocks.iter().any(|block| block.residual.is_parallel()),
        context: decoder.context,
        stored,
        held: requested.unwrap_or(stored),
        computed: DType::F32,
        device: device::name(device),
        engine: None,
        // The names are of a final norm and what follows it.
        modules: modules(&family)
            .filter(|_| decoder.unembed.norm.is_some() && decoder.unembed.project.is_none()),
        family,
    })
}
