//! A Kerberos realm: MIT's KDC on a free port of loopback, with a database of its own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The realm.
pub const REALM: &str = "LAB.TEST";

/// A running KDC. Ends when it is dropped.
pub struct Kdc {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    /// Password of the account: another one each time.
    pub password: String,
}

impl Drop for Kdc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Kdc {
    /// Starts a KDC that knows `user` and the services `HTTP/NAME` of the names.
    pub fn start(user: &str, names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let unique = folder.path().file_name().unwrap().to_string_lossy().into_owned();
        let password = format!("K3rb+pass:{unique}");
        // Free as soon as the listener is gone.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let write =
            |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        let place = folder.path().display();
        write(
            "krb5.conf",
            format!(
                "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n \
                 dns_lookup_realm = false\n dns_canonicalize_hostname = false\n rdns = false\n \
                 permitted_enctypes = aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96\n\
                 [realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
            ),
        );
        write(
            "kdc.conf",
            format!(
                "[kdcdefaults]\n kdc_listen = \"\"\n kdc_tcp_listen = 127.0.0.1:{port}\n\
                 [realms]\n {REALM} = {{\n  database_name = {place}/principal\n  \
                 key_stash_file = {place}/stash\n  acl_file = {place}/acl\n  \
                 supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal\n }}\n"
            ),
        );
        write("acl", String::new());
        write("secret", format!("{password}\n"));
        let secret = folder.path().join("secret");
        std::fs::set_permissions(secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        // The database's own key is of use to nobody: it goes with the folder.
        let master = format!("master {unique}");
        let arguments = ["create", "-s", "-r", REALM, "-P", &master];
        done(&command(&folder, "kdb5_util").args(arguments).output().unwrap());
        let child = command(&folder, "krb5kdc")
            .arg("-n")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let kdc = Self { child, folder, port, password };
        kdc.admin(&["addprinc", "+requires_preauth", "-pw", &kdc.password, user]);
        for name in names {
            kdc.add_service(&format!("HTTP/{name}"));
        }
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "krb5kdc does not listen");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        kdc
    }

    /// Adds a service, its key in the keytab of the hosts.
    pub fn add_service(&self, principal: &str) {
        self.admin(&["addprinc", "-randkey", principal]);
        let keytab = self.keytab();
        self.admin(&["ktadd", "-k", keytab.to_str().unwrap(), principal]);
    }

    /// A command of `kadmin.local`.
    pub fn admin(&self, words: &[&str]) {
        done(&command(&self.folder, "kadmin.local").args(words).output().unwrap());
    }

    /// A file of the KDC: `krb5.conf`, or `secret` with the password.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The keys of the services.
    pub fn keytab(&self) -> PathBuf {
        self.path("http.keytab")
    }

    /// Its TCP port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// A program of the KDC. Debian's are in `/usr/sbin`, which is not in everybody's path.
fn command(folder: &tempfile::TempDir, program: &str) -> Command {
    let mut command = Command::new(PathBuf::from("/usr/sbin").join(program));
    command
        .env("KRB5_CONFIG", folder.path().join("krb5.conf"))
        .env("KRB5_KDC_PROFILE", folder.path().join("kdc.conf"));
    command
}

fn done(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
