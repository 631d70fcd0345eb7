//! Dots of braille on a canvas of characters: two by four a character.

/// Dots and letters, each with the number of the line that they belong to.
pub(crate) struct Canvas {
    columns: usize,
    rows: usize,
    /// Of each character: its dots, its letter, and whose it is.
    cells: Vec<(u8, Option<char>, Option<usize>)>,
}

impl Canvas {
    /// An empty canvas of so many characters.
    pub fn new(columns: usize, rows: usize) -> Self {
        Self {
            columns,
            rows,
            cells: vec![(0, None, None); columns * rows],
        }
    }

    /// The dot nearest to a point of the unit square, from the left and from the top.
    fn dot(&self, (x, y): (f64, f64)) -> (usize, usize) {
        let place = |v: f64, dots: usize| (v.clamp(0., 1.) * (dots - 1) as f64).round() as usize;
        (place(x, 2 * self.columns), place(1. - y, 4 * self.rows))
    }

    /// A straight line of dots between two points of the unit square, of `step` of them one, of the line `nth`.
    pub fn segment(&mut self, from: (f64, f64), to: (f64, f64), (nth, step): (usize, usize)) {
        let ((x0, y0), (x1, y1)) = (self.dot(from), self.dot(to));
        let steps = x0.abs_diff(x1).max(y0.abs_diff(y1)).max(1);
        for i in (0..=steps).step_by(step) {
            let between = |a: usize, b: usize| {
                let t = i as f64 / steps as f64;
                (a as f64 + t * (b as f64 - a as f64)).round() as usize
            };
            self.set(between(x0, x1), between(y0, y1), nth);
        }
    }

    /// Every second dot between two pairs of heights, each at its place from the left, of the line `nth`.
    pub fn shade(&mut self, (x0, from): (f64, [f64; 2]), (x1, to): (f64, [f64; 2]), nth: usize) {
        let dots = |x, ends: [f64; 2]| ends.map(|y| self.dot((x, y)));
        let ([(start, low0), (_, high0)], [(end, low1), (_, high1)]) = (dots(x0, from), dots(x1, to));
        for x in start..=end {
            let t = (x - start) as f64 / (end - start).max(1) as f64;
            let between = |a: usize, b: usize| (a as f64 + t * (b as f64 - a as f64)).round() as usize;
            // Dots are counted from the top.
            for y in between(high0, high1)..=between(low0, low1) {
                if (x + y) % 2 == 0 {
                    self.set(x, y, nth);
                }
            }
        }
    }

    fn set(&mut self, x: usize, y: usize, nth: usize) {
        // Unicode numbers a character's dots 1-2-3-7 down the left, 4-5-6-8 down the right.
        const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        let cell = &mut self.cells[y / 4 * self.columns + x / 2];
        cell.0 |= DOTS[x % 2][y % 4];
        cell.2 = Some(nth);
    }

    /// A letter at a point of the unit square.
    pub fn letter(&mut self, point: (f64, f64), letter: char, nth: usize) {
        let (x, y) = self.dot(point);
        let cell = &mut self.cells[y / 4 * self.columns + x / 2];
        (cell.1, cell.2) = (Some(letter), Some(nth));
    }

    /// The character at a place, and whose it is.
    pub fn at(&self, column: usize, row: usize) -> (char, Option<usize>) {
        let (dots, letter, nth) = self.cells[row * self.columns + column];
        let braille = || match dots {
            0 => ' ',
            dots => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
        };
        (letter.unwrap_or_else(braille), nth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_runs_from_corner_to_corner() {
        let mut canvas = Canvas::new(2, 1);
        canvas.segment((0., 0.), (1., 1.), (3, 1));
        assert_eq!(
            [canvas.at(0, 0), canvas.at(1, 0)],
            [('⡠', Some(3)), ('⠊', Some(3))]
        );
        canvas.letter((0., 0.), 'a', 0);
        assert_eq!(canvas.at(0, 0), ('a', Some(0)));
        assert_eq!(Canvas::new(1, 1).at(0, 0), (' ', None));
    }
}
