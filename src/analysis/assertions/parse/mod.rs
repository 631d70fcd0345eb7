//! The grammar of an expression, and where one goes wrong.

mod parser;
mod quantity;
mod token;

use unicode_width::UnicodeWidthStr;

use super::{Assertion, Comparison, Quantity, Subject, Value};
use crate::analysis::statistics::Statistic;
use crate::lens::Layers;
use crate::text::visible::escaped;
use parser::Parser;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Bytes of the expression before the place.
    pub at: usize,
    pub problem: String,
}

impl SyntaxError {
    /// The problem, and below it the expression with a caret under the place.
    pub fn pointed(&self, expression: &str) -> String {
        let before = escaped(&expression[..self.at]).width();
        format!(
            "{}\n  {}\n  {}^",
            self.problem,
            escaped(expression),
            " ".repeat(before)
        )
    }
}

type Result<T> = std::result::Result<T, SyntaxError>;

impl Assertion {
    /// The assertion that `text` is, about `subject`.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub fn parse(text: &str, subject: Subject) -> Result<Self> {
        let mut parser = Parser::new(text);
        let start = parser.skip_blanks();
        let quantity = match subject {
            Subject::Prompt => parser.quantity()?,
            Subject::Summary => parser.column()?,
        };
        let layer = parser.layer(&quantity, &text[start..parser.at])?;
        let comparison = parser.comparison(&quantity)?;
        let value = parser.value(&quantity)?;
        let end = parser.skip_blanks();
        if end < text.len() {
            return Err(parser.error(end, "nothing may follow the value"));
        }
        Ok(Self {
            text: text.to_string(),
            quantity,
            layer,
            comparison,
            value,
        })
    }
}

impl Parser<'_> {
    /// `@` and a layer, if there is one.
    fn layer(&mut self, quantity: &Quantity, written: &str) -> Result<Option<Layers>> {
        let at = self.skip_blanks();
        if !self.eat("@") {
            return Ok(None);
        }
        if matches!(quantity, Quantity::Settles | Quantity::LeadsFirst) {
            return Err(self.error(at, format!("{written} is of all layers together: leave out @")));
        }
        let start = self.skip_blanks();
        let layer = self.take(|c| !c.is_whitespace() && !matches!(c, '<' | '>' | '=' | '!'));
        let is_one = matches!(layer, "embed" | "last") || layer.parse::<i64>().is_ok();
        match layer.parse() {
            Ok(layer) if is_one => Ok(Some(layer)),
            _ => Err(self.error(start, "expected one layer: 20, -1, last or embed")),
        }
    }

    fn comparison(&mut self, quantity: &Quantity) -> Result<Comparison> {
        let start = self.skip_blanks();
        let found = Comparison::ALL.into_iter().find(|(sign, _)| self.eat(sign));
        let Some((_, comparison)) = found else {
            let problem = match self.rest().starts_with('=') {
                true => "write == for is equal to",
                false => "expected a comparison: ==, !=, <, <=, > or >=",
            };
            return Err(self.error(start, problem));
        };
        let of_a_token = matches!(quantity, Quantity::Top1);
        match of_a_token && !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            true => Err(self.error(start, "top1 is a token: compare it with == or !=")),
            false => Ok(comparison),
        }
    }

    fn value(&mut self, quantity: &Quantity) -> Result<Value> {
        let start = self.skip_blanks();
        if matches!(quantity, Quantity::Top1) {
            let bare = self.take(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':'));
            return self.token_after(start, bare).map(Value::Token);
        }
        let is_flag = matches!(quantity, Quantity::Statistic(Statistic::Agrees));
        let word = self.take(|c| !c.is_whitespace());
        match (word, word.parse::<f64>()) {
            ("true" | "yes", _) if is_flag => Ok(Value::Number(1.)),
            ("false" | "no", _) if is_flag => Ok(Value::Number(0.)),
            (_, Ok(number)) if number.is_finite() => Ok(Value::Number(number)),
            _ if is_flag => Err(self.error(start, "expected true or false")),
            _ => Err(self.error(start, "expected a number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::assertions::SUMMARY_COLUMNS;
    use crate::text::targets::TargetSpec;

    #[test]
    fn every_form_is_read() {
        let forms = [
            "prob(\" Paris\") > 0.2",
            "prob(' Paris')@20>0.2",
            "logprob(id:7)@embed >= -3.5",
            "logit(city=\" Paris| Rome\")@-1 != 1e3",
            "rank(target)@last <= 3",
            "diff(\" Paris\", target) > 0",
            " diff ( id:1 , id:2 ) @ 4 < 0 ",
            "top1 == \" Paris\"",
            "top1@3 != id:6342",
            "entropy<2",
            "kl@2 < 1",
            "forward_kl == 0",
            "reverse_kl >= 0",
            "js < 0.1",
            "tv <= 1",
            "cross_entropy < 3",
            "agrees@5 == true",
            "agrees == 1",
            "settles <= 24",
            "leads_first > 2",
            "rank(\"a \\\"quoted\\\" \\\\ \\n\") == 1",
        ];
        for form in forms {
            let assertion = Assertion::parse(form, Subject::Prompt);
            assert!(assertion.is_ok(), "{form}: {assertion:?}");
        }
        for column in SUMMARY_COLUMNS {
            for form in ["NAME >= 0.95", "NAME@16>0.3", "NAME@embed != 0"] {
                let form = form.replace("NAME", column.name);
                assert!(Assertion::parse(&form, Subject::Summary).is_ok(), "{form}");
            }
        }
    }

    #[test]
    fn texts_are_what_stands_between_the_quotes() {
        let parse = |form: &str| Assertion::parse(form, Subject::Prompt).unwrap();
        let assertion = parse(r#"diff("a \"b\" \\ \n", 'c"d') > -1.5"#);
        let specs: Vec<&TargetSpec> = assertion.followed().collect();
        let expected: [TargetSpec; 2] = ["a \"b\" \\ \n".parse().unwrap(), "c\"d".parse().unwrap()];
        assert_eq!(specs, [&expected[0], &expected[1]]);
        assert!(matches!(assertion.value, Value::Number(-1.5)));
        // In quotes it is a token like any other.
        assert_eq!(parse("prob(target) > 0").followed().count(), 0);
        assert_eq!(parse("prob(\"target\") > 0").followed().count(), 1);
    }

    #[test]
    fn an_error_points_at_its_place() {
        let cases = [
            ("", "^", "expected a quantity"),
            ("prov(\"a\") > 1", "^", "no quantity prov"),
            ("prob > 1", "     ^", "prob is of a token"),
            ("prob(Paris) > 1", "     ^", "a token in quotes"),
            ("prob(\"Paris) > 1", "     ^", "not closed"),
            ("prob(\"a\\q\") > 1", "       ^", "a backslash"),
            ("prob(\"\") > 1", "     ^", "an empty text"),
            ("prob(id:x) > 1", "     ^", "no token id"),
            ("prob(\"a\", \"b\") > 1", "        ^", "expected )"),
            ("prob(\"a\" > 1", "         ^", "expected )"),
            ("diff(\"a\") > 1", "        ^", "two tokens"),
            ("prob(c=d) > 1", "       ^", "group's tokens in quotes"),
            ("entropy(\"a\") > 1", "       ^", "takes no token"),
            ("prob(\"a\")@4-6 > 1", "          ^", "one layer"),
            ("prob(\"a\")@ > 1", "           ^", "one layer"),
            ("settles@4 < 1", "       ^", "of all layers"),
            ("rank(\"a\") 3", "          ^", "a comparison"),
            ("rank(\"a\") = 3", "          ^", "write =="),
            ("rank(\"a\") <= three", "             ^", "a number"),
            ("rank(\"a\") <= inf", "             ^", "a number"),
            ("rank(\"a\") <= 3 4", "               ^", "nothing may follow"),
            ("agrees == maybe", "          ^", "true or false"),
            ("top1 > \" Paris\"", "     ^", "== or !="),
            ("top1 == Paris", "        ^", "in quotes"),
            ("top1_is_target > 1", "^", "add --summary"),
            // Wide characters and what is escaped take the columns that they take.
            ("prob(\"東京\") 1", "             ^", "a comparison"),
            ("prob(\"a\tb\") 1", "             ^", "a comparison"),
        ];
        for (text, caret, problem) in cases {
            let error = Assertion::parse(text, Subject::Prompt).unwrap_err();
            assert!(error.problem.contains(problem), "{text}: {error:?}");
            let pointed = error.pointed(text);
            assert_eq!(pointed.lines().nth(2), Some(&*format!("  {caret}")), "{pointed}");
        }
        for (text, problem) in [
            ("prob(\" Paris\") > 1", "without a token"),
            ("rank > 1", "no column of a summary rank"),
            ("settles < 3", "no column"),
        ] {
            let error = Assertion::parse(text, Subject::Summary).unwrap_err();
            assert!(error.problem.contains(problem), "{text}: {error:?}");
        }
    }
}
