//! A file of settings: from its path to a [`Layer`], or all its faults.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::table::{CHECK, SETTINGS, code};
use crate::config::{Chosen, Layer, Origin};
use crate::model::text::escape;
use crate::yaml::check::check;
use crate::yaml::defect::{Defect, Defects, quoted};
use crate::yaml::node::{Node, Place};
use crate::yaml::reader::{Limits, read as read_yaml};

/// Write bits of group and others.
const OTHERS_WRITE: u32 = 0o022;

/// Why a file gave no settings: all faults, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} faults in a file of settings", .0.len())]
pub struct FileError(pub Vec<Defect>);

/// Reads a file. `Ok(None)`: there is none, which is fine unless the operator named it
/// (`required`). `home` is what `~/` stands for; `me` the user id whose files are believed, beside
/// those of root.
///
/// # Errors
/// When it cannot be read, when somebody else could have written it (it decides which host keys
/// are trusted), or when its content has faults.
pub fn read(
    path: &Path,
    required: bool,
    home: Option<&Path>,
    me: u32,
) -> Result<Option<Layer>, FileError> {
    let name = path.to_string_lossy();
    let mut defects = Defects::new(&name);
    let content = match content(path, me) {
        Ok(content) => content,
        Err(Unread::Io(error)) if error.kind() == io::ErrorKind::NotFound && !required => {
            return Ok(None);
        }
        Err(unread) => {
            let (message, help) = unread.words(path);
            defects.report(code::UNREADABLE, Place::default(), message, Some(help));
            return Err(FileError(defects.into_list()));
        }
    };
    let layer = read_yaml(&content, Limits::SMALL, &mut defects).map(|tree| {
        check(&tree, &SETTINGS, &CHECK, &mut defects);
        let mut reader = Reader { file: name.as_ref().into(), path, home, defects: &mut defects };
        reader.layer(&tree)
    });
    match layer {
        Some(layer) if defects.is_empty() => Ok(Some(layer)),
        _ => Err(FileError(defects.into_list())),
    }
}

enum Unread {
    Io(io::Error),
    OwnedBy(u32),
    Writable(u32),
}

impl Unread {
    fn words(&self, path: &Path) -> (String, String) {
        let shown = path.display();
        match self {
            Self::Io(error) => (format!("cannot be read: {error}"), "check the path".to_owned()),
            Self::OwnedBy(uid) => (
                format!("belongs to user id {uid}, neither to you nor to root"),
                format!("look at what is in it, then: chown root {shown}"),
            ),
            Self::Writable(mode) => (
                format!("can be changed by others (mode {mode:04o})"),
                format!("look at what is in it, then: chmod go-w {shown}"),
            ),
        }
    }
}

/// The bytes of a file that only its owner can change. Owner and mode are those of the file that
/// was opened, not of a path that may be exchanged in between.
fn content(path: &Path, me: u32) -> Result<Vec<u8>, Unread> {
    use io::Read as _;
    let file = std::fs::File::open(path).map_err(Unread::Io)?;
    let metadata = file.metadata().map_err(Unread::Io)?;
    if metadata.uid() != me && metadata.uid() != 0 {
        return Err(Unread::OwnedBy(metadata.uid()));
    }
    if metadata.mode() & OTHERS_WRITE != 0 {
        return Err(Unread::Writable(metadata.mode() & 0o7777));
    }
    let mut bytes = Vec::new();
    let cap = Limits::SMALL.bytes as u64 + 1;
    file.take(cap).read_to_end(&mut bytes).map_err(Unread::Io)?;
    Ok(bytes)
}

struct Reader<'a> {
    file: Arc<str>,
    path: &'a Path,
    home: Option<&'a Path>,
    defects: &'a mut Defects,
}

impl Reader<'_> {
    fn layer(&mut self, tree: &Node) -> Layer {
        Layer {
            data: self.paths(tree, "data").map(|chosen| Chosen {
                value: chosen.value.into_iter().next().unwrap_or_default(),
                origin: chosen.origin,
            }),
            inventory: self.paths(tree, "inventory"),
            known_hosts: self.paths(tree, "known_hosts"),
            revoked_host_keys: self.paths(tree, "revoked_host_keys"),
            operator: self.operator(tree),
        }
    }

    fn chosen<T>(&self, value: T, node: &Node) -> Chosen<T> {
        Chosen { value, origin: Origin::File(Arc::clone(&self.file), node.place.line) }
    }

    /// One path, or a list of them. `None`: the key is not there, or was refused.
    fn paths(&mut self, tree: &Node, key: &str) -> Option<Chosen<Vec<PathBuf>>> {
        let node = tree.get(key)?;
        let one = std::slice::from_ref(node);
        let items = if node.text().is_some() { one } else { node.items() };
        let paths: Vec<PathBuf> = items.iter().filter_map(|item| self.path(item, key)).collect();
        (!paths.is_empty()).then(|| self.chosen(paths, node))
    }

    fn path(&mut self, node: &Node, key: &str) -> Option<PathBuf> {
        let text = node.text()?;
        if text.is_empty() || text.chars().any(char::is_control) {
            let message = format!("`{key}`: {} is no path", quoted(text));
            let help = Some("name a file or folder".to_owned());
            self.defects.report(code::BAD_VALUE, node.place, message, help);
            return None;
        }
        let Some(rest) = text.strip_prefix("~/") else {
            return Some(self.path.parent().unwrap_or(Path::new("")).join(text));
        };
        if let Some(home) = self.home {
            return Some(home.join(rest));
        }
        let message = format!("`{key}`: {} needs a home, and $HOME is not set", quoted(text));
        let help = Some("write the whole path".to_owned());
        self.defects.report(code::BAD_VALUE, node.place, message, help);
        None
    }

    fn operator(&mut self, tree: &Node) -> Option<Chosen<String>> {
        let node = tree.get("operator")?;
        let text = node.text()?;
        let plain = text.replace('\\', "/");
        let printable = escape(plain.as_bytes()) == plain;
        if printable && (1..=256).contains(&text.chars().count()) && text.trim() == text {
            return Some(self.chosen(text.to_owned(), node));
        }
        let message = format!("`operator` is {}", quoted(text));
        let help = "write 1 to 256 printable characters in one line, no blanks at the ends";
        self.defects.report(code::BAD_VALUE, node.place, message, Some(help.to_owned()));
        None
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn every_value_knows_its_line() {
        let text = "data: /srv/fleet\ninventory:\n  - one.yaml\n  - ~/two\nknown_hosts: keys\noperator: night shift\nrevoked_host_keys: [/etc/revoked]\n";
        let file = file(text, 0o644);
        let layer = read(file.path(), true, Some(Path::new("/home/op")), me()).unwrap().unwrap();
        let name: Arc<str> = file.path().to_string_lossy().as_ref().into();
        let folder = file.path().parent().unwrap();
        let at = |line| Origin::File(Arc::clone(&name), line);
        let expected = Layer {
            data: Some(Chosen { value: "/srv/fleet".into(), origin: at(1) }),
            inventory: Some(Chosen {
                value: vec![folder.join("one.yaml"), "/home/op/two".into()],
                origin: at(3),
            }),
            known_hosts: Some(Chosen { value: vec![folder.join("keys")], origin: at(5) }),
            revoked_host_keys: Some(Chosen { value: vec!["/etc/revoked".into()], origin: at(7) }),
            operator: Some(Chosen { value: "night shift".to_owned(), origin: at(6) }),
        };
        assert_eq!(layer, expected);
    }

    #[test]
    fn all_faults_come_at_once() {
        let file = file("datta: /x\noperator: ' x'\ninventory: [3]\nknown_hosts: ~/x\n", 0o600);
        let FileError(defects) = read(file.path(), true, None, me()).unwrap_err();
        let found: Vec<_> = defects.iter().map(|defect| (defect.code, defect.line)).collect();
        assert_eq!(
            found,
            [
                (code::UNKNOWN_KEY, 1),
                (code::BAD_VALUE, 2),
                (code::WRONG_TYPE, 3),
                (code::BAD_VALUE, 4)
            ]
        );
    }

    #[test]
    fn a_file_that_others_can_change_is_not_believed() {
        let file = file("data: /x\n", 0o664);
        let FileError(defects) = read(file.path(), false, None, me()).unwrap_err();
        let [defect] = defects.as_slice() else { panic!("{defects:?}") };
        assert_eq!(defect.code, code::UNREADABLE);
        assert_eq!(defect.message, "can be changed by others (mode 0664)");
        let stranger = self::file("data: /x\n", 0o600);
        std::os::unix::fs::chown(stranger.path(), Some(12_345), None).unwrap();
        let FileError(defects) = read(stranger.path(), false, None, me()).unwrap_err();
        assert_eq!(
            defects.first().unwrap().message,
            "belongs to user id 12345, neither to you nor to root"
        );
    }

    #[test]
    fn a_missing_file_is_a_fault_only_when_it_was_named() {
        let path = Path::new("/nonexistent/fleetstat.yaml");
        assert_eq!(read(path, false, None, me()), Ok(None));
        assert!(read(path, true, None, me()).is_err());
    }
}
