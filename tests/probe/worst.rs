//! Worst inputs of every reader: time grows with the size and no faster, and memory does not grow.
//!
//! Each reader gets its samples over and over; lines of them alone, cut in half or glued into
//! lines of 60 KiB, so that wrapped rows never end; and pieces of every grammar that nest or quote.
//! The suite takes a fixed sample: one MiB of each against 128 KiB. With `WORST_BYTES` (see
//! `tests/soak.sh`) it takes every line of every sample, four MiB of each; each reader then gets
//! that many bytes of what took it longest, and the peak memory of the process is held to 64 MiB.

use std::time::Duration;

use fleetstat::model::parsed::{Issue, Reader, Row, Sink, Span};
use fleetstat::probe::{reader_for, reader_names};

use crate::family::family;

/// Bytes of one piece in the suite.
const SAMPLE_BYTES: usize = 1 << 20;
/// Bytes of one piece in the long proof.
const PIECE_BYTES: usize = 4 << 20;
/// The longest line that a reader takes is 64 KiB: nearly that.
const LINE_BYTES: usize = 60 << 10;
const CHUNK: usize = 64 << 10;
const PEAK_KIB_MAX: u64 = 64 << 10;

/// Pieces that open what never ends.
const OPEN: &[&[u8]] = &[b"[", b"{\"a\":", b"\"a ", b"users:((\"", b"\0"];
/// More of them, for the long proof.
const OPEN_MORE: &[&[u8]] = &[
    b"(", b"\\", b"\\\"", b",", b":", b"=", b"\t", b" ", b"a=b ", b"1.", b"%", b"\xff", b"/(",
    b"p1\0",
];

/// Counts, and keeps nothing.
#[derive(Default)]
struct Count {
    rows: u64,
    issues: u64,
}

impl Sink for Count {
    fn row(&mut self, _: Span, _: Row<'_>) {
        self.rows += 1;
    }

    fn header(&mut self, _: Span) {}

    fn issue(&mut self, _: Issue) {
        self.issues += 1;
    }
}

/// Time this thread has spent on a processor: the first number of schedstat, in nanoseconds
/// (proc(5)), so that other work on the machine does not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("needs Linux");
    let first = text.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(first.expect("schedstat begins with a number"))
}

/// Streams a piece over and over, `bytes` in all, without ever holding the text.
fn stream(mut reader: Box<dyn Reader>, piece: &[u8], bytes: usize) -> (Duration, Count) {
    let chunk = piece.repeat(CHUNK / piece.len() + 1);
    let mut count = Count::default();
    let begun = cpu_time();
    let mut left = bytes;
    while left > 0 {
        let part = chunk.get(..left.min(chunk.len())).unwrap_or(&chunk);
        reader.push(part, &mut count);
        left -= part.len();
    }
    reader.finish(&mut count);
    (cpu_time().saturating_sub(begun), count)
}

/// A piece as lines of [`LINE_BYTES`].
fn long_lines(piece: &[u8]) -> Vec<u8> {
    let flat: Vec<u8> =
        piece.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
    let mut line = flat.repeat(LINE_BYTES / flat.len().max(1) + 1);
    line.truncate(LINE_BYTES);
    line.push(b'\n');
    line
}

/// The samples of a reader; of one without any, those of its family.
fn samples(reader: &str) -> Vec<Vec<u8>> {
    let all = crate::golden::samples();
    let own: Vec<_> = all.iter().filter(|(_, id)| id == reader).collect();
    let kin = all.iter().filter(|(_, id)| family(id) == family(reader)).take(2);
    let chosen: Vec<_> = if own.is_empty() { kin.collect() } else { own };
    let mut texts: Vec<Vec<u8>> = chosen
        .into_iter()
        .map(|(path, _)| std::fs::read(path).expect("a sample can be read"))
        .collect();
    if family(reader) == "ss" {
        let file = crate::path("tests/records/testdata/ss-6.1--inet6.txt");
        texts.push(std::fs::read(file).expect("a sample can be read"));
    }
    texts.retain(|text| !text.is_empty());
    texts
}

/// The worst inputs of a reader.
fn pieces(reader: &str, all: bool) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = OPEN.iter().map(|piece| long_lines(piece)).collect();
    if all {
        pieces.extend(OPEN_MORE.iter().map(|piece| long_lines(piece)));
        pieces.extend(OPEN.iter().map(|piece| piece.to_vec()));
    }
    for text in samples(reader) {
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let longest = lines.iter().max_by_key(|line| line.len()).copied().unwrap_or_default();
        let half = longest.get(..longest.len() / 2).unwrap_or_default();
        let head = lines.first().copied().unwrap_or_default();
        pieces.push(long_lines(&text));
        pieces.push([head, half, b"\n"].concat());
        pieces.push([head, longest, b"  x\n".repeat(60).as_slice()].concat());
        if all {
            pieces.extend(lines.iter().map(|line| line.to_vec()));
            pieces.extend(lines.iter().map(|line| long_lines(line)));
        }
        pieces.push(text);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces.sort();
    pieces.dedup();
    pieces
}

/// Holds the time for a piece to its size, and gives it.
fn assert_linear(
    name: &str,
    make: &dyn Fn() -> Box<dyn Reader>,
    piece: &[u8],
    bytes: usize,
) -> Duration {
    let (mut long, count) = stream(make(), piece, bytes);
    let shown = piece.get(..60).unwrap_or(piece).escape_ascii();
    assert!(count.rows + count.issues <= bytes as u64, "{name}: more rows than bytes: {shown}");
    // CPU clocks tick in steps of up to 10 ms: a short time may read as none.
    let tick = Duration::from_millis(10);
    let limit = |short: Duration| short.max(tick) * 8 * 4 + tick * 2;
    let mut short = stream(make(), piece, bytes / 8).0;
    for _ in 0..2 {
        if long < limit(short) {
            break;
        }
        long = long.min(stream(make(), piece, bytes).0);
        short = short.min(stream(make(), piece, bytes / 8).0);
    }
    assert!(
        long < limit(short),
        "{name}: {short:?} for {}, {long:?} for {bytes}: {shown}",
        bytes / 8
    );
    // A debug build reads some 10 MB/s: a tenth of that is the limit.
    let slow = Duration::from_secs(1) * u32::try_from(bytes >> 20).expect("few MiB").max(1);
    assert!(long < slow, "{name}: {long:?} for {bytes} bytes: {shown}");
    long
}

/// Runs every `part`th reader of `parts`.
fn run(part: usize, parts: usize) {
    let asked = std::env::var("WORST_BYTES").ok();
    let all = asked.map(|text| text.parse::<usize>().expect("a number of bytes"));
    let bytes = if all.is_some() { PIECE_BYTES } else { SAMPLE_BYTES };
    let names = reader_names();
    assert!(names.len() > 40, "only {} readers", names.len());
    let (mut readers, mut inputs) = (0, 0);
    for name in names.into_iter().skip(part).step_by(parts) {
        let pieces = pieces(name, all.is_some());
        assert!(pieces.len() > OPEN.len(), "{name} has no sample to make worst inputs of");
        let make = || reader_for(name).expect("a listed reader is there");
        let timed = pieces.iter().map(|piece| (assert_linear(name, &make, piece, bytes), piece));
        let slowest = timed.max_by_key(|(time, _)| *time);
        if let (Some(all), Some((time, piece))) = (all, slowest) {
            let (took, _) = stream(make(), piece, all);
            let parts = u32::try_from(all / bytes + 1).expect("a number of pieces");
            let limit = time.max(Duration::from_millis(10)) * parts * 4;
            let shown = piece.get(..60).unwrap_or(piece).escape_ascii();
            assert!(took < limit, "{name}: {time:?} for {bytes}, {took:?} for {all}: {shown}");
            println!("{name}: {} inputs, {all} bytes of the slowest in {took:?}", pieces.len());
        }
        readers += 1;
        inputs += pieces.len();
    }
    let peak = peak_kib();
    println!("worst inputs: {readers} readers, {inputs} inputs of {bytes} bytes, peak {peak} KiB");
    assert!(all.is_none() || peak < PEAK_KIB_MAX, "peak {peak} KiB");
}

/// Peak resident memory of this process.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("needs Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).expect("VmHWM")
}

// Two tests, so that two processors share the work.
#[test]
fn worst_inputs_take_linear_time_first_half() {
    run(0, 2);
}

#[test]
fn worst_inputs_take_linear_time_second_half() {
    run(1, 2);
}

/// Looks at all that came before with each line: what the test is there to find.
struct Quadratic(Vec<u8>, u64);

impl Reader for Quadratic {
    fn push(&mut self, chunk: &[u8], _: &mut dyn Sink) {
        // Optimised code sums sixteen bytes at once.
        let step = if cfg!(debug_assertions) { 1024 } else { 32 };
        for line in chunk.chunks(step) {
            self.0.extend_from_slice(line);
            self.1 += self.0.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        sink.header(Span { line: self.1, start: 0, end: self.0.len() as u64 });
    }
}

#[test]
#[should_panic(expected = "planted: ")]
fn a_reader_that_takes_quadratic_time_is_found() {
    assert_linear("planted", &|| Box::new(Quadratic(Vec::new(), 0)), b"row\n", SAMPLE_BYTES);
}
