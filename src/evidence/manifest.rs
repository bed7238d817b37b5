//! The manifest: what a run saw, what it did not see, and the digest of every file.
//!
//! What comes in: the outcome of *every* host of the inventory and the description of every
//! committed file. What goes out: `manifest.json`, canonical JSON, and `manifest.sha256`, which
//! `sha256sum -c` accepts and which covers the evidence files and the manifest. Both are written
//! last, so a folder without them is a run that was interrupted. Reading is strict: only the bytes
//! that would be written are accepted.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use super::canonical::{self, Comparison, Difference};
use super::commit::commit_alone;
use super::folder::RunFolder;
use super::write::{Description, Output, Temporary, WriteError};
use crate::model::capture::{ControllerClock, Mandate, Section, Stream};
use crate::model::digest::Sha256;
use crate::model::fault::Fault;
use crate::model::id::{HostName, Pass, ProbeId, RunId};
use crate::model::snapshot::Outcome;
use crate::model::text::escape;
use crate::model::time::Utc;

/// Name of the manifest in the run's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// Name of the list of digests.
pub const SUMS_FILE: &str = "manifest.sha256";

/// End of every evidence file's name.
pub(super) const EVIDENCE_SUFFIX: &str = "-netstat.txt";

/// Version of the manifest that this fleetstat writes and reads.
pub const VERSION: u32 = 1;

/// What a run saw and did not see.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// The run.
    pub run: RunId,
    /// Why and for whom.
    pub mandate: Mandate,
    /// Digest of the inventory as it was loaded.
    pub inventory: Sha256,
    /// Digest of the command standard that the run used.
    pub catalogue: Sha256,
    /// Controller's time when the run began.
    pub started: Utc,
    /// Controller's time when the last host was done.
    pub ended: Utc,
    /// Controller's own clock, read at the end.
    pub controller_clock: ControllerClock,
    /// Every host of the inventory, sorted by name, none twice.
    pub hosts: Vec<HostEntry>,
}

/// What came of one host.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostEntry {
    /// The host.
    pub name: HostName,
    /// When its visit ended, or was given up. Start of the run for a host that was left out.
    pub at: Utc,
    /// How much of the plan it answered.
    pub outcome: Outcome,
    /// Faults of the visit, in the order they arose.
    pub faults: Vec<Fault>,
    /// Why it was left out. `None` for a host that was visited.
    pub reason: Option<String>,
    /// Its evidence files, sorted by name: one for each pass and attempt that reached the host.
    pub files: Vec<FileEntry>,
}

/// One evidence file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Name in the run's folder.
    pub name: String,
    /// Pass and attempt.
    pub pass: Pass,
    /// Size. Unit: bytes.
    pub bytes: u64,
    /// Digest of the whole file.
    pub sha256: Sha256,
    /// Its sections, in order.
    pub sections: Vec<SectionEntry>,
}

/// One section's streams.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionEntry {
    /// Position in the file, from 1.
    pub number: u16,
    /// The probe that asked.
    pub probe: ProbeId,
    /// Standard output.
    pub stdout: Stream,
    /// Standard error.
    pub stderr: Stream,
}

impl From<&Section> for SectionEntry {
    fn from(section: &Section) -> Self {
        let Section { number, probe, stdout, stderr, .. } = section;
        Self { number: *number, probe: probe.clone(), stdout: *stdout, stderr: *stderr }
    }
}

impl FileEntry {
    /// The entry of a committed file.
    #[must_use]
    pub fn new(pass: Pass, file: &Description) -> Self {
        let sections = file.sections.iter().map(SectionEntry::from).collect();
        Self { name: file.name.clone(), pass, bytes: file.bytes, sha256: file.sha256, sections }
    }
}

/// Why bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON of the right shape.
    #[error("manifest.json is not a manifest: {0}")]
    Shape(String),
    /// Not the bytes that fleetstat would have written for this content.
    #[error("manifest.json is not in canonical form at byte {0}: it was changed after the run")]
    NotCanonical(u64),
    /// Written by a newer fleetstat.
    #[error("manifest.json has version {0}, this fleetstat reads {VERSION}: use a newer fleetstat")]
    Version(u32),
    /// The content contradicts itself.
    #[error("manifest.json: {0}")]
    Content(String),
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When the bytes differ in any way from what [`Manifest::write`] gives for their content.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| ManifestError::Shape(escape(error.to_string().as_bytes())))?;
        if manifest.version != VERSION {
            return Err(ManifestError::Version(manifest.version));
        }
        manifest.check()?;
        let mut comparison = Comparison::new(bytes);
        let written = manifest.write(&mut comparison);
        let written = written.and_then(|()| comparison.end());
        match written {
            Ok(None) => Ok(manifest),
            Ok(Some(at)) => Err(ManifestError::NotCanonical(at)),
            Err(error) => {
                let difference = error.get_ref().and_then(|inner| inner.downcast_ref());
                let at = difference.map_or(0, |Difference(at)| *at);
                Err(ManifestError::NotCanonical(at))
            }
        }
    }

    /// Writes canonical JSON, host by host, so that a large fleet needs no second copy.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        // Keys in the order of their bytes, as everywhere in canonical JSON.
        member(out, "{", "catalogue", &self.catalogue)?;
        member(out, ",", "controller_clock", &self.controller_clock)?;
        member(out, ",", "ended", &self.ended)?;
        out.write_all(b",\"hosts\":[")?;
        for (at, host) in self.hosts.iter().enumerate() {
            out.write_all(if at == 0 { b"" } else { b"," })?;
            canonical::write(out, host)?;
        }
        out.write_all(b"]")?;
        member(out, ",", "inventory", &self.inventory)?;
        member(out, ",", "mandate", &self.mandate)?;
        member(out, ",", "run", &self.run)?;
        member(out, ",", "started", &self.started)?;
        member(out, ",", "version", &self.version)?;
        out.write_all(b"}")
    }

    /// Every file with its host, sorted by the host's name.
    pub fn files(&self) -> impl Iterator<Item = (&HostName, &FileEntry)> {
        self.hosts.iter().flat_map(|host| host.files.iter().map(move |file| (&host.name, file)))
    }

    /// The text of `manifest.sha256`, given the digest of `manifest.json`.
    #[must_use]
    pub fn sums(&self, manifest: Sha256) -> String {
        let mut files: Vec<_> = self.files().map(|(_, file)| (&*file.name, file.sha256)).collect();
        files.sort_unstable();
        files.push((MANIFEST_FILE, manifest));
        files
            .iter()
            .fold(String::new(), |text, (name, sha256)| text + &format!("{sha256}  {name}\n"))
    }

    /// Refuses what the types allow but no run writes.
    fn check(&self) -> Result<(), ManifestError> {
        let refuse = |text: String| Err(ManifestError::Content(text));
        if let Some(host) = first_unsorted(self.hosts.iter().map(|host| host.name.as_str())) {
            return refuse(format!("host `{host}` is out of order or listed twice"));
        }
        let mut names = BTreeSet::new();
        for (host, file) in self.files() {
            if !is_evidence_name(&file.name) {
                return refuse(format!("`{}` is not a file name", escape(file.name.as_bytes())));
            }
            if !names.insert(file.name.to_ascii_lowercase()) {
                return refuse(format!("file `{}` of host `{host}` is listed twice", file.name));
            }
        }
        for host in &self.hosts {
            if let Some(file) = first_unsorted(host.files.iter().map(|file| &*file.name)) {
                return refuse(format!("file `{file}` is out of order"));
            }
        }
        Ok(())
    }
}

fn member(
    out: &mut impl Write,
    before: &str,
    key: &str,
    value: &impl serde::Serialize,
) -> io::Result<()> {
    write!(out, "{before}\"{key}\":")?;
    canonical::write(out, value)
}

fn first_unsorted<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut last = names.next()?;
    for name in names {
        if name <= last {
            return Some(name);
        }
        last = name;
    }
    None
}

/// True for names that evidence files can have: no separator, not hidden, nothing to escape.
pub(super) fn is_evidence_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._%-".contains(&byte);
    name.ends_with(EVIDENCE_SUFFIX)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(plain)
}

/// Ends a run: writes `manifest.json` and then `manifest.sha256`, each synced and never replacing.
/// Hosts and files are sorted first. Returns the manifest's digest: kept elsewhere, it anchors
/// everything in the folder. Blocks on the disk.
///
/// # Errors
/// When a host or file is listed twice, a manifest exists already, or the system refuses.
pub fn seal(folder: &Arc<RunFolder>, mut manifest: Manifest) -> Result<Sha256, WriteError> {
    manifest.hosts.sort_by(|a, b| a.name.cmp(&b.name));
    for host in &mut manifest.hosts {
        host.files.sort_by(|a, b| a.name.cmp(&b.name));
    }
    manifest.check().map_err(|error| WriteError::Unwritable {
        file: MANIFEST_FILE.to_owned(),
        what: error.to_string(),
        remedy: "this is a defect: please report it",
    })?;
    let file = Temporary::create(folder, MANIFEST_FILE)?;
    let mut out = Output::new(&file);
    out.with(|mut out| manifest.write(&mut out))?;
    let (_, sha256) = out.end()?;
    commit_alone(file)?;
    let file = Temporary::create(folder, SUMS_FILE)?;
    let mut out = Output::new(&file);
    out.bytes(manifest.sums(sha256).as_bytes())?;
    out.end()?;
    commit_alone(file)?;
    Ok(sha256)
}
