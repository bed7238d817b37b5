//! YAML in, a tree with positions out, and every fault of a file at once.
//!
//! Three steps, each usable alone: [`reader::read`] turns bytes into a [`node::Node`] tree in which
//! every key and value knows its line and column; [`check::check`] compares the tree with a `const`
//! table ([`shape`]) and reports unknown and missing keys and wrong types; the caller then takes
//! the values out of the tree and parses them into its own types. [`schema::json_schema`] prints
//! the same tables as JSON Schema, so what editors accept and what fleetstat accepts is one list.
//!
//! The dialect is YAML 1.2 with the core schema: `no`, `on` and `1:30` are text, `true` is the only
//! yes, and only `0o17` is octal. Left out on purpose, each with its own message: tags (`!!str`),
//! merge keys (`<<`), several documents in one file, keys that are not plain words, control and
//! direction-changing characters. Aliases work, within a budget.
//!
//! Nothing here opens a file or knows what the values mean.

pub mod defect;
pub mod node;
pub mod reader;
mod merge;
pub mod suggest;
pub mod shape;
pub mod check;
pub mod schema;
pub mod quantity;

/// Stable codes of what this module reports, with one line on each, for the error reference.
pub const CODES: &[(&str, &str)] = &[
    (reader::code::ENCODING, "the file is not UTF-8"),
    (reader::code::TOO_LARGE, "the file is larger than such a file can sensibly be"),
    (reader::code::CHARACTER, "a control or direction-changing character stands in the file"),
    (reader::code::SYNTAX, "the file is not YAML; reading stops here"),
    (reader::code::EMPTY, "the file holds nothing but comments"),
    (reader::code::SECOND_DOCUMENT, "a second document follows `---` or `...`"),
    (reader::code::TOO_DEEP, "mappings and lists are nested too deeply"),
    (reader::code::TOO_MANY, "the file holds too many values"),
    (reader::code::ALIAS_BUDGET, "aliases expand to too many values"),
    (reader::code::ALIAS_LOOP, "an alias stands inside what it refers to"),
    (reader::code::DUPLICATE_KEY, "a mapping has the same key twice"),
    (reader::code::COMPLEX_KEY, "a key is a list, a mapping or an alias"),
    (reader::code::MERGE_KEY, "the YAML 1.1 merge key `<<`"),
    (reader::code::TAG, "a tag such as `!!str`"),
    (defect::MORE, "more faults were found than are listed"),
];
