//! Speed and memory of the readers: `cargo bench --bench parse`.
//!
//! Prints for each reader bytes and rows per second of one core, the best of several rounds, and
//! the peak memory of the process after one million sockets were streamed through each.

mod generate;

use std::hint::black_box;
use std::time::Instant;

use fleetstat::model::parsed::{Issue, Reader, Row, Sink, Span};
use fleetstat::model::socket::Family;
use fleetstat::probe::linux::{netstat, proc_net, ss};
use fleetstat::probe::unix::lsof;
use fleetstat::probe::windows;
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

type MakeReader = fn() -> Box<dyn Reader>;
type AddRow = fn(&mut Vec<u8>, &mut Random, u64);

const CASES: [(&str, MakeReader, &[u8], AddRow); 5] = [
    ("ss", || ss::reader(Some(Family::Ipv4)), SS_HEADER, ss_row),
    ("proc_net", || proc_net::reader(proc_net::Table::Tcp), PROC_HEADER, proc_row),
    ("netstat", || netstat::reader(netstat::Width::Wide), NETSTAT_HEADER, netstat_row),
    ("lsof", lsof::reader, b"", lsof_row),
    ("windows_netstat", windows::netstat::reader, WINDOWS_NETSTAT_HEADER, windows_netstat_row),
];

const CHUNK: usize = 64 << 10;

#[expect(clippy::print_stdout, reason = "a bench prints its result")]
fn main() {
    // `cargo test --benches` runs the binary too; one small round is enough there.
    let full = std::env::args().any(|argument| argument == "--bench");
    let sockets = if full { 1_000_000 } else { 1_000 };
    for (name, make, header, add) in CASES {
        let before = peak_kib();
        let count = stream(make(), header, add, sockets);
        let (rows, issues, peak) = (count.rows, count.issues, peak_kib());
        println!("{name}: streamed {rows} rows, {issues} issues, peak {peak} KiB (was {before})");
    }
    for (name, make, header, add) in CASES {
        let mut text = header.to_vec();
        let mut random = Random(7);
        (0..sockets / 10).for_each(|index| add(&mut text, &mut random, index));
        rate(name, &text, make, if full { 30 } else { 1 });
    }
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
fn rate(name: &str, text: &[u8], make: MakeReader, rounds: u32) {
    let mut best = f64::MAX;
    let mut rows = 0;
    for _ in 0..rounds {
        let mut count = Count::default();
        let mut reader = make();
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
}

/// Peak resident memory of this process, Linux only; 0 elsewhere.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
