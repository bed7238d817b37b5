//! A secret that a program of the controller prints: a password manager, a vault's client.
//!
//! In: the program and its arguments. Out: the one line that it printed. There is no shell, no
//! search for the program, almost no environment, and an end to its time and output.

use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::model::text::escape;
use crate::secret::SecretError;
use crate::secret::surroundings::Surroundings;

/// Time for the program to print the secret and end. A vault answers in milliseconds; who must be
/// asked something belongs in front of the run.
pub const COMMAND_TIME: Duration = Duration::from_secs(10);

/// Most bytes of the secret. Passwords of sshd end at 1024 bytes; passphrases have no limit.
const OUTPUT_BYTES_MAX: usize = 4 << 10;

/// Most bytes of standard error that a message shows.
const STDERR_BYTES_MAX: usize = 256;

/// Time between two looks whether the program has ended.
const LOOK: Duration = Duration::from_millis(5);

/// How often it is looked after its output has ended: 2 s in all.
const LOOKS: usize = 400;

/// Runs a program and takes the one line that it prints as the secret. `limit` is usually
/// [`COMMAND_TIME`].
///
/// # Errors
/// When others could have changed the program, when it cannot be started, fails, takes too long,
/// or prints anything but one line.
pub fn line_of_command(
    words: &[String],
    surroundings: &Surroundings,
    limit: Duration,
) -> Result<SecretString, SecretError> {
    let named = PathBuf::from(words.first().map_or("", String::as_str));
    let refuse = |reason: String| SecretError::Program { program: named.clone(), reason };
    let program = surroundings
        .expand(&named)
        .ok_or_else(|| refuse("needs a home folder and $HOME is not set".to_owned()))?;
    check(&program).map_err(refuse)?;
    let mut running = start(&program, words.get(1..).unwrap_or_default(), surroundings)
        .map_err(|error| refuse(format!("cannot be started ({error})")))?;
    let output = running.finish(limit).map_err(refuse)?;
    super::line(&output)
        .ok_or_else(|| refuse("must print one line of UTF-8 text, the secret alone".to_owned()))
}

/// A program that somebody else can change could print what it likes, and read what we know.
fn check(program: &Path) -> Result<(), String> {
    if !program.is_absolute() {
        return Err("is no absolute path; write the whole path of the program".to_owned());
    }
    let metadata = std::fs::metadata(program)
        .map_err(|error| format!("cannot be found ({error}); check its path"))?;
    if !metadata.is_file() {
        return Err("is not a regular file; name a program".to_owned());
    }
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(format!("belongs to user id {owner}, neither to root nor to you"));
    }
    if mode & 0o022 != 0 {
        return Err(format!("has mode {mode:04o}, others can change it; run `chmod go-w` on it"));
    }
    Ok(())
}

/// A started program. Dropping it kills its whole process group.
struct Running {
    child: Child,
    stdout: Receiver<Zeroizing<Vec<u8>>>,
    stderr: Receiver<Zeroizing<Vec<u8>>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a secret's command is started here and nowhere else"
)]
fn start(
    program: &Path,
    arguments: &[String],
    surroundings: &Surroundings,
) -> std::io::Result<Running> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(surroundings.of_command())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let stdout = head_of(child.stdout.take(), OUTPUT_BYTES_MAX + 1);
    let stderr = head_of(child.stderr.take(), STDERR_BYTES_MAX);
    Ok(Running { child, stdout, stderr })
}

/// Reads a pipe to its end and sends its first bytes.
fn head_of(pipe: Option<impl Read + Send + 'static>, most: usize) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        // Room for all of it at once: a vector that grows would leave copies behind.
        let mut head = Zeroizing::new(Vec::with_capacity(most + 1));
        let mut rest = Discard(Zeroizing::new([0; 512]));
        if let Some(mut pipe) = pipe {
            // A pipe that breaks has ended; what came before is judged as it is.
            let _ = pipe.by_ref().take(most as u64).read_to_end(&mut head);
            rest.all_of(&mut pipe);
        }
        // Nobody waits any more when the program took too long.
        let _ = sender.send(head);
    });
    receiver
}

/// Takes what is past the head, and wipes it: it may be part of a secret.
struct Discard(Zeroizing<[u8; 512]>);

impl Discard {
    fn all_of(&mut self, pipe: &mut impl Read) {
        while pipe.read(self.0.as_mut()).is_ok_and(|count| count > 0) {}
    }
}

impl Running {
    /// Waits for the end; the output.
    fn finish(&mut self, limit: Duration) -> Result<Zeroizing<Vec<u8>>, String> {
        let late = || {
            let seconds = limit.as_secs_f64();
            format!("did not end in {seconds} s; it must print the secret without asking anything")
        };
        let output = self.stdout.recv_timeout(limit).map_err(|_| late())?;
        let status = self.status().ok_or_else(late)?;
        if !status.success() {
            return Err(format!("failed ({status}){}", self.said()));
        }
        if output.len() > OUTPUT_BYTES_MAX {
            return Err(format!(
                "printed more than {OUTPUT_BYTES_MAX} bytes; is it the right one?"
            ));
        }
        if output.is_empty() {
            return Err(format!("printed nothing{}", self.said()));
        }
        Ok(output)
    }

    fn status(&mut self) -> Option<ExitStatus> {
        for _ in 0..LOOKS {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => std::thread::sleep(LOOK),
                Err(_) => return None,
            }
        }
        None
    }

    /// What it said on standard error, escaped and cut.
    fn said(&self) -> String {
        let said = self.stderr.recv_timeout(LOOK * 20).unwrap_or_default();
        match escape(said.trim_ascii()) {
            text if text.is_empty() => String::new(),
            text => format!(": {text}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may have ended in between.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::os::unix::fs::PermissionsExt as _;

    fn script(text: &str, mode: u32) -> (tempfile::TempDir, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let words = vec![path.display().to_string(), "a b".to_owned(), "$HOME".to_owned()];
        (folder, words)
    }

    fn reason(text: &str) -> String {
        let (_folder, words) = script(text, 0o700);
        let limit = Duration::from_millis(500);
        match line_of_command(&words, &Surroundings::default(), limit).unwrap_err() {
            SecretError::Program { reason, .. } => reason,
            error => panic!("{error}"),
        }
    }

    #[test]
    fn the_line_that_a_program_prints_is_the_secret_and_its_words_are_taken_as_they_are() {
        let (_folder, words) = script("printf '%s|%s\\n' \"$1\" \"$2\"", 0o700);
        let secret = line_of_command(&words, &Surroundings::default(), COMMAND_TIME).unwrap();
        assert_eq!(secret.expose_secret(), "a b|$HOME");
    }

    #[test]
    fn a_program_sees_home_path_agent_and_credentials_and_nothing_else() {
        let (_folder, words) =
            script("env | grep -Ev '^(PWD|OLDPWD|SHLVL|_)=' | sort | tr '\\n' ' '", 0o700);
        let surroundings = Surroundings {
            agent_socket: Some("/agent".into()),
            home: Some("/home/op".into()),
            credentials: None,
            path: Some("/usr/bin:/bin".into()),
        };
        let secret = line_of_command(&words, &surroundings, COMMAND_TIME).unwrap();
        assert_eq!(
            secret.expose_secret(),
            "HOME=/home/op PATH=/usr/bin:/bin SSH_AUTH_SOCK=/agent "
        );
    }

    #[test]
    fn each_way_to_fail_has_its_reason_and_nothing_is_shown_raw() {
        let one_line = "must print one line of UTF-8 text, the secret alone";
        for (text, expected) in [
            ("printf 'one\\ntwo\\n'", one_line),
            ("printf 'a\\000b\\n'", one_line),
            ("printf '\\377\\n'", one_line),
            (":", "printed nothing"),
            ("printf 'no \\033[2J' >&2; exit 3", r"failed (exit status: 3): no \x1b[2J"),
            ("kill -9 $$", "failed (signal: 9 (SIGKILL))"),
            ("head -c 5000 /dev/zero", "printed more than 4096 bytes; is it the right one?"),
            (
                "exec sleep 60",
                "did not end in 0.5 s; it must print the secret without asking anything",
            ),
        ] {
            assert_eq!(reason(text), expected, "{text}");
        }
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children() {
        // Names of this process's own: the same suite may run beside it.
        let [one, other] = [1, 2].map(|last| format!("{}{last}", 90_000 + std::process::id()));
        reason(&format!("sleep {one} & sleep {other}"));
        let lines = [one, other].map(|seconds| format!("sleep\0{seconds}\0").into_bytes());
        let alive = std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            lines.contains(&line)
        });
        assert!(!alive);
    }

    #[test]
    fn a_program_that_others_can_change_or_that_is_not_there_is_not_started() {
        let (_folder, words) = script("echo x", 0o777);
        let error = line_of_command(&words, &Surroundings::default(), COMMAND_TIME).unwrap_err();
        assert!(error.to_string().contains("has mode 0777, others can change it"), "{error}");
        for (word, expected) in [
            ("/no/such/program", "cannot be found"),
            ("/usr", "is not a regular file"),
            ("pass", "is no absolute path"),
            ("~/pass", "$HOME is not set"),
        ] {
            let words = [word.to_owned()];
            let error =
                line_of_command(&words, &Surroundings::default(), COMMAND_TIME).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
