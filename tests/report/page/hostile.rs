//! Texts that would be markup or scripts, and that nothing leaves the page.

use super::browser::open;
use super::{LLAMA, assert_quiet, demo};

/// Markup, quotes, control characters, a mark that turns text around, wide characters.
const HOSTILE: &str =
    "</script><img src=x onerror=alert(1)>\u{1b}[31m \"q\" & '\u{202e}\u{7f}\u{2066} 東 ]]>{{data}}";

#[test]
fn hostile_tokens_are_text() {
    let options = ["-m", LLAMA, "--positions", "all", "--track", "id:9"];
    let Some(page) = open(&[&[HOSTILE], &options[..]].concat()) else {
        return;
    };
    let elements = page.ask(
        "({ scripts: document.scripts.length, images: document.images.length,
            alerts: document.querySelectorAll('[onerror],[onclick],[onload]').length })",
    );
    assert_eq!(
        elements,
        serde_json::json!({ "scripts": 3, "images": 0, "alerts": 0 })
    );
    let heading = page.texts("#prompt").concat();
    assert!(
        heading.contains("</script><img src=x onerror=alert(1)>") && heading.contains("{{data}}"),
        "{heading}"
    );
    assert!(heading.contains("\\u{1b}[31m") && heading.contains("\\u{202e}\\u{7f}\\u{2066}"));
    // Wherever one looks, nothing invisible is left in the text, nor in what a pointer shows.
    for cell in 0..4 {
        page.click(&format!("#grid td[data-row='1'][data-pos='{cell}']"));
        let raw = page.ask(
            "[document.title, ...[...document.querySelectorAll('body *:not(script):not(style)')].flatMap((e) =>
               [e.title, e.ariaLabel, ...[...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data)])]
             .filter((text) => /[\\p{Cc}\\p{Cf}\\p{Co}]/u.test((text ?? '').replaceAll('\\n', '')))",
        );
        assert_eq!(raw, serde_json::json!([]));
    }
    assert_quiet(&page);
}

#[test]
fn even_a_script_could_not_send_what_the_page_shows() {
    let Some(page) = demo(&[]) else { return };
    assert_quiet(&page);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let tries = page.ask(&format!(
        "Promise.all([
           fetch('{address}').then(() => 'sent', () => 'refused'),
           new Promise((done) => {{ const i = new Image(); i.onload = () => done('sent'); i.onerror = () => done('refused'); i.src = '{address}/x.png'; }}),
         ])"
    ));
    assert_eq!(tries, serde_json::json!(["refused", "refused"]));
    assert!(listener.accept().is_err(), "nobody called");
    assert!(!page.complaints().is_empty(), "the browser says what it refused");
}
