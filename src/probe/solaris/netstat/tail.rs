//! What stands at the right of a row, read from its end; and the owner before it.
//!
//! In: the text behind the ends. Out: state, interface and numbers, and what is left of them.

use crate::model::socket::State;
use crate::probe::cursor::Cursor;
use crate::probe::solaris::words::{hexadecimal, last_word, number, trim_end};

/// The right part of a row.
pub(super) struct Tail<'a> {
    /// What stands before it.
    pub(super) before: &'a [u8],
    pub(super) state: State,
    /// The word, where it is not a known one.
    pub(super) state_raw: Option<&'a [u8]>,
    pub(super) device: Option<&'a [u8]>,
    /// Bytes sent and not acknowledged, received and not acknowledged.
    pub(super) queues: Option<(u64, u64)>,
    pub(super) drops: Option<u64>,
}

/// `Swind Send-Q Rwind Recv-Q State [If]`.
pub(super) fn tcp(text: &[u8], has_device: bool) -> Option<Tail<'_>> {
    let (text, state, device) = state_and_device(text, has_device)?;
    let ([_, sent, _, received], before) = numbers::<4>(text)?;
    let queues = Some((number(sent)?, number(received)?));
    Some(Tail { queues, ..plain(before, state, device) })
}

/// `Swind Snext Suna Rwind Rnext Rack Rto Mss State [If]`: `-v`.
pub(super) fn tcp_verbose(text: &[u8], has_device: bool) -> Option<Tail<'_>> {
    let (text, state, device) = state_and_device(text, has_device)?;
    let ([_, next, unacked, _, expected, acked, rto, mss], before) = numbers::<8>(text)?;
    number(rto).and(number(mss))?;
    // netstat without -v computes with signed numbers of 32 bits.
    let difference = |one: &[u8], other: &[u8], less: u32| {
        let number = |word| u32::try_from(hexadecimal(word)?).ok();
        let difference = number(one)?.wrapping_sub(number(other)?).wrapping_sub(less);
        Some(u64::try_from(difference.cast_signed()).unwrap_or(0))
    };
    let queues = Some((difference(next, unacked, 1)?, difference(expected, acked, 0)?));
    Some(Tail { queues, ..plain(before, state, device) })
}

/// `State [If]`, on Solaris 11.4 then `Send-Buf TxOverflows Recv-Buf RxOverflows`.
pub(super) fn udp(text: &[u8], has_device: bool) -> Option<Tail<'_>> {
    let (mut text, mut drops) = (text, None);
    if number(last_word(text)?.1).is_some() {
        let ([_, _, _, overflows], before) = numbers::<4>(text)?;
        (text, drops) = (before, Some(number(overflows)?));
    }
    let (mut before, mut state) = last_word(text)?;
    let mut device = None;
    if has_device && udp_state(state).is_none() {
        let (rest, word) = last_word(before)?;
        udp_state(word)?;
        (before, device, state) = (rest, Some(state), word);
    }
    Some(Tail { drops, ..plain(before, state, device) })
}

/// `Swind Send-Q Rwind Recv-Q StrsI/O [owner] State`, and how many bytes the state and what follows
/// it are.
pub(super) fn sctp(text: &[u8]) -> Option<(Tail<'_>, usize)> {
    let mut cursor = Cursor::new(text);
    let mut word = || {
        cursor.blanks();
        cursor.token()
    };
    let values = [word(), word(), word(), word()];
    let streams = word();
    let [_, sent, _, received] = values.map(number);
    memchr::memchr(b'/', streams)?;
    let rest = cursor.rest;
    let (mut before, mut state) = last_word(rest)?;
    if state.starts_with(b"STATE(") {
        let (first, unknown) = last_word(before)?;
        let start = first.len();
        state = trim_end(rest.get(start..)?);
        (unknown == b"UNKNOWN").then_some(())?;
        before = first;
    }
    let tail = Tail { queues: Some((sent?, received?)), ..plain(before, state, None) };
    Some((tail, rest.len() - before.len()))
}

fn plain<'a>(before: &'a [u8], word: &'a [u8], device: Option<&'a [u8]>) -> Tail<'a> {
    let known = tcp_state(word).or_else(|| udp_state(word));
    Tail {
        before,
        state: known.unwrap_or(State::Unknown),
        state_raw: known.is_none().then_some(word),
        device,
        queues: None,
        drops: None,
    }
}

/// What stands before the state, the state, and the interface.
type Worded<'a> = (&'a [u8], &'a [u8], Option<&'a [u8]>);

/// Takes the state, and the interface behind it: where two words follow the numbers, the second.
fn state_and_device(text: &[u8], has_device: bool) -> Option<Worded<'_>> {
    let (rest, last) = last_word(text)?;
    let (before, word) = last_word(rest)?;
    if number(word).is_some() {
        return Some((rest, last, None));
    }
    has_device.then_some((before, word, Some(last)))
}

/// Takes the last words, as many as asked for; those that are to be numbers are checked by the
/// caller where they are kept, here where they are decimal or hexadecimal at all.
fn numbers<const N: usize>(text: &[u8]) -> Option<([&[u8]; N], &[u8])> {
    let (mut rest, mut found) = (text, [text; N]);
    for slot in found.iter_mut().rev() {
        let (before, word) = last_word(rest)?;
        hexadecimal(word)?;
        (rest, *slot) = (before, word);
    }
    Some((found, rest))
}

fn tcp_state(word: &[u8]) -> Option<State> {
    Some(match word {
        b"LISTEN" => State::Listen,
        b"ESTABLISHED" => State::Established,
        b"TIME_WAIT" => State::TimeWait,
        b"CLOSE_WAIT" => State::CloseWait,
        b"FIN_WAIT_1" => State::FinWait1,
        b"FIN_WAIT_2" => State::FinWait2,
        b"SYN_SENT" => State::SynSent,
        b"SYN_RECEIVED" | b"SYN_RCVD" => State::SynReceived,
        b"LAST_ACK" => State::LastAck,
        b"CLOSING" => State::Closing,
        b"CLOSED" => State::Closed,
        b"BOUND" => State::Bound,
        b"IDLE" => State::Idle,
        _ => return None,
    })
}

fn udp_state(word: &[u8]) -> Option<State> {
    Some(match word {
        b"Idle" | b"Unbound" => State::Unconnected,
        b"Connected" => State::Established,
        _ => return None,
    })
}

/// A process as `-u` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) user: &'a [u8],
    pub(super) pid: u32,
    pub(super) command: &'a [u8],
}

/// `User Pid Command`, or blanks. The outer `None`: something else.
#[expect(clippy::option_option, reason = "no owner is another thing than no columns of an owner")]
pub(super) fn owner(text: &[u8]) -> Option<Option<Named<'_>>> {
    let text = trim_end(text);
    let mut cursor = Cursor::new(text);
    cursor.blanks();
    let start = cursor.rest;
    if start.is_empty() {
        return Some(None);
    }
    cursor.token();
    // A name from a directory service may hold a blank.
    for _ in 0..3 {
        let user = start.get(..start.len() - cursor.rest.len())?;
        cursor.blanks();
        let word = cursor.token();
        if let Some(pid) = number(word) {
            let pid = u32::try_from(pid).ok()?;
            cursor.eat(b" ");
            return Some(Some(Named { user, pid, command: cursor.rest }));
        }
    }
    None
}
