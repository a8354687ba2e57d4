//! The file of a segment: what is written to it, and whether that reached the disk.

use std::{
    fs::File,
    io::{self, Write},
    sync::Mutex,
};

use rustix::fs::{Advice, fadvise};

use crate::sync::lock;

/// An open segment.
pub(crate) struct SegmentFile {
    file: File,
    /// Whether a sync failed. The system tells of a loss once only, and takes for written what it lost.
    lost: Mutex<bool>,
}

impl SegmentFile {
    pub(crate) fn new(file: File) -> Self {
        Self { file, lost: Mutex::default() }
    }

    pub(crate) fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    pub(crate) fn cut(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    /// Returns once all that was appended is on the disk. After a failure it never is, whoever of this process asks.
    pub(crate) fn sync(&self) -> io::Result<()> {
        // Held meanwhile: who syncs at the same time must hear of the same loss.
        let mut lost = lock(&self.lost);
        if *lost {
            return Err(io::Error::other("an earlier sync failed"));
        }
        let synced = self.file.sync_data();
        *lost = synced.is_err();
        synced
    }

    /// Says of a file without a line that it can be used although a sync failed.
    pub(crate) fn lost_nothing(&self) {
        *lock(&self.lost) = false;
    }

    /// Gives the memory back in which the system keeps a copy of what is on the disk. Otherwise the log would take,
    /// segment by segment, all that is free, and then what others keep there; and each record would go to memory that
    /// nothing was in before, which doubled the kernel's part of a call where that was measured, on a virtual machine.
    pub(crate) fn leave_memory(&self) {
        // Advice: a system that does not take it keeps the copy as long as it likes.
        let _ = fadvise(&self.file, 0, None, Advice::DontNeed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_sync_lost_no_later_one_finds() {
        let file = SegmentFile::new(File::open(env!("CARGO_MANIFEST_DIR")).unwrap());
        file.sync().unwrap();
        *lock(&file.lost) = true;
        assert!(file.sync().is_err());

        // A pipe cannot be synced.
        let (_reader, writer) = io::pipe().unwrap();
        let file = SegmentFile::new(File::from(std::os::fd::OwnedFd::from(writer)));
        assert!(!*lock(&file.lost));
        assert!(file.sync().is_err());
        assert!(*lock(&file.lost));
        file.lost_nothing();
        assert!(!*lock(&file.lost));
    }
}
