//! The folder of a run: made once, checked, and reached only through its open descriptor.
//!
//! What comes in: the evidence root and a run's id. What goes out: a folder that belongs to this
//! account, mode 0750, in which names are opened without following links. It knows nothing of
//! what the files hold.

use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags};

use super::spool::SpoolSettings;
use crate::model::id::RunId;

/// Mode of evidence folders: the operator's account writes, its group reads.
pub const FOLDER_MODE: u32 = 0o750;

/// Start and end of the name of a file that is not committed yet.
const TEMPORARY: (&str, &str) = (".", ".partial");

/// Why an evidence folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Everybody may write in it, so anybody could add, rename or remove evidence.
    #[error("evidence folder `{0}` is writable by everybody: run `chmod o-w '{0}'`")]
    WorldWritable(String),
    /// It belongs to another account, which could change what we write.
    #[error(
        "evidence folder `{folder}` belongs to uid {owner}, not to uid {own} that runs fleetstat: \
         run `chown {own} '{folder}'` or name another folder"
    )]
    Foreign {
        /// The folder.
        folder: String,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        own: u32,
    },
    /// The run has its folder already; a run never writes into an old one unasked.
    #[error("evidence folder `{0}` exists already: a run's folder is made once; start a new run")]
    Exists(String),
    /// The system refused.
    #[error("evidence folder `{folder}`: cannot {doing}: {source}: {}", remedy(.source))]
    Io {
        /// The folder.
        folder: String,
        /// What was tried, e.g. `create it`.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

/// What the operator can do about a system error while evidence is written.
pub(super) fn remedy(error: &io::Error) -> &'static str {
    use rustix::io::Errno;
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC) => {
            "free space or inodes (`df -h .; df -i .` there), then run again for the hosts named"
        }
        Some(Errno::DQUOT) => "raise the account's disk quota, then run again for the hosts named",
        Some(Errno::IO) => "check the disk (`dmesg`) before you trust this file system again",
        Some(Errno::ROFS) => "the file system is read-only: see `dmesg`, or name another folder",
        Some(Errno::ACCESS | Errno::PERM) => {
            "give this account write access, or name another folder"
        }
        Some(Errno::NOTDIR | Errno::LOOP) => "name a real folder, not a file or link",
        Some(Errno::MFILE | Errno::NFILE) => "raise `ulimit -n`, or lower the run's width",
        Some(Errno::NAMETOOLONG) => "shorten the host's name or role in the inventory",
        _ => "see the system's message",
    }
}

/// The folder of one run, held open.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    folder: OwnedFd,
}

impl RunFolder {
    /// Makes the folder `root/RUN`, mode 0750 whatever the umask is. `root` is made if missing.
    ///
    /// # Errors
    /// When the root is writable by everybody or foreign, the run's folder exists, or the system
    /// refuses.
    pub fn create(root: &Path, run: &RunId) -> Result<Self, FolderError> {
        let made = make_root(root)?;
        let root_fd = open_folder(root, OFlags::empty())?;
        if made {
            set_mode(&root_fd, root)?;
        }
        check(&root_fd, root)?;
        let path = root.join(run.as_str());
        let failed = |doing| move |errno| failed(&path_text(root, run), doing, errno);
        match rustix::fs::mkdirat(&root_fd, run.as_str(), Mode::from_raw_mode(FOLDER_MODE)) {
            Err(rustix::io::Errno::EXIST) => {
                return Err(FolderError::Exists(path.display().to_string()));
            }
            result => result.map_err(failed("create it"))?,
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&root_fd, run.as_str(), flags, Mode::empty())
            .map_err(failed("open it"))?;
        set_mode(&folder, &path)?;
        check(&folder, &path)?;
        // Without this the folder itself could be gone after a power cut.
        rustix::fs::fsync(&root_fd).map_err(failed("sync it"))?;
        Ok(Self { path, folder })
    }

    /// Opens the folder of an earlier run, to go on with it.
    ///
    /// # Errors
    /// When it is missing, a link, writable by everybody, or foreign.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let folder = open_folder(path, OFlags::NOFOLLOW)?;
        check(&folder, path)?;
        Ok(Self { path: path.to_owned(), folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Settings for spools that keep at most `cap` bytes of a stream, in this folder.
    #[must_use]
    pub fn spool(&self, cap: u64) -> SpoolSettings {
        SpoolSettings::new(self.path.clone(), cap)
    }

    /// Keeps room for the manifest until the result is dropped, so that a disk that evidence has
    /// filled still takes the list of what is there and what is not. `None` on a file system that
    /// cannot do that.
    ///
    /// # Errors
    /// When there is not that much room now: better before the first host than after it.
    pub fn keep_room(&self, bytes: u64) -> Result<Option<Room>, FolderError> {
        use rustix::io::Errno;
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::openat(&self.folder, ".", flags, Mode::RUSR | Mode::WUSR) else {
            return Ok(None);
        };
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => Ok(Some(Room(file))),
            Err(errno @ (Errno::NOSPC | Errno::DQUOT)) => {
                Err(failed(&self.path, "keep room for the manifest in it", errno))
            }
            Err(_) => Ok(None),
        }
    }

    /// Removes what an interrupted run left under temporary names, and returns these names,
    /// sorted. Only for the one process that goes on with the run.
    ///
    /// # Errors
    /// When the folder cannot be read or a name not be removed.
    pub fn sweep_temporary(&self) -> Result<Vec<String>, FolderError> {
        let failed = |doing| move |errno| failed(&self.path, doing, errno);
        let mut swept = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.folder).map_err(failed("read it"))? {
            let entry = entry.map_err(failed("read it"))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_temporary(&name) {
                rustix::fs::unlinkat(&self.folder, name.as_str(), AtFlags::empty())
                    .map_err(failed("remove a temporary file from it"))?;
                swept.push(name);
            }
        }
        swept.sort();
        Ok(swept)
    }
}

/// Room on a disk: a file without a name, which goes when this is dropped.
#[derive(Debug)]
pub struct Room(#[expect(dead_code, reason = "held for its space alone")] OwnedFd);

impl AsFd for RunFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

/// The temporary name of a file: hidden, and never mistaken for evidence.
pub(super) fn temporary(name: &str) -> String {
    format!("{}{name}{}", TEMPORARY.0, TEMPORARY.1)
}

/// True for our own temporary names, and for those of spools on file systems without unnamed
/// temporary files (`.tmp` and six letters or digits).
pub(super) fn is_temporary(name: &str) -> bool {
    let ours = name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1);
    let spool = name.strip_prefix(".tmp").is_some_and(|rest| {
        rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    ours || spool
}

/// True when the root had to be made.
fn make_root(root: &Path) -> Result<bool, FolderError> {
    if root.is_dir() {
        return Ok(false);
    }
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(root).map_err(|source| {
        FolderError::Io { folder: root.display().to_string(), doing: "create it", source }
    })?;
    Ok(true)
}

fn open_folder(path: &Path, extra: OFlags) -> Result<OwnedFd, FolderError> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY | extra;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| failed(path, "open it", errno))
}

fn set_mode(folder: &OwnedFd, path: &Path) -> Result<(), FolderError> {
    rustix::fs::fchmod(folder, Mode::from_raw_mode(FOLDER_MODE))
        .map_err(|errno| failed(path, "set its mode to 0750", errno))
}

fn check(folder: &OwnedFd, path: &Path) -> Result<(), FolderError> {
    let stat = rustix::fs::fstat(folder).map_err(|errno| failed(path, "look at it", errno))?;
    let own = rustix::process::geteuid().as_raw();
    let shown = path.display().to_string();
    if Mode::from_raw_mode(stat.st_mode).contains(Mode::WOTH) {
        return Err(FolderError::WorldWritable(shown));
    }
    // Root may do everything anyway, so a folder of root's is no less safe.
    if stat.st_uid != own && stat.st_uid != 0 {
        return Err(FolderError::Foreign { folder: shown, owner: stat.st_uid, own });
    }
    Ok(())
}

fn path_text(root: &Path, run: &RunId) -> PathBuf {
    root.join(run.as_str())
}

fn failed(path: &Path, doing: &'static str, errno: rustix::io::Errno) -> FolderError {
    FolderError::Io { folder: path.display().to_string(), doing, source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_told_from_evidence() {
        let name = "web-1-web-20261124T014200Z-netstat.txt";
        assert!(is_temporary(&temporary(name)));
        assert!(is_temporary(".tmpAb3xYz"));
        for other in [name, "manifest.json", ".tmp", ".tmpAb3xY/", ".hidden", "x.partial"] {
            assert!(!is_temporary(other), "{other}");
        }
    }
}
