//! Where the values of a JSON text lie. Nothing is decoded, and what is in the least unusual is given up: the
//! caller then has the whole text read by a parser, which knows what is wrong with it.

/// A position in a JSON text.
#[derive(Clone)]
pub struct Scan<'a> {
    bytes: &'a [u8],
    pub at: usize,
}

/// A string between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    pub start: usize,
    pub end: usize,
    /// Whether there is a backslash in it.
    pub escaped: bool,
}

const EACH: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// The high bit of the first byte, and maybe of later ones, that is a quote, a backslash or a control character.
fn special(eight: u64) -> u64 {
    let zero = |word: u64| word.wrapping_sub(EACH) & !word;
    let quote = zero(eight ^ (EACH * u64::from(b'"')));
    let backslash = zero(eight ^ (EACH * u64::from(b'\\')));
    let control = eight.wrapping_sub(EACH * 0x20) & !eight;
    (quote | backslash | control) & HIGH
}

impl<'a> Scan<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next byte that is no white space, if it is `byte`: it lies behind then.
    pub fn eat(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Calls `item` at each item of a list between `open` and `close`.
    pub fn each(
        &mut self,
        [open, close]: [u8; 2],
        mut item: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.eat(open)?;
        if self.eat(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.eat(b',').is_none() {
                return self.eat(close);
            }
        }
    }

    /// Calls `field` at the value of each field of an object, with its name. A name with a backslash is given up.
    pub fn fields(&mut self, mut field: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.each([b'{', b'}'], |scan| {
            let name = scan.plain_string()?;
            scan.eat(b':')?;
            field(scan, name)
        })
    }

    /// Whether a list follows whose first item is a list.
    pub fn is_list_of_lists(&self) -> bool {
        let mut scan = self.clone();
        scan.eat(b'[').and_then(|()| scan.eat(b'[')).is_some()
    }

    /// The content of a string without a backslash.
    pub fn plain_string(&mut self) -> Option<&'a [u8]> {
        let Quoted { start, end, escaped } = self.string()?;
        (!escaped).then(|| &self.bytes[start..end])
    }

    pub fn string(&mut self) -> Option<Quoted> {
        self.eat(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            while let Some(eight) = self.bytes[self.at..].first_chunk() {
                let found = special(u64::from_le_bytes(*eight));
                if found != 0 {
                    self.at += found.trailing_zeros() as usize / 8;
                    break;
                }
                self.at += 8;
            }
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    // What is escaped is no end of the string.
                    self.at += 2;
                    if self.at > self.bytes.len() {
                        return None;
                    }
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
        let end = self.at;
        self.at += 1;
        Some(Quoted { start, end, escaped })
    }

    /// A number without sign, fraction or exponent.
    pub fn natural(&mut self) -> Option<u32> {
        self.space();
        let start = self.at;
        let mut number = 0u32;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
            self.at += 1;
        }
        let digits = &self.bytes[start..self.at];
        let is_plain = !digits.is_empty() && (digits.len() == 1 || digits[0] != b'0');
        (is_plain && !matches!(self.peek(), Some(b'.' | b'e' | b'E'))).then_some(number)
    }

    /// Passes over a value. Whether it is one at all is for a parser to say.
    pub fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            self.space();
            match self.peek()? {
                b'"' => drop(self.string()?),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth == 0 => return None,
                b',' | b':' => self.at += 1,
                _ => {
                    while !matches!(
                        self.peek()?,
                        b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"' | b' ' | b'\n' | b'\r' | b'\t'
                    ) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Whether nothing but white space follows.
    pub fn is_done(&mut self) -> bool {
        self.space();
        self.at == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_at_their_quotes() {
        for text in [
            "",
            "a",
            "abcdefg",
            "abcdefgh",
            "abcdefghi",
            "éĠ東🗼",
            r#"\""#,
            r#"a\\"#,
            r"\u0120 and more of it",
        ] {
            for padding in ["", ", and more than eight bytes after it"] {
                let json = format!(" \"{text}\"{padding}");
                let quoted = Scan::new(json.as_bytes(), 0).string().unwrap();
                assert_eq!(&json[quoted.start..quoted.end], text);
                assert_eq!(quoted.escaped, text.contains('\\'), "{text}");
            }
        }
        for text in [
            "",
            "a",
            "\"",
            "\"abcdefghijk",
            "\"\\",
            "\"\\\"",
            "\"\n\"",
            "\"abcdefgh\u{1}\"",
        ] {
            assert_eq!(Scan::new(text.as_bytes(), 0).string(), None, "{text:?}");
        }
    }

    #[test]
    fn only_plain_numbers_are_read() {
        for (text, number) in [
            ("0", Some(0)),
            (" 50257,", Some(50257)),
            ("4294967295", Some(u32::MAX)),
        ] {
            assert_eq!(Scan::new(text.as_bytes(), 0).natural(), number, "{text}");
        }
        for text in ["", "-1", "01", "1.0", "1e3", "4294967296", "x"] {
            assert_eq!(Scan::new(text.as_bytes(), 0).natural(), None, "{text}");
        }
    }

    #[test]
    fn values_are_passed_over_whole() {
        for value in [
            "null",
            "-1.5e3",
            "\"]\"",
            "{}",
            "[]",
            r#"{"a": [1, {"b": "}"}], "c": null}"#,
        ] {
            let json = format!(" {value} , 1");
            let mut scan = Scan::new(json.as_bytes(), 0);
            scan.skip().unwrap();
            assert_eq!(json[..scan.at].trim(), value);
        }
        for text in ["", ",", "]", "[", "{\"a\"", "\"a"] {
            assert_eq!(Scan::new(text.as_bytes(), 0).skip(), None, "{text}");
        }
    }
}
