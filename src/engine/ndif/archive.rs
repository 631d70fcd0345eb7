//! The one string in a result: an archive of `torch.save`, of which nothing is unpickled. What is not a dict of
//! one string under the name `lens` is refused.

/// The string in the archive `bytes`.
///
/// # Errors
/// Why it is no such archive, for the middle of a sentence.
pub fn text(bytes: &[u8]) -> Result<&str, String> {
    pickled(entry(bytes)?)
}

/// The file `data.pkl` in a ZIP archive whose files are stored as they are.
fn entry(bytes: &[u8]) -> Result<&[u8], String> {
    let wrong = |what: &str| format!("its result is no archive of torch: {what}");
    let end = bytes.len().checked_sub(22).ok_or_else(|| wrong("too short"))?;
    // A comment of up to 64 KiB may follow.
    let first = end.saturating_sub(u16::MAX.into());
    let is_end = |&at: &usize| bytes[at..].starts_with(b"PK\x05\x06");
    let at = (first..=end)
        .rev()
        .find(is_end)
        .ok_or_else(|| wrong("it has no end"))?;
    let (count, mut at) = (short(bytes, at + 10), long(bytes, at + 16));
    for _ in 0..count.unwrap_or(0) {
        let start = at.ok_or_else(|| wrong("it is cut short"))?;
        let Some(header) = bytes
            .get(start..)
            .filter(|header| header.starts_with(b"PK\x01\x02"))
        else {
            return Err(wrong("its list of files is not where it should be"));
        };
        let field = |at: usize| short(header, at).ok_or_else(|| wrong("it is cut short"));
        let [name, extra, comment] = [field(28)?, field(30)?, field(32)?];
        let name = header
            .get(46..46 + name)
            .ok_or_else(|| wrong("it is cut short"))?;
        if name.ends_with(b"/data.pkl") || name == b"data.pkl" {
            return stored(bytes, header).ok_or_else(|| wrong("its data.pkl is not stored as it is"));
        }
        at = Some(start + 46 + name.len() + extra + comment);
    }
    Err(wrong("it has no data.pkl"))
}

/// The contents of the file that an entry of the list describes.
fn stored<'a>(bytes: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let (method, size, unpacked) = (short(header, 10)?, long(header, 20)?, long(header, 24)?);
    let local = bytes.get(long(header, 42)?..)?;
    let is_plain = method == 0 && size == unpacked && local.starts_with(b"PK\x03\x04");
    let start = 30 + short(local, 26)? + short(local, 28)?;
    is_plain.then(|| local.get(start..)?.get(..size)).flatten()
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*word).into())
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let word = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*word)).ok()
}

/// The string under `lens` in the pickle of a dict that has nothing else, protocol 2.
fn pickled(bytes: &[u8]) -> Result<&str, String> {
    let refused = || "its result is not the one string that was asked for".to_string();
    let rest = bytes.strip_prefix(b"\x80\x02}").ok_or_else(refused)?;
    let (name, rest) = string(remembered(rest)).ok_or_else(refused)?;
    let (text, rest) = string(remembered(rest)).ok_or_else(refused)?;
    match (name, remembered(rest)) {
        ("lens", b"s.") => Ok(text),
        _ => Err(refused()),
    }
}

/// What comes after the note that the last object is to be remembered, if there is one.
fn remembered(bytes: &[u8]) -> &[u8] {
    match bytes {
        [b'q', _, rest @ ..] | [b'r', _, _, _, _, rest @ ..] => rest,
        _ => bytes,
    }
}

/// `BINUNICODE`, and what comes after it.
fn string(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"X")?;
    let length = long(rest, 0)?;
    let (text, rest) = rest.get(4..)?.split_at_checked(length)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dict(items: &[u8]) -> Vec<u8> {
        [b"\x80\x02}q\x00", items].concat()
    }

    #[test]
    fn one_string_is_read_and_all_else_refused() {
        let plain = dict(b"X\x04\x00\x00\x00lensq\x01X\x02\x00\x00\x00[]q\x02s.");
        assert_eq!(pickled(&plain), Ok("[]"));
        for refused in [
            // Another name; a second item; a call; bytes after the end; a length beyond it; nothing.
            dict(b"X\x04\x00\x00\x00lensq\x01X\x02\x00\x00\x00[]q\x02s..."),
            dict(b"X\x03\x00\x00\x00lenq\x01X\x02\x00\x00\x00[]q\x02s."),
            dict(b"X\x04\x00\x00\x00lensq\x01cos\nsystem\nq\x02s."),
            dict(b"X\x04\x00\x00\x00lensq\x01X\xff\x00\x00\x00[]q\x02s."),
            b"\x80\x04}X\x04\x00\x00\x00lensX\x02\x00\x00\x00[]s.".to_vec(),
            Vec::new(),
        ] {
            assert!(pickled(&refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x10\0\0\0\0\0\0\0\0\0";
        for bytes in [&b""[..], b"PK", &[0; 100], end, &[&[0; 40][..], end].concat()] {
            assert!(text(bytes).is_err(), "{bytes:?}");
        }
    }
}
