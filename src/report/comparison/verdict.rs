//! What a comparison comes to, in words.

use super::{Compared, same_top1};
use crate::analysis::compare::RowPair;
use crate::decoder::Point;

/// The KL that is much, in nats.
const MUCH: f64 = 1.;

/// At the last position compared: where the top-1 first differ, and from where the distributions are far
/// apart. `None` where no layer was read.
pub fn verdict(compared: &Compared) -> Option<String> {
    let comparison = compared.comparison;
    let last = comparison.positions.last()?;
    let left = &compared.left.trajectory.rows;
    let layers: Vec<&RowPair> = (last.rows.iter())
        .filter(|row| left[row.left].site.point == Point::ResidPost)
        .collect();
    let layer = |row: &RowPair| left[row.left].site.layer;
    let same = |row: &RowPair| same_top1(compared, last, row);
    let last_layer = layers.last()?;
    let mut sentence = match layers.iter().find(|row| !same(row)) {
        None => "The top-1 are the same at every layer shown".to_string(),
        Some(first) if same(last_layer) => format!(
            "The top-1 first differ at layer {}, and are the same at layer {}",
            layer(first),
            layer(last_layer)
        ),
        Some(first) => format!("The top-1 first differ at layer {}", layer(first)),
    };
    let kls: Option<Vec<(usize, f64)>> = (layers.iter())
        .map(|row| Some((layer(row), row.kl?[0])))
        .collect();
    if let Some(distance) = kls.and_then(|kls| distance(&kls)) {
        sentence.push_str(&format!("; {distance}"));
    }
    let place = match comparison.positions.len() {
        1 => "",
        _ => "At the last position: ",
    };
    Some(format!("{place}{sentence}."))
}

/// From where KL(left‖right) exceeds [`MUCH`] to the end, or else where it is largest.
fn distance(kls: &[(usize, f64)]) -> Option<String> {
    let much = kls.iter().rev().take_while(|(_, kl)| *kl > MUCH).last();
    if let Some((layer, _)) = much {
        return Some(format!("KL(left‖right) exceeds {MUCH} nat from layer {layer}"));
    }
    let (layer, kl) = kls.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(match *kl {
        0. => "KL(left‖right) is 0".to_string(),
        kl if kl < 0.01 => format!("KL(left‖right) is at most {kl:.2e} nats, at layer {layer}"),
        kl => format!("KL(left‖right) is largest at layer {layer} ({kl:.3} nats)"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_said_from_where_it_stays() {
        let cases = [
            (&[(0, 0.1), (1, 2.), (2, 3.)][..], "exceeds 1 nat from layer 1"),
            (&[(0, 2.), (1, 0.1)], "is largest at layer 0 (2.000 nats)"),
            (&[(0, 0.), (1, 6e-5)], "is at most 6.00e-5 nats, at layer 1"),
            (&[(0, 0.)], "is 0"),
        ];
        for (kls, expected) in cases {
            assert_eq!(distance(kls).unwrap(), format!("KL(left‖right) {expected}"));
        }
        assert_eq!(distance(&[]), None);
    }
}
