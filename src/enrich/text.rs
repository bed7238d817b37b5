//! From the bytes of a file to text: UTF-8 with or without a byte order mark, or UTF-16 with one,
//! as spreadsheets on Windows write it. Nothing is guessed beyond that.

use std::borrow::Cow;

use crate::enrich::record::Fault;

/// Largest file that is read. 100,000 change requests take about 40 MB.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// The text of a file.
///
/// # Errors
/// When the bytes are in another encoding; the fault names the first line that shows it.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    let text = any(bytes)?;
    if text.trim().is_empty() {
        // What a broken export leaves. One without rows has at least titles or brackets.
        return Err(Fault::new(0, "the file is empty: did the export fail?"));
    }
    Ok(text)
}

fn any(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest).map(Cow::Borrowed),
        _ => utf8(bytes).map(Cow::Borrowed),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let message = format!(
            "byte 0x{byte:02x} is not UTF-8: save the file as UTF-8, or convert it, e.g. \
             `iconv -f ISO-8859-1 -t UTF-8`"
        );
        Fault::new(lines(before) + 1, message)
    })?;
    if let Some(at) = memchr::memchr(0, bytes) {
        let before = bytes.get(..at).unwrap_or_default();
        let message = "a zero byte: this is no text, or UTF-16 without its byte order mark; \
                       convert it, e.g. `iconv -f UTF-16LE -t UTF-8`";
        return Err(Fault::new(lines(before) + 1, message));
    }
    Ok(text)
}

fn lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Fault> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let cut = || Fault::new(0, "the file says it is UTF-16, and is cut in a character");
    if !rest.is_empty() {
        return Err(cut());
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map_err(|_| cut())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encodings_of_spreadsheets_are_read_and_others_named() {
        assert_eq!(decode(b"\xef\xbb\xbfschoen"), Ok("schoen".into()));
        assert_eq!(decode(b"\xff\xfes\0\xf6\0"), Ok("sö".into()));
        assert_eq!(decode(b"\xfe\xff\0s\0\xf6"), Ok("sö".into()));
        let latin = decode(b"a\nb\nsch\xf6n").unwrap_err();
        assert_eq!(latin.line, 3);
        assert!(latin.message.starts_with("byte 0xf6 is not UTF-8: save"), "{}", latin.message);
        assert_eq!(decode(b"s\0\n\0").unwrap_err().line, 1);
        assert_eq!(decode(b"\xef\xbb\xbf\r\n").unwrap_err().line, 0);
        assert_eq!(decode(b"\xff\xfes\0\xf6").unwrap_err().line, 0);
        assert_eq!(decode(b"\xff\xfe\x00\xd8").unwrap_err().line, 0);
    }
}
