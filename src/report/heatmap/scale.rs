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

/// The values between which colours run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    /// Ranks: 1 is the brightest, and each factor of ten as far from the next.
    ranks: bool,
}

impl Scale {
    /// The scale for `values` of `by`: what is between 0 and 1 by nature is always so, what counts
    /// from 0 on runs to the largest.
    pub fn fit(by: ColorBy, values: impl Iterator<Item = f64>) -> Self {
        let largest = values.filter(|v| v.is_finite()).fold(0., f64::max);
        let (low, high) = match by {
            ColorBy::Prob | ColorBy::Target | ColorBy::Statistic(Statistic::Tv | Statistic::Agrees) => {
                (0., 1.)
            }
            ColorBy::Rank => (1., largest.max(10.)),
            ColorBy::Statistic(_) => (0., if largest > 0. { largest } else { 1. }),
        };
        Self {
            low,
            high,
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

    /// The colour at a place from 0 to 1.
    pub fn color_at(place: f64) -> Rgb {
        let color = colorous::VIRIDIS.eval_continuous(place);
        Rgb(color.r, color.g, color.b)
    }

    /// The values at both ends, the dark one first, as people read them.
    pub fn ends(&self) -> [String; 2] {
        match self.ranks {
            true => [format!("{:.0}", self.high), "1".to_string()],
            false if self.high == 1. => ["0".to_string(), "1".to_string()],
            false => ["0".to_string(), format!("{:.2}", self.high)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
