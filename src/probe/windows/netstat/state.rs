//! Words for the states of TCP sockets.
//!
//! In: the bytes of a column, in any code page. Out: the state, where the word is one of English or
//! German Windows. Source: `MIB_TCP_STATE`, and what German systems print.

use crate::model::socket::State;

/// The state of an English word: what every Windows prints but those whose netstat is translated.
#[inline]
pub(super) fn english(word: &[u8]) -> Option<State> {
    Some(match word {
        b"ESTABLISHED" => State::Established,
        b"TIME_WAIT" => State::TimeWait,
        b"LISTENING" => State::Listen,
        b"CLOSE_WAIT" => State::CloseWait,
        b"FIN_WAIT_1" => State::FinWait1,
        b"FIN_WAIT_2" => State::FinWait2,
        b"SYN_SENT" => State::SynSent,
        b"SYN_RECEIVED" => State::SynReceived,
        b"LAST_ACK" => State::LastAck,
        b"CLOSING" => State::Closing,
        b"CLOSED" => State::Closed,
        b"DELETE_TCB" => State::DeleteTcb,
        b"BOUND" => State::Bound,
        _ => return None,
    })
}

/// The state of a German word. The letters beyond ASCII may be any bytes: `ABHÖREN` is `ABH\x99REN`
/// in code page 850, and a third thing where a program took one for the other.
pub(super) fn german(word: &[u8]) -> Option<State> {
    Some(match word {
        b"HERGESTELLT" => State::Established,
        b"WARTEND" => State::TimeWait,
        b"SCHLIESSEN_WARTEN" => State::CloseWait,
        b"FIN_WARTEN_1" => State::FinWait1,
        b"FIN_WARTEN_2" => State::FinWait2,
        b"SYN_GESENDET" => State::SynSent,
        b"SYN_EMPFANGEN" => State::SynReceived,
        b"SCHLIESSEND" => State::Closing,
        b"GESCHLOSSEN" => State::Closed,
        _ if word.starts_with(b"ABH") && word.ends_with(b"REN") => State::Listen,
        _ if word.starts_with(b"LETZTE") => State::LastAck,
        _ => return None,
    })
}
