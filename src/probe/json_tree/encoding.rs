//! The characters of an answer as UTF-8, with the bytes that each took.
//!
//! In: bytes in any chunks. Out: characters. PowerShell writes UTF-8 or, redirected by an older one,
//! UTF-16LE, either with or without a byte-order mark; UTF-16BE only with one. No JSON text in UTF-8
//! has a zero as its second byte, so that tells UTF-16LE. Half a surrogate pair comes out as the three bytes that WTF-8 has
//! for it, which are no UTF-8 and are kept as they are by who reads on.

/// One character, or the byte-order mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// First byte in the stream.
    pub(super) start: u64,
    /// Byte after the last.
    pub(super) end: u64,
    /// It is the byte-order mark.
    pub(super) mark: bool,
    text: [u8; 4],
    length: usize,
}

impl Unit {
    /// Its UTF-8 form; of UTF-8 itself one byte at a time.
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// Not known yet; the first bytes.
    Open {
        seen: [u8; 2],
        length: u8,
    },
    Utf8,
    /// The first byte of a pair and a high surrogate that wait for what follows.
    Utf16 {
        low: Option<u8>,
        high: Option<u16>,
    },
}

/// Reads one stream.
#[derive(Debug)]
pub(super) struct Decoder {
    form: Form,
    /// Which byte of a unit of UTF-16 comes first.
    order: fn([u8; 2]) -> u16,
    /// Bytes taken in.
    at: u64,
}

type Take<'a> = dyn FnMut(Unit) + 'a;

impl Decoder {
    pub(super) const fn new() -> Self {
        Self { form: Form::Open { seen: [0; 2], length: 0 }, order: u16::from_le_bytes, at: 0 }
    }

    pub(super) fn push(&mut self, chunk: &[u8], take: &mut Take<'_>) {
        for byte in chunk {
            self.at += 1;
            match self.form {
                Form::Utf8 => take(self.unit(1, &[*byte])),
                Form::Utf16 { low: None, high } => {
                    self.form = Form::Utf16 { low: Some(*byte), high };
                }
                Form::Utf16 { low: Some(low), high } => {
                    self.pair((self.order)([low, *byte]), high, take);
                }
                Form::Open { seen, length } => self.open(seen, length, *byte, take),
            }
        }
    }

    /// Hands out what waited for more.
    pub(super) fn finish(&mut self, take: &mut Take<'_>) {
        match self.form {
            Form::Open { seen, length } => self.replay(seen, length, take),
            Form::Utf8 => {}
            Form::Utf16 { low, high } => {
                let half = u64::from(low.is_some());
                if let Some(high) = high {
                    self.at -= half;
                    take(self.unit(2, &lone(high)));
                    self.at += half;
                }
                // One byte of two: whatever it was, it is not read as a character.
                if low.is_some() {
                    take(self.unit(1, &[0]));
                }
            }
        }
        self.form = Form::Utf8;
    }

    /// A character whose last byte was the last that came in.
    fn unit(&self, taken: u64, text: &[u8]) -> Unit {
        let mut unit = Unit {
            start: self.at - taken,
            end: self.at,
            mark: false,
            text: [0; 4],
            length: text.len().min(4),
        };
        unit.text.iter_mut().zip(text).for_each(|(slot, byte)| *slot = *byte);
        unit
    }

    fn open(&mut self, seen: [u8; 2], length: u8, byte: u8, take: &mut Take<'_>) {
        match (length, seen, byte) {
            (0, _, _) => self.form = Form::Open { seen: [byte, 0], length: 1 },
            (1, [0xff, _], 0xfe) => {
                take(Unit { mark: true, ..self.unit(2, b"") });
                self.form = Form::Utf16 { low: None, high: None };
            }
            (1, [0xfe, _], 0xff) => {
                take(Unit { mark: true, ..self.unit(2, b"") });
                self.order = u16::from_be_bytes;
                self.form = Form::Utf16 { low: None, high: None };
            }
            (1, [first, _], 0) if first != 0 => {
                self.form = Form::Utf16 { low: None, high: None };
                self.pair(u16::from(first), None, take);
            }
            (1, [0xef, _], 0xbb) => self.form = Form::Open { seen: [0xef, 0xbb], length: 2 },
            (2, _, 0xbf) => {
                take(Unit { mark: true, ..self.unit(3, b"") });
                self.form = Form::Utf8;
            }
            _ => {
                self.at -= 1;
                self.replay(seen, length, take);
                self.at += 1;
                take(self.unit(1, &[byte]));
            }
        }
    }

    /// Hands out bytes that came before the form was known: it is UTF-8.
    fn replay(&mut self, seen: [u8; 2], length: u8, take: &mut Take<'_>) {
        self.form = Form::Utf8;
        let before = self.at;
        self.at -= u64::from(length);
        for byte in seen.iter().take(usize::from(length)) {
            self.at += 1;
            take(self.unit(1, &[*byte]));
        }
        self.at = before;
    }

    fn pair(&mut self, code: u16, high: Option<u16>, take: &mut Take<'_>) {
        let mut next = None;
        match (high, code) {
            (Some(high), 0xdc00..=0xdfff) => {
                let both = char::decode_utf16([high, code]).next().and_then(Result::ok);
                let character = both.unwrap_or(char::REPLACEMENT_CHARACTER);
                take(self.unit(4, character.encode_utf8(&mut [0; 4]).as_bytes()));
                self.form = Form::Utf16 { low: None, high: None };
                return;
            }
            (Some(high), _) => {
                self.at -= 2;
                take(self.unit(2, &lone(high)));
                self.at += 2;
            }
            (None, _) => {}
        }
        match code {
            0xd800..=0xdbff => next = Some(code),
            0xdc00..=0xdfff => take(self.unit(2, &lone(code))),
            _ => {
                let character = char::from_u32(u32::from(code));
                let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
                take(self.unit(2, character.encode_utf8(&mut [0; 4]).as_bytes()));
            }
        }
        self.form = Form::Utf16 { low: None, high: next };
    }
}

/// A surrogate without its other half, as WTF-8 writes it.
pub(super) fn lone(code: u16) -> [u8; 3] {
    let [high, low] = code.to_be_bytes();
    [0xe0 | high >> 4, 0x80 | (high & 0x0f) << 2 | low >> 6, 0x80 | low & 0x3f]
}
