//! Names with values, one a line: sysctl(8) of macOS and the BSDs, `no` of AIX, `ipadm show-prop`
//! and `kstat -p` of Solaris.
//!
//! ```text
//! kern.boottime: { sec = 1795489693, usec = 120000 } Mon Nov 24 11:48:13 2026
//! kern.boottime = Mon Nov 24 11:48:13 2026
//! net.inet.ip.portfirst=1024
//! smallest_anon_port:32768
//! unix:0:system_misc:boot_time    1795489693
//! ```
//! The first line is of FreeBSD and macOS, the second of NetBSD (OpenBSD the same without blanks).
//! Dates are what ctime(3) prints, in UTC, because every command runs under `TZ=UTC`.
//!
//! What a name means stands in a table of each system. A name that is not in it is an issue, as is a
//! value of another form. Two names of one range give one fact, on the line of the second; of a
//! range of which one end is missing, that end is said in a note.

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::model::time::Utc;
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Time of the last boot.
    Boot,
    /// Changes with each boot.
    BootId,
    /// An identifier of the installed system.
    MachineId,
    /// What the host calls itself.
    Hostname,
    /// Name of the system, whose small letters are its id.
    Os,
    /// Version of the system.
    OsVersion,
    /// First port of the ephemeral range.
    FirstPort,
    /// Last port of the ephemeral range.
    LastPort,
    /// With this value, and the same of every other such name, an account sees all owners.
    ShowsAll(i64),
    /// With this value it does not, whatever others say. Stands in front of them.
    Hides(i64),
    /// A limit, kept under its name.
    Limit,
}

/// Names and what they mean.
pub type Settings = &'static [(&'static str, Setting)];

/// A reader of the names of a table.
#[must_use]
pub fn reader(settings: Settings) -> Box<dyn Reader> {
    let wanted = settings.iter().filter(|(_, what)| matches!(what, Setting::ShowsAll(_))).count();
    Box::new(Lines::new(Named { settings, first: None, last: None, showing: 0, wanted }))
}

struct Named {
    settings: Settings,
    /// First and last port so far, and where the first of the two stands.
    first: Option<(u16, Span)>,
    last: Option<(u16, Span)>,
    /// Names that say that an account sees all, of how many. `usize::MAX`: one says that it does
    /// not.
    showing: usize,
    wanted: usize,
}

/// What a line gave.
type Given = Result<Vec<Fact>, &'static str>;

impl LineParser for Named {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        let found = self.settings.iter().find_map(|(name, setting)| {
            Some((*name, *setting, value(text.strip_prefix(name.as_bytes())?)?))
        });
        let Some((name, setting, value)) = found else {
            return sink.issue(Issue::unparsed(span, "expected a name that was asked for", line));
        };
        match self.facts(name, setting, value, span) {
            Ok(facts) if facts.is_empty() => sink.header(span),
            Ok(facts) => facts.into_iter().for_each(|fact| sink.row(span, Row::Fact(fact))),
            Err(expected) => sink.issue(Issue::unparsed(span, expected, line)),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if self.first.is_some() != self.last.is_some()
            && let Some((port, span)) = self.first.or(self.last)
        {
            let text = port.to_string();
            sink.issue(Issue::note(span, "only one end of the ephemeral range", text.as_bytes()));
        }
    }
}

impl Named {
    fn facts(&mut self, name: &str, setting: Setting, value: &[u8], span: Span) -> Given {
        let text = || HostText::owned(value.to_vec());
        let one = |fact: Option<Fact>, expected| fact.map(|fact| vec![fact]).ok_or(expected);
        match setting {
            Setting::Boot => one(boot(value).map(Fact::BootTime), "expected a time"),
            Setting::BootId => Ok(vec![Fact::BootId(text())]),
            Setting::MachineId => Ok(vec![Fact::MachineId(text())]),
            Setting::Hostname => Ok(vec![Fact::Hostname(text())]),
            Setting::Os => {
                let id = HostText::owned(value.to_ascii_lowercase());
                Ok(vec![Fact::OsId(id), Fact::OsName(text())])
            }
            Setting::OsVersion => Ok(vec![Fact::OsVersion(text())]),
            Setting::FirstPort => {
                self.first = Some((number(value).ok_or("expected a port")?, span));
                Ok(self.range())
            }
            Setting::LastPort => {
                self.last = Some((number(value).ok_or("expected a port")?, span));
                Ok(self.range())
            }
            Setting::Hides(when) => {
                let value: i64 = number(value).ok_or("expected a number")?;
                self.showing = if value == when { usize::MAX } else { self.showing };
                Ok(Vec::new())
            }
            Setting::ShowsAll(when) => {
                let value: i64 = number(value).ok_or("expected a number")?;
                Ok(self.shows(value == when))
            }
            Setting::Limit => {
                let name = HostText::owned(name.as_bytes().to_vec());
                one(number(value).map(|value| Fact::Limit(name, value)), "expected a number")
            }
        }
    }

    /// The range, once both ends are known. OpenBSD takes them in either order.
    fn range(&self) -> Vec<Fact> {
        match (self.first, self.last) {
            (Some((first, _)), Some((last, _))) => {
                vec![Fact::EphemeralRange(first.min(last), first.max(last))]
            }
            _ => Vec::new(),
        }
    }

    fn shows(&mut self, all: bool) -> Vec<Fact> {
        self.showing = match (all, self.showing) {
            (false, _) | (_, usize::MAX) => usize::MAX,
            (true, showing) => showing + 1,
        };
        if self.showing == self.wanted { vec![Fact::SeesAllOwners(true)] } else { Vec::new() }
    }
}

/// What stands behind a name: `: value`, `:value`, ` = value`, `=value`, or a blank and the value.
fn value(rest: &[u8]) -> Option<&[u8]> {
    let value = match rest {
        [b':' | b'=', tail @ ..] | [b' ', b'=', tail @ ..] => tail,
        [b' ' | b'\t', ..] => rest,
        _ => return None,
    };
    let value = value.trim_ascii();
    (!value.is_empty()).then_some(value)
}

fn boot(value: &[u8]) -> Option<Utc> {
    if let Some(fields) = value.strip_prefix(b"{") {
        let mut rest = Cursor::new(fields);
        rest.blanks();
        let seconds: i64 = assigned(&mut rest, b"sec")?;
        rest.after(b",")?.blanks();
        let micros: i64 = assigned(&mut rest, b"usec").filter(|micros| *micros < 1_000_000)?;
        rest.blanks();
        rest.after(b"}")?;
        return Utc::from_micros(seconds.checked_mul(1_000_000)?.checked_add(micros)?);
    }
    number(value).map_or_else(|| ctime(value), Utc::from_seconds)
}

/// `NAME = N`, with or without blanks.
fn assigned(rest: &mut Cursor<'_>, name: &[u8]) -> Option<i64> {
    rest.after(name)?.blanks();
    rest.after(b"=")?.blanks();
    rest.number()
}

/// `Mon Nov 24 11:48:13 2026` in UTC (ctime(3)).
fn ctime(value: &[u8]) -> Option<Utc> {
    let text = std::str::from_utf8(value).ok()?;
    let mut words = text.split_ascii_whitespace();
    let (_, month, day, clock, year) =
        (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = months.find(month).filter(|at| at % 3 == 0 && month.len() == 3)?;
    let day: u8 = number(day.as_bytes())?;
    if words.next().is_some() || clock.len() != 8 || year.len() != 4 {
        return None;
    }
    Utc::parse(&format!("{year}-{:02}-{day:02}T{clock}Z", at / 3 + 1)).ok()
}

/// A decimal number that is the whole text; minus is allowed where the type has it.
fn number<T: TryFrom<i64>>(text: &[u8]) -> Option<T> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let mut cursor = Cursor::new(digits);
    let value: i64 = cursor.number().filter(|_| cursor.rest.is_empty())?;
    T::try_from(if digits.len() < text.len() { -value } else { value }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    const ALL: Settings = &[
        ("boot", Setting::Boot),
        ("host", Setting::Hostname),
        ("first", Setting::FirstPort),
        ("last", Setting::LastPort),
        ("mac", Setting::Hides(1)),
        ("uids", Setting::ShowsAll(1)),
        ("gids", Setting::ShowsAll(1)),
        ("limit", Setting::Limit),
    ];

    fn given(text: &str) -> (Vec<Fact>, usize, usize) {
        let seen = read(reader(ALL), text.as_bytes());
        (facts(&seen), seen.headers.len(), seen.issues.len())
    }

    #[test]
    fn every_form_of_the_boot_time_is_the_same_time() {
        let micros = |extra: i64| 1_795_520_893_000_000 + extra;
        for (text, extra) in [
            ("boot: { sec = 1795520893, usec = 120000 } Tue Nov 24 11:48:13 2026\n", 120_000),
            ("boot = {sec=1795520893,usec=0}\n", 0),
            ("boot = Tue Nov 24 11:48:13 2026\n", 0),
            ("boot=Tue Nov 24 11:48:13 2026\n", 0),
            ("boot:1795520893\n", 0),
            ("boot\t1795520893\n", 0),
        ] {
            let boot = Fact::BootTime(Utc::from_micros(micros(extra)).unwrap());
            assert_eq!(given(text), (vec![boot], 0, 0), "{text}");
        }
        for text in ["boot: never\n", "boot=Mon Foo 24 11:48:13 2026\n", "boot: {sec=1}\n"] {
            assert_eq!(given(text), (vec![], 0, 1), "{text}");
        }
        assert_eq!(given("boot=Mon ovF 24 11:48:13 2026\n"), (vec![], 0, 1));
    }

    #[test]
    fn a_range_needs_both_ends_in_any_order() {
        let range = vec![Fact::EphemeralRange(1024, 49151)];
        assert_eq!(given("first=1024\nlast=49151\n"), (range.clone(), 1, 0));
        assert_eq!(given("last=1024\nfirst=49151\n"), (range, 1, 0));
        assert_eq!(given("last=65535\n"), (vec![], 1, 1));
        assert_eq!(given("last=65536\n"), (vec![], 0, 1));
    }

    #[test]
    fn owners_of_all_are_seen_only_where_nothing_hides_them() {
        let all = vec![Fact::SeesAllOwners(true)];
        assert_eq!(given("uids: 1\ngids: 1\n"), (all.clone(), 1, 0));
        assert_eq!(given("mac: 0\nuids: 1\ngids: 1\n"), (all, 2, 0));
        assert_eq!(given("mac: 1\nuids: 1\ngids: 1\n"), (vec![], 3, 0));
        assert_eq!(given("uids: 0\ngids: 1\n"), (vec![], 2, 0));
        assert_eq!(given("uids: 1\n"), (vec![], 1, 0));
    }

    #[test]
    fn names_that_were_not_asked_for_and_lines_without_a_value_are_issues() {
        let limit = |value| Fact::Limit(HostText::new(b"limit"), value);
        assert_eq!(given("limit: -1\nlimits: 5\nother: 1\n"), (vec![limit(-1)], 0, 2));
        assert_eq!(given("limit: 12\nlimit"), (vec![limit(12)], 0, 1));
        assert_eq!(given("host: web-1\nhost:\n").2, 1);
    }
}
