//! A value as people read it.

use crate::decoder::Site;
use crate::report::text::percent;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Empty,
    Text(String),
    /// A text that is not what stands on its left.
    Different(String),
    Layer(Site),
    Integer(u64),
    /// So many of so many.
    Fraction(u64, u64),
    Number(f64),
    /// Of which small values matter too.
    Divergence(f64),
    /// Between 0 and 1.
    Share(f64),
    /// The difference of two shares.
    ShareDifference(f64),
    /// A mean and its standard error.
    Mean(f64, Option<f64>),
    /// The same of what is small too.
    MeanDivergence(f64, Option<f64>),
    /// The same of shares.
    MeanShare(f64, Option<f64>),
    /// A share, and the ends of its interval.
    Interval(f64, f64, f64),
}

impl Cell {
    /// A number if there is one.
    pub fn maybe(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::Number)
    }

    /// A number if there is one, without decimals where it is whole.
    pub fn maybe_whole(value: Option<f64>) -> Self {
        match value {
            Some(x) if x.fract() == 0. && (0. ..1e15).contains(&x) => Self::Integer(x as u64),
            value => Self::maybe(value),
        }
    }

    pub(super) fn for_people(&self) -> String {
        let error = |se: &Option<f64>, scale: f64, digits: usize| {
            se.map_or(String::new(), |se| format!(" ±{:.digits$}", scale * se))
        };
        match self {
            Self::Empty => "–".to_string(),
            Self::Text(text) => text.clone(),
            Self::Different(text) => format!("{text} ≠"),
            Self::Layer(site) => site.to_string(),
            Self::Integer(n) => n.to_string(),
            Self::Fraction(count, of) => format!("{count}/{of}"),
            // Nothing is a little less than nothing.
            Self::Number(x) if x.abs() < 5e-4 => "0.000".to_string(),
            Self::Number(x) => format!("{x:.3}"),
            Self::Divergence(x) => divergence(*x),
            Self::Share(p) => percent(*p),
            Self::ShareDifference(x) => percent_points(*x),
            Self::Interval(p, low, high) => {
                format!("{:.1}% [{:.1}–{:.1}]", 100. * p, 100. * low, 100. * high)
            }
            Self::MeanDivergence(x, se) => {
                let error = se.map_or(String::new(), |se| format!(" ±{}", divergence(se)));
                format!("{}{error}", divergence(*x))
            }
            Self::Mean(x, se) => format!("{x:.3}{}", error(se, 1., 3)),
            Self::MeanShare(p, se) => format!("{:.1}%{}", 100. * p, error(se, 100., 1)),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Different(_))
    }
}

/// Three decimals, or three digits of what is smaller than they show; an exact 0 as `0`.
fn divergence(x: f64) -> String {
    match x.abs() {
        0. => "0".to_string(),
        small if small < 0.01 => format!("{x:.2e}"),
        _ => format!("{x:.3}"),
    }
}

/// The difference of two shares in percentage points: `−77.2 pp`, `+0.04 pp`; an exact 0 as `0 pp`.
fn percent_points(difference: f64) -> String {
    let points = 100. * difference;
    let sign = if points < 0. { '−' } else { '+' };
    match points.abs() {
        0. => "0 pp".to_string(),
        small if small < 0.005 => "<0.01 pp".to_string(),
        small if small < 0.995 => format!("{sign}{small:.2} pp"),
        large => format!("{sign}{large:.1} pp"),
    }
}
