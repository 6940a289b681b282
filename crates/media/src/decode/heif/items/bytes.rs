//! Reads numbers and boxes from the bytes of a box.

use super::Code;
use albumen_core::fault::Fault;

/// A box within bytes: kind, payload, and the offset of the payload.
type Boxed<'a> = (Code, &'a [u8], usize);

/// A reader over bytes; running off the end is [`Fault::Corrupt`].
pub(super) struct Bytes<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.data.len());
        let end = end.ok_or_else(|| Fault::corrupt("a HEIF box ends too early"))?;
        let taken = &self.data[self.at..end];
        self.at = end;
        Ok(taken)
    }
    pub(super) fn skip(&mut self, n: usize) -> Result<(), Fault> {
        self.take(n).map(|_| ())
    }
    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }
    pub(super) fn u16(&mut self) -> Result<u16, Fault> {
        self.sized(2).map(|v| v as u16)
    }
    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        self.sized(4).map(|v| v as u32)
    }
    /// An unsigned number of up to 8 bytes.
    pub(super) fn sized(&mut self, bytes: u16) -> Result<u64, Fault> {
        if bytes > 8 {
            return Err(Fault::corrupt("a HEIF box has numbers of an impossible size"));
        }
        Ok(self.take(usize::from(bytes))?.iter().fold(0, |v, b| v << 8 | u64::from(*b)))
    }
    pub(super) fn code(&mut self) -> Result<Code, Fault> {
        Ok(self.u32()?.to_be_bytes())
    }
    /// The version of a full box, its flags skipped.
    pub(super) fn version(&mut self) -> Result<u8, Fault> {
        Ok((self.u32()? >> 24) as u8)
    }
    /// The next box within. A truncated last box ends the list.
    pub(super) fn next_box(&mut self) -> Result<Option<Boxed<'a>>, Fault> {
        if self.data.len() - self.at < 8 {
            return Ok(None);
        }
        let start = self.at;
        let size = self.u32()?;
        let kind = self.code()?;
        let len = match size {
            0 => (self.data.len() - start) as u64,
            1 => self.sized(8)?,
            n => u64::from(n),
        };
        let header = self.at - start;
        let payload = usize::try_from(len)
            .ok()
            .and_then(|len| len.checked_sub(header))
            .ok_or_else(|| Fault::corrupt("a box is shorter than its own header"))?;
        let payload_at = self.at;
        Ok(Some((kind, self.take(payload)?, payload_at)))
    }
}
