//! Which layers and which positions: the syntax of `--layers` and `--positions`.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::decoder::Point;
use crate::error::{Error, Result};

/// A choice of rows: `all`, `embed`, or a comma-separated list of layers (`3`, `-1`), ranges with
/// both ends (`8-11`, `-4--1`) and strides (`every:4`, which keeps the last layer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers(Vec<LayerItem>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LayerItem {
    All,
    Embed,
    Every(usize),
    Range(i64, i64),
}

impl Default for Layers {
    fn default() -> Self {
        Self(vec![LayerItem::All])
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        text.split(',')
            .map(|item| layer_item(item.trim()))
            .collect::<std::result::Result<_, _>>()
            .map(Self)
    }
}

fn layer_item(item: &str) -> std::result::Result<LayerItem, String> {
    let wrong =
        || format!("{item:?} is no layer; write 0,4,8-11, negatives from the end, every:N, embed or all");
    match item {
        "all" => return Ok(LayerItem::All),
        "embed" => return Ok(LayerItem::Embed),
        _ => {}
    }
    if let Some(step) = item.strip_prefix("every:") {
        let step = step.parse().map_err(|_| wrong())?;
        return if step == 0 {
            Err(wrong())
        } else {
            Ok(LayerItem::Every(step))
        };
    }
    // A dash after the first character separates; one at the beginning of a number is its sign.
    let dash = item
        .char_indices()
        .skip(1)
        .find(|&(_, c)| c == '-')
        .map(|(at, _)| at);
    let (first, last) = match dash {
        Some(at) => (&item[..at], &item[at + 1..]),
        None => (item, item),
    };
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    Ok(LayerItem::Range(number(first)?, number(last)?))
}

impl Layers {
    /// These very layers, and the row before block 0 if `embed`.
    pub fn just(layers: &[usize], embed: bool) -> Self {
        let items = layers
            .iter()
            .map(|&layer| LayerItem::Range(layer as i64, layer as i64));
        Self(items.chain(embed.then_some(LayerItem::Embed)).collect())
    }

    /// Whether the row before block 0 is named.
    pub fn name_embed(&self) -> bool {
        self.0.contains(&LayerItem::Embed)
    }

    /// Whether everything is chosen.
    pub fn are_all(&self) -> bool {
        self.0.contains(&LayerItem::All)
    }

    /// The blocks chosen of `count`, rising.
    ///
    /// # Errors
    /// A layer that the model does not have, or a range that runs backwards.
    pub fn resolve(&self, count: usize) -> Result<Vec<usize>> {
        let mut chosen = BTreeSet::new();
        for item in &self.0 {
            match *item {
                LayerItem::All => chosen.extend(0..count),
                LayerItem::Embed => {}
                LayerItem::Every(step) => {
                    chosen.extend((0..count).step_by(step));
                    chosen.insert(count - 1);
                }
                LayerItem::Range(first, last) => {
                    let (first, last) = (layer_index(first, count)?, layer_index(last, count)?);
                    if first > last {
                        return Err(Error::usage(
                            format!("The layers {first} to {last} run backwards."),
                            "Write the lower layer first.",
                        ));
                    }
                    chosen.extend(first..=last);
                }
            }
        }
        Ok(chosen.into_iter().collect())
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
                format!("{name:?} is no point; write some of {}", names.join(","))
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

    /// Whether the row before block 0 is read: when it is named here or among the layers, or when
    /// all layers are read and no points are named.
    pub fn read_embed(&self, layers: &Layers) -> bool {
        layers.name_embed() || self.has(Point::Embed) || (self.0.is_none() && layers.are_all())
    }
}

fn layer_index(layer: i64, count: usize) -> Result<usize> {
    let index = if layer < 0 {
        layer.saturating_add(count as i64)
    } else {
        layer
    };
    if (0..count as i64).contains(&index) {
        return Ok(index as usize);
    }
    Err(Error::usage(
        format!("There is no layer {layer}: the model has {count}."),
        format!("Layers run from 0 to {}, or from -{count} to -1.", count - 1),
    ))
}

/// A choice of positions: `all`, or a comma-separated list of positions (`3`, `-1`) and half-open
/// ranges as Python slices them (`2:7`, `:4`, `-3:`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Positions(Vec<PositionItem>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PositionItem {
    One(i64),
    Range(Option<i64>, Option<i64>),
}

impl Default for Positions {
    fn default() -> Self {
        Self(vec![PositionItem::One(-1)])
    }
}

impl FromStr for Positions {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        text.split(',')
            .map(|item| position_item(item.trim()))
            .collect::<std::result::Result<_, _>>()
            .map(Self)
    }
}

fn position_item(item: &str) -> std::result::Result<PositionItem, String> {
    let wrong = || format!("{item:?} is no position; write -1, 3, 2:7, negatives from the end, or all");
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    let bound = |text: &str| {
        if text.is_empty() {
            Ok(None)
        } else {
            number(text).map(Some)
        }
    };
    match item.split_once(':') {
        None if item == "all" => Ok(PositionItem::Range(None, None)),
        None => Ok(PositionItem::One(number(item)?)),
        Some((start, end)) => Ok(PositionItem::Range(bound(start)?, bound(end)?)),
    }
}

impl Positions {
    /// Every position.
    pub fn all() -> Self {
        Self(vec![PositionItem::Range(None, None)])
    }

    /// The positions chosen of a prompt of `tokens` tokens, rising.
    ///
    /// # Errors
    /// A single position that the prompt does not have, or a choice that is empty.
    pub fn resolve(&self, tokens: usize) -> Result<Vec<usize>> {
        let mut chosen = BTreeSet::new();
        for item in &self.0 {
            match *item {
                PositionItem::One(position) => {
                    chosen.insert(position_index(position, tokens)?);
                }
                PositionItem::Range(start, end) => {
                    let start = start.map_or(0, |s| clamp(s, tokens));
                    let end = end.map_or(tokens, |e| clamp(e, tokens));
                    chosen.extend(start..end);
                }
            }
        }
        if chosen.is_empty() {
            return Err(Error::usage(
                format!(
                    "--positions chooses none of the prompt's {tokens} token{}.",
                    plural(tokens)
                ),
                "A range START:END takes START up to but not including END.",
            ));
        }
        Ok(chosen.into_iter().collect())
    }
}

fn position_index(position: i64, tokens: usize) -> Result<usize> {
    let index = if position < 0 {
        position.saturating_add(tokens as i64)
    } else {
        position
    };
    if (0..tokens as i64).contains(&index) {
        return Ok(index as usize);
    }
    Err(Error::usage(
        format!(
            "There is no position {position}: the prompt has {tokens} token{}.",
            plural(tokens)
        ),
        format!("Positions run from 0 to {}, or from -{tokens} to -1.", tokens - 1),
    ))
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// A bound of a slice, as Python takes it.
fn clamp(bound: i64, tokens: usize) -> usize {
    let index = if bound < 0 {
        bound.saturating_add(tokens as i64)
    } else {
        bound
    };
    index.clamp(0, tokens as i64) as usize
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
    fn layers_that_are_not_there_are_refused() {
        for (text, count) in [("12", 12), ("-13", 12), ("3-1", 12), ("9223372036854775807", 12)] {
            assert!(text.parse::<Layers>().unwrap().resolve(count).is_err(), "{text}");
        }
        for text in ["", "x", "1-", "every:0", "every:", "1,,2", "1.5", "-"] {
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
        for text in ["10", "-11", "5:5", "7:2"] {
            assert!(text.parse::<Positions>().unwrap().resolve(10).is_err(), "{text}");
        }
        for text in ["", "a", "1:2:3", "1;2"] {
            assert!(text.parse::<Positions>().is_err(), "{text:?}");
        }
    }
}
