//! A chat template of any text: it ends, and in bounded memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logit_lens::text::chat::ChatTemplate;

fuzz_target!(
    // A panic of the library's that is caught is an error like others; one that is not still ends
    // the run.
    init: std::panic::set_hook(Box::new(|_| ())),
    |source: &str| {
        let template = ChatTemplate::new(source.to_string(), [("bos_token", "<s>"), ("eos_token", "</s>")]);
        let _ = template.render(Some("Be brief."), "Where is the Eiffel Tower?");
    }
);
