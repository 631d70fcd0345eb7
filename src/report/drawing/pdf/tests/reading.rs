//! What a reader sees in a PDF.

use std::collections::BTreeMap;

use miniz_oxide::inflate::decompress_to_vec_zlib;

/// A document as one that reads it sees it.
pub struct Read {
    /// All but what is in streams.
    pub objects: String,
    /// What draws each page, and each group drawn as one.
    pub drawings: Vec<String>,
    /// What the codes of each font say.
    words: Vec<BTreeMap<u16, String>>,
}

pub fn read(pdf: &[u8]) -> Read {
    let mut read = Read {
        objects: String::new(),
        drawings: Vec::new(),
        words: Vec::new(),
    };
    let mut rest = pdf;
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    while let Some(at) = find(rest, b"\nstream\n") {
        let about = String::from_utf8_lossy(&rest[..at]).into_owned();
        let length = about.rsplit("/Length ").next().unwrap();
        let digits = length.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        let (bytes, after) = rest[at + 8..].split_at(digits.parse().unwrap());
        let bytes = decompress_to_vec_zlib(bytes).unwrap();
        match about.rsplit(" obj\n").next().unwrap() {
            kind if kind.contains("/CMap") => read.words.push(words(&String::from_utf8(bytes).unwrap())),
            kind if kind.contains("/Length1") || kind.contains("/Image") => (),
            _ => read.drawings.push(String::from_utf8_lossy(&bytes).into_owned()),
        }
        read.objects += &about;
        rest = after;
    }
    read.objects += &String::from_utf8_lossy(rest);
    read
}

/// A map of codes, `<0001> <0041>` a line.
fn words(map: &str) -> BTreeMap<u16, String> {
    let hexadecimal = |text: &str| -> Vec<u16> {
        let digits = text.trim_matches(['<', '>']).as_bytes().chunks(4);
        digits
            .map(|four| u16::from_str_radix(std::str::from_utf8(four).unwrap(), 16).unwrap())
            .collect()
    };
    let lines = map.lines().filter_map(|line| line.split_once("> <"));
    lines
        .map(|(code, text)| {
            (
                hexadecimal(code)[0],
                String::from_utf16(&hexadecimal(text)).unwrap(),
            )
        })
        .collect()
}

/// The bytes of a string as PDF writes it, without its parentheses or brackets.
fn bytes_of(string: &str) -> Vec<u8> {
    if let Some(digits) = string.strip_prefix('<') {
        let pairs = digits.trim_end_matches('>').as_bytes().chunks(2);
        return pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
    }
    let mut bytes = Vec::new();
    let mut rest = string.trim_start_matches('(').chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.push(c as u8);
            continue;
        }
        match rest.next().unwrap() {
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            digit @ '0'..='7' => {
                let octal: String = [digit].into_iter().chain(rest.by_ref().take(2)).collect();
                bytes.push(u8::from_str_radix(&octal, 8).unwrap());
            }
            other => bytes.push(other as u8),
        }
    }
    bytes
}

/// The words of instructions; a string is one, without what closes it.
fn tokens(drawing: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = drawing.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '(' => {
                let is_end = |at: &usize| {
                    let escapes = rest[..*at].chars().rev().take_while(|c| *c == '\\').count();
                    escapes % 2 == 0
                };
                let mut ends = rest.match_indices(')').map(|(at, _)| at);
                ends.find(is_end).unwrap()
            }
            '<' if rest.starts_with("<<") => 2,
            '<' => rest.find('>').unwrap(),
            '>' | '[' | ']' => 1,
            _ => {
                let after = rest[1..].find(|c: char| c.is_whitespace() || "()<>[]/".contains(c));
                after.map_or(rest.len(), |after| after + 1)
            }
        };
        found.push(&rest[..end]);
        let is_string = first == '(' || (first == '<' && !rest.starts_with("<<"));
        rest = rest[end + usize::from(is_string)..].trim_start();
    }
    found
}

impl Read {
    /// What the pages say, a line for each text.
    pub fn text(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for drawing in &self.drawings {
            let mut font = 0;
            let mut strings: Vec<u8> = Vec::new();
            let mut instead = None;
            for token in tokens(drawing) {
                match token {
                    "BT" => texts.push(String::new()),
                    "BDC" => instead = Some(text_of(&strings)),
                    "Tj" | "TJ" => {
                        let pairs = strings
                            .chunks(2)
                            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                        let said = pairs.map(|code| self.words[font].get(&code).map_or("", String::as_str));
                        let said = instead.take().unwrap_or_else(|| said.collect());
                        texts.last_mut().unwrap().push_str(&said);
                    }
                    name if name.starts_with("/F") => font = name[2..].parse().unwrap(),
                    "[" | "]" | ">" | "<<" => continue,
                    string if string.starts_with(['(', '<']) => {
                        strings.extend(bytes_of(string));
                        continue;
                    }
                    number if number.parse::<f32>().is_ok() => continue,
                    _ => (),
                }
                strings.clear();
            }
        }
        texts
    }
}

/// A text of a PDF: its characters, or marked as UTF-16.
fn text_of(bytes: &[u8]) -> String {
    match bytes.strip_prefix(&[0xfe, 0xff]) {
        Some(units) => {
            let units = units.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
        }
        None => String::from_utf8(bytes.to_vec()).unwrap(),
    }
}
