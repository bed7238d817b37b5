//! Verifies a run's folder, wherever it was copied to: no store, no inventory, no network.
//!
//! What comes in: a folder, and the manifest's digest if it was kept elsewhere. What goes out:
//! every changed, missing, extra or renamed file, and whether the run was changed or merely never
//! finished. Nothing in the folder is trusted; links are not followed.
//!
//! The manifest proves the files, and `manifest.sha256` the manifest. Who can rewrite the folder
//! can rewrite all of them together: only the digest kept elsewhere shows that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

use super::folder::is_temporary;
use super::inspect::{Claim, digest, inspect};
use super::manifest::{FileEntry, MANIFEST_FILE, Manifest, SUMS_FILE, is_evidence_name};
use super::read::EvidenceReader;
use crate::model::digest::Sha256;
use crate::model::host::words;
use crate::model::id::{HostName, RunId};
use crate::model::text::escape;

/// Largest manifest that is read. 100,000 hosts with 20 sections each stay below.
const MANIFEST_BYTES_MAX: u64 = 1 << 30;

words! {
    /// What is wrong with a file.
    FindingKind {
        /// Its bytes are not those of the run.
        Changed = "changed",
        /// The manifest lists it, and it is not there.
        Missing = "missing",
        /// It is there, and the manifest does not list it.
        Extra = "extra",
        /// The manifest's bytes under another name.
        Renamed = "renamed",
        /// A link, folder, pipe or device where only files belong.
        NotAFile = "not_a_file",
        /// The system refused to read it.
        Unreadable = "unreadable",
        /// What an interrupted run left under a temporary name.
        Temporary = "temporary",
        /// Written last, and not there: the run did not reach its end.
        Unfinished = "unfinished",
    }
}

words! {
    /// What a folder proves. Ordered from best to worst.
    Verdict {
        /// Every byte is as the run left it.
        Intact = "intact",
        /// The run did not reach its end; nothing shows that anybody changed it.
        Incomplete = "incomplete",
        /// Something was changed, removed or added after the run.
        Changed = "changed",
    }
}

impl FindingKind {
    /// What a finding of this kind makes of the folder.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Temporary | Self::Unfinished => Verdict::Incomplete,
            Self::Changed
            | Self::Missing
            | Self::Extra
            | Self::Renamed
            | Self::NotAFile
            | Self::Unreadable => Verdict::Changed,
        }
    }
}

/// One thing that is not as the run left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The host whose evidence it concerns. `None` for the manifest and for unknown files.
    pub host: Option<HostName>,
    /// File name, escaped.
    pub file: String,
    /// What is wrong.
    pub kind: FindingKind,
    /// A fragment that says more, printable.
    pub detail: String,
}

/// `HOST: FILE: KIND: DETAIL`.
impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}: ")?;
        }
        write!(f, "{}: {}: {}", self.file, self.kind, self.detail)
    }
}

/// What a folder proves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// The run. `None` when the manifest cannot be read.
    pub run: Option<RunId>,
    /// Digest of `manifest.json` as it is. `None` when it is missing.
    pub manifest: Option<Sha256>,
    /// Evidence files read.
    pub files: u64,
    /// Bytes of evidence read.
    pub bytes: u64,
    /// All that is wrong, sorted by host and file.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// The worst of the findings.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.findings.iter().map(|finding| finding.kind.verdict());
        verdicts.max().unwrap_or(Verdict::Intact)
    }
}

/// Why a folder cannot be verified at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot verify `{folder}`: {source}: name the folder of a run, e.g. evidence/RUN")]
pub struct VerifyError {
    /// The folder.
    pub folder: String,
    /// The system's answer.
    pub source: io::Error,
}

/// Verifies the folder of a run. `expected` is the manifest's digest as [`super::manifest::seal`]
/// returned it. Reads every byte once; blocks on the disk.
///
/// # Errors
/// When the folder cannot be opened or listed. What is wrong inside is a finding.
pub fn verify(folder: &Path, expected: Option<Sha256>) -> Result<VerifyReport, VerifyError> {
    let failed = |source: io::Error| VerifyError { folder: folder.display().to_string(), source };
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(folder, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
    let unlisted = list(&fd).map_err(failed)?;
    let mut check = Check { folder: fd, unlisted, report: VerifyReport::default() };
    match check.manifest(expected) {
        Some(manifest) => check.listed_files(&manifest),
        None => check.files_by_themselves(),
    }
    check.unlisted_files();
    check.report.findings.sort_by(|a, b| (&a.host, &a.file).cmp(&(&b.host, &b.file)));
    Ok(check.report)
}

/// The run that the manifest of a folder names. `None`: there is no manifest that can be read.
#[must_use]
pub fn run_of(folder: &Path) -> Option<RunId> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty()).ok()?;
    let unlisted = list(&folder).ok()?;
    let mut check = Check { folder, unlisted, report: VerifyReport::default() };
    let manifest = Manifest::parse(&check.content(MANIFEST_FILE)?).ok()?;
    Some(manifest.run)
}

/// Names in the folder with their types.
fn list(folder: &OwnedFd) -> io::Result<BTreeMap<Vec<u8>, FileType>> {
    let mut names = BTreeMap::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        names.insert(name.to_bytes().to_vec(), FileType::from_raw_mode(stat.st_mode));
    }
    Ok(names)
}

struct Check {
    folder: OwnedFd,
    /// What the folder holds and nothing has accounted for yet.
    unlisted: BTreeMap<Vec<u8>, FileType>,
    report: VerifyReport,
}

impl Check {
    fn find(
        &mut self,
        host: Option<&HostName>,
        file: &str,
        kind: FindingKind,
        detail: impl Into<String>,
    ) {
        let (host, file, detail) = (host.cloned(), escape(file.as_bytes()), detail.into());
        self.report.findings.push(Finding { host, file, kind, detail });
    }

    /// Opens a file by its name, and strikes it off. `None`: it is not there, or was reported.
    fn open(&mut self, host: Option<&HostName>, name: &str) -> Option<File> {
        let kind = self.unlisted.remove(name.as_bytes())?;
        if kind != FileType::RegularFile {
            self.find(host, name, FindingKind::NotAFile, format!("is a {}", type_word(kind)));
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::openat(&self.folder, name, flags, Mode::empty()) {
            Ok(file) => Some(file.into()),
            Err(errno) => {
                let detail = format!("cannot be opened: {}", io::Error::from(errno));
                self.find(host, name, FindingKind::Unreadable, detail);
                None
            }
        }
    }

    fn content(&mut self, name: &str) -> Option<Vec<u8>> {
        let file = self.open(None, name)?;
        let mut bytes = Vec::new();
        match file.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes) {
            Ok(_) => Some(bytes),
            Err(error) => {
                let detail = format!("cannot be read: {error}");
                self.find(None, name, FindingKind::Unreadable, detail);
                None
            }
        }
    }

    /// Reads the manifest and compares it with its digests.
    fn manifest(&mut self, expected: Option<Sha256>) -> Option<Manifest> {
        let present = |check: &Self, name: &str| check.unlisted.contains_key(name.as_bytes());
        let (has_manifest, has_sums) = (present(self, MANIFEST_FILE), present(self, SUMS_FILE));
        if !has_manifest && (has_sums || expected.is_some()) {
            let detail = "was there once: restore it from a copy";
            self.find(None, MANIFEST_FILE, FindingKind::Missing, detail);
        } else if !has_manifest {
            let detail =
                "is missing: the run was interrupted; run again for the hosts that are missing";
            self.find(None, MANIFEST_FILE, FindingKind::Unfinished, detail);
        }
        let sums = self.content(SUMS_FILE);
        let bytes = self.content(MANIFEST_FILE)?;
        let sha256 = Sha256::of(&bytes);
        self.report.manifest = Some(sha256);
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            let detail = format!("has digest {sha256}, expected {expected}");
            self.find(None, MANIFEST_FILE, FindingKind::Changed, detail);
        }
        let manifest = match Manifest::parse(&bytes) {
            Ok(manifest) => manifest,
            Err(error) => {
                self.find(None, MANIFEST_FILE, FindingKind::Changed, error.to_string());
                return None;
            }
        };
        self.report.run = Some(manifest.run.clone());
        self.sums(sums.as_deref(), has_sums, &manifest.sums(sha256));
        Some(manifest)
    }

    fn sums(&mut self, sums: Option<&[u8]>, present: bool, right: &str) {
        let Some(sums) = sums else {
            if !present {
                let detail = "is missing: the run was interrupted, or somebody removed it";
                self.find(None, SUMS_FILE, FindingKind::Unfinished, detail);
            }
            return;
        };
        if sums == right.as_bytes() {
            return;
        }
        let line = |at: usize| sums.split(|byte| *byte == b'\n').nth(at).unwrap_or_default();
        let at = right.split('\n').enumerate().find(|(at, text)| line(*at) != text.as_bytes());
        let (at, text) = at.unwrap_or((right.lines().count(), ""));
        let file = text.split("  ").nth(1).unwrap_or("the end of the list");
        let detail = format!("line {} ({file}) does not agree with {MANIFEST_FILE}", at + 1);
        self.find(None, SUMS_FILE, FindingKind::Changed, detail);
    }

    fn listed_files(&mut self, manifest: &Manifest) {
        let mut missing = Vec::new();
        for (host, file) in manifest.files() {
            let present = self.unlisted.contains_key(file.name.as_bytes());
            match self.open(Some(host), &file.name) {
                Some(opened) => self.listed_file(opened, Claim { run: &manifest.run, host, file }),
                None if present => {}
                None => missing.push((host, file)),
            }
        }
        self.missing_files(&missing);
    }

    fn listed_file(&mut self, opened: File, claim: Claim<'_>) {
        self.count(&opened);
        let (host, name) = (Some(claim.host), &claim.file.name);
        match inspect(opened, claim) {
            Ok(problems) if problems.is_empty() => {}
            Ok(problems) => self.find(host, name, FindingKind::Changed, problems.join("; ")),
            Err(error) => {
                let detail = format!("cannot be read: {error}");
                self.find(host, name, FindingKind::Unreadable, detail);
            }
        }
    }

    fn count(&mut self, file: &File) {
        self.report.files += 1;
        self.report.bytes += file.metadata().map_or(0, |metadata| metadata.len());
    }

    /// A missing file may be there under another name.
    fn missing_files(&mut self, missing: &[(&HostName, &FileEntry)]) {
        let sizes: BTreeSet<u64> = missing.iter().map(|(_, file)| file.bytes).collect();
        let mut strays: Vec<(Sha256, Vec<u8>)> = Vec::new();
        for (name, kind) in &self.unlisted {
            let stray = (*kind == FileType::RegularFile).then(|| self.stray(name, &sizes));
            strays.extend(stray.flatten().map(|sha256| (sha256, name.clone())));
        }
        for (host, file) in missing {
            let stray = strays.iter().position(|(sha256, _)| *sha256 == file.sha256);
            if let Some((_, name)) = stray.map(|at| strays.swap_remove(at)) {
                self.unlisted.remove(&name);
                let detail = format!("is called `{}` now", escape(&name));
                self.find(Some(host), &file.name, FindingKind::Renamed, detail);
            } else {
                let detail = "the manifest lists it: restore it from a copy";
                self.find(Some(host), &file.name, FindingKind::Missing, detail);
            }
        }
    }

    /// Digest of an unlisted file that has the size of a missing one.
    fn stray(&self, name: &[u8], sizes: &BTreeSet<u64>) -> Option<Sha256> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        // A file that cannot be read is reported as extra.
        let file: File = rustix::fs::openat(&self.folder, name, flags, Mode::empty()).ok()?.into();
        if !sizes.contains(&file.metadata().ok()?.len()) {
            return None;
        }
        digest(&file).ok()
    }

    /// Without a manifest each file still states its own digests.
    fn files_by_themselves(&mut self) {
        let names: Vec<String> = self
            .unlisted
            .keys()
            .filter_map(|name| String::from_utf8(name.clone()).ok())
            .filter(|name| is_evidence_name(name))
            .collect();
        for name in names {
            let Some(file) = self.open(None, &name) else { continue };
            self.count(&file);
            let reader = EvidenceReader::from_file(name.clone(), file);
            let host = reader.as_ref().ok().map(|reader| reader.header().asset.name.clone());
            if let Err(error) = reader.and_then(|reader| reader.check_streams()) {
                self.find(host.as_ref(), &name, FindingKind::Changed, error.to_string());
            }
        }
    }

    fn unlisted_files(&mut self) {
        for (name, kind) in std::mem::take(&mut self.unlisted) {
            let name = String::from_utf8_lossy(&name).into_owned();
            let (kind, detail) = match kind {
                FileType::RegularFile if is_temporary(&name) => (
                    FindingKind::Temporary,
                    "an interrupted run left it: it proves nothing".to_owned(),
                ),
                FileType::RegularFile => {
                    (FindingKind::Extra, "the run did not write it: move it elsewhere".to_owned())
                }
                kind => (FindingKind::NotAFile, format!("is a {}", type_word(kind))),
            };
            self.find(None, &name, kind, detail);
        }
    }
}

const fn type_word(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "folder",
        FileType::Symlink => "symbolic link",
        FileType::Fifo => "named pipe",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        FileType::Unknown => "file of unknown type",
    }
}
