//! The answers of the Windows Remote Shell, read by an XML parser ([MS-WSMV] 2.2.4; faults 2.2.4.43;
//! WS-Management DSP0226, 14).
//!
//! In: the bytes of one envelope. Out: what it says. Elements are known by their local names, since
//! prefixes are the server's choice. No document type is read and no entity expanded but the five of
//! XML. Text of a host goes out raw: who shows it escapes it.

use base64ct::{Base64, Encoding as _};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::transport::output::Stream;

/// Nested elements of an answer; Windows needs ten.
const DEPTH_MAX: usize = 64;

/// Bytes of a message of a fault that are kept.
const TEXT_MAX: usize = 2_048;

/// Characters of a subcode that are kept; the longest of DSP0226 has 32.
const SUBCODE_MAX: usize = 64;

/// One envelope.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// The message it answers, as the server repeats its name.
    pub(super) relates_to: Option<String>,
    /// What kind of answer it says it is.
    pub(super) action: String,
    /// Local name of the first element in the body; empty where there is none.
    pub(super) body: String,
    /// The shell that was created, by the service's name for it.
    pub(super) shell: Option<String>,
    /// The command that is meant, by the service's name for it.
    pub(super) command: Option<String>,
    /// Pieces of output, in order.
    pub(super) pieces: Vec<(Stream, Vec<u8>)>,
    /// The command has ended.
    pub(super) done: bool,
    /// Its exit status, as Windows counts: 32 bits.
    pub(super) exit: Option<u32>,
    /// What went wrong.
    pub(super) fault: Option<WsFault>,
}

/// What a fault says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WsFault {
    /// Subcode, such as `w:QuotaLimit`, without its prefix.
    pub(super) subcode: String,
    /// Number of the WSManFault: 2150858793 is "no output in that time".
    pub(super) wsman: Option<u32>,
    /// Number of an error that WMI or the provider gave.
    pub(super) wmi: Option<u32>,
    /// HTTP status it came with, as who received it says.
    pub(super) http: Option<u16>,
    /// The innermost message, in the host's language.
    pub(super) text: String,
}

/// Why an answer is no envelope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It is not XML.
    #[error("the answer is not XML")]
    Xml,
    /// It is XML, and no envelope.
    #[error("the answer is no SOAP envelope")]
    Envelope,
    /// An output is no base64.
    #[error("a piece of output is not base64")]
    Base64,
    /// An element stands where it has no meaning, or says a thing twice.
    #[error("the answer contradicts itself")]
    Contradiction,
    /// It means two shells or commands.
    #[error("the answer names two shells or commands")]
    Names,
}

/// Reads an envelope.
pub(super) fn read(bytes: &[u8]) -> Result<Reply, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Xml)?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut reading = Reading::default();
    loop {
        match reader.read_event().map_err(|_| Malformed::Xml)? {
            Event::Start(start) => reading.open(&start)?,
            Event::Empty(start) => {
                reading.open(&start)?;
                reading.close()?;
            }
            Event::End(_) => reading.close()?,
            Event::Text(text) => reading.text.push_str(&text),
            Event::CData(text) => reading.text.push_str(&text),
            Event::GeneralRef(name) => reading.text.push(entity(&name).ok_or(Malformed::Xml)?),
            Event::DocType(_) => return Err(Malformed::Xml),
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    match (reading.seen_envelope, reading.path.is_empty()) {
        (true, true) => Ok(reading.reply),
        (true, false) => Err(Malformed::Xml),
        (false, _) => Err(Malformed::Envelope),
    }
}

/// The five entities of XML, and characters by number.
fn entity(name: &str) -> Option<char> {
    let number = |digits: &str, radix| char::from_u32(u32::from_str_radix(digits, radix).ok()?);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix("#x") {
            Some(digits) => number(digits, 16),
            None => number(name.strip_prefix('#')?, 10),
        },
    }
}

#[derive(Default)]
struct Reading {
    reply: Reply,
    /// Local names of the open elements.
    path: Vec<String>,
    /// Text since the last opening.
    text: String,
    /// The stream of the open `Stream` element. `None`: of a name that is not known.
    stream: Option<Stream>,
    /// The `Name` of an open `Selector`.
    selector: String,
    seen_envelope: bool,
    /// The state of the command was told.
    seen_state: bool,
    /// So was its exit status.
    seen_exit: bool,
}

impl Reading {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Malformed> {
        let name = start.local_name().as_ref().to_owned();
        if self.path.is_empty() {
            if self.seen_envelope || name != "Envelope" {
                return Err(Malformed::Envelope);
            }
            self.seen_envelope = true;
        }
        if self.path.len() >= DEPTH_MAX {
            return Err(Malformed::Envelope);
        }
        // Its text would be torn apart.
        if self.path.last().is_some_and(|parent| parent == "Stream") {
            return Err(Malformed::Envelope);
        }
        if self.path.last().is_some_and(|parent| parent == "Body") && self.reply.body.is_empty() {
            self.reply.body.clone_from(&name);
        }
        match name.as_str() {
            "Fault" if self.is_in("Body") && self.reply.body != "Fault" => {
                return Err(Malformed::Contradiction);
            }
            "Fault" if self.reply.body == "Fault" => drop(self.fault()),
            "WSManFault" => {
                must_be(self.reply.body == "Fault")?;
                let number = attribute(start, "Code")?.and_then(|code| number(&code));
                let fault = self.fault();
                fault.wsman = fault.wsman.or(number);
            }
            "Stream" => {
                must_be(self.is_output())?;
                self.name_command(attribute(start, "CommandId")?)?;
                self.stream = match attribute(start, "Name")?.as_deref() {
                    Some("stdout") => Some(Stream::Stdout),
                    Some("stderr") => Some(Stream::Stderr),
                    _ => None,
                };
            }
            "CommandState" => {
                must_be(self.is_output() && !self.seen_state)?;
                self.seen_state = true;
                self.name_command(attribute(start, "CommandId")?)?;
                let state = attribute(start, "State")?.unwrap_or_default();
                self.reply.done |= state.ends_with("/Done");
            }
            "ExitCode" if self.is_in("CommandState") => {
                must_be(!self.seen_exit)?;
                self.seen_exit = true;
            }
            "Selector" => self.selector = attribute(start, "Name")?.unwrap_or_default(),
            _ => {}
        }
        self.path.push(name);
        self.text.clear();
        Ok(())
    }

    /// Whether the element that opens stands right in one of this name.
    fn is_in(&self, parent: &str) -> bool {
        self.path.last().is_some_and(|last| last == parent)
    }

    /// Whether it stands in the body of an answer with output.
    fn is_output(&self) -> bool {
        let path = self.path.iter().map(String::as_str);
        path.eq(["Envelope", "Body", "ReceiveResponse"]) && self.reply.body == "ReceiveResponse"
    }

    fn close(&mut self) -> Result<(), Malformed> {
        let name = self.path.pop().ok_or(Malformed::Xml)?;
        let text = std::mem::take(&mut self.text);
        let parent = self.path.last().map(String::as_str).unwrap_or_default();
        match (parent, name.as_str()) {
            ("Header", "RelatesTo") => self.reply.relates_to = Some(text.trim().to_owned()),
            ("Header", "Action") => text.trim().clone_into(&mut self.reply.action),
            (_, "Selector") if self.selector == "ShellId" => {
                take_name(&mut self.reply.shell, text.trim())?;
            }
            ("Shell", "ShellId") => take_name(&mut self.reply.shell, text.trim())?,
            ("CommandResponse", "CommandId") => self.name_command(Some(text))?,
            (_, "Stream") => {
                // Windows breaks no lines in it, others may.
                let compact: String = text.split_ascii_whitespace().collect();
                let bytes = Base64::decode_vec(&compact).map_err(|_| Malformed::Base64)?;
                match self.stream.take() {
                    _ if bytes.is_empty() => {}
                    Some(stream) => self.reply.pieces.push((stream, bytes)),
                    // Output of a stream that is not known is not thrown away in silence.
                    None => return Err(Malformed::Envelope),
                }
            }
            ("CommandState", "ExitCode") => self.reply.exit = number(text.trim()),
            // What stands elsewhere is no fault.
            _ if self.reply.body != "Fault" => {}
            ("Subcode", "Value") => {
                let word = text.trim().rsplit(':').next().unwrap_or_default();
                self.fault().subcode = word.chars().take(SUBCODE_MAX).collect();
            }
            ("Reason", "Text") => self.say(&text, false),
            (_, "Message") => self.say(&text, true),
            (_, "error_Code") => {
                let number = number(text.trim());
                self.fault().wmi = number;
            }
            _ => {}
        }
        Ok(())
    }

    fn name_command(&mut self, given: Option<String>) -> Result<(), Malformed> {
        given.map_or(Ok(()), |given| take_name(&mut self.reply.command, given.trim()))
    }

    fn fault(&mut self) -> &mut WsFault {
        self.reply.fault.get_or_insert_default()
    }

    /// Takes a text of the fault. Inner ones close first, so the first message that says something
    /// is the innermost, and stays; the reason gives way to it.
    fn say(&mut self, text: &str, is_message: bool) {
        let text = text.trim();
        let known = self.reply.fault.as_ref().map_or("", |fault| &fault.text);
        if text.is_empty() || (!known.is_empty() && !is_message) {
            return;
        }
        let kept: String = text.chars().take(TEXT_MAX).collect();
        self.fault().text = kept;
    }
}

/// What an answer must be so as not to contradict itself.
const fn must_be(so: bool) -> Result<(), Malformed> {
    if so { Ok(()) } else { Err(Malformed::Contradiction) }
}

/// Takes a name; one that was taken before must be the same.
fn take_name(slot: &mut Option<String>, given: &str) -> Result<(), Malformed> {
    match slot {
        Some(known) if !known.eq_ignore_ascii_case(given) => Err(Malformed::Names),
        Some(_) => Ok(()),
        None => {
            *slot = Some(given.to_owned());
            Ok(())
        }
    }
}

/// Most attributes of an element whose attributes are read; no element of the protocol has more than four.
const ATTRIBUTES_MAX: usize = 32;

/// The value of the only attribute of that name. Prefixes are the server's choice.
fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, Malformed> {
    let mut all = start.attributes();
    // Looking for what stands twice compares each with each.
    all.with_checks(false);
    let mut value = None;
    for (count, one) in all.enumerate() {
        let one = one.map_err(|_| Malformed::Xml)?;
        let is_namespace = one.key.prefix().is_some_and(|prefix| prefix.as_ref() == "xmlns");
        let is_meant = one.key.local_name().as_ref() == name && !is_namespace;
        if count >= ATTRIBUTES_MAX || (is_meant && value.is_some()) {
            return Err(Malformed::Contradiction);
        }
        if is_meant {
            let text = one.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Malformed::Xml)?;
            value = Some(text.into_owned());
        }
    }
    Ok(value)
}

/// A number of 32 bits, which some versions print with a sign.
fn number(text: &str) -> Option<u32> {
    let unsigned = text.parse::<u32>().ok();
    unsigned.or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

#[cfg(test)]
mod tests;
