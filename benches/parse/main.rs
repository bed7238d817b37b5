//! Speed and memory of the readers: `cargo bench --bench parse`.
//!
//! Prints for each reader bytes and rows per second of one core, the best of several rounds, and
//! the peak memory of the process after one million sockets were streamed through each.
//!
//! `-- --write FOLDER` writes the text of 100,000 sockets for each reader as `FOLDER/NAME`, and
//! `-- --read READER FILE` reads such a file once and prints rows, issues and nanoseconds of CPU
//! time: what `benches/parse_peers.py` compares with others.

mod generate;

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use fleetstat::model::parsed::{Issue, Reader, Row, Sink, Span};
use fleetstat::probe::reader_for;
use generate::{
    NETSTAT_HEADER, PROC_HEADER, Random, SS_HEADER, WINDOWS_NETSTAT_HEADER, lsof_row, netstat_row,
    proc_row, ss_row, windows_netstat_row,
};

/// Counts, so that no row can be optimized away.
#[derive(Default)]
struct Count {
    rows: u64,
    ports: u64,
    issues: u64,
}

impl Sink for Count {
    fn row(&mut self, _: Span, row: Row<'_>) {
        self.rows += 1;
        if let Row::Socket(socket) = black_box(&row) {
            self.ports += u64::from(socket.local.port.unwrap_or(0));
        }
    }

    fn header(&mut self, _: Span) {}

    fn issue(&mut self, _: Issue) {
        self.issues += 1;
    }
}

type AddRow = fn(&mut Vec<u8>, &mut Random, u64);

/// What a reader is measured on: its name here and among the readers, and its text.
struct Case(&'static str, &'static str, &'static [u8], AddRow);

const CASES: [Case; 5] = [
    Case("ss", "linux/ss-inet4", SS_HEADER, ss_row),
    Case("proc_net", "linux/proc-net-tcp", PROC_HEADER, proc_row),
    Case("netstat", "linux/netstat-wide", NETSTAT_HEADER, netstat_row),
    Case("lsof", "linux/lsof", b"", lsof_row),
    Case("windows_netstat", "windows/netstat", WINDOWS_NETSTAT_HEADER, windows_netstat_row),
];

const CHUNK: usize = 64 << 10;

/// Sockets of one measurement.
const SOCKETS: u64 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--write", folder] => write(Path::new(folder)),
        ["--read", reader, file] => read(reader, Path::new(file)),
        _ => measure(),
    }
}

/// Writes the text of 100,000 sockets for each case.
fn write(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    for Case(name, _, header, add) in CASES {
        std::fs::write(folder.join(name), text(header, add, SOCKETS))?;
    }
    Ok(())
}

/// Reads a file once and prints what it took.
#[expect(clippy::print_stdout, reason = "a bench prints its result")]
fn read(reader: &str, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read(file)?;
    let mut reader = reader_for(reader).ok_or("no such reader")?;
    let mut count = Count::default();
    let begun = cpu_nanoseconds()?;
    text.chunks(CHUNK).for_each(|chunk| reader.push(black_box(chunk), &mut count));
    reader.finish(&mut count);
    let took = cpu_nanoseconds()? - begun;
    black_box(count.ports);
    println!("{} {} {took}", count.rows, count.issues);
    Ok(())
}

/// CPU time of this thread: the first number of schedstat (proc(5)).
fn cpu_nanoseconds() -> Result<u64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn text(header: &[u8], add: AddRow, sockets: u64) -> Vec<u8> {
    let mut text = header.to_vec();
    let mut random = Random(7);
    (0..sockets).for_each(|index| add(&mut text, &mut random, index));
    text
}

#[expect(clippy::print_stdout, reason = "a bench prints its result")]
fn measure() -> Result<(), Box<dyn std::error::Error>> {
    // `cargo test --benches` runs the binary too; one small round is enough there.
    let full = std::env::args().any(|argument| argument == "--bench");
    let sockets = if full { SOCKETS } else { 100 };
    for Case(name, id, header, add) in CASES {
        let reader = reader_for(id).ok_or_else(|| format!("no reader has the id {id}"))?;
        let before = peak_kib();
        let count = stream(reader, header, add, sockets * 10);
        let (rows, issues, peak) = (count.rows, count.issues, peak_kib());
        println!("{name}: streamed {rows} rows, {issues} issues, peak {peak} KiB (was {before})");
    }
    for Case(name, id, header, add) in CASES {
        rate(name, &text(header, add, sockets), id, if full { 30 } else { 1 })?;
    }
    Ok(())
}

/// Streams generated sockets without ever holding the text.
fn stream(mut reader: Box<dyn Reader>, header: &[u8], add: AddRow, sockets: u64) -> Count {
    let mut count = Count::default();
    let mut random = Random(7);
    let mut chunk = header.to_vec();
    for index in 0..sockets {
        add(&mut chunk, &mut random, index);
        if chunk.len() >= CHUNK {
            reader.push(&chunk, &mut count);
            chunk.clear();
        }
    }
    reader.push(&chunk, &mut count);
    reader.finish(&mut count);
    count
}

#[expect(clippy::print_stdout, reason = "a bench prints its result")]
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn rate(name: &str, text: &[u8], id: &str, rounds: u32) -> Result<(), Box<dyn std::error::Error>> {
    let mut best = f64::MAX;
    let mut rows = 0;
    for _ in 0..rounds {
        let mut count = Count::default();
        let mut reader = reader_for(id).ok_or("no such reader")?;
        let start = Instant::now();
        for chunk in text.chunks(CHUNK) {
            reader.push(black_box(chunk), &mut count);
        }
        reader.finish(&mut count);
        best = best.min(start.elapsed().as_secs_f64());
        rows = black_box(count.rows);
        black_box(count.ports);
    }
    let bytes = text.len() as f64;
    let (megabytes, million) = (bytes / best / 1e6, rows as f64 / best / 1e6);
    println!("{name}: {rows} rows, {bytes} bytes: {megabytes:.0} MB/s, {million:.2} M rows/s");
    Ok(())
}

/// Peak resident memory of this process, Linux only; 0 elsewhere.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
