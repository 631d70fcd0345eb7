//! What an expression is about: a quantity of a prompt, or a column of a summary.

use super::parser::Parser;
use super::{Result, SyntaxError};
use crate::analysis::assertions::columns::{SUMMARY_COLUMNS, column};
use crate::analysis::assertions::{Quantity, TokenMeasure};
use crate::analysis::statistics::Statistic;

impl Parser<'_> {
    /// A quantity of a prompt.
    pub(super) fn quantity(&mut self) -> Result<Quantity> {
        let start = self.skip_blanks();
        let name = self.name();
        if let Some(measure) = TokenMeasure::ALL.into_iter().find(|m| m.name() == name) {
            self.open(name, "(\" Paris\")")?;
            let target = self.target()?;
            self.close("one token")?;
            return Ok(Quantity::Token(measure, target));
        }
        if name == "diff" {
            self.open(name, "(\" Paris\", \" Rome\")")?;
            let target = self.target()?;
            if !self.eat(",") {
                return Err(self.error(self.at, "diff takes two tokens: expected , and the second"));
            }
            let other = self.target()?;
            self.close("two tokens")?;
            return Ok(Quantity::Difference(target, other));
        }
        let quantity = match name {
            "top1" => Quantity::Top1,
            "settles" | "settles_at" => Quantity::Settles,
            "leads_first" | "leads_first_at" => Quantity::LeadsFirst,
            _ => match Statistic::named(name) {
                Some(statistic) => Quantity::Statistic(statistic),
                None => return Err(self.unknown(start, name)),
            },
        };
        match self.eat("(") {
            true => Err(self.error(self.at - 1, format!("{name} takes no token"))),
            false => Ok(quantity),
        }
    }

    fn unknown(&self, at: usize, name: &str) -> SyntaxError {
        if column(name).is_some() {
            return self.error(at, format!("{name} is a column of a summary: add --summary"));
        }
        let statistics: Vec<&str> = Statistic::ALL.iter().map(|statistic| statistic.name()).collect();
        let known = format!(
            "prob(T), logprob(T), logit(T), rank(T), diff(T, U), top1, settles, leads_first, {}",
            statistics.join(", ")
        );
        self.error(at, format!("{}; use one of {known}", not_known("quantity", name)))
    }

    /// A column of a summary.
    pub(super) fn column(&mut self) -> Result<Quantity> {
        let start = self.skip_blanks();
        let name = self.name();
        let Some(column) = column(name) else {
            let known: Vec<&str> = SUMMARY_COLUMNS.iter().map(|column| column.name).collect();
            let problem = not_known("column of a summary", name);
            return Err(self.error(start, format!("{problem}; use one of {}", known.join(", "))));
        };
        match self.eat("(") {
            true => Err(self.error(
                self.at - 1,
                format!("a summary has one target for each prompt: write {name} without a token"),
            )),
            false => Ok(Quantity::Column(column)),
        }
    }

    fn open(&mut self, name: &str, example: &str) -> Result<()> {
        match self.eat("(") {
            true => Ok(()),
            false => Err(self.error(self.at, format!("{name} is of a token: {name}{example}"))),
        }
    }

    fn close(&mut self, what: &str) -> Result<()> {
        match self.eat(")") {
            true => Ok(()),
            false => Err(self.error(self.at, format!("expected ) after {what}"))),
        }
    }
}

fn not_known(what: &str, name: &str) -> String {
    match name {
        "" => format!("expected a {what}"),
        _ => format!("there is no {what} {name}"),
    }
}
