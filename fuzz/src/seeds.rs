//! Writes the seeds of every family: `seeds PACKAGE FOLDER` makes `FOLDER/FAMILY/NAME` of each
//! sample in a `testdata` folder of the package, and `FOLDER/FAMILY.dict` of their words. Prints
//! one line for each family: its name, readers and seeds.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

#[path = "../../benches/parse/generate.rs"]
mod generate;

use fleetstat_fuzz::{families, readers};
// The counters in fleetstat need their other half, though nothing is fuzzed here.
use libfuzzer_sys as _;

/// Longest word of a dictionary. libFuzzer takes no longer ones.
const WORD_BYTES_MAX: usize = 64;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(package), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: seeds PACKAGE FOLDER");
        std::process::exit(2);
    };
    for family in families() {
        let readers = readers(family);
        let seeds = write_family(Path::new(&package), Path::new(&folder), family, &readers);
        println!("{family} {} readers {seeds} seeds", readers.len());
    }
}

/// Writes the seeds of one family and says how many there are. A reader without a sample of its
/// own gets those of all others of its family.
fn write_family(package: &Path, folder: &Path, family: &str, readers: &[&str]) -> usize {
    let inside = folder.join(family);
    std::fs::create_dir_all(&inside).expect("the folder can be made");
    let mut samples = samples(package);
    samples.extend(generated());
    samples.retain(|(_, id, _)| readers.contains(&id.as_str()));
    let mut words = BTreeSet::new();
    let mut seeds = 0;
    for (which, reader) in readers.iter().enumerate() {
        let which = u8::try_from(which).expect("a family has less than 256 readers");
        let has_own = samples.iter().any(|(_, id, _)| id == reader);
        for (name, _, text) in samples.iter().filter(|(_, id, _)| id == reader || !has_own) {
            std::fs::write(
                inside.join(format!("{which}-{name}")),
                [&[which, 255], &**text].concat(),
            )
            .expect("a seed can be written");
            seeds += 1;
        }
    }
    for (_, _, text) in &samples {
        let split = text.split(|byte| byte.is_ascii_whitespace() || *byte == 0);
        words.extend(split.map(<[u8]>::to_vec));
    }
    words.retain(|word| (2..=WORD_BYTES_MAX).contains(&word.len()));
    std::fs::write(folder.join(format!("{family}.dict")), dictionary(&words))
        .expect("a dictionary can be written");
    seeds
}

/// Name, reader and text of a sample.
type Sample = (String, String, Vec<u8>);

/// Samples made by the generator of the benches, of readers that have few in `testdata`.
fn generated() -> Vec<Sample> {
    let mut random = generate::Random(11);
    let mut make = |id: &str, header: &[u8], add: fn(&mut Vec<u8>, &mut generate::Random, u64)| {
        let mut text = header.to_vec();
        (0..12).for_each(|index| add(&mut text, &mut random, index));
        (format!("generated-{}", id.replace('/', "-")), id.to_owned(), text)
    };
    vec![
        make("linux/ss", generate::SS_HEADER, generate::ss_row),
        make("linux/proc-net", generate::PROC_HEADER, generate::proc_row),
        make("linux/proc-net-tcp", generate::PROC_HEADER, generate::proc_row),
        make("linux/netstat", generate::NETSTAT_HEADER, generate::netstat_row),
        make("linux/lsof", b"", generate::lsof_row),
        make("windows/netstat", generate::WINDOWS_NETSTAT_HEADER, generate::windows_netstat_row),
    ]
}

/// Words as libFuzzer's dictionary: one in quotes a line, bytes as `\xAB`.
fn dictionary(words: &BTreeSet<Vec<u8>>) -> String {
    let mut out = String::new();
    for word in words {
        out.push('"');
        for byte in word {
            write!(out, "\\x{byte:02X}").expect("a String can be written");
        }
        out.push_str("\"\n");
    }
    out
}

/// The samples of the package: `src/probe/SYSTEM/testdata/TOOL--CASE.txt` is read by
/// `SYSTEM/CASE`, of `ip` and `ss` by `linux/ip-CASE` and `linux/ss-CASE`.
fn samples(package: &Path) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut folders = vec![("linux".to_owned(), package.join("tests/records/testdata"))];
    let systems = std::fs::read_dir(package.join("src/probe")).expect("a package of fleetstat");
    folders.extend(systems.flatten().map(|system| {
        (system.file_name().to_string_lossy().into_owned(), system.path().join("testdata"))
    }));
    for (platform, folder) in folders {
        let Ok(files) = std::fs::read_dir(folder) else { continue };
        for path in files.flatten().map(|file| file.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some((tool, rest)) = name.split_once("--") else { continue };
            let Some((case, "txt" | "json")) = rest.rsplit_once('.') else { continue };
            let case = case.split('+').next().unwrap_or(case);
            let id = match tool.split_once('-') {
                Some((tool @ ("ip" | "ss"), _)) => format!("linux/{tool}-{case}"),
                _ => format!("{platform}/{case}"),
            };
            samples.push((name, id, std::fs::read(&path).expect("a sample can be read")));
        }
    }
    samples.sort();
    samples
}
