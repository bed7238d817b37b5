//! Names and keys: runs, hosts, probes. Each is checked where it is made, and trusted after that.

use std::borrow::Cow;
use std::fmt;

/// Why a text is not a name of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} `{text}` {reason}")]
pub struct NameError {
    /// What it should have been, e.g. `host name`.
    pub kind: &'static str,
    /// What was given, escaped.
    pub text: String,
    /// The rule it breaks, as a fragment that follows the text.
    pub reason: String,
}

fn refuse(kind: &'static str, text: &str, reason: impl Into<String>) -> NameError {
    let text = crate::model::text::escape(text.as_bytes());
    NameError { kind, text, reason: reason.into() }
}

/// Checks length and characters; the message names the first offending character and its place.
fn check(
    kind: &'static str,
    text: &str,
    longest: usize,
    allowed: fn(char) -> bool,
) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(refuse(kind, text, "is empty"));
    }
    if text.len() > longest {
        return Err(refuse(kind, text, format!("is longer than {longest} characters")));
    }
    if let Some((index, bad)) = text.chars().enumerate().find(|(_, c)| !allowed(*c)) {
        let shown = crate::model::text::escape(bad.to_string().as_bytes());
        let place = index + 1;
        return Err(refuse(kind, text, format!("has `{shown}` at character {place}")));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(refuse(kind, text, "must start with a letter or digit"));
    }
    Ok(())
}

/// A host's identity: the inventory's name for it, in files, keys and records.
///
/// 1 to 128 of `A-Z a-z 0-9 . _ : -`, the first a letter or digit. What a host calls itself is
/// only an attribute. Ordered by bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct HostName(String);

impl HostName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it breaks the rule above, is a reserved device name of Windows, or ends in a dot.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check("host name", text, 128, |c| c.is_ascii_alphanumeric() || "._:-".contains(c))?;
        if text.ends_with('.') {
            return Err(refuse("host name", text, "ends in a dot"));
        }
        let stem = text.split('.').next().unwrap_or(text).to_ascii_lowercase();
        if is_device_name(&stem) {
            return Err(refuse("host name", text, "is a device name on Windows"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as part of a file name: `:` becomes `%3a`, the rest stays.
    #[must_use]
    pub fn file_stem(&self) -> String {
        self.0.replace(':', "%3a")
    }
}

fn is_device_name(stem: &str) -> bool {
    matches!(stem, "con" | "prn" | "aux" | "nul")
        || stem
            .strip_prefix("com")
            .or_else(|| stem.strip_prefix("lpt"))
            .is_some_and(|digit| matches!(digit.as_bytes(), [b'0'..=b'9']))
}

/// A short label from the inventory or playbook: role, environment, segment, site, owner, tag,
/// group. 1 to 63 of `A-Z a-z 0-9 . _ -`, the first a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Label(String);

impl Label {
    /// Checks a label; `kind` is what the message calls it (`role`, `tag`).
    ///
    /// # Errors
    /// When it breaks the rule above.
    pub fn new(kind: &'static str, text: &str) -> Result<Self, NameError> {
        check(kind, text, 63, |c| c.is_ascii_alphanumeric() || "._-".contains(c))?;
        Ok(Self(text.to_owned()))
    }

    /// The label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One execution of a playbook: `YYYYMMDDTHHMMSSZ-xxxxxx`, the start and six hexadecimal digits.
/// Sorts by start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The id of a run that starts at `start`; `salt` tells two runs of one second apart.
    #[must_use]
    pub fn new(start: crate::model::time::Utc, salt: u32) -> Self {
        Self(format!("{}-{:06x}", start.compact(), salt & 0xff_ffff))
    }

    /// Reads an id.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let form = "is not of the form YYYYMMDDTHHMMSSZ-xxxxxx";
        let (time, salt) = text.split_once('-').ok_or_else(|| refuse("run id", text, form))?;
        let salt_ok =
            salt.len() == 6 && salt.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !salt_ok || time.len() != 16 || crate::model::time::Utc::parse(time).is_err() {
            return Err(refuse("run id", text, form));
        }
        Ok(Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A probe's name: `linux/ss-inet4`, or `site/NAME` for one that a site defined. Lower case,
/// digits and `-`, one `/`, at most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct ProbeId(Cow<'static, str>);

impl ProbeId {
    /// A built-in probe's id, taken as it stands.
    #[must_use]
    pub const fn builtin(id: &'static str) -> Self {
        Self(Cow::Borrowed(id))
    }

    /// The text of a built-in probe's id, for checks at build time. Empty for any other.
    #[must_use]
    pub const fn builtin_str(&self) -> &str {
        match &self.0 {
            Cow::Borrowed(id) => id,
            Cow::Owned(_) => "",
        }
    }

    /// Reads an id, for instance from an evidence file.
    ///
    /// # Errors
    /// When it breaks the rule above.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check("probe id", text, 64, |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || "-/".contains(c)
        })?;
        if text.split('/').filter(|part| !part.is_empty()).count() != 2
            || text.matches('/').count() != 1
        {
            return Err(refuse("probe id", text, "is not of the form platform/name"));
        }
        Ok(Self(Cow::Owned(text.to_owned())))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which collection of a host inside a run this is: passes are planned repetitions, attempts are
/// retries of one pass. Both count from 1.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Pass {
    /// Planned repetition, from 1.
    pub pass: u16,
    /// Retry of the pass, from 1.
    pub attempt: u16,
}

impl Pass {
    /// The first attempt of the first pass.
    pub const FIRST: Self = Self { pass: 1, attempt: 1 };

    /// What the file name carries: nothing for the first, `-p2`, `-a2` or both otherwise.
    #[must_use]
    pub fn file_suffix(self) -> String {
        let part = |letter, number: u16| {
            if number > 1 { format!("-{letter}{number}") } else { String::new() }
        };
        part('p', self.pass) + &part('a', self.attempt)
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}
as_text!(HostName, Label, RunId, ProbeId);

macro_rules! read_back {
    ($($name:ident: $parse:expr),*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let parse: fn(&str) -> Result<$name, NameError> = $parse;
                parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}
read_back!(
    HostName: HostName::new,
    Label: |text| Label::new("label", text),
    RunId: RunId::parse,
    ProbeId: ProbeId::parse
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_that_would_hurt_a_file_system_are_refused() {
        for bad in ["", "../x", "a/b", "-x", "nul", "COM1.lab", "web.", "a b", "wéb"] {
            assert!(HostName::new(bad).is_err(), "{bad}");
        }
        assert_eq!(HostName::new("fe80::1").unwrap().file_stem(), "fe80%3a%3a1");
        let error = HostName::new("web 1").unwrap_err().to_string();
        assert_eq!(error, "host name `web 1` has ` ` at character 4");
    }

    #[test]
    fn run_ids_sort_by_start_and_round_trip() {
        let early = RunId::new(crate::model::time::Utc::from_seconds(1).unwrap(), 0xabc);
        let late = RunId::new(crate::model::time::Utc::from_seconds(2).unwrap(), 0);
        assert!(early < late);
        assert_eq!(RunId::parse(early.as_str()), Ok(early));
        assert!(RunId::parse("20261124T014200Z-XYZ").is_err());
    }

    #[test]
    fn only_repetitions_show_in_the_file_name() {
        assert_eq!(Pass::FIRST.file_suffix(), "");
        assert_eq!(Pass { pass: 2, attempt: 3 }.file_suffix(), "-p2-a3");
    }
}
