//! The zip archive that `torch.save` writes: every file stored as it is, a directory of them at the end
//! (PKWARE's APPNOTE 6.3, sections 4.3 and 4.5).

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::cut;

const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const LOCAL: u32 = 0x0403_4b50;

/// The length of the directory's end without its comment, and that of the longest comment.
const END_LEN: usize = 22;
const LONGEST_COMMENT: usize = u16::MAX as usize;
const CENTRAL_LEN: usize = 46;
const LOCAL_LEN: usize = 30;
/// The extra field of sizes that take 64 bits.
const EXTRA_64: u16 = 1;

/// Whether a file begins as an archive does.
pub fn is_archive(bytes: &[u8]) -> bool {
    u32_at(bytes, 0) == Some(LOCAL)
}

/// Where each file of the archive lies, by its name.
///
/// # Errors
/// What is no whole archive, or holds a compressed or encrypted file; why, for the middle of a sentence.
pub fn entries(bytes: &[u8]) -> Result<BTreeMap<String, Range<usize>>, String> {
    let mut directory = directory(bytes).ok_or("it has no directory at its end")?;
    let mut entries = BTreeMap::new();
    while !directory.is_empty() {
        let (entry, rest) = Entry::read(directory).ok_or("its directory is not whole")?;
        directory = rest;
        let name = entry.name.clone();
        let range = entry.range(bytes)?;
        if entries.insert(name.clone(), range).is_some() {
            return Err(format!("it holds {:?} twice", cut(&name)));
        }
    }
    Ok(entries)
}

/// The bytes of the directory.
fn directory(bytes: &[u8]) -> Option<&[u8]> {
    let end = end(bytes)?;
    let (mut len, mut start) = (u32_at(bytes, end + 12)? as u64, u32_at(bytes, end + 16)? as u64);
    let is_64 = [len, start].contains(&(u32::MAX as u64)) || u16_at(bytes, end + 10)? == u16::MAX;
    if is_64 {
        let locator = end.checked_sub(20)?;
        let signed = u32_at(bytes, locator)? == LOCATOR_64;
        let at = usize::try_from(u64_at(bytes, locator + 8)?).ok()?;
        let signed = signed && u32_at(bytes, at)? == END_64;
        (len, start) = (
            u64_at(bytes, at.checked_add(40)?)?,
            u64_at(bytes, at.checked_add(48)?)?,
        );
        signed.then_some(())?;
    }
    let (start, len) = (usize::try_from(start).ok()?, usize::try_from(len).ok()?);
    bytes.get(start..start.checked_add(len)?)
}

/// Where the directory's end begins: its comment, if it has one, ends the file.
fn end(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_LEN)?;
    let first = last.saturating_sub(LONGEST_COMMENT);
    (first..=last).rev().find(|&at| {
        let comment = u16_at(bytes, at + 20).map(usize::from);
        u32_at(bytes, at) == Some(END) && comment == Some(last - at)
    })
}

/// What the directory says of a file.
struct Entry {
    name: String,
    is_encrypted: bool,
    is_compressed: bool,
    len: u64,
    /// Where its local header begins.
    header: u64,
}

impl Entry {
    /// The first entry of `directory`, and what comes after it.
    fn read(directory: &[u8]) -> Option<(Self, &[u8])> {
        (u32_at(directory, 0)? == CENTRAL).then_some(())?;
        let len = |at| u16_at(directory, at).map(usize::from);
        let (name, extra, comment) = (len(28)?, len(30)?, len(32)?);
        let extra_start = CENTRAL_LEN + name;
        let mut entry = Self {
            name: String::from_utf8_lossy(directory.get(CENTRAL_LEN..extra_start)?).into_owned(),
            is_encrypted: u16_at(directory, 8)? & 1 == 1,
            is_compressed: u16_at(directory, 10)? != 0,
            len: u32_at(directory, 24)?.into(),
            header: u32_at(directory, 42)?.into(),
        };
        let stored: u64 = u32_at(directory, 20)?.into();
        entry.widen(stored, directory.get(extra_start..extra_start + extra)?)?;
        Some((entry, directory.get(extra_start + extra + comment..)?))
    }

    /// Takes from the extra fields what does not fit 32 bits: of the length, the length as stored and the
    /// header's place those that are all ones, in this order.
    fn widen(&mut self, stored: u64, mut extra: &[u8]) -> Option<()> {
        const FULL: u64 = u32::MAX as u64;
        while let (Some(kind), Some(len)) = (u16_at(extra, 0), u16_at(extra, 2)) {
            let mut values = extra.get(4..4 + usize::from(len))?;
            if kind == EXTRA_64 {
                let mut next = || {
                    let value = u64_at(values, 0)?;
                    values = &values[8..];
                    Some(value)
                };
                if self.len == FULL {
                    self.len = next()?;
                }
                if stored == FULL {
                    next()?;
                }
                if self.header == FULL {
                    self.header = next()?;
                }
            }
            extra = &extra[4 + usize::from(len)..];
        }
        Some(())
    }

    /// Where the file's bytes lie.
    fn range(&self, bytes: &[u8]) -> Result<Range<usize>, String> {
        let name = &self.name;
        if self.is_encrypted || self.is_compressed {
            return Err(format!("{:?} in it is compressed or encrypted", cut(name)));
        }
        self.find(bytes)
            .ok_or_else(|| format!("{:?} is not whole in it", cut(name)))
    }

    fn find(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let header = usize::try_from(self.header).ok()?;
        let local = bytes.get(header..header.checked_add(LOCAL_LEN)?)?;
        (u32_at(local, 0)? == LOCAL).then_some(())?;
        let names = usize::from(u16_at(local, 26)?) + usize::from(u16_at(local, 28)?);
        let start = header.checked_add(LOCAL_LEN + names)?;
        let end = start.checked_add(usize::try_from(self.len).ok()?)?;
        (end <= bytes.len()).then_some(start..end)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}
