//! What an import did: the field list, and the lines for people.

use std::io::{self, Write};

use crate::model::change::ItemName;
use crate::model::import::{Import, ImportKind, Imported};
use crate::report::answer::answer;
use crate::report::field::{Column, Field, Kind};
use crate::report::page::counted;
use crate::report::text::shown;
use crate::report::value::{Type, Value, words_of};

/// Names that are listed for people; all of them are in the other formats.
const NAMES_SHOWN: usize = 5;

/// The kind `import`.
#[derive(Clone, Copy, Debug)]
pub struct Imports;

/// What an import did, on its way out.
#[derive(Clone, Debug)]
pub struct ImportRow<'a> {
    /// The import.
    pub import: &'a Import,
    /// What it did.
    pub imported: Imported,
    /// Rows in the file.
    pub rows: u64,
    /// Lines whose rows were left out, sorted.
    pub left_out: Vec<u64>,
    /// Names that mean no known host, sorted.
    pub unknown: &'a [ItemName],
    /// Names that could mean several, with what they could mean; sorted.
    pub ambiguous: &'a [(ItemName, Vec<String>)],
}

/// Writes it for people.
///
/// # Errors
/// When the writer fails.
pub fn lines(row: &ImportRow<'_>, out: &mut impl Write) -> io::Result<()> {
    let Imported { added, replaced, unchanged, stale } = row.imported;
    let what = match row.import.options.kind {
        ImportKind::Changes => "changes",
        ImportKind::Assets => "attributes",
    };
    let file = shown(&row.import.file);
    let rows = counted(usize::try_from(row.rows).unwrap_or(usize::MAX), "row", "rows");
    if row.imported.nothing() {
        writeln!(out, "{file}: nothing new in {rows}: {unchanged} {what} known as they are")?;
    } else {
        writeln!(
            out,
            "{file}: {rows}: {added} {what} new, {replaced} changed, {unchanged} as known"
        )?;
    }
    if stale > 0 {
        writeln!(out, "{stale} {what} left as they are: the file has an older state of them")?;
    }
    if !row.left_out.is_empty() {
        let lines: Vec<String> = row.left_out.iter().map(u64::to_string).collect();
        writeln!(out, "left out, see above: lines {}", lines.join(", "))?;
    }
    names(
        out,
        ["means no known host yet", "mean no known host yet"],
        row.unknown.iter().map(ItemName::to_string),
    )?;
    let keys = row.unknown.iter().filter(|item| is_database_key(item.as_str())).count();
    if keys > 0 {
        let keys = counted(keys, "of them is a key", "of them are keys");
        writeln!(
            out,
            "{keys} of ServiceNow's database: export with `sysparm_display_value=true` or `all`"
        )?;
    }
    let several = row
        .ambiguous
        .iter()
        .map(|(item, hosts)| format!("{item} ({})", shown(&hosts.join(" or "))));
    let what = "could mean several hosts, so it counts for none";
    names(out, [what, "could mean several hosts, so they count for none"], several)
}

/// `ServiceNow`'s `sys_id`: 32 hexadecimal digits.
fn is_database_key(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn names(
    out: &mut impl Write,
    [one, many]: [&str; 2],
    names: impl ExactSizeIterator<Item = String>,
) -> io::Result<()> {
    let count = names.len();
    if count == 0 {
        return Ok(());
    }
    let first: Vec<String> = names.take(NAMES_SHOWN).collect();
    let more = if count > NAMES_SHOWN { ", …" } else { "" };
    let (count, what) = (counted(count, "name", "names"), if count == 1 { one } else { many });
    writeln!(out, "{count} {what}: {}{more}", first.join(", "))
}

impl Kind for Imports {
    type Body<'x> = ImportRow<'x>;

    const NAME: &'static str = "import";

    const DOC: &'static str = "What one import did.";

    const FIELDS: &'static [Field<Self>] = answer![
        Field::always("what", words_of!(ImportKind), "What the file holds.", |row| {
            Value::Word(row.record.import.options.kind.as_str())
        }),
        Field::always("file", Type::Text, "Name of the file.", |row| {
            (&row.record.import.file).into()
        }),
        Field::always("sha256", Type::Text, "Digest of the file.", |row| {
            row.record.import.sha256.to_string().into()
        }),
        Field::always("imported_at", Type::Time, "When it was imported.", |row| {
            row.record.import.at.into()
        }),
        Field::always("imported_by", Type::Text, "Who imported it.", |row| {
            (&row.record.import.by).into()
        }),
        Field::always("format", Type::Text, "How the file was read.", |row| {
            Value::Word(row.record.import.options.format.as_str())
        }),
        Field::always("timezone", Type::Text, "Zone of times without offset.", |row| {
            (&row.record.import.options.timezone).into()
        }),
        Field::always("rows", Type::Integer, "Rows in the file.", |row| row.record.rows.into()),
        Field::always("added", Type::Integer, "Not known before.", |row| {
            row.record.imported.added.into()
        }),
        Field::always("replaced", Type::Integer, "Known otherwise before.", |row| {
            row.record.imported.replaced.into()
        }),
        Field::always("unchanged", Type::Integer, "Known as they are.", |row| {
            row.record.imported.unchanged.into()
        }),
        Field::always(
            "stale",
            Type::Integer,
            "Left as they are: the file has an older state of them.",
            |row| row.record.imported.stale.into(),
        ),
        Field::always("left_out", Type::Texts, "Lines whose rows were left out.", |row| {
            Value::list(row.record.left_out.iter().map(u64::to_string))
        }),
        Field::always("unknown", Type::Texts, "Names that mean no known host.", |row| {
            Value::list(row.record.unknown.iter().map(ItemName::as_str))
        }),
        Field::always("ambiguous", Type::Texts, "Names that could mean several.", |row| {
            Value::list(row.record.ambiguous.iter().map(|(item, _)| item.as_str()))
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("WHAT", "what"),
        Column::of("FILE", "file"),
        Column::of("ROWS", "rows"),
        Column::of("NEW", "added"),
        Column::of("CHANGED", "replaced"),
        Column::of("AS-KNOWN", "unchanged"),
        Column::of("STALE", "stale"),
    ];
}
