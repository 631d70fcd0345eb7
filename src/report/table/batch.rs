//! Many prompts, a line each: the prompt, its target with probability and rank, the output, and the layer at
//! which it settles. The columns have their widths beforehand, since lines are written as prompts are read.

use std::io::{self, Write};

use anstyle::Style;

use super::{ANSWER, BOLD, DIM};
use crate::report::batch::{Answer, Tally};
use crate::report::text::{cut, fit, percent, right, width, wrap};

/// The columns of a probability, and of a rank.
const PROB: usize = 6;
const RANK: usize = 6;
/// A token takes no more columns than this.
const WIDEST_TOKEN: usize = 16;
/// In fewer columns than this, a prompt has a line of its own.
const ONE_LINE: usize = 60;

/// The lines of a batch, written one after another.
pub struct Batch {
    layout: Layout,
    tally: Tally,
    begun: bool,
}

/// The columns of a line.
struct Layout {
    available: usize,
    /// The columns of the prompt; `None` where it stands on a line of its own.
    prompt: Option<usize>,
    token: usize,
    settles: &'static str,
    gap: usize,
}

impl Layout {
    fn of(available: usize) -> Self {
        let one_line = available >= ONE_LINE;
        let (gap, settles) = if one_line {
            (2, "settles at")
        } else {
            (1, "settles")
        };
        let numbers = PROB + RANK + PROB + 1 + width(settles);
        let fields = if one_line { 6 } else { 5 };
        let free = available.saturating_sub(numbers + gap * (fields - 1));
        // Half of what is free is for the prompt, if it has a place here.
        let token = free / if one_line { 4 } else { 2 };
        let token = token.clamp(1, WIDEST_TOKEN);
        Self {
            available,
            prompt: one_line.then(|| free - 2 * token),
            token,
            settles,
            gap,
        }
    }

    /// The cells that stand beside each other, joined; the prompt first if it is one of them.
    fn join(&self, cells: &[String]) -> String {
        cells.join(&" ".repeat(self.gap))
    }

    fn heading(&self) -> String {
        let prompt = self.prompt.map(|columns| fit("prompt", columns));
        let cells = [
            fit("target", self.token),
            right("prob", PROB),
            right("rank", RANK),
            fit("output", self.token + 1 + PROB),
            self.settles.to_string(),
        ];
        self.join(&prompt.into_iter().chain(cells).collect::<Vec<_>>())
    }

    /// The line of an answer, or its lines.
    fn line(&self, answer: &Answer) -> String {
        let styled = |text: String, style: Style| format!("{style}{text}{style:#}");
        let none = || "–".to_string();
        let (label, prob) = &answer.output;
        let style = if answer.is_target { ANSWER } else { BOLD };
        let output = format!(
            "{} {}",
            styled(fit(label, self.token), style),
            right(&percent(*prob), PROB)
        );
        let usable = answer.has_usable_target;
        let target = fit(&answer.target.clone().unwrap_or_else(none), self.token);
        let (prob, rank) = answer.value.unzip();
        let cells = [
            if usable { target } else { styled(target, DIM) },
            right(&prob.map_or_else(none, percent), PROB),
            right(&rank.map_or_else(none, |rank| rank.to_string()), RANK),
            output,
            right(
                &answer.settles_at.map_or_else(none, |layer| layer.to_string()),
                width(self.settles),
            ),
        ];
        match self.prompt {
            Some(columns) => {
                let prompt = std::iter::once(fit(&answer.prompt, columns));
                self.join(&prompt.chain(cells).collect::<Vec<_>>())
            }
            None => format!("{}\n{}", cut(&answer.prompt, self.available), self.join(&cells)),
        }
    }
}

impl Batch {
    /// A batch for a terminal of `available` columns.
    pub fn new(available: usize) -> Self {
        Self {
            layout: Layout::of(available),
            tally: Tally::default(),
            begun: false,
        }
    }

    /// Writes one line, before the first the heading.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn line(&mut self, answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
        if !self.begun {
            writeln!(out, "\n{DIM}{}{DIM:#}", self.layout.heading())?;
        }
        self.begun = true;
        self.tally.add(answer);
        writeln!(out, "{}", self.layout.line(answer))
    }

    /// Writes what the lines come to.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn end(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(sentence) = self.tally.sentence() else {
            return Ok(());
        };
        writeln!(out)?;
        for line in wrap(&sentence, self.layout.available) {
            writeln!(out, "{BOLD}{line}{BOLD:#}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer {
            prompt: "The capital of Iceland is".to_string(),
            target: Some("␣Reykjavik".to_string()),
            value: Some((0.0312, 128_000)),
            output: ("␣Copenhagen".to_string(), 0.999),
            has_usable_target: true,
            is_target: false,
            settles_at: Some(28),
        }
    }

    #[test]
    fn lines_are_as_wide_as_the_terminal_and_aligned() {
        for available in [40, 59, 60, 80, 100, 200] {
            let layout = Layout::of(available);
            let line = anstream::adapter::strip_str(&layout.line(&answer())).to_string();
            let widths: Vec<usize> = line.lines().map(width).collect();
            assert!(
                widths.iter().all(|&columns| columns <= available),
                "{available}: {line}"
            );
            assert_eq!(
                widths.last(),
                Some(&width(&layout.heading())),
                "{available}: {line}"
            );
        }
        let line = Layout::of(100).line(&answer());
        let line = anstream::adapter::strip_str(&line).to_string();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            words[5..],
            ["␣Reykjavik", "3.1%", "128000", "␣Copenhagen", "99.9%", "28"]
        );
    }
}
