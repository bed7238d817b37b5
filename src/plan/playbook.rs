//! A playbook: the purpose of a run, whom it asks, what, and within which limits.
//!
//! YAML text comes in, a checked [`Playbook`] or all faults of the file come out. It names views,
//! never commands: which commands answer a view is the command standard's business.
//!
//! ```yaml
//! name: nightly-snapshot
//! purpose: routine
//! select: "environment=prod & !tag=lab"
//! views: [listeners, sessions, interfaces, routes, host]
//! profile: default
//! limits: {width: 64, starts_per_second: 50, output_bytes: 256MiB}
//! deadlines: {command: 60s, host: 3m}
//! operator: network operations
//! change: CHG-2026-0815
//! ```

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::inventory::limit as edge;
use crate::inventory::selector::Selector;
use crate::model::deadline::{Deadlines, OUTPUT_BYTES_MAX};
use crate::model::digest::Sha256;
use crate::model::edge::{EdgeKind, EdgeLimit};
use crate::model::host::words;
use crate::model::id::Label;
use crate::model::snapshot::View;
use crate::plan::wave::{CANARY, MAX_FAIL_PERCENTAGE, SHARES, Waves};
use crate::probe::Profile;
use crate::yaml::check::check;
use crate::yaml::defect::{Defect, Defects, quoted};
use crate::yaml::node::{Node, Place};
use crate::yaml::quantity;
use crate::yaml::reader::{Limits as FileLimits, read};

pub mod origin;
pub mod table;
use table::{CHECK, OUTPUT_BYTES_MIN, PLAYBOOK, code};

words! {
    /// Why a run is made. Goes into every evidence file.
    Purpose {
        /// The regular collection.
        Routine = "routine",
        /// Proof for an auditor.
        Audit = "audit",
        /// Something is happening now.
        Incident = "incident",
    }
}

/// A checked playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbook {
    /// Its name, as runs list it.
    pub name: Label,
    /// Why.
    pub purpose: Purpose,
    /// What for, one line. `None`: not said.
    pub description: Option<String>,
    /// Which hosts. `None`: all of the inventory.
    pub select: Option<Selector>,
    /// What to ask, in the order of [`View::ALL`], each once, at least one.
    pub views: Vec<View>,
    /// How much is asked for each of them. Default: [`Profile::Default`].
    pub profile: Profile,
    /// Whether to look into other network namespaces, such as containers'. Default: true.
    pub containers: bool,
    /// How much at once.
    pub limits: Limits,
    /// A few hosts first. `None`: all may start at once.
    pub waves: Option<Waves>,
    /// How long.
    pub deadlines: Deadlines,
    /// Who answers for the run, one line. `None`: the account that starts it.
    pub operator: Option<String>,
    /// Change or ticket reference, one line.
    pub change: Option<String>,
    /// Files of site probes, as the tool can open them: a relative one is relative to the
    /// playbook's folder.
    pub site_probes: Vec<PathBuf>,
    /// Digest of the playbook file.
    pub digest: Sha256,
}

/// How much a run may do at once.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// Hosts visited at the same time: 1 to 4,096.
    pub width: usize,
    /// Visits started in one second: 1 to 10,000.
    pub starts_per_second: u32,
    /// Bytes of output kept for each command, at most [`OUTPUT_BYTES_MAX`].
    pub output_bytes: u64,
    /// Limits for each edge of a kind.
    pub each: BTreeMap<EdgeKind, EdgeLimit>,
}

/// Most visits at once through one jump host, where nothing else is said: neighbours behind one
/// connection wait for each other.
const JUMP_WIDTH: NonZeroU32 = NonZeroU32::new(32).unwrap();

impl Default for Limits {
    fn default() -> Self {
        let jump = EdgeLimit { width: Some(JUMP_WIDTH), ..EdgeLimit::default() };
        let each = BTreeMap::from([(EdgeKind::Jump, jump)]);
        Self { width: 64, starts_per_second: 50, output_bytes: OUTPUT_BYTES_MAX, each }
    }
}

/// The JSON Schema of a playbook, draft 2020-12.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    crate::yaml::schema::json_schema(&PLAYBOOK)
}

impl Playbook {
    /// Reads a playbook. `file` is its path: it names the file in messages, and relative paths in
    /// it are relative to its folder.
    ///
    /// # Errors
    /// All faults of the file, in the order of its lines.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Defect>> {
        let mut defects = Defects::new(file);
        let playbook = read(text.as_bytes(), FileLimits::SMALL, &mut defects).and_then(|tree| {
            check(&tree, &PLAYBOOK, &CHECK, &mut defects);
            let mut reader = Reader { tree: &tree, defects: &mut defects };
            reader.playbook(file, Sha256::of(text.as_bytes()))
        });
        match playbook {
            Some(playbook) if defects.is_empty() => Ok(playbook),
            _ => Err(defects.into_list()),
        }
    }
}

impl Playbook {
    /// The files of site probes that a playbook names, also when it has faults, so that theirs can
    /// be shown with its own. Empty when it is no YAML.
    #[must_use]
    pub fn site_probe_files(file: &str, text: &str) -> Vec<PathBuf> {
        let mut defects = Defects::new(file);
        let tree = read(text.as_bytes(), FileLimits::SMALL, &mut defects);
        let files = tree.map(|tree| {
            let mut reader = Reader { tree: &tree, defects: &mut defects };
            reader.site_probes(file)
        });
        files.unwrap_or_default()
    }
}

struct Reader<'a> {
    tree: &'a Node,
    defects: &'a mut Defects,
}

impl Reader<'_> {
    /// `None`: a required value is missing or was refused, which is reported.
    fn playbook(&mut self, file: &str, digest: Sha256) -> Option<Playbook> {
        let name = self.name();
        let purpose = self.tree.get("purpose").and_then(Node::text).and_then(Purpose::parse);
        let description = self.line("description");
        let select = self.select();
        let views = self.views();
        let containers = self.tree.get("containers").and_then(Node::flag).unwrap_or(true);
        // A word that is none is reported by the table's check.
        let profile = self.tree.get("profile").and_then(Node::text).and_then(Profile::parse);
        let limits = self.limits();
        let waves = self.waves();
        let deadlines = self.deadlines();
        let (operator, change) = (self.line("operator"), self.line("change"));
        let site_probes = self.site_probes(file);
        Some(Playbook {
            name: name?,
            purpose: purpose?,
            description,
            select,
            views,
            profile: profile.unwrap_or(Profile::Default),
            containers,
            limits,
            waves,
            deadlines,
            operator,
            change,
            site_probes,
            digest,
        })
    }

    fn refuse(&mut self, place: Place, message: String, help: &str) {
        self.defects.report(code::BAD_VALUE, place, message, Some(help.to_owned()));
    }

    fn name(&mut self) -> Option<Label> {
        let node = self.tree.get("name")?;
        match Label::new("playbook name", node.text()?) {
            Ok(name) => Some(name),
            Err(error) => {
                let help = "use 1 to 63 letters, digits, `.`, `_` or `-`";
                self.refuse(node.place, error.to_string(), help);
                None
            }
        }
    }

    fn line(&mut self, key: &str) -> Option<String> {
        let node = self.tree.get(key)?;
        let text = node.text()?;
        let plain = text.replace('\\', "/");
        let printable = crate::model::text::escape(plain.as_bytes()) == plain;
        if printable && (1..=256).contains(&text.chars().count()) && text.trim() == text {
            return Some(text.to_owned());
        }
        let message = format!("`{key}` is {}", quoted(text));
        let help = "write 1 to 256 printable characters in one line, no blanks at the ends";
        self.refuse(node.place, message, help);
        None
    }

    fn select(&mut self) -> Option<Selector> {
        let node = self.tree.get("select")?;
        match Selector::parse(node.text()?) {
            Ok(selector) => Some(selector),
            Err(error) => {
                let message = format!("`select`, character {}: {}", error.column, error.message);
                self.defects.report(code::SELECTOR, node.place, message, error.help);
                None
            }
        }
    }

    fn views(&mut self) -> Vec<View> {
        let items = self.tree.get("views").map(Node::items).unwrap_or_default();
        let mut views = Vec::new();
        for item in items {
            let Some(view) = item.text().and_then(View::parse) else { continue };
            if views.contains(&view) {
                let message = format!("the view `{view}` is here twice");
                self.refuse(item.place, message, "keep one");
            }
            views.push(view);
        }
        self.something_to_ask(&views);
        views.sort();
        views.dedup();
        views
    }

    /// No view at all is fine only where the site's own questions are asked.
    fn something_to_ask(&mut self, views: &[View]) {
        let site = self.tree.get("site_probes").map(Node::items).unwrap_or_default();
        if let Some(node) = self.tree.get("views")
            && views.is_empty()
            && node.items().is_empty()
            && site.is_empty()
        {
            let message = "`views` of the playbook is empty, and there are no `site_probes`";
            self.refuse(node.place, message.to_owned(), "name at least one view");
        }
    }

    fn limits(&mut self) -> Limits {
        let mut limits = Limits::default();
        let Some(node) = self.tree.get("limits") else { return limits };
        // Out of range is reported by the table's check; the default stands in meanwhile.
        let number = |key| node.get(key).and_then(Node::integer);
        if let Some(width) = number("width").and_then(|n| usize::try_from(n).ok()) {
            limits.width = width;
        }
        if let Some(rate) = number("starts_per_second").and_then(|n| u32::try_from(n).ok()) {
            limits.starts_per_second = rate;
        }
        if let Some((size, text)) = node.get("output_bytes").and_then(|n| Some((n, n.text()?))) {
            match quantity::bytes(text) {
                Ok(bytes) if (OUTPUT_BYTES_MIN..=OUTPUT_BYTES_MAX).contains(&bytes) => {
                    limits.output_bytes = bytes;
                }
                Ok(_) => {
                    let message = format!("`output_bytes` is {}", quoted(text));
                    self.refuse(size.place, message, "write 64KiB to 256MiB");
                }
                Err(expected) => {
                    let message = format!("`output_bytes` is {}", quoted(text));
                    self.refuse(size.place, message, &expected);
                }
            }
        }
        let each = node.get("each").map(Node::entries).unwrap_or_default();
        for entry in each {
            let Some(kind) = EdgeKind::parse(&entry.key) else { continue };
            limits.each.insert(kind, edge::limit(&entry.value));
        }
        limits
    }

    fn waves(&self) -> Option<Waves> {
        let node = self.tree.get("waves")?;
        // Out of range is reported by the table's check; the default stands in meanwhile.
        let number = |key: &str, default: u8| {
            let number = node.get(key).and_then(Node::integer);
            number.and_then(|n| u8::try_from(n).ok()).unwrap_or(default)
        };
        let shares = match node.get("shares") {
            None => SHARES.to_vec(),
            Some(list) => {
                let numbers = list.items().iter().filter_map(Node::integer);
                numbers.filter_map(|n| u8::try_from(n).ok()).collect()
            }
        };
        Some(Waves {
            canary: u32::from(number("canary", CANARY)),
            shares,
            max_fail_percentage: number("max_fail_percentage", MAX_FAIL_PERCENTAGE),
        })
    }

    fn deadlines(&mut self) -> Deadlines {
        let short = (Duration::from_millis(100), Duration::from_mins(2));
        let silent = (Duration::from_secs(1), Duration::from_mins(30));
        let base = Deadlines::default();
        let connect = self.deadline("connect", short, base.connect);
        let banner = self.deadline("banner", short, base.banner);
        let key_exchange = self.deadline("key_exchange", short, base.key_exchange);
        let authenticate = self.deadline("authenticate", short, base.authenticate);
        let channel = self.deadline("channel", short, base.channel);
        // A host ends a command itself 5 s before this deadline, so it must leave room.
        let range = (Duration::from_secs(10), Duration::from_hours(1));
        let command = self.deadline("command", range, base.command);
        let range = (Duration::from_secs(10), Duration::from_hours(4));
        let host = self.deadline("host", range, base.host);
        // A default never contradicts a command deadline that was set.
        let first_byte = self.deadline("first_byte", silent, base.first_byte.min(command));
        let idle = self.deadline("idle", silent, base.idle.min(command));
        self.ordered(("first_byte", first_byte), ("command", command));
        self.ordered(("idle", idle), ("command", command));
        self.ordered(("command", command), ("host", host));
        Deadlines {
            connect,
            banner,
            key_exchange,
            authenticate,
            channel,
            first_byte,
            idle,
            command,
            host,
        }
    }

    fn deadline(
        &mut self,
        key: &str,
        (least, most): (Duration, Duration),
        default: Duration,
    ) -> Duration {
        let node = self.tree.get("deadlines").and_then(|deadlines| deadlines.get(key));
        let Some((place, text)) = node.and_then(|node| Some((node.place, node.text()?))) else {
            return default;
        };
        let message = format!("deadline `{key}` is {}", quoted(text));
        match quantity::duration(text) {
            Ok(duration) if (least..=most).contains(&duration) => return duration,
            Ok(_) => {
                let (least, most) = (quantity::duration_text(least), quantity::duration_text(most));
                self.refuse(place, message, &format!("write {least} to {most}"));
            }
            Err(expected) => self.refuse(place, message, &expected),
        }
        default
    }

    /// Reports when the first is longer than the second; the place is that of a key which is set.
    fn ordered(&mut self, (inner, short): (&str, Duration), (outer, long): (&str, Duration)) {
        if short <= long {
            return;
        }
        let deadlines = self.tree.get("deadlines");
        let place = |key| deadlines.and_then(|node| node.get(key)).map(|node| node.place);
        let note = |key| if place(key).is_none() { " by default" } else { "" };
        let message = format!(
            "deadline `{inner}` is {}{}, longer than `{outer}`, which is {}{}",
            quantity::duration_text(short),
            note(inner),
            quantity::duration_text(long),
            note(outer)
        );
        let help = format!("set `{outer}` to {} or more", quantity::duration_text(short));
        let place = place(inner).or_else(|| place(outer)).unwrap_or_default();
        self.defects.report(code::DEADLINES, place, message, Some(help));
    }

    fn site_probes(&mut self, file: &str) -> Vec<PathBuf> {
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        let items = self.tree.get("site_probes").map(Node::items).unwrap_or_default();
        let mut paths = Vec::new();
        for item in items {
            let Some(text) = item.text() else { continue };
            let path = folder.join(text);
            if text.is_empty() || text.chars().any(char::is_control) {
                self.refuse(item.place, format!("{} is no path", quoted(text)), "name a YAML file");
            } else if paths.contains(&path) {
                self.refuse(item.place, format!("{} is here twice", quoted(text)), "keep one");
            } else {
                paths.push(path);
            }
        }
        paths
    }
}
