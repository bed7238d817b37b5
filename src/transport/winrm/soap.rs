//! The requests of the Windows Remote Shell, as SOAP envelopes ([MS-WSMV] 3.1.4.1; WS-Management
//! DSP0226).
//!
//! In: who is asked, and what. Out: the text of one envelope. A shell is created, a command started
//! in it, its output received piece by piece, the command ended by a signal and the shell deleted.
//! Every value is escaped here and nowhere else.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use crate::model::fault::Stage;

const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// Largest answer that a host may send: 512,000 bytes, which is the most that Windows allows since
/// 2012; older ones send less.
pub(super) const ENVELOPE_BYTES: u32 = 512_000;

/// How long a host waits for output before it says that there is none yet.
pub(super) const OPERATION: Duration = Duration::from_secs(20);

/// How long a host keeps a shell that nobody asks about: a controller that was killed frees its
/// share of the quota soon.
const SHELL_IDLE: Duration = Duration::from_mins(3);

/// Longest name that a service may choose for a shell or command; Windows writes 36 characters.
const ID_MAX: usize = 128;

/// A name for a message, shell or command, chosen by us: so that a shell whose answer was lost can
/// still be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id(String);

impl Id {
    /// A random one (RFC 9562, version 4), in capitals as Windows writes it.
    pub(super) fn random() -> std::io::Result<Self> {
        let mut bytes = [0_u8; 16];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        let bits = u128::from_be_bytes(bytes) & !(0xf << 76) | 4 << 76;
        let bits = bits & !(0b11 << 62) | 0b10 << 62;
        let text = format!("{bits:032X}");
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| text.get(part).unwrap_or(""));
        Ok(Self(parts.join("-")))
    }

    /// A name that a service chose: older Windows do not take ours. `None`: it is longer than 128
    /// characters, or holds other ones than names of Windows do.
    pub(super) fn of_service(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-{}:_.".contains(&byte);
        let whole = (1..=ID_MAX).contains(&text.len()) && text.bytes().all(fits);
        whole.then(|| Self(text.to_owned()))
    }

    /// Whether a service means this one: it may write capitals otherwise.
    pub(super) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action<'a> {
    /// Opens a shell.
    Create {
        /// Its name.
        shell: &'a Id,
    },
    /// Starts a program in a shell, without cmd.exe.
    Start {
        shell: &'a Id,
        command: &'a Id,
        /// Program and arguments.
        argv: &'a [String],
    },
    /// Takes output, or the end.
    Receive { shell: &'a Id, command: &'a Id },
    /// Ends a command.
    Terminate { shell: &'a Id, command: &'a Id },
    /// Closes a shell, which ends what runs in it and frees the host's quota.
    Delete { shell: &'a Id },
}

impl Action<'_> {
    /// The word for people.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Start { .. } => "command",
            Self::Receive { .. } => "receive",
            Self::Terminate { .. } => "signal",
            Self::Delete { .. } => "delete",
        }
    }

    /// The step of a visit that it belongs to.
    pub(super) const fn stage(self) -> Stage {
        match self {
            Self::Create { .. } => Stage::Create,
            Self::Start { .. } => Stage::Command,
            Self::Receive { .. } => Stage::Receive,
            Self::Terminate { .. } | Self::Delete { .. } => Stage::Cleanup,
        }
    }

    /// Whether an answer is one to this question: its action (DSP0226, 5.1) and the first element of
    /// its body ([MS-WSMV] 2.2.4). An answer that says no is one to every question.
    pub(super) fn is_answered_by(self, action: &str, body: &str) -> bool {
        let fits = match self {
            Self::Create { .. } => matches!(body, "ResourceCreated" | "Shell"),
            Self::Start { .. } => body == "CommandResponse",
            Self::Receive { .. } => body == "ReceiveResponse",
            Self::Terminate { .. } => body == "SignalResponse",
            Self::Delete { .. } => body.is_empty(),
        };
        body == "Fault" || fits && action.strip_suffix("Response") == Some(self.uri().as_str())
    }

    fn uri(self) -> String {
        match self {
            Self::Create { .. } => format!("{TRANSFER}/Create"),
            Self::Start { .. } => format!("{SHELL}/Command"),
            Self::Receive { .. } => format!("{SHELL}/Receive"),
            Self::Terminate { .. } => format!("{SHELL}/Signal"),
            Self::Delete { .. } => format!("{TRANSFER}/Delete"),
        }
    }

    /// The shell that is meant; none yet when it is created.
    fn selector(&self) -> Option<&Id> {
        match self {
            Self::Create { .. } => None,
            Self::Start { shell, .. }
            | Self::Receive { shell, .. }
            | Self::Terminate { shell, .. }
            | Self::Delete { shell } => Some(shell),
        }
    }

    /// Options: no profile of a user is loaded, and output comes in UTF-8 where a program heeds the
    /// console's code page; no cmd.exe sees the command.
    const fn options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Create { .. } => &[("WINRS_NOPROFILE", "TRUE"), ("WINRS_CODEPAGE", "65001")],
            Self::Start { .. } => {
                &[("WINRS_CONSOLEMODE_STDIN", "TRUE"), ("WINRS_SKIP_CMD_SHELL", "TRUE")]
            }
            Self::Receive { .. } => &[("WSMAN_CMDSHELL_OPTION_KEEPALIVE", "TRUE")],
            Self::Terminate { .. } | Self::Delete { .. } => &[],
        }
    }

    fn body(self) -> String {
        match self {
            Self::Create { shell } => format!(
                "<rsp:Shell ShellId=\"{}\"><rsp:IdleTimeOut>{}</rsp:IdleTimeOut>\
                 <rsp:InputStreams>stdin</rsp:InputStreams>\
                 <rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>",
                shell.as_str(),
                span(SHELL_IDLE)
            ),
            Self::Start { command, argv, .. } => {
                let (program, arguments) = argv.split_first().map_or(("", argv), |(p, a)| (p, a));
                let mut body = format!(
                    "<rsp:CommandLine CommandId=\"{}\"><rsp:Command>{}</rsp:Command>",
                    command.as_str(),
                    escape(program)
                );
                for argument in arguments {
                    // Writing to a String cannot fail.
                    let _ = write!(body, "<rsp:Arguments>{}</rsp:Arguments>", escape(argument));
                }
                body + "</rsp:CommandLine>"
            }
            Self::Receive { command, .. } => format!(
                "<rsp:Receive><rsp:DesiredStream CommandId=\"{}\">stdout stderr</rsp:DesiredStream>\
                 </rsp:Receive>",
                command.as_str()
            ),
            Self::Terminate { command, .. } => format!(
                "<rsp:Signal CommandId=\"{}\"><rsp:Code>{SHELL}/signal/terminate</rsp:Code>\
                 </rsp:Signal>",
                command.as_str()
            ),
            Self::Delete { .. } => String::new(),
        }
    }
}

/// The envelope of a request. `to` is the URL of the service, `message` the name by which the answer
/// relates to it, `operation` the time in which the service is to answer.
pub(super) fn envelope(to: &str, message: &Id, operation: Duration, action: Action<'_>) -> String {
    let mut out = String::with_capacity(2_048);
    out.push_str(concat!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" ",
        "xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" ",
        "xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" ",
        "xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" ",
        "xmlns:rsp=\"http://schemas.microsoft.com/wbem/wsman/1/windows/shell\"><s:Header>"
    ));
    let _ = write!(
        out,
        "<a:Action s:mustUnderstand=\"true\">{}</a:Action>\
         <a:To>{}</a:To>\
         <a:MessageID>uuid:{}</a:MessageID>\
         <a:ReplyTo><a:Address s:mustUnderstand=\"true\">{ANONYMOUS}</a:Address></a:ReplyTo>\
         <w:ResourceURI s:mustUnderstand=\"true\">{SHELL}/cmd</w:ResourceURI>\
         <w:MaxEnvelopeSize s:mustUnderstand=\"true\">{ENVELOPE_BYTES}</w:MaxEnvelopeSize>\
         <w:OperationTimeout>{}</w:OperationTimeout>\
         <w:Locale s:mustUnderstand=\"false\" xml:lang=\"en-US\"/>\
         <p:DataLocale s:mustUnderstand=\"false\" xml:lang=\"en-US\"/>",
        action.uri(),
        escape(to),
        message.as_str(),
        span(operation)
    );
    if let Some(shell) = action.selector() {
        let id = shell.as_str();
        let _ = write!(
            out,
            "<w:SelectorSet><w:Selector Name=\"ShellId\">{id}</w:Selector></w:SelectorSet>"
        );
    }
    if !action.options().is_empty() {
        out.push_str("<w:OptionSet s:mustUnderstand=\"true\">");
        for (name, value) in action.options() {
            let _ = write!(out, "<w:Option Name=\"{name}\">{value}</w:Option>");
        }
        out.push_str("</w:OptionSet>");
    }
    let _ = write!(out, "</s:Header><s:Body>{}</s:Body></s:Envelope>", action.body());
    out
}

/// A time as XML Schema writes it.
fn span(time: Duration) -> String {
    format!("PT{}.{:03}S", time.as_secs(), time.subsec_millis())
}

/// Text inside an element or attribute.
fn escape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4() {
        let (one, other) = (Id::random().unwrap(), Id::random().unwrap());
        assert_ne!(one, other);
        let text = one.as_str();
        assert_eq!(text.len(), 36);
        let parts: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&text[14..15], "4");
        assert!("89AB".contains(&text[19..20]), "{text}");
    }

    #[test]
    fn a_name_that_a_service_chose_is_taken_only_in_the_form_of_one() {
        for name in ["67A74734-DD32-4F10-89DE-49A060483810", "{67a74734}", "uuid:1.2_3"] {
            assert_eq!(Id::of_service(name), Some(Id(name.to_owned())));
        }
        for name in ["", "a b", "a\n", "<a/>", "a&amp;b", "\u{e4}", &"A".repeat(129)] {
            assert_eq!(Id::of_service(name), None, "{name}");
        }
        assert!(Id("aB-1".to_owned()).is("Ab-1") && !Id("a".to_owned()).is("b"));
    }

    #[test]
    fn an_answer_of_another_kind_than_its_question_is_none() {
        let (shell, command) = (Id("S".to_owned()), Id("C".to_owned()));
        let all = [
            (Action::Create { shell: &shell }, "ResourceCreated"),
            (Action::Start { shell: &shell, command: &command, argv: &[] }, "CommandResponse"),
            (Action::Receive { shell: &shell, command: &command }, "ReceiveResponse"),
            (Action::Terminate { shell: &shell, command: &command }, "SignalResponse"),
            (Action::Delete { shell: &shell }, ""),
        ];
        for (asked, _) in all {
            for (other, body) in all {
                let action = format!("{}Response", other.uri());
                let fits = asked.is_answered_by(&action, body);
                assert_eq!(fits, asked == other, "{asked:?} by {action} {body}");
                assert!(!asked.is_answered_by(&asked.uri(), body), "{asked:?}");
            }
            assert!(asked.is_answered_by("http://any/fault", "Fault"));
        }
        let [(create, _), ..] = all;
        assert!(create.is_answered_by(&format!("{TRANSFER}/CreateResponse"), "Shell"));
    }

    #[test]
    fn words_of_a_command_are_escaped_and_stand_apart() {
        let (shell, command) = (Id("S".to_owned()), Id("C".to_owned()));
        let argv = ["C:\\Windows\\System32\\netstat.exe".to_owned(), "<&\"'>".to_owned()];
        let action = Action::Start { shell: &shell, command: &command, argv: &argv };
        let text = envelope("http://h:5985/wsman?a&b", &Id("M".to_owned()), OPERATION, action);
        for part in [
            "<a:To>http://h:5985/wsman?a&amp;b</a:To>",
            "<a:MessageID>uuid:M</a:MessageID>",
            "<w:Selector Name=\"ShellId\">S</w:Selector>",
            "<w:Option Name=\"WINRS_SKIP_CMD_SHELL\">TRUE</w:Option>",
            "<rsp:CommandLine CommandId=\"C\"><rsp:Command>C:\\Windows\\System32\\netstat.exe\
             </rsp:Command><rsp:Arguments>&lt;&amp;&quot;&apos;&gt;</rsp:Arguments>",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
