//! A model ready to be read: decoder, tokenizer, device.

mod generation;
mod prompting;

use candle_core::Device;

use crate::decoder::{self, Config, Decoder};
use crate::error::Result;
use crate::machine::device::{self, DeviceChoice};
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
            let weights = Weights::open(&files.weights, options.dtype)?;
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

fn card(
    files: &ModelFiles,
    config: &Config,
    weights: &Weights,
    decoder: &Decoder,
    device: &Device,
    requested: Option<DType>,
) -> Result<Card> {
    let stored = weights.dtype();
    let computed = match device.is_cpu() {
        true => DType::F32,
        false => requested.unwrap_or(DType::F32),
    };
    Ok(Card {
        name: files.name.clone(),
        revision: files.revision.clone(),
        about: files.about,
        family: config.required_text("model_type")?,
        parameters: weights.parameters(),
        layers: decoder.blocks.len(),
        hidden: decoder.hidden,
        heads: decoder.blocks.first().map_or(0, |block| block.attention.heads),
        vocabulary: decoder.vocabulary,
        parallel: decoder.blocks.iter().any(|block| block.residual.is_parallel()),
        context: decoder.context,
        stored,
        held: requested.unwrap_or(stored),
        computed,
        device: device::name(device),
    })
}
