//! Reading a page of columns: bytes come in, rows go out, and damage of any kind is an error, never
//! a panic and never more memory than the bytes can justify.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::text::HostText;
use crate::store::blob::column::{
    CONSTANT, CONSTANT_ROWS_MAX, DELTA, Malformed, PACKED, PLAIN, SHORT, VERSION, unzigzag,
};

/// A page being read.
pub(super) struct Reader<'a> {
    streams: Streams<'a>,
    dictionary: Dictionary<'a>,
    rows_max: usize,
}

/// What is left of the quiet and the noisy bytes.
struct Streams<'a> {
    quiet: &'a [u8],
    noise: &'a [u8],
}

struct Dictionary<'a> {
    texts: Vec<&'a [u8]>,
    v4: Vec<[u8; 4]>,
    v6: Vec<[u8; 16]>,
    /// The next new entry of each.
    next: [usize; 3],
}

/// The bytes after version and part number, both checked.
pub(super) fn body(page: &[u8], part: u8) -> Result<&[u8], Malformed> {
    match page {
        [VERSION, code, rest @ ..] if *code == part => Ok(rest),
        [VERSION, _, ..] => Err(Malformed("it holds another part than its row says")),
        [_, _, ..] => Err(Malformed("its format version is not 1")),
        _ => Err(Malformed("it is too short")),
    }
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of Row is not general enough over lifetimes to stand for the closure"
)]
impl<'a> Reader<'a> {
    /// Reads version, part number and dictionaries.
    pub(super) fn new(page: &'a [u8], part: u8) -> Result<Self, Malformed> {
        let mut rest = body(page, part)?;
        let noise = take_count(&mut rest)?;
        let cut = rest.len().checked_sub(noise).ok_or(Malformed("it is cut short"))?;
        let (quiet, noise) = rest.split_at(cut);
        let mut streams = Streams { quiet, noise };
        let count = take_count(&mut streams.quiet)?;
        let lengths =
            (0..count).map(|_| take_count(&mut streams.quiet)).collect::<Result<Vec<_>, _>>()?;
        let texts = lengths.into_iter().map(|n| take(&mut streams.quiet, n));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let v4 = streams.octets()?;
        let v6 = streams.octets()?;
        let rows_max = page.len().saturating_mul(8).max(CONSTANT_ROWS_MAX);
        Ok(Self { streams, dictionary: Dictionary { texts, v4, v6, next: [0; 3] }, rows_max })
    }

    /// Reads one table: `get` is called once per row and reads its cells.
    pub(super) fn table<T>(
        &mut self,
        mut get: impl FnMut(&mut Row<'_, 'a>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let rows = usize::try_from(take_number(&mut self.streams.quiet)?).unwrap_or(usize::MAX);
        if rows > self.rows_max {
            return Err(Malformed("a table has more rows than bits"));
        }
        let width = take_count(&mut self.streams.quiet)?;
        let mut columns = (0..width)
            .map(|_| Column::take(&mut self.streams, rows))
            .collect::<Result<Vec<_>, _>>()?;
        if width == 0 && rows > 0 {
            return Err(Malformed("a table has no columns"));
        }
        let mut out = Vec::with_capacity(rows);
        for _ in 0..rows {
            let mut row = Row { columns: columns.iter_mut(), dictionary: &mut self.dictionary };
            out.push(get(&mut row)?);
            if row.columns.next().is_some() {
                return Err(Malformed("a table has too many columns"));
            }
        }
        if columns.iter().any(|column| column.at != column.length) {
            return Err(Malformed("a column has too many cells"));
        }
        Ok(out)
    }

    /// Reads a table of one column of numbers.
    pub(super) fn numbers(&mut self) -> Result<Vec<u64>, Malformed> {
        self.table(|row| row.number())
    }

    /// Reads a table of numbers or nothing.
    pub(super) fn optionals(&mut self) -> Result<Vec<Option<u64>>, Malformed> {
        self.table(|row| row.optional())
    }

    /// Reads a table of one column of numbers of 32 bits or nothing.
    pub(super) fn small_optionals(&mut self) -> Result<Vec<Option<u32>>, Malformed> {
        self.table(|row| row.optional_small())
    }

    /// Reads a table of one column of texts.
    pub(super) fn texts(&mut self) -> Result<Vec<HostText<'static>>, Malformed> {
        self.table(|row| row.text())
    }

    /// Reads a table of one column of addresses.
    pub(super) fn addresses(&mut self) -> Result<Vec<IpAddr>, Malformed> {
        self.table(|row| row.address())
    }

    /// True when nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.streams.quiet.is_empty() && self.streams.noise.is_empty()
    }

    /// Checks that nothing is left.
    pub(super) fn finish(&self) -> Result<(), Malformed> {
        if self.is_at_end() { Ok(()) } else { Err(Malformed("bytes are left over")) }
    }
}

struct Column<'a> {
    cells: Cells<'a>,
    length: usize,
    /// The next cell.
    at: usize,
}

enum Cells<'a> {
    Constant(u64),
    Plain { least: u64, planes: Vec<&'a [u8]> },
    Delta { before: u64, planes: Vec<&'a [u8]> },
    Packed { least: u64, bits: usize, bytes: &'a [u8] },
}

impl<'a> Column<'a> {
    fn take(streams: &mut Streams<'a>, rows: usize) -> Result<Self, Malformed> {
        let tag = take(&mut streams.quiet, 1)?.first().copied().unwrap_or(0);
        let mut length = rows;
        if tag & SHORT != 0 {
            let number = take_number(&mut streams.quiet)?;
            length = usize::try_from(number).unwrap_or(usize::MAX);
        }
        if length > rows {
            return Err(Malformed("a column has more cells than rows"));
        }
        let start = take_number(&mut streams.quiet)?;
        let (kind, width) = (tag & 0x70, usize::from(tag & 0x0f));
        let cells = match (kind, width) {
            (CONSTANT, 0) if length <= CONSTANT_ROWS_MAX => Cells::Constant(start),
            (PLAIN, 1..=8) => Cells::Plain { least: start, planes: streams.planes(width, length)? },
            (DELTA, 1..=8) => {
                Cells::Delta { before: start, planes: streams.planes(width, length)? }
            }
            (PACKED, 0) => {
                let bits = usize::try_from(take_number(&mut streams.quiet)?).unwrap_or(0);
                if !(1..=64).contains(&bits) {
                    return Err(Malformed("packed numbers are not of 1 to 64 bits"));
                }
                let bytes = length.checked_mul(bits).ok_or(Malformed("a column is too long"))?;
                let bytes = take(&mut streams.noise, bytes.div_ceil(8))?;
                Cells::Packed { least: start, bits, bytes }
            }
            _ => return Err(Malformed("a column's encoding is not known")),
        };
        Ok(Self { cells, length, at: 0 })
    }

    fn next(&mut self) -> Result<u64, Malformed> {
        if self.at >= self.length {
            return Err(Malformed("a column has too few cells"));
        }
        let at = self.at;
        self.at += 1;
        Ok(match &mut self.cells {
            Cells::Constant(value) => *value,
            Cells::Plain { least, planes } => least.wrapping_add(gather(planes, at)),
            Cells::Delta { before, planes } => {
                let step = unzigzag(gather(planes, at));
                *before = before.wrapping_add(step.cast_unsigned());
                *before
            }
            Cells::Packed { least, bits, bytes } => least.wrapping_add(unpack(bytes, *bits, at)),
        })
    }
}

impl<'a> Streams<'a> {
    fn planes(&mut self, count: usize, length: usize) -> Result<Vec<&'a [u8]>, Malformed> {
        let mask = take_number(&mut self.quiet)?;
        let plane = |place: usize| {
            let noisy = mask >> place & 1 == 1;
            take(if noisy { &mut self.noise } else { &mut self.quiet }, length)
        };
        (0..count).map(plane).collect()
    }

    fn octets<const N: usize>(&mut self) -> Result<Vec<[u8; N]>, Malformed> {
        let count = usize::try_from(take_number(&mut self.quiet)?).unwrap_or(usize::MAX);
        let planes = self.planes(N, count)?;
        let mut out = vec![[0; N]; count];
        for (place, plane) in planes.iter().enumerate() {
            for (address, byte) in out.iter_mut().zip(*plane) {
                if let Some(octet) = address.get_mut(place) {
                    *octet = *byte;
                }
            }
        }
        Ok(out)
    }
}

/// The number whose bytes stand at `index` in each plane, lowest first.
fn gather(planes: &[&[u8]], index: usize) -> u64 {
    let mut value = 0;
    for (place, plane) in (0..u64::BITS / 8).zip(planes) {
        value |= u64::from(plane.get(index).copied().unwrap_or(0)) << (8 * place);
    }
    value
}

/// The number of so many bits at `index`.
fn unpack(bytes: &[u8], bits: usize, index: usize) -> u64 {
    let first = index * bits;
    let (start, shift) = (first / 8, first % 8);
    let mut held = 0_u128;
    let around = bytes.iter().skip(start).take((shift + bits).div_ceil(8));
    for (place, byte) in (0..u128::BITS / 8).zip(around) {
        held |= u128::from(*byte) << (8 * place);
    }
    let mask = u64::MAX >> (64 - bits);
    u64::try_from((held >> shift) & u128::from(mask)).unwrap_or(0)
}

/// One row being read, cell by cell.
pub(super) struct Row<'r, 'a> {
    columns: std::slice::IterMut<'r, Column<'a>>,
    dictionary: &'r mut Dictionary<'a>,
}

impl<'a> Row<'_, 'a> {
    /// A number.
    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        self.column()?.next()
    }

    /// True when all of its cells were read.
    pub(super) fn is_at_end(&self) -> bool {
        self.columns.as_slice().is_empty()
    }

    fn column(&mut self) -> Result<&mut Column<'a>, Malformed> {
        self.columns.next().ok_or(Malformed("a table has too few columns"))
    }

    /// A number of a narrower type.
    pub(super) fn narrow<N: TryFrom<u64>>(&mut self) -> Result<N, Malformed> {
        N::try_from(self.number()?).map_err(|_| Malformed("a number is too large"))
    }

    /// A signed number.
    pub(super) fn signed(&mut self) -> Result<i64, Malformed> {
        self.number().map(unzigzag)
    }

    /// A number or nothing.
    pub(super) fn optional(&mut self) -> Result<Option<u64>, Malformed> {
        let kind = self.number()?;
        self.more(kind)
    }

    /// A number or nothing, whose kind was written elsewhere.
    pub(super) fn more(&mut self, kind: u64) -> Result<Option<u64>, Malformed> {
        let more = self.column()?;
        match kind {
            0 => Ok(None),
            1 => Ok(Some(0)),
            2 => more.next().map(Some),
            _ => Err(Malformed("an optional number is of no known kind")),
        }
    }

    /// A number of 32 bits or nothing.
    pub(super) fn optional_small(&mut self) -> Result<Option<u32>, Malformed> {
        let value = self.number()?.checked_sub(1).map(u32::try_from).transpose();
        value.map_err(|_| Malformed("a number is too large"))
    }

    /// Yes, no or nothing.
    pub(super) fn optional_flag(&mut self) -> Result<Option<bool>, Malformed> {
        Ok(self.optional_small()?.map(|value| value != 0))
    }

    /// A text's bytes.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let code = self.number()?;
        self.dictionary.text(code)
    }

    /// A text from a host.
    pub(super) fn text(&mut self) -> Result<HostText<'static>, Malformed> {
        Ok(HostText::owned(self.bytes()?.to_vec()))
    }

    /// A text of our own.
    pub(super) fn string(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| Malformed("a text is not UTF-8"))
    }

    /// A text or nothing.
    pub(super) fn optional_text(&mut self) -> Result<Option<HostText<'static>>, Malformed> {
        let code = self.number()?.checked_sub(1);
        let bytes = code.map(|code| self.dictionary.text(code)).transpose()?;
        Ok(bytes.map(|bytes| HostText::owned(bytes.to_vec())))
    }

    /// An address.
    pub(super) fn address(&mut self) -> Result<IpAddr, Malformed> {
        let code = self.number()?;
        self.dictionary.address(code)
    }

    /// An address or nothing.
    pub(super) fn optional_address(&mut self) -> Result<Option<IpAddr>, Malformed> {
        let code = self.number()?.checked_sub(1);
        code.map(|code| self.dictionary.address(code)).transpose()
    }
}

impl<'a> Dictionary<'a> {
    fn text(&mut self, code: u64) -> Result<&'a [u8], Malformed> {
        let [next, _, _] = &mut self.next;
        let text = place(code.checked_sub(1), next).and_then(|index| self.texts.get(index));
        text.copied().ok_or(Malformed("a text is missing"))
    }

    fn address(&mut self, code: u64) -> Result<IpAddr, Malformed> {
        let [_, next_v4, next_v6] = &mut self.next;
        let known = code.checked_sub(2).map(|code| code >> 1);
        let address = if code & 1 == 0 {
            let octets = place(known, next_v4).and_then(|index| self.v4.get(index));
            octets.map(|octets| IpAddr::V4(Ipv4Addr::from_octets(*octets)))
        } else {
            let octets = place(known, next_v6).and_then(|index| self.v6.get(index));
            octets.map(|octets| IpAddr::V6(Ipv6Addr::from_octets(*octets)))
        };
        address.ok_or(Malformed("an address is missing"))
    }
}

/// The place of a known entry, or of the next new one.
fn place(known: Option<u64>, next: &mut usize) -> Option<usize> {
    if let Some(known) = known {
        return usize::try_from(known).ok();
    }
    *next += 1;
    Some(*next - 1)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Malformed> {
    let (head, tail) = rest.split_at_checked(count).ok_or(Malformed("it is cut short"))?;
    *rest = tail;
    Ok(head)
}

fn take_number(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = take(rest, 1)?.first().copied().unwrap_or(0);
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Malformed("a number does not end"))
}

/// A count of things that each take at least one byte of what follows.
fn take_count(rest: &mut &[u8]) -> Result<usize, Malformed> {
    let count = usize::try_from(take_number(rest)?).unwrap_or(usize::MAX);
    if count > rest.len() {
        return Err(Malformed("a count is larger than what follows"));
    }
    Ok(count)
}

/// The next `count` items of a list that was written as a table of its own.
pub(super) fn next_of<T>(
    items: &mut impl Iterator<Item = T>,
    count: u64,
) -> Result<Vec<T>, Malformed> {
    let mut out = Vec::new();
    for _ in 0..count {
        out.push(items.next().ok_or(Malformed("a list is cut short"))?);
    }
    Ok(out)
}
