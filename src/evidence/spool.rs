//! Output on its way to the evidence file: small in memory, large on disk, hashed as it comes.
//!
//! What comes in: chunks of one stream of one command. What goes out: the same bytes, their count
//! and digest. It knows nothing of what the bytes mean.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::digest::{Hasher, Sha256};

/// Bytes kept in memory before a spool moves to disk. A host with 1,500 sockets stays below.
pub const MEMORY_BYTES_MAX: usize = 256 << 10;

/// Bytes moved at once when a spool on disk is copied.
const COPY_BYTES: usize = 64 << 10;

/// Where spools go when they outgrow memory, and how much they keep.
#[derive(Clone, Debug)]
pub struct SpoolSettings {
    /// Folder for unnamed temporary files: the run's own, so that a full disk shows there.
    pub folder: Arc<Path>,
    /// Most bytes kept of one stream; the rest is counted and dropped.
    pub cap: u64,
}

impl SpoolSettings {
    /// Settings for one folder.
    #[must_use]
    pub fn new(folder: PathBuf, cap: u64) -> Self {
        Self { folder: folder.into(), cap }
    }
}

/// One stream of a command's output.
#[derive(Debug)]
pub struct Spool {
    settings: SpoolSettings,
    memory: Vec<u8>,
    disk: Option<File>,
    hasher: Hasher,
    bytes: u64,
    dropped: u64,
}

impl Spool {
    /// An empty spool.
    #[must_use]
    pub fn new(settings: &SpoolSettings) -> Self {
        Self {
            settings: settings.clone(),
            memory: Vec::new(),
            disk: None,
            hasher: Hasher::default(),
            bytes: 0,
            dropped: 0,
        }
    }

    /// Adds output. Past the cap it only counts.
    ///
    /// # Errors
    /// When the temporary file cannot be made or written, for instance on a full disk. What was
    /// added before stays whole and can still be copied; the failed chunk is not part of it.
    pub fn write(&mut self, output: &[u8]) -> io::Result<()> {
        let room = self.settings.cap.saturating_sub(self.bytes);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let kept = output.get(..room).unwrap_or(output);
        if self.disk.is_none() && self.memory.len() + kept.len() > MEMORY_BYTES_MAX {
            let file = tempfile::tempfile_in(&self.settings.folder)?;
            file.write_all_at(&self.memory, 0)?;
            self.memory = Vec::new();
            self.disk = Some(file);
        }
        match &self.disk {
            // At a place of its own, so that a write that failed half-way leaves nothing behind.
            Some(file) => file.write_all_at(kept, self.bytes)?,
            None => self.memory.extend_from_slice(kept),
        }
        self.hasher.update(kept);
        self.bytes += kept.len() as u64;
        self.dropped += (output.len() - kept.len()) as u64;
        Ok(())
    }

    /// Bytes kept.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that came after the cap.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Digest of the bytes kept.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        self.hasher.clone().finish()
    }

    /// The first bytes, at most `limit`: enough to recognize an error message.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn head(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let Some(file) = &self.disk else {
            return Ok(self.memory.get(..limit).unwrap_or(&self.memory).to_vec());
        };
        let kept = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        let mut head = vec![0; limit.min(kept)];
        file.read_exact_at(&mut head, 0)?;
        Ok(head)
    }

    /// Writes all kept bytes to `out`.
    ///
    /// # Errors
    /// When reading back or writing fails.
    pub fn copy_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        let Some(file) = &self.disk else {
            return out.write_all(&self.memory);
        };
        let mut buffer = vec![0; COPY_BYTES];
        let mut at = 0;
        while at < self.bytes {
            let left = usize::try_from(self.bytes - at).unwrap_or(usize::MAX).min(COPY_BYTES);
            let part = buffer.get_mut(..left).unwrap_or_default();
            file.read_exact_at(part, at)?;
            out.write_all(part)?;
            at += left as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(folder: &Path, cap: u64) -> Spool {
        Spool::new(&SpoolSettings::new(folder.to_owned(), cap))
    }

    fn content(spool: &mut Spool) -> Vec<u8> {
        let mut copy = Vec::new();
        spool.copy_to(&mut copy).unwrap();
        copy
    }

    #[test]
    fn bytes_come_back_whether_they_stayed_in_memory_or_not() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 1, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX + 1, 3 * MEMORY_BYTES_MAX + 7] {
            let output: Vec<u8> = (0..=250).cycle().take(size).collect();
            let mut spool = spool(folder.path(), u64::MAX);
            for chunk in output.chunks(100_001) {
                spool.write(chunk).unwrap();
            }
            assert_eq!(spool.disk.is_some(), size > MEMORY_BYTES_MAX);
            assert_eq!((spool.bytes(), spool.dropped()), (size as u64, 0));
            assert_eq!(spool.sha256(), Sha256::of(&output));
            assert_eq!(spool.head(10).unwrap(), output[..size.min(10)]);
            assert_eq!(content(&mut spool), output);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_comes_after_the_cap_is_counted_and_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = spool(folder.path(), 5);
        spool.write(b"abc").unwrap();
        spool.write(b"defgh").unwrap();
        spool.write(b"ij").unwrap();
        assert_eq!((spool.bytes(), spool.dropped()), (5, 5));
        assert_eq!(spool.sha256(), Sha256::of(b"abcde"));
        assert_eq!(content(&mut spool), b"abcde");
    }

    #[test]
    fn a_folder_that_is_gone_loses_only_the_chunk_that_needed_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = spool(&folder.path().join("gone"), u64::MAX);
        spool.write(b"kept").unwrap();
        spool.write(&vec![0; MEMORY_BYTES_MAX]).unwrap_err();
        assert_eq!(spool.sha256(), Sha256::of(b"kept"));
        assert_eq!(content(&mut spool), b"kept");
    }
}
