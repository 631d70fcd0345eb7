//! What an assertion comes to.

use std::fmt;

/// An assertion held against readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The expression as it was written.
    pub expression: String,
    pub holds: bool,
    pub found: Found,
    /// The value found for people: in as many digits as it takes to see that it does or does not hold.
    pub shown: String,
}

/// The value that was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Number(f64),
    Flag(bool),
    /// The token's text.
    Token(String),
    /// There is none, for this reason; no assertion about it holds.
    Nothing(&'static str),
}

/// `x` in the fewest significant digits, from four, that keep what `holds` says of it; whole numbers in
/// full.
pub(super) fn digits(x: f64, holds: impl Fn(f64) -> bool) -> String {
    /// So many tell every float64 from its neighbours.
    const MOST: usize = 17;
    if x.fract() == 0. && x.abs() < 1e15 {
        return format!("{x}");
    }
    let rounded = (4..=MOST).map(|digits| format!("{x:.*e}", digits - 1));
    let same = |text: &String| text.parse().is_ok_and(|y| holds(y) == holds(x));
    let text = rounded.into_iter().find(same);
    let nearest: f64 = text.and_then(|text| text.parse().ok()).unwrap_or(x);
    match nearest.abs() {
        1e-4..1e9 => format!("{nearest}"),
        _ => format!("{nearest:e}"),
    }
}

impl fmt::Display for Found {
    /// In full, as a program reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(x) => write!(f, "{x}"),
            Self::Flag(is) => write!(f, "{is}"),
            Self::Token(text) => f.write_str(text),
            Self::Nothing(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_digits_that_it_takes() {
        for (x, least, shown) in [
            (0.123456, 0.2, "0.1235"),
            (0.19999998, 0.2, "0.19999998"),
            (17., 3., "17"),
            (-2.50003, 0., "-2.5"),
            (1.23456e-9, 1., "1.235e-9"),
            (-1e300, 1., "-1e300"),
        ] {
            assert_eq!(digits(x, |x| x >= least), shown);
        }
    }
}
