//! `keyboard-interactive` (RFC 4256): a server asks, and the one thing we can say is the password.
//!
//! In: what the server asks. Out: its verdict, or that it wants something we do not have. The
//! questions come from the host: they are bounded, escaped, and answered only where they clearly
//! ask for the password; a guess would put it into a place that was made for something else.

use russh::MethodSet;
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse as Response, Prompt};
use secrecy::{ExposeSecret as _, SecretString};

use super::client::server_text;
use super::handshake::Link;
use crate::model::fault::{Fault, FaultKind};

/// Most requests of one login. OpenSSH with PAM sends two: the question, and an empty one.
const REQUESTS_MAX: usize = 4;

/// Words of a question for the password, in the languages in which Linux-PAM speaks.
const PASSWORD: &[&str] = &[
    "password",
    "passwort",
    "kennwort",
    "mot de passe",
    "contraseña",
    "contrasenya",
    "senha",
    "palavra-passe",
    "parola",
    "wachtwoord",
    "lösenord",
    "passord",
    "adgangskode",
    "salasana",
    "hasło",
    "heslo",
    "jelszó",
    "пароль",
    "şifre",
    "密码",
    "密碼",
    "パスワード",
    "암호",
];

/// Words of a question for something else, or for more than the password.
const OTHER: &[&str] = &[
    "onetime",
    "otp",
    "time",
    "code",
    "token",
    "verification",
    "pin",
    "passcode",
    "challenge",
    "response",
    "factor",
    "duo",
    "yubikey",
    "again",
    "retype",
    "repeat",
    "confirm",
];

/// Words of a server that wants a new password.
const EXPIRED: &[&str] = &[
    "new password",
    "password has expired",
    "password expired",
    "your password has expired",
    "change your password",
    "required to change",
    "(current)",
    "current password",
    "old password",
    "neues passwort",
    "nouveau mot de passe",
];

/// How it ended, if the server said so.
pub(super) struct Verdict {
    pub(super) result: AuthResult,
    /// The password was sent.
    pub(super) answered: bool,
}

/// Why it was broken off.
pub(super) struct Broken {
    /// `None`: the connection has ended.
    pub(super) fault: Option<Fault>,
    /// The password was sent.
    pub(super) answered: bool,
    /// The server asked for it once more: it did not take it.
    pub(super) refused: bool,
}

/// Asks to log in, and answers.
pub(super) async fn converse(
    link: &mut Link,
    user: &str,
    password: &SecretString,
) -> Result<Verdict, Broken> {
    let mut answered = false;
    let mut response =
        link.handle.authenticate_keyboard_interactive_start(user, None::<String>).await;
    for _ in 0..REQUESTS_MAX {
        let (text, prompts) = match response {
            Err(_) => return Err(Broken { fault: None, answered, refused: false }),
            Ok(Response::Success) => {
                return Ok(Verdict { result: AuthResult::Success, answered });
            }
            Ok(Response::Failure { remaining_methods, partial_success }) => {
                let result = AuthResult::Failure { remaining_methods, partial_success };
                return Ok(Verdict { result, answered });
            }
            Ok(Response::InfoRequest { name, instructions, prompts }) => {
                (format!("{name} {instructions}"), prompts)
            }
        };
        let asked = judge(&text, &prompts);
        let broken =
            |fault: Fault, refused: bool| Err(Broken { fault: Some(fault), answered, refused });
        let answers = match asked {
            Asked::Nothing => Vec::new(),
            // A copy that russh sends on and does not wipe.
            Asked::Password if !answered => vec![password.expose_secret().to_owned()],
            Asked::Password => {
                let detail = "the server asked for the password again";
                return broken(Fault::new(FaultKind::AuthRefused, detail), true);
            }
            Asked::NewPassword => {
                let shown = shown(&text, &prompts);
                let detail = format!("the server wants a new password: {shown}");
                return broken(Fault::new(FaultKind::PasswordExpired, detail), false);
            }
            Asked::Other => {
                let shown = shown(&text, &prompts);
                let detail = format!("the server asks for what the account does not have: {shown}");
                return broken(Fault::new(FaultKind::AuthRefused, detail), false);
            }
        };
        answered |= !answers.is_empty();
        response = link.handle.authenticate_keyboard_interactive_respond(answers).await;
    }
    let detail = format!("the server asked more than {REQUESTS_MAX} times");
    let fault = Some(Fault::new(FaultKind::AuthRefused, detail));
    Err(Broken { fault, answered, refused: false })
}

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Text to be read, no question.
    Nothing,
    /// The password, and it alone.
    Password,
    /// A new password.
    NewPassword,
    /// Anything else, or several things at once.
    Other,
}

fn judge(text: &str, prompts: &[Prompt]) -> Asked {
    let holds = |text: &str, words: &[&str]| {
        let text = text.to_lowercase();
        words.iter().any(|word| text.contains(word))
    };
    // Whole words: a login name in the question may well begin with `pin`.
    let asks_more = |text: &str| {
        let text = text.to_lowercase();
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        words.any(|word| OTHER.contains(&word))
    };
    let expired = holds(text, EXPIRED) || prompts.iter().any(|p| holds(&p.prompt, EXPIRED));
    match prompts {
        [] => Asked::Nothing,
        _ if expired => Asked::NewPassword,
        [only] if !only.echo && holds(&only.prompt, PASSWORD) && !asks_more(&only.prompt) => {
            Asked::Password
        }
        _ => Asked::Other,
    }
}

/// The questions for a message: escaped and cut.
fn shown(text: &str, prompts: &[Prompt]) -> String {
    let prompts = prompts.iter().map(|prompt| prompt.prompt.trim());
    let parts: Vec<&str> =
        std::iter::once(text.trim()).chain(prompts).filter(|part| !part.is_empty()).collect();
    format!("`{}`", server_text(parts.join(" | ").as_bytes()))
}

/// Whether a server that offers these methods can be told a password, and how: `password` first,
/// since nothing has to be understood there.
pub(super) fn way(methods: &MethodSet) -> Option<russh::MethodKind> {
    let offers = |kind| methods.contains(&kind);
    [russh::MethodKind::Password, russh::MethodKind::KeyboardInteractive]
        .into_iter()
        .find(|kind| offers(*kind))
}
