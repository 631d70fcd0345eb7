mod reading;

use std::sync::Arc;

use resvg::usvg::Options;

use super::*;
use reading::{Read, read};

fn options() -> Options<'static> {
    let mut fonts = Database::new();
    fonts.load_font_data(dejavu::sans_mono::regular().to_vec());
    fonts.load_font_data(dejavu::sans_mono::bold().to_vec());
    Options {
        font_family: "DejaVu Sans Mono".to_string(),
        fontdb: Arc::new(fonts),
        ..Options::default()
    }
}

/// A document of pages with these elements, the text of one font drawn as shapes.
fn drawn(pages: &[&str], title: &str, outlined: Option<&str>) -> Read {
    let options = options();
    let faces = options.fontdb.faces();
    let outlined = faces.filter(|face| outlined == Some(face.post_script_name.as_str()));
    let outlined: Vec<ID> = outlined.map(|face| face.id).collect();
    let bytes = || {
        let mut document = Document::new(&options.fontdb, &outlined);
        for elements in pages {
            let svg = format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"90pt\" height=\"60pt\" viewBox=\"0 0 90 60\" \
                 font-size=\"8\" xml:space=\"preserve\">{elements}</svg>"
            );
            document.page(&Tree::from_str(&svg, &options).unwrap(), (90., 60.));
        }
        document.finish(title).unwrap()
    };
    let once = bytes();
    assert!(once == bytes(), "the same bytes each time");
    assert!(!String::from_utf8_lossy(&once).contains("NaN"));
    read(&once)
}

#[test]
fn text_says_what_it_said() {
    let texts = [
        "<text x=\"2\" y=\"10\" fill=\"#123456\">aé␣(b)\\ of</text>",
        "<text x=\"2\" y=\"20\" font-weight=\"bold\">final ÷ Ελλάδα</text>",
        "<text transform=\"translate(9 50) rotate(-90)\" text-anchor=\"middle\">prob</text>",
        // Boxes for two characters are the same glyph; so are a space and one that breaks no line.
        "<text x=\"2\" y=\"30\">x\u{16d43}y\u{16d44} \u{a0}|</text>",
        // A letter with two marks, which no one glyph has.
        "<text x=\"2\" y=\"40\">q\u{323}\u{301}</text>",
    ];
    let read = drawn(&[&texts.concat()], "", None);
    let expected = [
        "aé␣(b)\\ of",
        "final ÷ Ελλάδα",
        "prob",
        "x\u{16d43}y\u{16d44} \u{a0}|",
        "q\u{323}\u{301}",
    ];
    assert_eq!(read.text(), expected);
    let drawing = &read.drawings[0];
    assert!(
        !drawing.contains(" c\n") && !drawing.contains("\nf"),
        "no shapes: {drawing}"
    );
    for font in ["DejaVuSansMono", "DejaVuSansMono-Bold"] {
        let described = format!("+{font}/Flags");
        assert_eq!(read.objects.matches(&described).count(), 1, "{}", read.objects);
    }
    // Turned to read upwards: x runs up the page, which is 60 points high.
    assert!(drawing.contains("0 -1 1 0"), "{drawing}");
}

#[test]
fn pages_share_their_fonts() {
    let page = "<text x=\"2\" y=\"10\">page</text>";
    let read = drawn(&[page; 3], "Tïtle 東", None);
    assert_eq!(read.text(), ["page"; 3]);
    assert_eq!(read.objects.matches("/FontFile2").count(), 1);
    assert!(read.objects.contains("/Count 3"));
    assert_eq!(read.objects.matches("/MediaBox[0 0 90 60]").count(), 3);
    assert!(read.objects.contains("/Title<FEFF0054"), "{}", read.objects);
}

#[test]
fn shapes_are_seen_through() {
    let read = drawn(
        &[
            "<polygon points=\"0,0 9,0 9,9\" fill=\"#ff0000\" fill-opacity=\"0.25\"/>\
           <g opacity=\"0.5\"><rect width=\"9\" height=\"9\" fill=\"#0000ff\"/><rect width=\"5\" height=\"5\"/></g>\
           <path d=\"M0 0H9V9H0ZM2 2H5V5H2Z\" fill-rule=\"evenodd\"/>\
           <path d=\"M0 0H9\" stroke=\"#00ff00\" stroke-width=\"1.5\" stroke-dasharray=\"4 3\" \
            stroke-linecap=\"round\" stroke-linejoin=\"bevel\"/>",
        ],
        "",
        None,
    );
    let [group, page] = read.drawings.as_slice() else {
        panic!("{:?}", read.drawings);
    };
    assert!(page.contains("/O0 gs 1 0 0 rg 0 0 m 9 0 l 9 9 l"), "{page}");
    assert!(page.contains("/O1 gs/X0 Do"), "{page}");
    assert!(page.contains("f*"), "{page}");
    assert!(page.contains("0 1 0 RG 1.5 w 1 J 2 j 4 M[4 3]0 d"), "{page}");
    assert!(group.contains("0 0 1 rg"), "{group}");
    assert!(
        read.objects.contains("/O0<</ca 0.25/CA 1>>/O1<</ca 0.5/CA 0.5>>"),
        "{}",
        read.objects
    );
    assert!(read.objects.contains("/Group<</Type/Group/S/Transparency>>"));
}

#[test]
fn fonts_that_cannot_be_embedded_are_shapes() {
    let text = "<text x=\"2\" y=\"10\" fill=\"#ff0000\" font-weight=\"bold\">of</text>";
    let read = drawn(&[text], "", Some("DejaVuSansMono-Bold"));
    let drawing = &read.drawings[0];
    assert!(
        drawing.contains("1 0 0 rg") && drawing.contains(" c\n"),
        "{drawing}"
    );
    // Its words are there nevertheless, unseen.
    assert_eq!(read.text(), ["of"]);
    assert!(drawing.contains("3 Tr") && !drawing.contains("0 Tr"), "{drawing}");
    assert!(!read.objects.contains("Bold"));
}

#[test]
fn what_has_no_one_color_is_pixels() {
    let read = drawn(
        &[
            "<linearGradient id=\"g\"><stop stop-color=\"red\"/><stop offset=\"1\" stop-color=\"blue\"/>\
           </linearGradient><rect x=\"9\" y=\"9\" width=\"24\" height=\"12\" fill=\"url(#g)\"/>",
        ],
        "",
        None,
    );
    assert!(read.objects.contains("/Width 100/Height 50"), "{}", read.objects);
    assert!(read.objects.contains("/SMask"));
    assert!(
        read.drawings[0].contains("24 0 0 -12 9 21 cm"),
        "{}",
        read.drawings[0]
    );
}
