//! What a view is: the cell, the layers and the colours that are chosen, and its address.

use super::{assert_details, assert_quiet, demo, label};

#[test]
fn a_click_shows_the_top_k_and_the_address_keeps_the_view() {
    let Some(page) = demo(&[]) else { return };
    page.click("#grid td[data-row='5'][data-pos='7']");
    assert_details(&page, 5, 7);
    let entropy = page.json["entropy"][5][7].as_f64().unwrap();
    let stats = page.texts("#details dl.stats div");
    assert!(stats[0].contains(&format!("{entropy:.3}")), "{stats:?}");
    // The mouse alone shows another cell, and the one that was clicked comes back.
    let other = page
        .tab
        .find_element("#grid td[data-row='3'][data-pos='4']")
        .unwrap();
    other.move_mouse_over().unwrap();
    page.ask("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    assert_details(&page, 3, 4);
    assert_eq!(
        page.ask("document.getElementById('chart').dataset.pos"),
        "7",
        "held"
    );
    let hash = page.hash();
    assert!(hash.contains("row=5") && hash.contains("pos=7"), "{hash}");
    page.go(&hash);
    assert_details(&page, 5, 7);
    assert_eq!(page.ask("document.getElementById('chart').dataset.pos"), "7");
    // What an address cannot mean is left out.
    page.go("#row=99&pos=-4&color=s:nonsense&pins=x,y&hide=7-3,a&theme=blue&order=sideways");
    assert_eq!(page.texts("#grid tbody tr").len(), 11);
    // A link that hides more layers than there are, more than once.
    page.go(&format!("#hide=embed,{}99999", "0-99999,".repeat(5000)));
    assert_eq!(page.texts("#grid tbody tr").len(), 1);
    page.click(".layers summary");
    page.click(".layers .boxes input[value='2']");
    assert!(page.hash().contains("hide=embed,0-1,3-9"), "{}", page.hash());
    assert_quiet(&page);
}

#[test]
fn layers_are_hidden_and_the_keyboard_does_what_the_mouse_does() {
    let Some(page) = demo(&["--point", "embed,resid_mid,resid_post"]) else {
        return;
    };
    page.go("#hide=embed,1-3");
    let rows = page.texts("#grid tbody th");
    assert_eq!(rows.len(), 11 - 4);
    page.click(".layers summary");
    page.click(".layers .boxes input[value='2']");
    assert_eq!(page.texts("#grid tbody tr").len(), 8);
    assert!(page.hash().contains("hide=embed,1,3"), "{}", page.hash());
    page.press("Escape");
    page.choose("#point", "resid_mid");
    let mid = label(&page.json["points"]["resid_mid"]["topk"][4][6][0]);
    assert_eq!(page.texts("#grid td[data-row='4'][data-pos='6']"), [mid]);
    page.go("");
    page.click("#grid td[data-row='4'][data-pos='6']");
    for (key, layer, at) in [("ArrowUp", 5, 6), ("ArrowLeft", 5, 5), ("ArrowDown", 4, 5)] {
        page.press(key);
        assert_details(&page, layer, at);
    }
    page.press_with_control("Home");
    assert!(page.hash().contains("pos=0"), "{}", page.hash());
    page.press("Enter");
    assert!(page.hash().contains("hold=0"), "{}", page.hash());
    assert_quiet(&page);
}

#[test]
fn the_first_view_is_the_one_asked_for() {
    let options = ["--color-by", "js", "--order", "down", "--track", " Paris"];
    let Some(page) = demo(&options) else { return };
    assert_eq!(page.ask("document.getElementById('color').value"), "s:js");
    assert!(page.texts("#grid tbody th")[0].contains("embed"));
    assert!(page.texts("#legend").concat().contains("Jensen"));
    assert_eq!(page.hash(), "");
    // Another choice is in the address, and the first one is again when it is gone.
    page.choose("#color", "r:t0");
    assert_eq!(page.hash(), "#color=r:t0");
    page.click("#reset");
    assert_eq!(page.ask("document.getElementById('color').value"), "s:js");
    assert_quiet(&page);
}
