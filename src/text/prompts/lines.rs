//! The prompts of a file: one a line, or a JSON record a line.

use std::io::{BufRead, Read};

use super::record::Record;
use super::{Item, What};
use crate::error::{Error, Result};

/// The longest line, in bytes: far beyond every model's context.
const LONGEST: u64 = 16 << 20;

/// The prompts in lines of text. Empty lines are skipped. If the file's ending says
/// so or the first line is a JSON object, each line is a record.
pub struct Lines<R> {
    reader: R,
    name: String,
    number: usize,
    json: Option<bool>,
    broken: bool,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `reader`, which messages call `name`.
    pub fn new(reader: R, name: String) -> Self {
        Self {
            reader,
            number: 0,
            json: [".jsonl", ".ndjson"]
                .iter()
                .any(|end| name.to_ascii_lowercase().ends_with(end))
                .then_some(true),
            name,
            broken: false,
        }
    }

    /// The next line that is not empty, without its end.
    fn line(&mut self) -> Result<Option<String>> {
        loop {
            let mut bytes = Vec::new();
            let mut reader = self.reader.by_ref().take(LONGEST + 1);
            let read = reader.read_until(b'\n', &mut bytes).map_err(|e| {
                Error::failed(
                    format!("{} cannot be read: {e}.", self.name),
                    "Check that it is a file of text.",
                )
            })?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 > LONGEST {
                return Err(Error::failed(
                    format!("{}, line {}, is longer than 16 MiB.", self.name, self.number),
                    "Give a file of text with a prompt on each line.",
                ));
            }
            let line = String::from_utf8(bytes).map_err(|_| {
                Error::failed(
                    format!("{}, line {}, is not UTF-8.", self.name, self.number),
                    "Save the file as UTF-8.",
                )
            })?;
            let line = line.strip_suffix('\n').unwrap_or(&line);
            let line = line.strip_suffix('\r').unwrap_or(line);
            let line = match self.number {
                1 => line.strip_prefix('\u{feff}').unwrap_or(line),
                _ => line,
            };
            let blank = line.is_empty() || (self.json == Some(true) && line.trim().is_empty());
            if !blank {
                return Ok(Some(line.to_string()));
            }
        }
    }

    fn item(&mut self, line: String) -> Result<Item> {
        let origin = Some(format!("{}, line {}", self.name, self.number));
        let json = match self.json {
            Some(json) => json,
            None => self.recognize(&line)?,
        };
        self.json = Some(json);
        if !json {
            return Ok(Item {
                origin,
                in_file: true,
                ..Item::new(What::Text(line))
            });
        }
        let no_prompt = |e: serde_json::Error| {
            Error::failed(
                format!("{}, line {}: {}.", self.name, self.number, without_place(&e)),
                "Each line should be a JSON object: {\"prompt\": \"…\", \"targets\": [\" …\"], \"id\": \"…\"}, the \
                 last two optional.",
            )
        };
        let record = Record::parse(&line).map_err(no_prompt)?;
        Ok(Item {
            id: record.id().map_err(no_prompt)?,
            what: What::Text(record.prompt),
            // An evaluation set's intermediates are what it asks for; its target is what comes after.
            targets: record
                .intermediates
                .or(record.targets)
                .or(record.target)
                .unwrap_or_default()
                .0,
            controls: record.controls.unwrap_or_default().0,
            position: record.position,
            in_file: true,
            origin,
        })
    }
}

impl<R: BufRead> Lines<R> {
    /// Whether the first line is a JSON object, so that the others should be too.
    ///
    /// # Errors
    /// A line that shows that the file is neither text nor JSON Lines: each of its lines would be read as a
    /// prompt, which nobody wants.
    fn recognize(&self, line: &str) -> Result<bool> {
        let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line);
        let Err(error) = object else {
            return Ok(true);
        };
        let name = &self.name;
        let ends_with = |ending: &str| name.to_ascii_lowercase().ends_with(ending);
        let after = |bracket: char| line.trim_start().strip_prefix(bracket).map(str::trim_start);
        if ends_with(".csv") || ends_with(".tsv") {
            return Err(Error::failed(
                format!("{name} is a table by its ending, and --prompts reads text or JSON Lines."),
                "Write {\"prompt\": \"…\"} on each line of a .jsonl file, or one prompt on each line of a .txt \
                 file.",
            ));
        }
        if after('[').is_some_and(|rest| rest.is_empty() || rest.starts_with(['{', '"', '['])) {
            return Err(Error::failed(
                format!("{name} looks like a JSON array, and --prompts reads JSON Lines."),
                "Write one object on each line, without commas between them: jq -c '.[]' FILE.",
            ));
        }
        if after('{').is_some_and(|rest| rest.is_empty() || rest.starts_with('"')) {
            return Err(Error::failed(
                format!(
                    "{name}, line {}, looks like JSON but is not a whole object: {}.",
                    self.number,
                    without_place(&error)
                ),
                "Write one object on each line, whole: jq -c . FILE.",
            ));
        }
        Ok(false)
    }
}

/// What is wrong with a line of JSON. Its number is said elsewhere.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    match said.rfind(" at line ") {
        Some(place) => said[..place].to_string(),
        None => said,
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let item = match self.line() {
            Ok(None) => return None,
            Ok(Some(line)) => self.item(line),
            Err(error) => Err(error),
        };
        self.broken = item.is_err();
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &[u8]) -> Vec<std::result::Result<Item, String>> {
        let lines = Lines::new(text, "p".to_string());
        lines.map(|item| item.map_err(|e| e.to_string())).collect()
    }

    fn texts(text: &[u8]) -> Vec<String> {
        let text_of = |item: Item| match item.what {
            What::Text(text) => text,
            What::Ids(_) => unreachable!(),
        };
        items(text)
            .into_iter()
            .map(|item| text_of(item.unwrap()))
            .collect()
    }

    #[test]
    fn a_line_is_a_prompt() {
        let text = "\u{feff}The\r\n\n {\"prompt\": 1}\nlast one ".as_bytes();
        assert_eq!(texts(text), ["The", " {\"prompt\": 1}", "last one "]);
        assert_eq!(
            texts(b"{not JSON\n{\"prompt\":\"x\"}"),
            ["{not JSON", "{\"prompt\":\"x\"}"]
        );
        assert!(texts(b"").is_empty());
    }

    #[test]
    fn what_is_neither_text_nor_json_lines_is_refused() {
        for (text, expected) in [
            ("[\n{\"prompt\":\"a\"}]", "looks like a JSON array"),
            ("[{\"prompt\":\"a\"},", "looks like a JSON array"),
            (
                "{\n\"prompt\":\"a\"}",
                "line 1, looks like JSON but is not a whole object",
            ),
            (
                "{\"prompt\":\"a\nb",
                "line 1, looks like JSON but is not a whole object",
            ),
        ] {
            let found = items(text.as_bytes());
            assert!(found[0].as_ref().unwrap_err().contains(expected), "{found:?}");
            assert_eq!(found.len(), 1);
        }
        let mut csv = Lines::new(&b"prompt,target\na,b\n"[..], "facts.CSV".to_string());
        let refused = csv.next().unwrap().unwrap_err().problem;
        assert!(refused.contains("facts.CSV is a table by its ending"));
        assert_eq!(texts(b"[INST] hello\n{x}"), ["[INST] hello", "{x}"]);
    }

    #[test]
    fn json_lines_bring_targets_and_ids() {
        let text = b"{\"prompt\":\"a\\nb\",\"targets\":[\" c\"],\"id\":7,\"more\":0}\n{\"prompt\":\"d\"}\n";
        let items: Vec<Item> = items(text).into_iter().map(std::result::Result::unwrap).collect();
        assert_eq!(items[0].what, What::Text("a\nb".to_string()));
        assert_eq!(
            (items[0].id.as_deref(), &items[0].targets[..]),
            (Some("7"), &[" c".to_string()][..])
        );
        assert_eq!(items[1].origin.as_deref(), Some("p, line 2"));
    }

    #[test]
    fn an_id_is_what_its_file_says_to_the_last_digit() {
        for (id, expected) in [
            ("12345678901234567890123", "12345678901234567890123"),
            ("-0.10", "-0.10"),
            ("\"a\\u0062\"", "ab"),
        ] {
            let found = items(format!("{{\"prompt\":\"a\",\"id\": {id} }}").as_bytes());
            assert_eq!(found[0].as_ref().unwrap().id.as_deref(), Some(expected));
        }
        let found = items(b"{\"prompt\":\"a\",\"id\":null}\n{\"prompt\":\"a\",\"id\":[1]}");
        assert_eq!(found[0].as_ref().unwrap().id, None);
        assert!(found[1].as_ref().unwrap_err().contains("p, line 2: its id"));
    }

    #[test]
    fn an_array_is_no_record() {
        let found = items(b"{\"prompt\":\"a\"}\n[\"The\",[\" Paris\"],\"7\"]\n");
        assert!(found[1].as_ref().unwrap_err().contains("it is no JSON object"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_ends_the_prompts() {
        let found = items(b"{\"prompt\":\"a\"}\n{\"prompt\":3}\n{\"prompt\":\"b\"}");
        assert_eq!(found.len(), 2);
        assert!(found[1].as_ref().unwrap_err().contains("p, line 2: invalid type"));
        assert!(
            items(b"a\n\xff\n")[1]
                .as_ref()
                .unwrap_err()
                .contains("p, line 2, is not UTF-8")
        );
    }
}
