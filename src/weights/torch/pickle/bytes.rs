//! Numbers and lines among the bytes of a pickle.

use super::Outcome;
use super::machine::Reader;

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Outcome<&'a [u8]> {
        let (taken, rest) = (self.rest.split_at_checked(len)).ok_or("it is cut short")?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        (self.take(N)?.try_into()).map_err(|_| "it is cut short".to_string())
    }

    pub(super) fn byte(&mut self) -> Outcome<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// A length of so many bytes.
    pub(super) fn len(&mut self, bytes: usize) -> Outcome<usize> {
        let mut whole = [0; 8];
        whole[..bytes].copy_from_slice(self.take(bytes)?);
        usize::try_from(u64::from_le_bytes(whole)).map_err(|_| "it is cut short".to_string())
    }

    /// A whole number of any length, as long as it fits 64 bits.
    pub(super) fn long(&mut self) -> Outcome<i64> {
        let len = usize::from(self.byte()?);
        let bytes = self.take(len)?;
        let negative = bytes.last().is_some_and(|&last| last >= 0x80);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        (whole.get_mut(..len))
            .ok_or("it has a number of more than 64 bits")?
            .copy_from_slice(bytes);
        Ok(i64::from_le_bytes(whole))
    }

    pub(super) fn line(&mut self) -> Outcome<String> {
        let len = self.rest.iter().position(|&b| b == b'\n');
        let line = self.take(len.ok_or("it is cut short")?)?;
        self.byte()?;
        Ok(String::from_utf8_lossy(line).into_owned())
    }
}
