//! Streams of records and issues, whole and broken off.

use super::*;

fn cited(probe: &ProbeId) -> Text<'_> {
    Text { probe, name: "-", host: None }
}

/// A writer that takes so many bytes and then fails.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SOCKET: &[u8] = b"tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n";

fn parsed(format: Format, text: &[u8]) -> (String, Coverage) {
    let probe = ProbeId::builtin("linux/ss");
    let reader = crate::probe::reader_for("linux/ss").unwrap();
    let mut out = Vec::new();
    let layout = Layout { format, width: None };
    let coverage = parse(text, reader, cited(&probe), layout, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), coverage)
}

#[test]
fn an_array_is_its_lines_joined_however_they_are_cut() {
    for cut in 1..12 {
        let mut out = Vec::new();
        let mut array = Array::new(&mut out);
        for part in b"{1}\n{22}\n{3}\n".chunks(cut) {
            array.write_all(part).unwrap();
        }
        array.end().unwrap();
        assert_eq!(out, b"[\n{1},\n{22},\n{3}\n]\n", "{cut}");
    }
    let mut out = Vec::new();
    Array::new(&mut out).end().unwrap();
    assert_eq!(out, b"[]\n");
}

#[test]
fn what_the_kernel_alone_keeps_is_the_kernels_without_a_host_too() {
    let attributions = |reader: &str, text: &str| -> Vec<String> {
        let probe = ProbeId::parse(reader).unwrap();
        let layout = Layout { format: Format::Ndjson, width: None };
        let mut out = Vec::new();
        let of = crate::probe::reader_for(reader).unwrap();
        parse(text.as_bytes(), of, cited(&probe), layout, &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let word = |line: &str| {
            let rest = line.split_once("\"attribution\":\"")?.1;
            rest.split('"').next().map(str::to_owned)
        };
        lines.lines().filter_map(word).collect()
    };
    let (ends, kernel, other) = ("192.0.2.1:22 192.0.2.9:40000", "kernel", "unsupported");
    let ss = format!(
        "tcp TIME-WAIT 0 0 {ends}\ntcp FIN-WAIT-2 0 0 {ends} ino:0 sk:1\n\
         tcp FIN-WAIT-2 0 0 {ends}\ntcp ESTAB 0 0 {ends}\n"
    );
    assert_eq!(attributions("linux/ss", &ss), [kernel, kernel, other, other]);
    let netstat = format!(
        "Proto Recv-Q Send-Q Local Address Foreign Address State PID/Program name\n\
         tcp 0 0 {ends} TIME_WAIT -\ntcp 0 0 {ends} ESTABLISHED -\n"
    );
    assert_eq!(attributions("linux/netstat", &netstat), [kernel, other]);
    let sockstat = "? ? ? ? tcp4 192.0.2.1:22 192.0.2.9:40000 TIME_WAIT\n";
    assert_eq!(attributions("freebsd/sockstat", sockstat), [kernel]);
    let bsd = "tcp4 0 0 192.0.2.1.22 192.0.2.9.40000 TIME_WAIT\n";
    for reader in ["macos/netstat", "aix/netstat", "openbsd/netstat"] {
        assert_eq!(attributions(reader, bsd), [kernel], "{reader}");
    }
}

#[test]
fn rows_and_issues_keep_their_order_and_are_counted() {
    let text = [SOCKET, b"what is this\n", SOCKET].concat();
    let (lines, coverage) = parsed(Format::Ndjson, &text);
    let kinds: Vec<_> = lines.lines().map(|line| line.contains("\"kind\":\"issue\"")).collect();
    assert_eq!(kinds, [false, true, false]);
    assert_eq!((coverage.rows, coverage.unparsed), (2, 1));
    let (array, _) = parsed(Format::Json, &text);
    assert_eq!(array, format!("[\n{}\n]\n", lines.trim_end().replace('\n', ",\n")));
    let (cells, coverage) = parsed(Format::Csv, &text);
    assert_eq!((cells.lines().count(), coverage.unparsed), (3, 1));
}

#[test]
fn issues_without_end_are_counted_and_only_the_first_are_written() {
    let text = [b"what is this\n".repeat(10_005), SOCKET.to_vec()].concat();
    let (lines, coverage) = parsed(Format::Ndjson, &text);
    let rest = "\"message\":\"5 more issues: they are counted, and not listed\"";
    assert_eq!(lines.lines().count(), 10_002);
    assert!(lines.lines().last().unwrap().contains(rest), "{:?}", lines.lines().last());
    assert!(lines.lines().nth(10_000).unwrap().contains("\"kind\":\"socket\""));
    assert_eq!((coverage.rows, coverage.unparsed), (1, 10_005));
    let (array, _) = parsed(Format::Json, &text);
    assert_eq!(array, format!("[\n{}\n]\n", lines.trim_end().replace('\n', ",\n")));
    let (cells, coverage) = parsed(Format::Table, &text);
    assert!(cells.contains("5 more issues"));
    assert_eq!(coverage.unparsed, 10_005);
}

#[test]
fn an_input_without_end_is_left_when_the_records_cannot_be_written() {
    let mut given = 0_u64;
    let mut endless = std::iter::repeat_with(|| {
        given += 1;
        assert!(given < 100_000, "the input is still read");
        Ok(SOCKET)
    });
    let input = Chunks(&mut endless);
    let probe = ProbeId::builtin("linux/ss");
    let reader = crate::probe::reader_for("linux/ss").unwrap();
    let layout = Layout { format: Format::Ndjson, width: None };
    let ended = parse(input, reader, cited(&probe), layout, &mut Full(1_000));
    assert!(matches!(ended, Err(ParseError::Write(_))), "{ended:?}");
}

#[test]
fn a_failing_input_is_told_apart_from_a_failing_output() {
    let mut chunks = [Ok(SOCKET), Err(io::ErrorKind::ConnectionReset.into())].into_iter();
    let probe = ProbeId::builtin("linux/ss");
    let reader = crate::probe::reader_for("linux/ss").unwrap();
    let layout = Layout { format: Format::Ndjson, width: None };
    let ended = parse(Chunks(&mut chunks), reader, cited(&probe), layout, &mut Vec::new());
    assert!(matches!(ended, Err(ParseError::Read(_))), "{ended:?}");
}

/// Gives one item for each read.
struct Chunks<'a>(&'a mut dyn Iterator<Item = io::Result<&'static [u8]>>);

impl Read for Chunks<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.0.next() {
            Some(Ok(bytes)) => {
                into[..bytes.len()].copy_from_slice(bytes);
                Ok(bytes.len())
            }
            Some(Err(error)) => Err(error),
            None => Ok(0),
        }
    }
}

#[test]
fn tables_and_csv_have_each_kind_once_and_lines_keep_the_order() {
    let sockstat = "root     sshd       812   3  tcp4   *:22                  *:*\n\
        www      nginx      901   6  tcp4   *:80                  *:*\n\
        root     sshd       812   4  tcp6   *:22                  *:*\n";
    let in_format = |format| {
        let probe = ProbeId::parse("freebsd/sockstat").unwrap();
        let reader = crate::probe::reader_for("freebsd/sockstat").unwrap();
        let mut out = Vec::new();
        let layout = Layout { format, width: None };
        parse(sockstat.as_bytes(), reader, cited(&probe), layout, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let kinds: Vec<bool> = in_format(Format::Ndjson)
        .lines()
        .map(|line| line.contains("\"kind\":\"socket\""))
        .collect();
    assert_eq!(kinds, [true, false, true, false, true, false]);
    for format in [Format::Table, Format::Csv] {
        let text = in_format(format);
        let (sockets, processes) = text.split_once("\n\n").unwrap();
        // A title and a row for each socket, then for each process, however many sockets it holds.
        assert_eq!((sockets.lines().count(), processes.lines().count()), (4, 3), "{text}");
        assert!(processes.contains("sshd") || processes.contains("root"), "{text}");
    }
}

#[test]
fn a_kind_that_waits_is_held_on_disk_and_none_of_it_is_lost() {
    use std::fmt::Write as _;
    let mut sockstat = String::new();
    for pid in 1..=20_000 {
        writeln!(sockstat, "user{pid} sshd {pid} 3 tcp4 192.0.2.1:22 *:*").unwrap();
    }
    let probe = ProbeId::parse("freebsd/sockstat").unwrap();
    let reader = crate::probe::reader_for("freebsd/sockstat").unwrap();
    let mut out = Vec::new();
    let layout = Layout { format: Format::Csv, width: None };
    parse(sockstat.as_bytes(), reader, cited(&probe), layout, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let (sockets, processes) = text.split_once("\n\n").unwrap();
    assert_eq!((sockets.lines().count(), processes.lines().count()), (20_001, 20_001));
    assert!(processes.trim_end().lines().last().unwrap().contains("user20000"));
}
