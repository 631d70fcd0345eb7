//! An answer of a hub: a status, then headers a line each (`name: value`), then a body after an
//! empty line. What is taken from it names nothing but a content, a commit and a web address.

#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use logit_lens::source::hub_answer::{self as answer, Answer};
use logit_lens::source::shard_names;
use url::Url;

const HUB: &str = "https://hub.example/models/someone/tiny/resolve/main/config.json";

fn is_hex(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|&byte| byte == b'\n');
    let Some(status) = lines.next().and_then(|line| StatusCode::from_bytes(line).ok()) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b": ").unwrap_or(value);
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let url = Url::parse(HUB).unwrap();
    match answer::describe(status, &headers, &url, true) {
        Ok(Answer::Meta(meta)) => {
            assert!(is_hex(&meta.commit, &[40]));
            assert!(is_hex(meta.content.hash(), &[40, 64]));
        }
        Ok(Answer::Moved(next)) => assert_eq!(next.origin(), url.origin()),
        Err(_) => {}
    }
    if let Some(next) = answer::next_hop(&headers, &url) {
        assert!(matches!(next.scheme(), "http" | "https") && next.has_host());
    }
    for start in [0, 7] {
        let first = answer::first_byte(status, &headers, start);
        assert!(first.is_none_or(|first| first == 0 || first == start));
    }
    let _ = answer::refusal(status, &headers, false);
    let _ = answer::storage_refusal(status, &headers);
    let body = lines.collect::<Vec<_>>().join(&b'\n');
    for name in shard_names(&String::from_utf8_lossy(&body), "index").into_iter().flatten() {
        assert!(name.split('/').all(|part| !matches!(part, "" | "." | "..")));
    }
});
