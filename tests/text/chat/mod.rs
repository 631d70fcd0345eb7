//! Chat templates against `transformers`, whose renderings tests/text/chat/make.py wrote.

use std::collections::BTreeMap;

use logit_lens::text::chat::ChatTemplate;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Entry {
    name: String,
    template: String,
    special: BTreeMap<String, String>,
    /// Whether lens refuses what `transformers` renders.
    refused: bool,
    renderings: Vec<Rendering>,
}

#[derive(Deserialize)]
struct Rendering {
    system: Option<String>,
    user: String,
    /// `None` where `transformers` raises an error.
    text: Option<String>,
}

#[test]
fn every_template_is_rendered_as_transformers_renders_it() {
    let entries: Vec<Entry> = serde_json::from_str(include_str!("renderings.json")).unwrap();
    let mut wrong = Vec::new();
    for entry in &entries {
        let special = entry
            .special
            .iter()
            .map(|(name, token)| (name.as_str(), token.as_str()));
        let template = ChatTemplate::new(entry.template.clone(), special);
        for Rendering { system, user, text } in &entry.renderings {
            let found = template.render(system.as_deref(), user);
            let same = match (&found, text) {
                (Ok(found), Some(text)) => !entry.refused && found == text,
                (Err(_), text) => entry.refused || text.is_none(),
                (Ok(_), None) => false,
            };
            if !same {
                let found = found.map_err(|error| error.problem);
                wrong.push(format!(
                    "{}\n  transformers: {text:?}\n  lens: {found:?}",
                    entry.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Pieces of templates, sound and broken.
const PIECES: [&str; 48] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{%-",
    "-%}",
    "{{-",
    "-}}",
    "{% raw %}",
    "{% endraw %}",
    " ",
    "\n",
    "é",
    "'",
    "\"",
    "'a\\",
    "'\\u12é'",
    "'%s'",
    "%",
    "~",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "=",
    "|",
    ".",
    "-",
    "x",
    "1e5",
    "set",
    "ns",
    "if",
    "in",
    "for",
    "not",
    "is",
    "endset",
    "generation",
    "endgeneration",
    "namespace()",
    "messages",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_template(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..12)) {
        let source = pieces.concat();
        let rendered = ChatTemplate::new(source.clone(), []).render(None, "x");
        let problem = rendered.map_err(|error| error.problem).err().unwrap_or_default();
        // How a panic is reported.
        prop_assert!(!problem.contains("something impossible"), "{source:?}: {problem}");
    }
}
