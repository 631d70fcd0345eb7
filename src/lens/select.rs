//! Which layers and which positions: the syntax of `--layers` and `--positions`.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::ranges::{Counted, Range, Ranges};
use crate::decoder::Point;
use crate::error::{Result, meant};

const LAYER: Counted = Counted {
    name: "layer",
    owner: "the model",
    unit: "layer",
};

const POSITION: Counted = Counted {
    name: "position",
    owner: "the prompt",
    unit: "token",
};

/// A choice of rows: a comma-separated list of layers and ranges of layers (`Ranges`), and `embed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers {
    ranges: Ranges,
    embed: bool,
}

impl Default for Layers {
    fn default() -> Self {
        Self {
            ranges: [Range::ALL].into_iter().collect(),
            embed: false,
        }
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let items = text.split(',').map(str::trim);
        let layers = items.clone().filter(|&item| item != "embed");
        let parse = |item: &str| {
            Range::parse(item).ok_or_else(|| {
                format!(
                    "cannot read {item:?} as layers; examples: 0,4,8-11  24:  -6:  last  every:4  embed  all"
                )
            })
        };
        Ok(Self {
            ranges: layers.map(parse).collect::<std::result::Result<_, _>>()?,
            embed: items.into_iter().any(|item| item == "embed"),
        })
    }
}

impl Layers {
    /// These very layers, and the row before block 0 if `embed`.
    pub fn just(layers: &[usize], embed: bool) -> Self {
        let layers = layers.iter().map(|&layer| Range::Index(layer as i64));
        Self {
            ranges: layers.collect(),
            embed,
        }
    }

    /// Whether the row before block 0 is named.
    pub fn name_embed(&self) -> bool {
        self.embed
    }

    /// Whether everything is chosen.
    pub fn are_all(&self) -> bool {
        self.ranges.has(Range::ALL)
    }

    /// The blocks chosen of `count`, rising.
    ///
    /// # Errors
    /// A layer that the model does not have, a range that runs backwards, or a choice that is empty.
    pub fn resolve(&self, count: usize) -> Result<Vec<usize>> {
        let chosen = self.ranges.resolve(count, &LAYER)?;
        match chosen.is_empty() && !self.embed {
            true => Err(LAYER.none_chosen(count)),
            false => Ok(chosen),
        }
    }
}

/// Where in a block to read: a comma-separated list of `embed`, `attn_out`, `resid_mid`, `mlp_out`
/// and `resid_post`. By default `resid_post`, and `embed` where the layers chosen include it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Points(Option<BTreeSet<Point>>);

impl FromStr for Points {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let named = |name: &str| {
            let found = Point::ALL.into_iter().find(|p| p.name() == name.trim());
            found.ok_or_else(|| {
                let names: Vec<&str> = Point::ALL.iter().map(|p| p.name()).collect();
                match name.trim() {
                    "resid_pre" => "resid_pre of block i is resid_post of block i - 1, and embed for \
                                    block 0: write resid_post,embed"
                        .to_string(),
                    name => format!(
                        "unknown point {name:?}{}; use some of: {}",
                        meant(name, &names),
                        names.join(", ")
                    ),
                }
            })
        };
        let points = text.split(',').map(named);
        Ok(Self(Some(points.collect::<std::result::Result<_, _>>()?)))
    }
}

impl Points {
    /// Whether blocks are read at `point`.
    pub fn has(&self, point: Point) -> bool {
        match &self.0 {
            Some(points) => points.contains(&point),
            None => point == Point::ResidPost,
        }
    }

    /// Whether the row before block 0 is named here or among the layers.
    pub fn name_embed(&self, layers: &Layers) -> bool {
        layers.name_embed() || self.has(Point::Embed)
    }

    /// Whether the row before block 0 is read: when it is named here or among the layers, or when
    /// all layers are read and no points are named.
    pub fn read_embed(&self, layers: &Layers) -> bool {
        self.name_embed(layers) || (self.0.is_none() && layers.are_all())
    }
}

/// A choice of positions: a comma-separated list of positions and ranges of positions (`Ranges`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions(Ranges);

impl Default for Positions {
    fn default() -> Self {
        Self([Range::Index(-1)].into_iter().collect())
    }
}

impl FromStr for Positions {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parse = |item: &str| {
            Range::parse(item.trim()).ok_or_else(|| {
                format!(
                    "cannot read {item:?} as positions; examples: -1  last  3  2:7  2-6  -3:  every:4  all"
                )
            })
        };
        let ranges = text.split(',').map(parse);
        Ok(Self(ranges.collect::<std::result::Result<_, _>>()?))
    }
}

impl Positions {
    /// Every position.
    pub fn all() -> Self {
        Self([Range::ALL].into_iter().collect())
    }

    /// The position `index`, which counts from the end where it is negative.
    pub fn one(index: i64) -> Self {
        Self([Range::Index(index)].into_iter().collect())
    }

    /// The `count` positions before the last.
    pub fn before_the_last(count: usize) -> Self {
        let first = -1 - i64::try_from(count).unwrap_or(i64::MAX - 1);
        Self([Range::Slice(Some(first), Some(-1))].into_iter().collect())
    }

    /// The positions chosen of a prompt of `tokens` tokens, rising.
    ///
    /// # Errors
    /// A position that the prompt does not have, a range that runs backwards, or a choice that is empty.
    pub fn resolve(&self, tokens: usize) -> Result<Vec<usize>> {
        let chosen = self.0.resolve(tokens, &POSITION)?;
        match chosen.is_empty() {
            true => Err(POSITION.none_chosen(tokens)),
            false => Ok(chosen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(text: &str, count: usize) -> (bool, Vec<usize>) {
        let layers = text.parse::<Layers>().unwrap();
        let embed = Points::default().read_embed(&layers);
        (embed, layers.resolve(count).unwrap())
    }

    #[test]
    fn points_are_read_as_written() {
        let all = Layers::default();
        let points: Points = "mlp_out, resid_mid".parse().unwrap();
        assert!(points.has(Point::MlpOut) && points.has(Point::ResidMid) && !points.has(Point::ResidPost));
        assert!(!points.read_embed(&all) && points.read_embed(&"embed,3".parse().unwrap()));
        let embed: Points = "embed".parse().unwrap();
        assert!(embed.read_embed(&"3".parse().unwrap()) && !embed.has(Point::ResidPost));
        for text in ["", "resid", "embed,,mlp_out"] {
            assert!(text.parse::<Points>().is_err(), "{text:?}");
        }
    }

    fn positions(text: &str, tokens: usize) -> Vec<usize> {
        text.parse::<Positions>().unwrap().resolve(tokens).unwrap()
    }

    #[test]
    fn layers_are_read_as_written() {
        assert_eq!(layers("all", 3), (true, vec![0, 1, 2]));
        assert_eq!(layers("0,4,8-11", 12), (false, vec![0, 4, 8, 9, 10, 11]));
        assert_eq!(layers("-1", 12), (false, vec![11]));
        assert_eq!(layers("-4--2, embed", 12), (true, vec![8, 9, 10]));
        assert_eq!(layers("2--1", 5), (false, vec![2, 3, 4]));
        assert_eq!(layers("every:4", 12), (false, vec![0, 4, 8, 11]));
        assert_eq!(layers("every:100", 12), (false, vec![0, 11]));
    }

    #[test]
    fn layers_and_positions_have_one_grammar() {
        for (text, expected) in [
            ("8-", vec![8, 9]),
            ("8:", vec![8, 9]),
            ("-2:", vec![8, 9]),
            ("-2-", vec![8, 9]),
            (":2", vec![0, 1]),
            ("2:4", vec![2, 3]),
            ("2-4", vec![2, 3, 4]),
            ("8-last", vec![8, 9]),
            ("last", vec![9]),
            ("every:4", vec![0, 4, 8, 9]),
            ("8:99", vec![8, 9]),
        ] {
            assert_eq!(layers(text, 10), (false, expected.clone()), "{text}");
            assert_eq!(positions(text, 10), expected, "{text}");
        }
        assert_eq!(layers("embed", 10), (true, vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_examples() {
        let layers = "24;".parse::<Layers>().unwrap_err();
        assert!(layers.starts_with("cannot read \"24;\" as layers; examples: 0,4,8-11"));
        let positions = "x".parse::<Positions>().unwrap_err();
        assert!(positions.starts_with("cannot read \"x\" as positions; examples: -1"));
        let points = "resid_pre".parse::<Points>().unwrap_err();
        assert!(points.contains("write resid_post,embed"));
    }

    #[test]
    fn layers_that_are_not_there_are_refused() {
        for (text, count) in [
            ("12", 12),
            ("-13", 12),
            ("3-1", 12),
            ("5:5", 12),
            ("9223372036854775807", 12),
        ] {
            assert!(text.parse::<Layers>().unwrap().resolve(count).is_err(), "{text}");
        }
        for text in ["", "x", "1-x", "embed-3", "every:0", "every:", "1,,2", "1.5", "-"] {
            assert!(text.parse::<Layers>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn positions_are_read_as_python_slices_them() {
        assert_eq!(positions("-1", 10), [9]);
        assert_eq!(positions("all", 3), [0, 1, 2]);
        assert_eq!(positions("2:7", 10), [2, 3, 4, 5, 6]);
        assert_eq!(positions("-3:", 10), [7, 8, 9]);
        assert_eq!(positions(":2,-1", 10), [0, 1, 9]);
        assert_eq!(positions("8:99", 10), [8, 9]);
    }

    #[test]
    fn positions_that_are_not_there_are_refused() {
        for text in ["10", "-11", "5:5", "7:2", "7-2", "7-10"] {
            assert!(text.parse::<Positions>().unwrap().resolve(10).is_err(), "{text}");
        }
        for text in ["", "a", "1:2:3", "1;2"] {
            assert!(text.parse::<Positions>().is_err(), "{text:?}");
        }
    }
}
