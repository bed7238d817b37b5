//! `fleetstat parse`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::cli::args::ParseArgs;
use crate::cli::problem::{Exit, Problem};
use crate::cli::setting::Setting;
use crate::cli::{Ended, to_stdout};
use crate::model::id::ProbeId;
use crate::model::text::escape;
use crate::workflow::parse::{ParseError, parse as read_text};
use crate::workflow::recognize;

/// Reads text and writes records.
pub(super) fn parse(setting: &Setting, args: &ParseArgs) -> Ended {
    let Some(reader) = crate::probe::reader_for(&args.probe) else {
        let near = crate::yaml::suggest::nearest(&args.probe, crate::probe::reader_names());
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
    let ended = to_stdout(|out| {
        match read_text(&mut input, reader, (&probe, &name), setting.layout(), out) {
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
    let (lines, bytes) = (coverage.unparsed, coverage.unparsed_bytes);
    tracing::warn!("{lines} lines ({bytes} bytes) were not understood; they are among the issues");
    Ok(Exit::SomeFailed)
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
