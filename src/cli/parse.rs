//! `fleetstat parse`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::cli::args::ParseArgs;
use crate::cli::problem::{Exit, Problem};
use crate::cli::setting::Setting;
use crate::cli::{Ended, to_stdout};
use crate::model::id::ProbeId;
use crate::model::parsed::Coverage;
use crate::model::text::escape;
use crate::report::rows::Format;
use crate::workflow::parse::{ParseError, Text, parse as read_text};
use crate::workflow::recognize;

/// Reads text and writes records.
pub(super) fn parse(setting: &Setting, args: &ParseArgs) -> Ended {
    let Some(reader) = crate::probe::reader_for(&args.probe) else {
        let near = nearest(&args.probe);
        let shown = escape(args.probe.as_bytes());
        let problem = Problem::new("FS-USE-006", format!("no reader `{shown}`"));
        return Err(match near {
            Some(near) => problem.help(format!("did you mean `{near}`?")).into(),
            None => problem.into(),
        });
    };
    let probe = ProbeId::parse(&args.probe)
        .map_err(|error| Problem::new("FS-USE-006", error.to_string()))?;
    let mut input = Headed { input: open(&args.file)?, head: Vec::new() };
    let name = args.file.display().to_string();
    let mut parsed = None;
    let mut unread = None;
    let text = Text { probe: &probe, name: &name, host: args.host.as_ref() };
    let ended = to_stdout(|out| {
        match read_text(&mut input, reader, text, setting.layout(), out) {
            Ok(coverage) => parsed = Some(coverage),
            Err(ParseError::Write(error)) => return Err(error),
            Err(ParseError::Read(error)) => unread = Some(error),
        }
        Ok(())
    })?;
    if let Some(error) = unread {
        return Err(Problem::new("FS-USE-007", format!("{name}: {error}")).into());
    }
    // None: the reader of standard output went away.
    let Some(coverage) = parsed else { return Ok(ended) };
    if let Some(advice) = Some(&input.head)
        .filter(|_| coverage.rows == 0)
        .and_then(|head| recognize::advice(head, &args.probe, coverage.is_whole()))
    {
        tracing::warn!("{}: {advice}", escape(name.as_bytes()));
    }
    if coverage.is_whole() {
        return Ok(ended);
    }
    tracing::warn!("{}", not_understood(&coverage, setting.layout().format));
    Ok(Exit::SomeFailed)
}

/// How much of a text was not understood, and where that is told.
fn not_understood(coverage: &Coverage, format: Format) -> String {
    let (lines, bytes) = (coverage.unparsed, coverage.unparsed_bytes);
    let all = coverage.row_bytes + coverage.header_bytes + bytes;
    let were = if lines == 1 { "line was" } else { "lines were" };
    let place = if format == Format::Csv { "told above" } else { "among the issues" };
    format!("{lines} {were} not understood, {bytes} of {all} bytes: {place}")
}

/// What other tools call the platforms.
const PLATFORMS: [(&str, &str); 6] = [
    ("darwin", "macos"),
    ("osx", "macos"),
    ("win", "windows"),
    ("win32", "windows"),
    ("sunos", "solaris"),
    ("hp-ux", "hpux"),
];

/// The reader that was meant by a name: on the same platform, if it names one.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let names = crate::probe::reader_names();
    let (platform, tool) = name.split_once('/').unwrap_or((&name, ""));
    let platform =
        PLATFORMS.iter().find(|(other, _)| *other == platform).map_or(platform, |(_, ours)| ours);
    let own = format!("{platform}/");
    let there: Vec<&'static str> =
        names.iter().copied().filter(|name| name.starts_with(&own)).collect();
    if there.is_empty() {
        return crate::yaml::suggest::nearest(&name, names);
    }
    let begins = |start: &str| {
        let start = format!("{own}{start}");
        there.iter().copied().find(|name| !start.ends_with('/') && name.starts_with(&start))
    };
    begins(tool)
        .or_else(|| crate::yaml::suggest::nearest(&format!("{own}{tool}"), there.iter().copied()))
        .or_else(|| begins(tool.split('-').next().unwrap_or_default()))
}

/// Keeps the beginning of what is read through it.
struct Headed {
    input: Box<dyn Read>,
    head: Vec<u8>,
}

impl Read for Headed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let room = recognize::HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(buffer.iter().take(read.min(room)));
        Ok(read)
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, Problem> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path)
        .map_err(|error| Problem::new("FS-USE-007", format!("{}: {error}", path.display())))?;
    Ok(Box::new(file))
}
