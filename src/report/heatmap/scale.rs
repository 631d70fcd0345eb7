//! From a value to a colour.

use super::ColorBy;
use crate::analysis::statistics::Statistic;

/// A colour of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    pub const BLACK: Self = Self(0, 0, 0);
    pub const WHITE: Self = Self(255, 255, 255);

    /// Black or white, whichever is the easier to read on it.
    pub fn ink(self) -> Self {
        let luminance = self.luminance();
        let on_white = 1.05 / (luminance + 0.05);
        let on_black = (luminance + 0.05) / 0.05;
        if on_black >= on_white {
            Self::BLACK
        } else {
            Self::WHITE
        }
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }
}

/// Of fewer values than this none is an extreme.
const FEW: usize = 40;

/// The values between which colours run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    /// Whether values lie above `high`.
    clipped: bool,
    /// Ranks: 1 is the brightest, and each factor of ten as far from the next.
    ranks: bool,
}

impl Scale {
    /// The scale for `values` of `by`: what is between 0 and 1 by nature is always so, what counts
    /// from 0 on runs to a round number above nearly all values, so that a few extremes do not
    /// make the others look alike. The HTML page has the same rule (`statScale` in scale.js).
    pub fn fit(by: ColorBy, values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let largest = values.last().map_or(0., |&largest| largest.max(0.));
        let (low, high) = match by {
            ColorBy::Prob | ColorBy::Target | ColorBy::Statistic(Statistic::Tv | Statistic::Agrees) => {
                (0., 1.)
            }
            ColorBy::Rank => (1., largest.max(10.)),
            ColorBy::Statistic(_) => (0., round_up(nearly_largest(&values))),
        };
        Self {
            low,
            high,
            clipped: largest > high,
            ranks: by == ColorBy::Rank,
        }
    }

    /// How far up the scale a value is, from 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        let place = match self.ranks {
            true => 1. - (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        place.clamp(0., 1.)
    }

    /// The colour of a value: viridis, of which equal steps look equal to every eye and in grey.
    pub fn color(&self, value: f64) -> Rgb {
        Self::color_at(self.place(value))
    }

    /// The colour at a place from 0 to 1, the nearest of 256: between them a place that is off by a last
    /// digit, as places are from one machine to the next, would often be of another.
    pub fn color_at(place: f64) -> Rgb {
        let color = colorous::VIRIDIS.eval_rational((place * 255.).round() as usize, 256);
        Rgb(color.r, color.g, color.b)
    }

    /// The values at both ends, the dark one first, as people read them.
    pub fn ends(&self) -> [String; 2] {
        match self.ranks {
            true => [format!("{:.0}", self.high), "1".to_string()],
            false => {
                let above = if self.clipped { "≥ " } else { "" };
                ["0".to_string(), format!("{above}{}", self.high)]
            }
        }
    }
}

/// The 98th percentile of sorted values; of few, the largest.
fn nearly_largest(sorted: &[f64]) -> f64 {
    let at = if sorted.len() < FEW {
        sorted.len().saturating_sub(1)
    } else {
        (0.98 * sorted.len() as f64) as usize
    };
    sorted.get(at).copied().unwrap_or(0.)
}

/// The next number upwards that reads well at the end of a scale.
fn round_up(value: f64) -> f64 {
    if value <= 0. {
        return 1.;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1., 1.5, 2., 2.5, 3., 4., 5., 6., 8., 10.];
    let step = steps
        .into_iter()
        .find(|step| step * power >= value * 0.9999)
        .unwrap_or(10.);
    // Three digits, without the rest of a product of binary fractions.
    let rounded = format!("{:.2e}", step * power);
    rounded.parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_extremes_do_not_set_the_scale() {
        let by = ColorBy::Statistic(Statistic::ForwardKl);
        let most = (0..298).map(|i| f64::from(i) / 60.);
        let scale = Scale::fit(by, most.chain([157., 200.]));
        assert_eq!((scale.ends()[1].as_str(), scale.place(157.)), ("≥ 5", 1.));
        let few = Scale::fit(by, [1., 2., 157.].into_iter());
        assert_eq!(few.ends()[1], "200");
        assert_eq!(round_up(0.0123), 0.015);
    }

    #[test]
    fn places_run_from_dark_to_bright() {
        let scale = Scale::fit(ColorBy::Statistic(Statistic::Entropy), [2., 8.].into_iter());
        assert_eq!((scale.place(0.), scale.place(4.), scale.place(8.)), (0., 0.5, 1.));
        let ranks = Scale::fit(ColorBy::Rank, [1000.].into_iter());
        assert_eq!((ranks.place(1.), ranks.place(1000.)), (1., 0.));
        assert!((ranks.place(10.) - 2. / 3.).abs() < 1e-12);
        assert_eq!(Scale::fit(ColorBy::Prob, [0.1].into_iter()).place(0.1), 0.1);
    }

    #[test]
    fn text_contrasts_with_every_colour() {
        for i in 0..=100 {
            let color = Scale::color_at(f64::from(i) / 100.);
            let (bright, dark) = match color.ink() {
                Rgb::BLACK => (color.luminance(), 0.),
                _ => (1., color.luminance()),
            };
            // WCAG's AA for text.
            assert!((bright + 0.05) / (dark + 0.05) >= 4.5, "{color:?}");
        }
    }
}
