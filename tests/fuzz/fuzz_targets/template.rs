//! A chat template of any text: it ends, and in bounded memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logit_lens::chat::ChatTemplate;

fuzz_target!(|source: &str| {
    let template = ChatTemplate::new(source.to_string(), "<s>".to_string(), "</s>".to_string());
    let _ = template.render(Some("Be brief."), "Where is the Eiffel Tower?");
});
