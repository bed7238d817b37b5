//! `fleetstat harden`.

use std::io::Write as _;

use crate::cli::args::HardenArgs;
use crate::cli::problem::Problem;
use crate::cli::setting::Setting;
use crate::cli::{Ended, request, to_stdout};
use crate::model::host::Platform;
use crate::privilege::{Wanted, page, steps};
use crate::report::privilege::HardenSteps;
use crate::report::rows::{Format, write_answers};

/// Longest name of an account or group.
const NAME_BYTES: usize = 64;

/// Prints what gives an account what it needs. Sends nothing.
pub(super) fn harden(setting: &Setting, args: &HardenArgs) -> Ended {
    let wanted = wanted(args)?;
    let layout = setting.layout();
    to_stdout(|out| match layout.format {
        Format::Table => out.write_all(page(&wanted).as_bytes()),
        Format::Json | Format::Ndjson | Format::Csv => {
            write_answers(out, layout, HardenSteps, &steps(&wanted)).map(drop)
        }
    })
}

/// What may stand in a file of sudoers, a script and `authorized_keys` without meaning anything there.
fn wanted(args: &HardenArgs) -> Result<Wanted, Problem> {
    for (option, name) in [("--account", &args.account), ("--group", &args.group)] {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if !starts || name.len() > NAME_BYTES || !name.bytes().all(plain) {
            let message = format!("`{option}` takes letters, digits, `.`, `_` and `-`");
            return Err(Problem::new("FS-USE-001", message).help("begin it with a letter"));
        }
    }
    // What is printed takes rights away from the account as well.
    if args.platform != Platform::Windows && args.account == "root" {
        let message = "`--account root` needs nothing, and should not be logged in to";
        let help = "name an account of its own, such as `fleetstat`, the default";
        return Err(Problem::new("FS-USE-001", message).help(help));
    }
    for source in &args.from {
        let address = source.split('/').next().unwrap_or_default();
        let bits = source.split_once('/').map(|(_, bits)| bits.parse::<u8>());
        let fits = bits.is_none_or(|bits| bits.is_ok_and(|bits| bits <= 128));
        if address.parse::<std::net::IpAddr>().is_err() || !fits {
            let message = "`--from` takes an address or a network";
            return Err(
                Problem::new("FS-USE-001", message).help("e.g. 192.0.2.10 or 2001:db8::/64")
            );
        }
    }
    if args.platform != Platform::Windows && (args.wmi || args.rich) {
        let message = format!("{} has no WMI and no rich profile", args.platform);
        return Err(Problem::new("FS-USE-001", message).help("leave `--wmi` and `--rich` out"));
    }
    Ok(Wanted {
        platform: args.platform,
        account: args.account.clone(),
        group: args.group.clone(),
        from: args.from.clone(),
        key: args.key.as_deref().map(key).transpose()?,
        wmi: args.wmi,
        rich: args.rich,
    })
}

/// The one line of a file with a public key.
fn key(path: &std::path::Path) -> Result<String, Problem> {
    let bytes = request::read_file(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.trim();
    let known = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| line.starts_with(start));
    let printable = line.chars().all(|c| !c.is_control());
    if !known || !printable || line.len() > 16 << 10 {
        let message = format!("{}: not one public key", path.display());
        return Err(Problem::new("FS-USE-007", message).help("name a file such as id_ed25519.pub"));
    }
    Ok(line.to_owned())
}
