//! Pages as they are stored: the quiet bytes compressed by zstd, then the noise as it is, under the
//! digest of the page.

use crate::model::digest::Sha256;
use crate::store::blob::column::Malformed;

/// Largest page: 256 MiB, as much as a command's output may be. A million sockets take 40 MiB.
pub(crate) const PAGE_BYTES_MAX: usize = 256 << 20;

/// zstd level. Measured on the ingest bench: levels 1 to 12 differ by 0.2 % in size, because the
/// noise is apart, and 9 and more make the whole ingest a fifth slower.
const LEVEL: i32 = 3;

/// A page of columns, or of JSON.
pub(crate) struct Page {
    /// All of it.
    pub(crate) bytes: Vec<u8>,
    /// How many bytes at its end no compressor would shorten.
    pub(crate) noise: usize,
}

impl Page {
    /// The digest under which it is stored.
    pub(crate) fn digest(&self) -> Sha256 {
        Sha256::of(&self.bytes)
    }
}

/// Compresses pages; the compressor's memory is kept from one to the next.
pub(crate) struct Packer(zstd::bulk::Compressor<'static>);

impl Packer {
    /// A packer.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self(zstd::bulk::Compressor::new(LEVEL)?))
    }

    /// The body to store.
    pub(crate) fn pack(&mut self, page: &Page) -> std::io::Result<Vec<u8>> {
        let (quiet, noise) = page.bytes.split_at(page.bytes.len().saturating_sub(page.noise));
        let mut body = self.0.compress(quiet)?;
        body.extend_from_slice(noise);
        Ok(body)
    }
}

/// The page in a stored body, checked against its size and digest.
pub(crate) fn unpack(body: &[u8], bytes: usize, digest: &[u8]) -> Result<Vec<u8>, Malformed> {
    if bytes > PAGE_BYTES_MAX {
        return Err(Malformed("it is larger than 256 MiB"));
    }
    let cut = zstd::zstd_safe::find_frame_compressed_size(body);
    let cut = cut.map_err(|_| Malformed("it does not begin with a zstd frame"))?;
    let (frame, noise) = body.split_at_checked(cut).ok_or(Malformed("it is cut short"))?;
    let quiet = bytes.checked_sub(noise.len()).ok_or(Malformed("it is too long"))?;
    let mut page = zstd::bulk::decompress(frame, quiet)
        .map_err(|_| Malformed("it cannot be decompressed to its stated size"))?;
    page.extend_from_slice(noise);
    if Sha256::of(&page).0.as_slice() != digest {
        return Err(Malformed("its content does not match its digest"));
    }
    Ok(page)
}
