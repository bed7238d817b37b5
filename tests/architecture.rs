//! The house rules: which module may name which, and how a file looks.
//!
//! Reads every file below `src`, looks past comments, strings and `#[cfg(test)]` items, and
//! reports each broken rule with its place. The rules are themselves tested: each has a planted
//! violation that must be found, and a clean tree in which nothing may be found.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails where it stands"
)]

use std::fs;
use std::path::Path;

/// A module, the earlier modules it may name, and whether it is pure.
struct Row(&'static str, &'static [&'static str], bool);

/// The layering table. Ordered: a row names only modules above it, so no cycle can be written.
const TABLE: &[Row] = &[
    Row("model", &[], true),
    Row("yaml", &["model"], true),
    Row("inventory", &["model", "yaml"], false),
    Row("probe", &["model", "yaml"], true),
    Row("secret", &["model"], false),
    Row("privilege", &["model", "inventory", "probe"], true),
    Row("evidence", &["model"], false),
    Row("plan", &["model", "yaml", "inventory", "probe"], true),
    Row("transport", &["model", "inventory", "probe", "evidence", "secret"], false),
    Row("dispatch", &["model", "inventory", "probe", "plan", "transport"], false),
    Row("normalize", &["model", "probe"], true),
    Row("enrich", &["model"], false),
    Row("store", &["model"], false),
    Row("analyse", &["model"], true),
    Row("report", &["model", "analyse"], false),
    Row("schedule", &["model", "inventory"], true),
    Row("notify", &["model"], false),
    Row("config", &["model", "yaml"], false),
    Row("simulate", &["model", "inventory", "probe"], false),
    Row("workflow", ALL, false),
    Row("cli", ALL, false),
];
/// Stands for every module above the row.
const ALL: &[&str] = &["*"];

const IMPURE: &[&str] = &[
    "tokio",
    "async fn",
    "std::fs",
    "std::process",
    "env::var",
    "::now()",
    "print!",
    "println!",
    "eprint",
];
const VAGUE_FOLDERS: &[&str] = &["utils", "common", "helpers", "core", "manager"];
const FILE_LINES_MAX: usize = 500;
const MAIN_LINES_MAX: usize = 20;
/// The one file that may make what reaches a host.
const COMMAND_FILE: &str = "src/probe/command.rs";

/// A path below the package, `/` between parts, and its text. A folder ends in `/`.
type Source = (String, String);

fn check(tree: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree {
        match path.strip_suffix('/') {
            Some(folder) => check_folder(folder, tree, &mut found),
            None if is_code(path) => check_file(path, text, &mut found),
            // Samples of the probes, statements of the store: data, not code.
            None => {}
        }
    }
    found
}

fn is_code(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "rs")
}

fn check_folder(folder: &str, tree: &[Source], found: &mut Vec<String>) {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    if VAGUE_FOLDERS.contains(&name) {
        found.push(format!("{folder}: says nothing of what is inside: rename it"));
    }
    let inside = format!("{folder}/");
    let is_top = folder.matches('/').count() == 1;
    let says_something = tree.iter().any(|(path, text)| match is_code(path) {
        _ if !path.starts_with(&inside) || path.ends_with('/') => false,
        true => !visible(text).trim().is_empty(),
        false => !is_top,
    });
    if !says_something {
        found.push(format!("{folder}: empty module: a folder comes with its first working code"));
    }
}

fn check_file(path: &str, text: &str, found: &mut Vec<String>) {
    let lines = text.lines().count();
    let code = visible(text);
    if !text.starts_with("//!") {
        found.push(format!("{path}:1: does not open with `//!`"));
    }
    if lines > FILE_LINES_MAX {
        found.push(format!("{path}: {lines} lines, at most {FILE_LINES_MAX}"));
    }
    for at in words(&code, "super::super") {
        found.push(format!("{path}:{}: `super::super`: write `crate::`", line(text, at)));
    }
    let inner = path.strip_prefix("src/").unwrap_or(path);
    match inner {
        "main.rs" if lines > MAIN_LINES_MAX => {
            found.push(format!("{path}: {lines} lines, at most {MAIN_LINES_MAX}"));
        }
        "main.rs" => {}
        "lib.rs" => check_order(path, &code, found),
        _ => check_layer(path, inner, &code, found),
    }
    if path != COMMAND_FILE {
        for at in ["Invocation {", "Command {"].iter().flat_map(|name| words(&code, name)) {
            if !is_declaration(&code[..at]) {
                found.push(format!("{path}:{}: made only in {COMMAND_FILE}", line(text, at)));
            }
        }
    }
}

fn check_order(path: &str, code: &str, found: &mut Vec<String>) {
    let mut last = 0;
    for at in words(code, "mod ") {
        let name = word_at(&code[at + 4..]);
        match TABLE.iter().position(|row| row.0 == name) {
            None => found.push(format!("{path}: `{name}` is not in the layering table")),
            Some(place) if place < last => {
                found.push(format!("{path}: `pub mod {name}` is not in the table's order"));
            }
            Some(place) => last = place,
        }
    }
}

fn check_layer(path: &str, inner: &str, code: &str, found: &mut Vec<String>) {
    let module = inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs");
    let Some((place, row)) = row(module) else {
        found.push(format!("{path}: `{module}` is not in the layering table: declare it there"));
        return;
    };
    for (at, name) in named_below(code, "crate::") {
        let earlier = TABLE[..place].iter().any(|row| row.0 == name);
        let allowed = row.1.contains(&name) || row.1 == ALL && earlier;
        if name != module && !allowed {
            found.push(format!("{path}:{}: `{module}` may not name `{name}`", line(code, at)));
        }
    }
    let is_top =
        !inner.contains('/') || inner.matches('/').count() == 1 && inner.ends_with("mod.rs");
    for at in words(code, "super::").filter(|_| is_top) {
        found.push(format!("{path}:{}: `super` leaves the module", line(code, at)));
    }
    if row.2 {
        let mut impure: Vec<_> =
            IMPURE.iter().flat_map(|word| words(code, word).map(move |at| (at, *word))).collect();
        let grouped = named_below(code, "std::").into_iter();
        impure.extend(grouped.filter(|(at, name)| {
            matches!(*name, "fs" | "process") && code[*at..].starts_with("std::{")
        }));
        for (at, word) in impure {
            found.push(format!("{path}:{}: `{word}` in a pure module", line(code, at)));
        }
    }
}

fn row(module: &str) -> Option<(usize, &'static Row)> {
    TABLE.iter().enumerate().find(|(_, row)| row.0 == module)
}

/// True when the statement that ends here declares the name instead of making a value of it.
fn is_declaration(before: &str) -> bool {
    let start = before.rfind([';', '{', '}']).map_or(0, |at| at + 1);
    let statement = before[start..].rsplit("=>").next().unwrap_or_default();
    statement.contains("->")
        || ["struct", "enum", "union", "trait", "impl", "for", "mod"]
            .iter()
            .any(|word| words(statement, word).next().is_some())
}

/// Names that follow `root` (`crate::`), one or a group of them, each with the root's place.
fn named_below<'a>(code: &'a str, root: &'a str) -> Vec<(usize, &'a str)> {
    let mut named = Vec::new();
    for at in words(code, root) {
        let rest = &code[at + root.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            named.push((at, word_at(rest)));
            continue;
        };
        let (mut depth, mut expect) = (0_usize, true);
        for (place, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => expect = true,
                _ if expect && !character.is_whitespace() => {
                    named.push((at, word_at(&group[place..])));
                    expect = false;
                }
                _ => {}
            }
        }
    }
    named
}

/// Places of `word` where it does not continue an identifier, nor an identifier continues it.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let (first, last) = (word.chars().next(), word.chars().next_back());
        let before = joins(first) && joins(code[..*at].chars().next_back());
        let is_prefix = word == "eprint";
        let after = joins(last) && joins(code[at + word.len()..].chars().next());
        !before && (is_prefix || !after)
    })
}

fn word_at(code: &str) -> &str {
    let end = code.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(code.len());
    &code[..end]
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The code with comments, strings, characters and `#[cfg(test)]` items blanked; places stay.
fn visible(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = match skipped(rest, code.chars().next_back()) {
            0 => {
                let next = rest.chars().next().map_or(0, char::len_utf8);
                code.push_str(&rest[..next]);
                next
            }
            length => {
                blank(&mut code, &rest[..length]);
                length
            }
        };
        rest = &rest[length..];
    }
    while let Some(at) = code.find("#[cfg(test)]") {
        let end = at + item_length(&code[at..]);
        let mut kept = code[..at].to_owned();
        blank(&mut kept, &code[at..end]);
        kept.push_str(&code[end..]);
        code = kept;
    }
    code
}

fn blank(code: &mut String, text: &str) {
    code.extend(text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

/// Length of the comment, string or character that begins here; 0 when none does.
fn skipped(rest: &str, before: Option<char>) -> usize {
    let to = |end: Option<usize>, closing: usize| end.map_or(rest.len(), |at| at + closing);
    if rest.starts_with("//") {
        return to(rest.find('\n'), 0);
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    let in_name = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let raw = rest.trim_start_matches(['b', 'c']);
    if let Some(hashes) = raw.strip_prefix('r').filter(|_| !in_name && rest.len() - raw.len() < 2) {
        let text = hashes.trim_start_matches('#');
        if text.starts_with('"') {
            let close = format!("\"{}", &hashes[..hashes.len() - text.len()]);
            let open = rest.len() - text.len() + 1;
            return to(rest[open..].find(&close).map(|at| at + open), close.len());
        }
    }
    match rest.as_bytes() {
        [b'"', ..] => closing(rest, '"'),
        [b'\'', b'\\', ..] => closing(rest, '\''),
        [b'\'', ..] => {
            let mut next = rest.chars().skip(1);
            let length = next.next().map_or(0, char::len_utf8);
            if next.next() == Some('\'') { length + 2 } else { 0 }
        }
        _ => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest.as_bytes().get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") if depth == 1 => return at + 2,
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length up to and with the closing quote, past escaped characters.
fn closing(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// Length of the item that begins here with its attributes: to `;` or the closing brace.
fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn read_tree(folder: &Path, name: &str, tree: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{name}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read_tree(&entry.path(), &path, tree);
            tree.push((path + "/", String::new()));
        } else {
            // Data of a module may be anything; only its presence counts.
            tree.push((path, fs::read_to_string(entry.path()).unwrap_or_default()));
        }
    }
}

#[test]
fn the_source_keeps_the_rules() {
    let mut tree = Vec::new();
    read_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "src", &mut tree);
    assert!(tree.len() > 20, "only {} files read", tree.len());
    assert_eq!(check(&tree), Vec::<String>::new());
}

#[test]
fn the_table_names_only_earlier_modules() {
    for (place, row) in TABLE.iter().enumerate() {
        for name in row.1.iter().filter(|name| **name != "*") {
            assert!(TABLE[..place].iter().any(|earlier| earlier.0 == *name), "{} {name}", row.0);
        }
    }
}

fn planted(path: &str, text: &str) -> Vec<String> {
    let mut tree = vec![(path.to_owned(), text.to_owned())];
    let folders = path.match_indices('/').skip(1).map(|(at, _)| path[..=at].to_owned());
    tree.extend(folders.map(|folder| (folder, String::new())));
    check(&tree)
}

#[test]
fn each_planted_violation_is_found() {
    let long = format!("//! Doc.\n{}", "const A: u8 = 0;\n".repeat(500));
    let main = format!("//! Doc.\n{}", "const A: u8 = 0;\n".repeat(20));
    let cases: &[(&str, &str, &str)] = &[
        ("src/store/a.rs", "use crate::report::X;", "a.rs:2: `store` may not name `report`"),
        ("src/store/a.rs", "use crate::{model, probe::B};", "`store` may not name `probe`"),
        ("src/store/a.rs", "use crate::{\n model::{a, b},\n plan,\n};", "may not name `plan`"),
        ("src/store/a.rs", "fn f() { $crate::cli::f() }", "may not name `cli`"),
        ("src/workflow/a.rs", "use crate::cli::X;", "`workflow` may not name `cli`"),
        ("src/model/a.rs", "#[cfg(test)]\nmod t { }\nuse crate::cli;", "a.rs:4: `model` may not"),
        ("src/model/a.rs", "const A: &str = \"\\\"\"; use crate::cli;", "may not name `cli`"),
        ("src/model/a.rs", "fn f<'a>() {} use crate::cli; fn g<'a>() {}", "may not name `cli`"),
        ("src/model/a.rs", "/* /* */ */ use crate::cli;", "may not name `cli`"),
        ("src/store/mod.rs", "use super::report;", "`super` leaves the module"),
        ("src/wrong/a.rs", "fn f() {}", "`wrong` is not in the layering table"),
        ("src/wrong.rs", "fn f() {}", "`wrong` is not in the layering table"),
        ("src/store/utils/a.rs", "fn f() {}", "src/store/utils: says nothing"),
        ("src/store/common/a.rs", "fn f() {}", "src/store/common: says nothing"),
        ("src/store/helpers/a.rs", "fn f() {}", "src/store/helpers: says nothing"),
        ("src/store/core/a.rs", "fn f() {}", "src/store/core: says nothing"),
        ("src/store/manager/a.rs", "fn f() {}", "src/store/manager: says nothing"),
        ("src/store/mod.rs", "// nothing yet", "src/store: empty module"),
        ("src/store/schema.sql", "select 1;", "src/store: empty module"),
        ("src/store/a.rs", "use super::super::x;", "a.rs:2: `super::super`"),
        ("src/lib.rs", "pub mod store;\npub mod model;", "`pub mod model` is not in the table's"),
        ("src/lib.rs", "pub mod wrong;", "`wrong` is not in the layering table"),
        ("src/store/a.rs", &long, "501 lines, at most 500"),
        ("src/main.rs", &main, "21 lines, at most 20"),
        ("src/plan/a.rs", "fn f() { tokio::spawn(g) }", "a.rs:2: `tokio` in a pure"),
        ("src/plan/a.rs", "async fn f() {}", "`async fn` in a pure"),
        ("src/plan/a.rs", "use std::fs::File;", "`std::fs` in a pure"),
        ("src/plan/a.rs", "use std::{fmt, fs};", "`fs` in a pure"),
        ("src/plan/a.rs", "use std::process::exit;", "`std::process` in a pure"),
        ("src/plan/a.rs", "fn f() { std::env::var(x) }", "`env::var` in a pure"),
        ("src/plan/a.rs", "fn f() { Instant::now() }", "`::now()` in a pure"),
        ("src/plan/a.rs", "fn f() { print!(x) }", "`print!` in a pure"),
        ("src/plan/a.rs", "fn f() { println!(x) }", "`println!` in a pure"),
        ("src/plan/a.rs", "fn f() { eprintln!(x) }", "`eprint` in a pure"),
        ("src/plan/a.rs", "fn f() { g(Command { words }) }", "a.rs:2: made only in"),
        ("src/plan/a.rs", "fn f() -> X { X::Y => Invocation { argv } }", "made only in"),
    ];
    for (path, text, expected) in cases {
        let opened =
            if text.starts_with("//!") { (*text).to_owned() } else { format!("//! Doc.\n{text}") };
        let found = planted(path, &opened);
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
        assert!(found[0].contains(expected), "{path}: {text}: {found:?}");
    }
    assert_eq!(
        planted("src/store/a.rs", "fn f() {}"),
        ["src/store/a.rs:1: does not open with `//!`"]
    );
}

#[test]
fn what_only_looks_like_a_violation_is_let_through() {
    let clean = [
        ("src/model/a.rs", "/// See `crate::cli`.\n// crate::cli, tokio\nfn f() {}"),
        ("src/model/a.rs", "const A: &str = \"crate::cli \\\" println!\";"),
        ("src/model/a.rs", "const A: &str = r#\"\" crate::cli\"#; const B: &[u8] = br\"tokio\";"),
        ("src/model/a.rs", "const A: char = '\"'; const B: char = '\\''; // \" crate::cli"),
        (
            "src/model/a.rs",
            "fn f() {}\n#[cfg(test)]\n#[path = \"x\"]\nmod tests { use crate::cli; }",
        ),
        ("src/model/a.rs", "#[cfg(test)]\nuse crate::{cli, plan};\nfn f() {}"),
        ("src/model/a.rs", "#[cfg(test)]\nconst A: [u8; 2] = [tokio; 2];\nfn f() {}"),
        (
            "src/model/a.rs",
            "fn sprint() {} fn f() { g::nowhere(); tokio_like(); use std::{fmt, env}; }",
        ),
        ("src/store/a/b.rs", "use super::c; use crate::{model::{probe, cli}, store::x};"),
        ("src/workflow/a.rs", "use crate::{model, store, yaml}; fn f() { println!() }"),
        ("src/cli/a.rs", "enum Command { A } impl Command { } impl X for Command { }"),
        ("src/cli/a.rs", "fn f() -> Command { g() } fn h() { Command::A { x } }"),
        ("src/probe/command.rs", "fn f() { Command { words } }"),
        ("src/lib.rs", "pub mod model;\npub mod yaml;\npub mod store;\npub mod cli;"),
        ("src/main.rs", "fn main() { fleetstat::cli::main() }"),
    ];
    let sample = ("src/probe/linux/testdata/ss.txt".to_owned(), "LISTEN".to_owned());
    let folder = ("src/probe/linux/testdata/".to_owned(), String::new());
    assert_eq!(check(&[sample, folder]), Vec::<String>::new());
    for (path, text) in clean {
        assert_eq!(planted(path, &format!("//! Doc.\n{text}")), Vec::<String>::new(), "{text}");
    }
}
