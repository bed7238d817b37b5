//! How Ansible would reach a host by WinRM: address, port, TLS and login, from the variables of its
//! connections `winrm` and `psrp`. Sources: the options of both, ansible-core 2.19.
//!
//! The password is never taken from a variable. What would send it in the clear, or hand it to the
//! host, leaves the host out.

use crate::inventory::ansible::note::Notes;
use crate::inventory::ansible::resolve::Found;
use crate::inventory::ansible::text::{self, Set, Unusable};
use crate::inventory::ansible::way;
use crate::inventory::ansible::world::Json;
use crate::yaml::defect::quoted;

/// What differs between the two connections of Ansible that speak WinRM.
pub(super) struct Plugin {
    pub(super) address: &'static [&'static str],
    user: &'static [&'static str],
    port: &'static [&'static str],
    scheme: &'static str,
    path: &'static str,
    login: &'static str,
    authority: &'static [&'static str],
    validation: &'static str,
    certificate: [&'static str; 2],
    principal_host: &'static str,
    principal_service: Option<&'static str>,
}

const WINRM: Plugin = Plugin {
    address: &["ansible_host", "ansible_winrm_host"],
    user: &["ansible_user", "ansible_winrm_user"],
    port: &["ansible_port", "ansible_winrm_port"],
    scheme: "ansible_winrm_scheme",
    path: "ansible_winrm_path",
    login: "ansible_winrm_transport",
    authority: &["ansible_winrm_ca_trust_path"],
    validation: "ansible_winrm_server_cert_validation",
    certificate: ["ansible_winrm_cert_pem", "ansible_winrm_cert_key_pem"],
    principal_host: "ansible_winrm_kerberos_hostname_override",
    principal_service: None,
};

const PSRP: Plugin = Plugin {
    address: &["ansible_host", "ansible_psrp_host"],
    user: &["ansible_user", "ansible_psrp_user"],
    port: &["ansible_port", "ansible_psrp_port"],
    scheme: "ansible_psrp_protocol",
    path: "ansible_psrp_path",
    login: "ansible_psrp_auth",
    authority: &["ansible_psrp_cert_trust_path", "ansible_psrp_ca_cert"],
    validation: "ansible_psrp_cert_validation",
    certificate: ["ansible_psrp_certificate_pem", "ansible_psrp_certificate_key_pem"],
    principal_host: "ansible_psrp_negotiate_hostname_override",
    principal_service: Some("ansible_psrp_negotiate_service"),
};

/// The plugin of a connection. `None`: it is another one.
pub(super) fn plugin(connection: &str) -> Option<&'static Plugin> {
    match connection {
        "winrm" | "ansible.builtin.winrm" => Some(&WINRM),
        "psrp" | "ansible.builtin.psrp" => Some(&PSRP),
        _ => None,
    }
}

/// What Ansible would do, as attributes of ours that differ from their defaults.
#[derive(Debug, Default)]
pub(super) struct Winrm {
    pub(super) user: Option<Set>,
    /// Files of a client certificate and its key.
    pub(super) certificate: Option<[Set; 2]>,
    /// Key, value, and whether it is a plain word.
    pub(super) attributes: Vec<(&'static str, Set, bool)>,
}

/// Works it out.
pub(super) fn read(
    plugin: &Plugin,
    (host, found): (&str, &Found<'_>),
    notes: &mut Notes,
) -> Result<Winrm, Unusable> {
    let get = |names: &[&str]| text::get(host, found, names);
    let mut winrm = Winrm { user: get(plugin.user)?, ..Winrm::default() };
    let port = get(plugin.port)?.map(|set| way::port(&set)).transpose()?;
    let tls = tls(get(&[plugin.scheme])?, port.as_ref(), &mut winrm)?;
    winrm.attributes.extend(port.map(|set| ("port", set, true)));
    if let Some(set) = get(&[plugin.path])?
        && set.text.trim_matches('/') != "wsman"
    {
        let message = format!("`{}` is {}, expected `/wsman`", plugin.path, quoted(&set.text));
        return Err(Unusable { at: set.at, message });
    }
    login(plugin, (host, found), tls, (&mut winrm, notes))?;
    winrm.attributes.extend(get(plugin.authority)?.map(|set| ("tls_ca", set, false)));
    if let Some(set) = get(&[plugin.validation])?
        && set.text.eq_ignore_ascii_case("ignore")
    {
        notes.say(set.at, "certificates", || {
            "certificates are always verified: `tls_ca` names an authority of your own, `tls_pin` a \
             certificate"
                .to_owned()
        });
    }
    let service = plugin.principal_service.map(|name| get(&[name])).transpose()?.flatten();
    if let Some(named) = get(&[plugin.principal_host])? {
        let service = service.map_or_else(|| "HTTP".to_owned(), |set| set.text);
        let text = format!("{service}/{}", named.text);
        winrm.attributes.push(("spn", Set { text, ..named }, false));
    }
    Ok(winrm)
}

/// Whether TLS is spoken. As Ansible has it: what the scheme says, else everywhere but on 5985.
fn tls(scheme: Option<Set>, port: Option<&Set>, winrm: &mut Winrm) -> Result<bool, Unusable> {
    let plain = |set: &Set| Set { text: "false".to_owned(), ..set.clone() };
    let off = match scheme {
        Some(set) if set.text.eq_ignore_ascii_case("https") => None,
        Some(set) if set.text.eq_ignore_ascii_case("http") => Some(plain(&set)),
        Some(set) => {
            let message = format!("its scheme is {}, expected https or http", quoted(&set.text));
            return Err(Unusable { at: set.at, message });
        }
        None => port.filter(|set| set.text == "5985").map(plain),
    };
    let tls = off.is_none();
    winrm.attributes.extend(off.map(|set| ("tls", set, true)));
    Ok(tls)
}

/// How the account logs in. Where nothing is said it is NTLM, which shows nobody the password.
fn login(
    plugin: &Plugin,
    (host, found): (&str, &Found<'_>),
    tls: bool,
    (winrm, notes): (&mut Winrm, &mut Notes),
) -> Result<(), Unusable> {
    let Some((mut words, set)) = list(plugin.login, host, found)? else { return Ok(()) };
    if words.len() > 1 {
        notes.say(set.at, "several logins", || {
            format!("only the first of `{}` is used: nothing falls back to another", plugin.login)
        });
    }
    let word = if words.is_empty() { String::new() } else { words.swap_remove(0) };
    let leave = |why: &str| {
        let message = format!("`{}` is {}, which {why}", plugin.login, quoted(&word));
        Err(Unusable { at: set.at, message })
    };
    let auth = match &*word.to_ascii_lowercase() {
        // SPNEGO chooses between Kerberos and NTLM; ours is NTLM unless Kerberos is asked for.
        "ntlm" | "negotiate" => return Ok(()),
        "kerberos" => "kerberos",
        "basic" | "ssl" | "plaintext" if !tls => return leave("sends the password in the clear"),
        "basic" | "ssl" | "plaintext" => "basic",
        "certificate" => {
            let [pem, key] = plugin.certificate.map(|name| text::get(host, found, &[name]));
            let (Some(pem), Some(key)) = (pem?, key?) else {
                let [pem, key] = plugin.certificate;
                return leave(&format!("needs `{pem}` and `{key}`"));
            };
            winrm.certificate = Some([pem, key]);
            "certificate"
        }
        "credssp" => return leave("hands the password to the host"),
        _ => return leave("is no login of WinRM"),
    };
    winrm.attributes.push(("auth", Set { text: auth.to_owned(), ..set }, true));
    Ok(())
}

/// A variable that is a list, or its words with commas between.
fn list(name: &str, host: &str, found: &Found<'_>) -> Result<Option<(Vec<String>, Set)>, Unusable> {
    let Some((variable, level)) = found.get(name).filter(|(found, _)| !found.value.is_null())
    else {
        return Ok(None);
    };
    let text = match &variable.value {
        Json::Array(items) => {
            let words = items.iter().filter_map(Json::as_str);
            words.collect::<Vec<_>>().join(",")
        }
        _ => text::of(host, found, variable)?,
    };
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let words = words.map(str::to_owned).collect();
    Ok(Some((words, Set { text, at: variable.at, level })))
}
