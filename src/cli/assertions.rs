//! Assertions of a run: held against what is read, and reported on stderr.

use std::io::Write;

use logit_lens::analysis::assertions::{Assertion, Check, Outcome};
use logit_lens::analysis::summary::Summary;
use logit_lens::error::Result;
use logit_lens::lens::{Request, Trajectory};
use logit_lens::model::Model;
use logit_lens::run::{AssertionFormat, Prompts, Run};
use logit_lens::text::prompts::Item;

use super::{say_failure, shown};

/// The exit code of a run in which an assertion does not hold.
pub const NOT_HELD: u8 = 3;

/// So many characters of a prompt are quoted.
const QUOTED: usize = 60;

/// The assertions of a run, and what became of them so far.
pub struct Assertions<'a> {
    run: &'a Run,
    checks: Vec<Check>,
    /// What a JUnit document lists.
    cases: Vec<(Subject, Outcome)>,
    checked: usize,
    failed: usize,
}

/// What an assertion was held against.
#[derive(Clone)]
struct Subject {
    /// Its place in a file or on the command line, and its text.
    name: String,
    /// The file and the line, for tools that show messages there.
    place: Option<(String, String)>,
}

impl<'a> Assertions<'a> {
    /// The assertions of `run`, for what `request` reads of `model`.
    ///
    /// # Errors
    /// A token or layer that is not the model's, or a row that is not read.
    pub fn new(run: &'a Run, model: &Model, request: &Request) -> Result<Self> {
        let checks = run.assertions.iter().map(|assertion| {
            Check::new(assertion, model, request, |spec| {
                run.spelling.resolve(spec, model)
            })
        });
        Ok(Self {
            run,
            checks: checks.collect::<Result<_>>()?,
            cases: Vec::new(),
            checked: 0,
            failed: 0,
        })
    }

    /// Holds them against a prompt's readings, and says which fail.
    pub fn check(&mut self, item: &Item, trajectory: &Trajectory, model: &Model) -> Vec<Outcome> {
        let of = |check: &Check| check.of(trajectory, &model.tokens);
        let outcomes: Vec<Outcome> = self.checks.iter().map(of).collect();
        if !outcomes.is_empty() {
            self.record(&Subject::of_prompt(item, trajectory.prompt.asked()), &outcomes);
        }
        outcomes
    }

    /// Holds them against the means of all prompts.
    pub fn check_summary(&mut self, summary: &Summary) -> Vec<Outcome> {
        let of = |check: &Check| check.of_summary(summary);
        let outcomes: Vec<Outcome> = self.checks.iter().map(of).collect();
        let s = if summary.prompts == 1 { "" } else { "s" };
        let subject = Subject {
            name: format!("{} prompt{s}", summary.prompts),
            place: match &self.run.prompts {
                Prompts::File(path) => Some((path.display().to_string(), "1".to_string())),
                Prompts::Given(_) | Prompts::Stdin | Prompts::Earlier(_) => None,
            },
        };
        self.record(&subject, &outcomes);
        outcomes
    }

    fn record(&mut self, subject: &Subject, outcomes: &[Outcome]) {
        for outcome in outcomes {
            self.checked += 1;
            self.failed += usize::from(!outcome.holds);
            match self.run.assertion_format {
                AssertionFormat::Junit => self.cases.push((subject.clone(), outcome.clone())),
                AssertionFormat::Text if !outcome.holds => {
                    say_failure("failed:", &sentence(subject, outcome))
                }
                AssertionFormat::Github if !outcome.holds => print(&github(subject, outcome)),
                AssertionFormat::Text | AssertionFormat::Github => {}
            }
        }
    }

    /// Says what is left to say, and whether all of them hold. One that was held against nothing does not.
    pub fn finish(mut self) -> bool {
        if self.checked == 0 {
            let outcomes: Vec<Outcome> = self.run.assertions.iter().map(Assertion::of_nothing).collect();
            let subject = Subject {
                name: "no prompt".to_string(),
                place: None,
            };
            self.record(&subject, &outcomes);
        }
        if self.run.assertion_format == AssertionFormat::Junit {
            print(&junit(&self.cases, self.failed));
        }
        self.failed == 0
    }
}

impl Subject {
    fn of_prompt(item: &Item, text: &str) -> Self {
        let in_file = item.origin.as_ref().filter(|_| item.in_file);
        Self {
            name: name_of(item, text),
            place: in_file
                .and_then(|origin| origin.rsplit_once(", line "))
                .map(|(file, line)| (file.to_string(), line.to_string())),
        }
    }
}

/// A prompt's place in a file or on the command line, its id and its text.
pub fn name_of(item: &Item, text: &str) -> String {
    let id = item.id.as_ref().map_or(String::new(), |id| format!("{id}: "));
    let origin = (item.origin.as_ref()).map_or(String::new(), |origin| format!("{origin}: "));
    format!("{origin}{id}{}", quoted(text))
}

/// The beginning of a prompt's text.
pub fn quoted(text: &str) -> String {
    let beginning: String = text.chars().take(QUOTED).collect();
    let more = text.chars().nth(QUOTED).map_or("", |_| "…");
    format!("\"{beginning}{more}\"")
}

/// Writes what a CI system reads, as it is. If stderr is closed, the exit code still tells.
fn print(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn sentence(subject: &Subject, outcome: &Outcome) -> String {
    format!(
        "{}: {}: found {}",
        subject.name, outcome.expression, outcome.shown
    )
}

/// A command of GitHub's workflows: `::error file=…,line=…,title=…::message`.
fn github(subject: &Subject, outcome: &Outcome) -> String {
    let escape = |text: &str| shown(text).replace('%', "%25");
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    let place = (subject.place.as_ref()).map_or(String::new(), |(file, line)| {
        format!("file={},line={line},", property(file))
    });
    format!(
        "::error {place}title={}::{}",
        property(&outcome.expression),
        escape(&sentence(subject, outcome))
    )
}

/// A JUnit document: a test case for each assertion about each prompt.
fn junit(cases: &[(Subject, Outcome)], failed: usize) -> String {
    let counts = format!("tests=\"{}\" failures=\"{failed}\"", cases.len());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n<testsuite name=\"lens\" {counts} \
         errors=\"0\" skipped=\"0\">\n"
    );
    for (subject, outcome) in cases {
        let case = format!(
            "<testcase classname=\"{}\" name=\"{}\"",
            xml(&subject.name),
            xml(&outcome.expression)
        );
        match outcome.holds {
            true => text.push_str(&format!("{case}/>\n")),
            false => text.push_str(&format!(
                "{case}><failure type=\"assertion\" message=\"{}\">{}</failure></testcase>\n",
                xml(&format!("found {}", outcome.shown)),
                xml(&sentence(subject, outcome))
            )),
        }
    }
    text.push_str("</testsuite>\n</testsuites>");
    text
}

/// Text that XML takes as it is. What XML has no form for is escaped as everywhere.
fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in shown(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}
