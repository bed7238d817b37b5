//! What gives an account more than reading: groups, privileges and capabilities by their fixed names.
//!
//! Names of groups of Windows are in the language of the system, their identifiers are not. Sources:
//! Microsoft, "Security identifiers" and "Privilege Constants (Authorization)"; capabilities(7); the
//! groups' own manuals.

/// Groups of Unix, and what their members can do.
const GROUPS: &[(&str, &str)] = &[
    ("root", "its members read and often write what is root's"),
    ("wheel", "its members may become root"),
    ("sudo", "its members may become root"),
    ("admin", "its members may become root"),
    ("docker", "its members start containers that are root on the host"),
    ("lxd", "its members start containers that are root on the host"),
    ("incus", "its members start containers that are root on the host"),
    ("incus-admin", "its members start containers that are root on the host"),
    ("libvirt", "its members start machines with any disk of the host"),
    ("disk", "its members read and write every disk past its file system"),
    ("operator", "its members read every disk past its file system"),
    ("kmem", "its members read the kernel's memory"),
    ("shadow", "its members read the hashes of passwords"),
    ("adm", "its members read every log"),
    ("systemd-journal", "its members read every log"),
];

/// What a group of Unix gives. `None`: nothing that is known.
#[must_use]
pub fn of_group(name: &[u8]) -> Option<&'static str> {
    GROUPS.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, gives)| *gives)
}

/// Well-known groups and integrity labels of Windows.
const IDENTIFIERS: &[(&str, &str)] = &[
    ("S-1-5-18", "the system itself"),
    ("S-1-5-32-544", "Administrators: may do everything on the host"),
    ("S-1-5-32-547", "Power Users: may change settings of the whole host"),
    ("S-1-5-32-548", "Account Operators: make and change accounts"),
    ("S-1-5-32-549", "Server Operators: start and stop services, write any file"),
    ("S-1-5-32-550", "Print Operators: load drivers"),
    ("S-1-5-32-551", "Backup Operators: read and write any file"),
    ("S-1-5-32-552", "Replicators: copy the directory"),
    ("S-1-5-32-555", "Remote Desktop Users: log on by Remote Desktop"),
    ("S-1-5-32-556", "Network Configuration Operators: change the network's settings"),
    ("S-1-5-32-562", "Distributed COM Users: start COM servers over the network"),
    ("S-1-5-32-578", "Hyper-V Administrators: own every machine on the host"),
    ("S-1-5-114", "a local account of Administrators"),
    ("S-1-16-12288", "a token of high integrity: its rights are raised"),
    ("S-1-16-16384", "a token of system integrity"),
];

/// Well-known groups of a domain, by the last part of `S-1-5-21-...`.
const RELATIVE: &[(&str, &str)] = &[
    ("512", "Domain Admins: may do everything in the domain"),
    ("516", "Domain Controllers: may copy the directory"),
    ("517", "Cert Publishers: publish certificates"),
    ("518", "Schema Admins: change the directory's schema"),
    ("519", "Enterprise Admins: may do everything in the forest"),
    ("520", "Group Policy Creator Owners: change what hosts run"),
    ("526", "Key Admins: change keys that log accounts in"),
    ("527", "Enterprise Key Admins: change keys that log accounts in"),
];

/// What a group or label of Windows gives, by its identifier. `None`: nothing that is known.
#[must_use]
pub fn of_identifier(identifier: &str) -> Option<&'static str> {
    let known = IDENTIFIERS.iter().find(|(known, _)| *known == identifier);
    known.map(|(_, gives)| *gives).or_else(|| {
        let (_, last) = identifier.strip_prefix("S-1-5-21-")?.rsplit_once('-')?;
        RELATIVE.iter().find(|(known, _)| *known == last).map(|(_, gives)| *gives)
    })
}

/// Privileges of Windows with which an account can be another, or read and change what is not its
/// own. What every member of Users holds is not among them.
const PRIVILEGES: &[(&str, &str)] = &[
    ("SeAssignPrimaryTokenPrivilege", "starts programs as another account"),
    ("SeBackupPrivilege", "reads any file"),
    ("SeCreateTokenPrivilege", "makes itself any account"),
    ("SeDebugPrivilege", "reads and writes the memory of every process"),
    ("SeDelegateSessionUserImpersonatePrivilege", "acts as another account"),
    ("SeEnableDelegationPrivilege", "lets accounts be delegated"),
    ("SeImpersonatePrivilege", "acts as another account"),
    ("SeLoadDriverPrivilege", "loads drivers"),
    ("SeManageVolumePrivilege", "reads and writes disks past the file system"),
    ("SeRelabelPrivilege", "changes integrity labels"),
    ("SeRemoteShutdownPrivilege", "shuts the host down over the network"),
    ("SeRestorePrivilege", "writes any file"),
    ("SeSecurityPrivilege", "reads and clears the security log"),
    ("SeSystemEnvironmentPrivilege", "changes the firmware's settings"),
    ("SeSystemtimePrivilege", "sets the clock"),
    ("SeTakeOwnershipPrivilege", "takes any file"),
    ("SeTcbPrivilege", "is a part of the system"),
    ("SeTrustedCredManAccessPrivilege", "reads stored passwords"),
];

/// What a privilege of Windows gives. `None`: nothing that matters.
#[must_use]
pub fn of_privilege(name: &[u8]) -> Option<&'static str> {
    PRIVILEGES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, gives)| *gives)
}

/// `CAP_DAC_READ_SEARCH` and `CAP_SYS_PTRACE`, which together show every owner.
pub const OWNER_CAPABILITIES: u64 = 1 << 2 | 1 << 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_whole_and_in_no_language() {
        assert!(of_group(b"docker").is_some() && of_group(b"dockerroot").is_none());
        assert_eq!(of_identifier("S-1-5-32-545"), None, "Users");
        assert_eq!(of_identifier("S-1-5-32-580"), None, "Remote Management Users");
        assert!(of_identifier("S-1-5-32-544").is_some());
        assert!(
            of_identifier("S-1-5-21-1-2-3-512").is_some_and(|it| it.starts_with("Domain Admins"))
        );
        assert_eq!(of_identifier("S-1-5-21-1-2-3-513"), None, "Domain Users");
        assert_eq!(of_identifier("S-1-5-32-512"), None, "no group of a domain");
        assert!(of_privilege(b"SeDebugPrivilege").is_some());
        assert!(of_privilege(b"SeChangeNotifyPrivilege").is_none());
    }
}
