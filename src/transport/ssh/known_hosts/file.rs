//! Reads a file of keys: bounded, never waiting, and with an eye on who else can write it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Largest file of host keys: 64 MiB, over 500,000 hosts.
const BYTES_MAX: u64 = 64 << 20;

/// Write permission of the group and of everybody.
const OTHERS_WRITE: u32 = 0o022;

/// Reads a regular file of bounded size; a pipe or a device is refused, not waited for. With it
/// comes a warning when others can write the file.
pub(super) fn read_bounded(path: &Path) -> io::Result<(Vec<u8>, Option<String>)> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > BYTES_MAX {
        return Err(io::Error::other("it is no regular file of at most 64 MiB"));
    }
    let warning = warning(path, &metadata);
    read(file).map(|content| (content, warning))
}

fn read(file: File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}

/// OpenSSH's client does not look at this. Whoever writes the file decides whom a run trusts, and
/// gives credentials to, so it is said; it is no error, for some teams share a file by its group.
fn warning(path: &Path, metadata: &Metadata) -> Option<String> {
    let shown = path.display();
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != me && metadata.uid() != 0 {
        let owner = metadata.uid();
        return Some(format!("{shown} belongs to user id {owner}, who decides whom to trust"));
    }
    let others = match metadata.mode() & OTHERS_WRITE {
        0 => return None,
        0o020 => "its group",
        _ => "everybody",
    };
    Some(format!("{shown} can be written by {others}; `chmod go-w {shown}` keeps it to its owner"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_others_can_write_comes_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        std::fs::write(&path, "").unwrap();
        for (mode, who) in
            [(0o600, None), (0o644, None), (0o664, Some("its group")), (0o666, Some("everybody"))]
        {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let (_, warning) = read_bounded(&path).unwrap();
            match who {
                None => assert_eq!(warning, None),
                Some(who) => {
                    let warning = warning.unwrap();
                    assert!(warning.contains(&format!("can be written by {who};")), "{warning}");
                }
            }
        }
    }
}
