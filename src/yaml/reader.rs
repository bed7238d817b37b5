//! Bytes to a [`Node`] tree, on the events of `saphyr-parser`.
//!
//! Hostile input costs what its size allows and no more: size, depth, number of values and alias
//! expansion are capped before the memory is taken. A fault of syntax ends the reading, because
//! what follows it cannot be placed; every other fault is reported and reading goes on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use crate::yaml::defect::{Defects, quoted};
use crate::yaml::merge;
use crate::yaml::node::{Entry, Node, Place, Scalar, Value};

/// Stable codes of the reader's defects.
pub mod code {
    /// Not UTF-8.
    pub const ENCODING: &str = "FS-YAML-001";
    /// Over the size cap.
    pub const TOO_LARGE: &str = "FS-YAML-002";
    /// A control or direction-changing character.
    pub const CHARACTER: &str = "FS-YAML-003";
    /// Not YAML.
    pub const SYNTAX: &str = "FS-YAML-004";
    /// No value at all.
    pub const EMPTY: &str = "FS-YAML-005";
    /// More than one document.
    pub const SECOND_DOCUMENT: &str = "FS-YAML-006";
    /// Over the depth cap.
    pub const TOO_DEEP: &str = "FS-YAML-007";
    /// Over the cap on values.
    pub const TOO_MANY: &str = "FS-YAML-008";
    /// Aliases expand to too much.
    pub const ALIAS_BUDGET: &str = "FS-YAML-009";
    /// An alias inside its own anchor.
    pub const ALIAS_LOOP: &str = "FS-YAML-010";
    /// The same key twice.
    pub const DUPLICATE_KEY: &str = "FS-YAML-011";
    /// A key that is no scalar.
    pub const COMPLEX_KEY: &str = "FS-YAML-012";
    /// `<<`.
    pub const MERGE_KEY: &str = "FS-YAML-013";
    /// `!tag`.
    pub const TAG: &str = "FS-YAML-014";
}

/// What a file may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of the file.
    pub bytes: usize,
    /// Most values in the file, aliases not expanded.
    pub nodes: usize,
    /// Most mappings and lists inside each other.
    pub depth: usize,
    /// Most values that aliases and anchors may add as copies.
    pub copies: usize,
}

impl Limits {
    /// For files a person writes: playbooks, site probes.
    pub const SMALL: Self = Self { bytes: 1 << 20, nodes: 100_000, depth: 32, copies: 10_000 };
    /// For inventories, which programs write: 100,000 hosts with every key are about 40 MB.
    pub const LARGE: Self = Self { bytes: 128 << 20, nodes: 8_000_000, depth: 32, copies: 100_000 };
}

/// Reads one file. `None` when there is no tree to speak of; then at least one defect was
/// reported. With `Some`, defects may have been reported as well.
#[must_use]
pub fn read(bytes: &[u8], limits: Limits, defects: &mut Defects) -> Option<Node> {
    let text = text(bytes, limits, defects)?;
    let root = tree(text, limits, None, defects)?.0.filter(|root| !root.is_null());
    if root.is_none() {
        let help = "an inventory needs `hosts:`, a playbook `name:` and `views:`".to_owned();
        defects.report(code::EMPTY, Place::default(), "the file is empty", Some(help));
    }
    root
}

/// A file of another program, which follows that program's habits.
#[derive(Debug)]
pub struct Foreign {
    /// The tree. `None`: the file is empty.
    pub root: Option<Node>,
    /// Places of the values that `!vault` seals.
    pub sealed: HashSet<Place>,
}

/// Reads a file as Ansible reads its own: merge keys are carried out, the last of several equal
/// keys counts, `!vault` and `!unsafe` are known, `!!str` makes text. Nothing else is let through,
/// and the caps are the same. `None`: there is no tree to speak of, and a defect says why.
#[must_use]
pub fn read_foreign(bytes: &[u8], limits: Limits, defects: &mut Defects) -> Option<Foreign> {
    let text = decoded(bytes, limits, defects)?;
    let (root, sealed) = tree(text, limits, Some(HashSet::new()), defects)?;
    Some(Foreign { root, sealed: sealed.unwrap_or_default() })
}

/// A tree, and the sealed places when those are looked for.
type Read = (Option<Node>, Option<HashSet<Place>>);

fn tree(
    text: &str,
    limits: Limits,
    sealed: Option<HashSet<Place>>,
    defects: &mut Defects,
) -> Option<Read> {
    let mut builder = Builder {
        sealed,
        defects,
        limits,
        nodes: 0,
        copies: 0,
        stack: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        documents: 0,
        words: Words::default(),
    };
    let mut parser = Parser::new_from_iter(text.chars());
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.event(event, place(span.start)).ok()?,
            Err(error) => {
                syntax(&error, text, builder.defects);
                return None;
            }
        }
    }
    Some((builder.root, builder.sealed))
}

/// Checks size and encoding; leaves out a byte-order mark.
fn decoded<'a>(bytes: &'a [u8], limits: Limits, defects: &mut Defects) -> Option<&'a str> {
    if bytes.len() > limits.bytes {
        let message = format!("the file has more than {} bytes", limits.bytes);
        let help = "split it: several files are read as one".to_owned();
        defects.report(code::TOO_LARGE, Place::default(), message, Some(help));
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let (valid, _) = bytes.split_at(error.valid_up_to());
            let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
            let message = if wide { "the file is UTF-16" } else { "a byte is not UTF-8" };
            let help = "save the file as UTF-8".to_owned();
            let place = place_after(&String::from_utf8_lossy(valid));
            defects.report(code::ENCODING, place, message, Some(help));
            None
        }
    }
}

/// Checks size, encoding and characters.
fn text<'a>(bytes: &'a [u8], limits: Limits, defects: &mut Defects) -> Option<&'a str> {
    let text = decoded(bytes, limits, defects)?;
    let Some((index, bad)) = text.char_indices().find(|(_, c)| forbidden(*c)) else {
        return Some(text);
    };
    let place = place_after(text.get(..index).unwrap_or_default());
    let shown = quoted(&bad.to_string());
    let message = format!("the character {shown} must not stand in a file that people review");
    let help = "remove it; in quotes it can be written as an escape such as \"\\t\"".to_owned();
    defects.report(code::CHARACTER, place, message, Some(help));
    None
}

/// Control characters other than tab and line ends, and characters that change the direction of
/// text, so that a reviewer sees another file than the program reads.
const fn forbidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\0'..'\u{20}' | '\u{7f}'..='\u{9f}' => true,
        _ => matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}'),
    }
}

fn place_after(text: &str) -> Place {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { line: small(line), column: small(column) }
}

fn place(marker: Marker) -> Place {
    Place { line: small(marker.line()), column: small(marker.col() + 1) }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn syntax(error: &ScanError, text: &str, defects: &mut Defects) {
    let place = place(*error.marker());
    let line = text.lines().nth((place.line as usize).saturating_sub(1)).unwrap_or_default();
    let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    let help = if indent.contains('\t') {
        Some("indent with spaces, not with tabs".to_owned())
    } else if error.info().contains("mapping values are not allowed") {
        Some("put text that holds `: ` in quotes, or check the indentation".to_owned())
    } else {
        None
    };
    let message = format!("not valid YAML: {}", quoted(error.info()).replace('`', ""));
    defects.report(code::SYNTAX, place, message, help);
}

/// Reading cannot go on; the reason was reported.
struct Stop;

/// A key that waits for its value.
enum Key {
    Text(Arc<str>, Place),
    /// Reported; its value is read and left out.
    Refused,
}

enum Holds {
    Items(Vec<Node>),
    Entries(Vec<Entry>, Option<Key>),
}

/// A mapping or list whose end has not come yet.
struct Open {
    place: Place,
    /// 0: no anchor.
    anchor: usize,
    holds: Holds,
}

struct Builder<'a> {
    /// Places that `!vault` seals. `None`: the file is fleetstat's own, and has no tags at all.
    sealed: Option<HashSet<Place>>,
    defects: &'a mut Defects,
    limits: Limits,
    nodes: usize,
    copies: usize,
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    documents: usize,
    words: Words,
}

/// Words that repeat: the same dozen keys stand in each of 100,000 hosts, and are kept once.
#[derive(Default)]
struct Words(HashSet<Arc<str>>);

impl Words {
    /// Longer texts are rarely repeated.
    const LENGTH_MAX: usize = 24;
    /// Names of hosts must not fill the memory twice.
    const COUNT_MAX: usize = 4_096;

    fn shared(&mut self, text: &str) -> Arc<str> {
        if text.len() > Self::LENGTH_MAX {
            return text.into();
        }
        if let Some(word) = self.0.get(text) {
            return word.clone();
        }
        let word: Arc<str> = text.into();
        if self.0.len() < Self::COUNT_MAX {
            self.0.insert(word.clone());
        }
        word
    }
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, place: Place) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) => self.document(place),
            Event::Scalar(text, style, anchor, tag) => {
                let text_tag = self.tag(tag.as_deref(), place);
                self.count(place)?;
                let plain = style == ScalarStyle::Plain && !text_tag;
                let value = Value::Scalar(Scalar { text: self.words.shared(&text), plain });
                self.complete(Node { value, place }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), place);
                self.open(Open { place, anchor, holds: Holds::Items(Vec::new()) })
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), place);
                self.open(Open { place, anchor, holds: Holds::Entries(Vec::new(), None) })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn document(&mut self, place: Place) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let help = "put each document into a file of its own".to_owned();
        self.stop(code::SECOND_DOCUMENT, place, "a second document begins here".into(), help)
    }

    fn stop(
        &mut self,
        code: &'static str,
        place: Place,
        message: String,
        help: String,
    ) -> Result<(), Stop> {
        self.defects.report(code, place, message, Some(help));
        Err(Stop)
    }

    /// Reports a tag, unless it is one of those that Ansible's files may have. True: the scalar is
    /// text whatever it looks like.
    fn tag(&mut self, tag: Option<&Tag>, place: Place) -> bool {
        let Some(tag) = tag else { return false };
        let core = tag.handle == "tag:yaml.org,2002:";
        match (&mut self.sealed, &*tag.suffix) {
            (Some(sealed), "vault" | "vault-encrypted") if !core => _ = sealed.insert(place),
            (Some(_), "unsafe") if !core => {}
            (Some(_), "str") if core => {}
            (Some(_), "int" | "float" | "bool" | "null" | "map" | "seq") if core => return false,
            _ => {
                let help = "leave the tag out; quotes make a value text".to_owned();
                let message = "tags such as `!!str` are not used";
                self.defects.report(code::TAG, place, message, Some(help));
            }
        }
        true
    }

    fn count(&mut self, place: Place) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes <= self.limits.nodes {
            return Ok(());
        }
        let message = format!("the file holds more than {} values", self.limits.nodes);
        self.stop(code::TOO_MANY, place, message, "split the file".into())
    }

    fn open(&mut self, open: Open) -> Result<(), Stop> {
        self.count(open.place)?;
        if self.stack.len() >= self.limits.depth {
            let message = format!("more than {} levels inside each other", self.limits.depth);
            let help = "no file of fleetstat needs more than six".to_owned();
            return self.stop(code::TOO_DEEP, open.place, message, help);
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(Open { place, anchor, holds }) = self.stack.pop() else {
            return Ok(());
        };
        let value = match holds {
            Holds::Items(items) => Value::Sequence(items),
            Holds::Entries(entries, _) => Value::Mapping(self.without_duplicates(entries)),
        };
        self.complete(Node { value, place }, anchor)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Stop> {
        let Some(original) = self.anchors.remove(&anchor) else {
            let help = "write the value out".to_owned();
            let message = "the alias stands inside the value it refers to".to_owned();
            return self.stop(code::ALIAS_LOOP, place, message, help);
        };
        let copied = self.copy(&original, place);
        self.anchors.insert(anchor, original);
        self.complete(copied?, 0)
    }

    /// A copy, paid from the budget before it is made.
    fn copy(&mut self, node: &Node, place: Place) -> Result<Node, Stop> {
        let room = self.limits.copies - self.copies;
        let levels = self.limits.depth.saturating_sub(self.stack.len());
        let Some(size) = size(node, room, levels) else {
            let message = format!(
                "aliases expand to more than {} values or {} levels",
                self.limits.copies, self.limits.depth
            );
            let help = "use a group instead of aliases; a file that grows like this is refused";
            self.defects.report(code::ALIAS_BUDGET, place, message, Some(help.into()));
            return Err(Stop);
        };
        self.copies += size;
        Ok(node.clone())
    }

    /// Hands a finished value to what encloses it.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor > 0 {
            let copy = self.copy(&node, node.place)?;
            self.anchors.insert(anchor, copy);
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.holds {
            Holds::Items(items) => items.push(node),
            Holds::Entries(entries, waiting) => match waiting.take() {
                None => *waiting = Some(key(node, self.sealed.is_some(), self.defects)),
                Some(Key::Refused) => {}
                Some(Key::Text(key, place)) => entries.push(Entry { key, place, value: node }),
            },
        }
        Ok(())
    }

    /// Reports and removes entries whose key came before.
    fn without_duplicates(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
        if self.sealed.is_some() {
            return merge::carried_out(entries);
        }
        let mut repeated: Vec<usize> = Vec::new();
        {
            let mut report = |key: &str, first: Place, again: Place| {
                let message = format!("the key {} is here again", quoted(key));
                let help = format!("it stands in line {} already: keep one", first.line);
                self.defects.report(code::DUPLICATE_KEY, again, message, Some(help));
            };
            // A record has a dozen keys: comparing them all is quicker than hashing.
            if entries.len() <= 16 {
                for (index, entry) in entries.iter().enumerate() {
                    if let Some(first) = entries.iter().take(index).find(|e| e.key == entry.key) {
                        report(&entry.key, first.place, entry.place);
                        repeated.push(index);
                    }
                }
            } else {
                let mut seen: HashMap<&str, Place> = HashMap::with_capacity(entries.len());
                for (index, entry) in entries.iter().enumerate() {
                    if let Some(first) = seen.get(&*entry.key) {
                        report(&entry.key, *first, entry.place);
                        repeated.push(index);
                    } else {
                        seen.insert(&entry.key, entry.place);
                    }
                }
            }
        }
        if !repeated.is_empty() {
            let mut index = 0;
            entries.retain(|_| {
                index += 1;
                repeated.binary_search(&(index - 1)).is_err()
            });
        }
        entries.shrink_to_fit();
        entries
    }
}

fn key(node: Node, merges: bool, defects: &mut Defects) -> Key {
    let place = node.place;
    match node.value {
        Value::Scalar(scalar) if scalar.plain && &*scalar.text == "<<" && !merges => {
            let help = "YAML 1.2 has no merge keys; put shared values into a group".to_owned();
            defects.report(code::MERGE_KEY, place, "the merge key `<<` is not used", Some(help));
            Key::Refused
        }
        Value::Scalar(scalar) => Key::Text(scalar.text, place),
        Value::Mapping(_) | Value::Sequence(_) => {
            let help = "put a key that begins with `[` or `{` in quotes".to_owned();
            defects.report(code::COMPLEX_KEY, place, "a key must be one word", Some(help));
            Key::Refused
        }
    }
}

/// Number of values of a tree. `None` when it is over `room`, or deeper than `levels`.
fn size(node: &Node, room: usize, levels: usize) -> Option<usize> {
    let mut total = 1;
    let mut add = |child: &Node| {
        total += size(child, room.checked_sub(total)?, levels.checked_sub(1)?)?;
        Some(())
    };
    match &node.value {
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().try_for_each(&mut add)?,
        Value::Mapping(entries) => entries.iter().try_for_each(|entry| add(&entry.value))?,
    }
    (total <= room).then_some(total)
}
