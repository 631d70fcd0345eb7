//! Rotary positions as configs write them, by the rules of `transformers`' modeling_rope_utils.py.

use serde_json::json;

use crate::decoder::{Config, Frequencies, Pairs, Rotary};
use crate::error::{Error, Result};

/// What a config says of rotary positions, and where its family's rules differ.
pub struct RopeOf<'a> {
    pub config: &'a Config,
    pub head_dim: usize,
    /// The length that the model was trained with (or stretched to).
    pub trained: usize,
    /// The field outside of all objects that says theta, and what it is where none does.
    pub theta: (Option<&'static str>, f64),
    /// The same for the part of a head that is turned; `None` where it is always the whole.
    pub partial: Option<(&'static str, f64)>,
    pub pairs: Pairs,
    /// The names of kinds of scaling that the family has, each with what it stands for.
    pub kinds: &'static [(&'static str, Kind)],
    /// The object that counts as written where there is none.
    pub unwritten: Option<&'static str>,
}

/// A kind of scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Default,
    Linear,
    Dynamic,
    Llama3,
    Yarn,
    Longrope,
}

/// Those of most families.
const KINDS: &[(&str, Kind)] = &[
    ("default", Kind::Default),
    ("linear", Kind::Linear),
    ("dynamic", Kind::Dynamic),
    ("llama3", Kind::Llama3),
    ("yarn", Kind::Yarn),
    ("longrope", Kind::Longrope),
];

/// Rotary positions and the longest prompt that they are good for; `None` where any length is.
#[derive(Debug, Clone)]
pub struct Rope {
    pub rotary: Rotary,
    pub context: Option<usize>,
}

impl<'a> RopeOf<'a> {
    /// Whole heads turned by halves, theta 10000 unless the config says otherwise.
    pub fn new(config: &'a Config, head_dim: usize) -> Result<Self> {
        Ok(Self {
            config,
            head_dim,
            trained: config.count("max_position_embeddings")?.unwrap_or(2048),
            theta: (Some("rope_theta"), 10_000.),
            partial: None,
            pairs: Pairs::Halves,
            kinds: KINDS,
            unwritten: None,
        })
    }

    /// Rope as older configs write it (`rope_theta`, `rope_scaling`) and as newer ones do
    /// (`rope_parameters`): a `rope_scaling` that is there replaces `rope_parameters`, and a field inside
    /// either replaces the one outside.
    ///
    /// # Errors
    /// A kind of scaling that lens does not know, a field that it needs and is not there.
    pub fn read(&self) -> Result<Rope> {
        let rope = match self.config.object("rope_scaling")? {
            Some(rope) => Some(rope),
            None => self
                .config
                .object("rope_parameters")?
                .or(self.unwritten.map(|text| self.config.like(text))),
        };
        if LAYER_TYPES
            .iter()
            .any(|kind| rope.as_ref().is_some_and(|rope| rope.has(kind)))
        {
            return Err(self.config.unsupported(
                "rope_parameters",
                "an object for each kind of layer",
                "one object for all layers",
            ));
        }
        self.of(rope.as_ref(), true)
    }

    /// Rope of the layers that see everything, and, as `sliding` reads it, of those that see the last
    /// tokens only, where the two differ: in newer configs an object for each in `rope_parameters`; in
    /// older ones `rope_scaling` is that of the former.
    ///
    /// # Errors
    /// As [`RopeOf::read`].
    pub fn read_both(&self, sliding: &Self) -> Result<[Rope; 2]> {
        let [mut full, of_sliding] = match self.config.object("rope_parameters")? {
            None => [None, None],
            Some(rope) if LAYER_TYPES.iter().any(|kind| rope.has(kind)) => {
                [rope.object(LAYER_TYPES[0])?, rope.object(LAYER_TYPES[1])?]
            }
            Some(_) => {
                return Err(self.config.unsupported(
                    "rope_parameters",
                    "one object for all layers",
                    "an object for each kind of layer",
                ));
            }
        };
        if let Some(scaling) = self.config.object("rope_scaling")? {
            // It is merged into an object that has its kind already by the newer name.
            if let Some(kind) = scaling.text("type")?.filter(|_| !scaling.has("rope_type")) {
                return Err(scaling.unsupported("type", &kind, "rope_type in its place"));
            }
            full = Some(match full {
                Some(full) => full.updated(&scaling),
                None => scaling,
            });
        }
        Ok([
            self.of(full.as_ref(), false)?,
            sliding.of(of_sliding.as_ref(), false)?,
        ])
    }

    /// As the object `rope` says; `flat` if there is one for all layers.
    fn of(&self, rope: Option<&Config>, flat: bool) -> Result<Rope> {
        let outer = |key: &str| self.config.number(key);
        let theta = self.theta.0.map(outer).transpose()?.flatten();
        let theta = theta.unwrap_or(self.theta.1);
        let partial = match self.partial {
            Some((key, default)) => outer(key)?.unwrap_or(default),
            None => 1.,
        };
        let Some(rope) = rope else {
            let dims = self.dims(partial)?;
            let frequencies = Frequencies::Fixed(Frequencies::plain(theta, dims));
            return Ok(self.rope(dims, frequencies, 1., Some(self.trained)));
        };
        let theta = rope.number("rope_theta")?.unwrap_or(theta);
        if self.partial.is_none() {
            rope.only("partial_rotary_factor", &json!(1))?;
        }
        let partial = rope.number("partial_rotary_factor")?.unwrap_or(partial);
        let dims = self.dims(partial)?;
        let plain = Frequencies::plain(theta, dims);
        let key = "original_max_position_embeddings";
        let original = || -> Result<usize> {
            let outer = if flat { self.config.count(key)? } else { None };
            Ok(outer.or(rope.count(key)?).unwrap_or(self.trained))
        };
        let trained = Some(self.trained);
        Ok(match self.kind(rope)? {
            Kind::Default => self.rope(dims, Frequencies::Fixed(plain), 1., trained),
            Kind::Linear => {
                let factor = rope.required_number("factor")?;
                let context = (self.trained as f64 * factor) as usize;
                self.rope(dims, Frequencies::Linear { plain, factor }, 1., Some(context))
            }
            Kind::Dynamic => {
                let frequencies = Frequencies::Dynamic {
                    theta,
                    factor: rope.required_number("factor")?,
                    context: self.trained,
                };
                self.rope(dims, frequencies, 1., None)
            }
            Kind::Llama3 => {
                let factor = rope.required_number("factor")?;
                let low = rope.required_number("low_freq_factor")?;
                let high = rope.required_number("high_freq_factor")?;
                let frequencies = Frequencies::llama3(plain, factor, low, high, original()? as f64);
                self.rope(dims, Frequencies::Fixed(frequencies), 1., trained)
            }
            Kind::Yarn => {
                // Not read where there is an object for each kind of layer, as in transformers.
                let truncate = rope.flag("truncate")?.filter(|_| flat).unwrap_or(true);
                self.yarn(rope, theta, dims, original()?, truncate)?
            }
            Kind::Longrope => self.longrope(rope, plain, original()?)?,
        })
    }

    fn kind(&self, rope: &Config) -> Result<Kind> {
        let name = match rope.text("rope_type")? {
            Some(name) => name,
            None => rope.text("type")?.unwrap_or("default".to_string()),
        };
        let known = self.kinds.iter().find(|(known, _)| *known == name);
        known.map(|(_, kind)| *kind).ok_or_else(|| {
            let names: Vec<&str> = self.kinds.iter().map(|(name, _)| *name).collect();
            rope.unsupported("rope_type", &name, &names.join(", "))
        })
    }

    fn yarn(&self, rope: &Config, theta: f64, dims: usize, original: usize, truncate: bool) -> Result<Rope> {
        let stretched = self.trained as f64 / original as f64;
        let factor = rope.number("factor")?.unwrap_or(stretched);
        let fast = rope.number("beta_fast")?.unwrap_or(32.);
        let slow = rope.number("beta_slow")?.unwrap_or(1.);
        let original_f = original as f64;
        let frequencies = Frequencies::yarn(theta, dims, factor, original_f, [fast, slow], truncate);
        let growth = |scale: f64| {
            if factor > 1. {
                0.1 * scale * factor.ln() + 1.
            } else {
                1.
            }
        };
        let given = rope.number("attention_factor")?;
        let attention = match (given, rope.nonzero("mscale")?, rope.nonzero("mscale_all_dim")?) {
            (Some(given), ..) => given,
            (None, Some(scale), Some(all)) => growth(scale) / growth(all),
            (None, ..) => growth(1.),
        };
        // A factor that is added to a config by hand leaves its length as it was trained.
        let context = self.trained.max((factor * original_f) as usize);
        Ok(self.rope(dims, Frequencies::Fixed(frequencies), attention, Some(context)))
    }

    fn longrope(&self, rope: &Config, plain: Vec<f64>, original: usize) -> Result<Rope> {
        let dims = 2 * plain.len();
        let divided = |key: &str| {
            let factors = rope.numbers(key)?.ok_or_else(|| rope.missing(key))?;
            if factors.len() != plain.len() {
                return Err(Error::failed(
                    format!(
                        "The config's {key} has {} numbers for {} angles.",
                        factors.len(),
                        plain.len()
                    ),
                    "Check the model's config.json against the original.",
                ));
            }
            Ok(plain.iter().zip(factors).map(|(f, factor)| f / factor).collect())
        };
        let frequencies = Frequencies::ByLength {
            short: divided("short_factor")?,
            long: divided("long_factor")?,
            original,
        };
        let stretched = self.trained as f64 / original as f64;
        let factor = rope.number("factor")?.unwrap_or(stretched);
        let growth = match factor > 1. {
            true => (1. + factor.ln() / (original as f64).ln()).sqrt(),
            false => 1.,
        };
        let attention = rope.number("attention_factor")?.unwrap_or(growth);
        Ok(self.rope(dims, frequencies, attention, Some(self.trained)))
    }

    fn rope(&self, dims: usize, frequencies: Frequencies, factor: f64, context: Option<usize>) -> Rope {
        let rotary = Rotary {
            pairs: self.pairs,
            factor,
            ..Rotary::new(dims, frequencies)
        };
        Rope { rotary, context }
    }

    /// How many components of a head are turned.
    fn dims(&self, partial: f64) -> Result<usize> {
        // Nobody's heads are this wide, and angles are made for each component.
        const WIDEST: usize = 1 << 16;
        let dims = (self.head_dim as f64 * partial) as usize;
        if dims > 0 && dims.is_multiple_of(2) && dims <= self.head_dim.min(WIDEST) {
            return Ok(dims);
        }
        Err(Error::failed(
            format!(
                "Of {} components of a head {dims} are to be turned; rotary positions need an even number of them.",
                self.head_dim
            ),
            "Check head_dim, num_attention_heads and partial_rotary_factor in config.json.",
        ))
    }
}

/// The kinds of layers that a config may write rope for one by one.
const LAYER_TYPES: [&str; 2] = ["full_attention", "sliding_attention"];
