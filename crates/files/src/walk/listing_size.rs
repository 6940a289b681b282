//! The memory that the listing of a folder takes, requested before it is used.

use albumen_core::fault::Fault;
use albumen_core::vocabulary::Admission;

/// The size of a listing while it is read.
pub(super) struct ListingSize<'r> {
    pub(super) memory: Option<&'r dyn Admission>,
    /// Bytes of the names up to here, with everything that is computed from them before the next folder.
    pub(super) bytes: u64,
    /// Bytes that may be used without another grant.
    pub(super) admitted: u64,
    pub(super) refused: Option<Fault>,
}

impl ListingSize<'_> {
    /// Bytes of a listing that need no grant: part of the memory reserved for the engine.
    pub(super) const FREE: u64 = 2 << 20;
    /// Bytes for each name besides its own, which is stored twice: in the listing and for assigning sidecars.
    const EACH: u64 = 400;

    /// Adds a name; returns whether it may be kept. After a refusal names are only counted, so that the figure is
    /// complete.
    pub(super) fn takes(&mut self, name: &[u8]) -> bool {
        self.bytes += Self::EACH + 2 * name.len() as u64;
        if self.bytes > self.admitted && self.refused.is_none() {
            // In steps, so that there are few.
            let wanted = self.bytes.max(self.admitted * 2);
            match self.memory.map_or(Ok(()), |memory| memory.admit(wanted)) {
                Ok(()) => self.admitted = wanted,
                // Twice as much may not be available where the needed amount is.
                Err(Fault::TooLarge { .. }) if self.memory.is_some_and(|m| m.ceiling() >= self.bytes) => {
                    let most = self.memory.map_or(0, |memory| memory.ceiling());
                    match self.memory.map_or(Ok(()), |memory| memory.admit(most)) {
                        Ok(()) => self.admitted = most,
                        Err(fault) => self.refused = Some(fault),
                    }
                }
                Err(fault) => self.refused = Some(fault),
            }
        }
        self.refused.is_none()
    }

    /// The end of the listing.
    pub(super) fn end(self) -> Result<(), Fault> {
        match self.refused {
            Some(Fault::TooLarge { .. }) => Err(Fault::TooLarge { needed: self.bytes }),
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }
}
