//! Sealed bodies: the `multipart/encrypted` form in which a SOAP envelope travels over plain HTTP
//! ([MS-WSMV] 2.2.9.1).
//!
//! ```text
//! --Encrypted Boundary
//! <TAB>Content-Type: application/HTTP-SPNEGO-session-encrypted
//! <TAB>OriginalContent: type=application/soap+xml;charset=UTF-8;Length=1847
//! --Encrypted Boundary
//! <TAB>Content-Type: application/octet-stream
//! LE32 length of the signature, signature, sealed bytes--Encrypted Boundary--
//! ```
//! In: sealed bytes. Out: a body; and back. The closing boundary follows the sealed bytes without a
//! line end, which they may hold themselves, so lengths decide and not a search.

/// How a login and what it sealed are marked. Windows' own client marks Kerberos so, and what is
/// marked so can be nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// NTLM, or what SPNEGO chose.
    Negotiate,
    /// Kerberos alone.
    Kerberos,
}

impl Protocol {
    /// The scheme of `Authorization` and `WWW-Authenticate`.
    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Kerberos => "Kerberos",
        }
    }

    /// What sealed the bytes.
    const fn media_type(self) -> &'static str {
        match self {
            Self::Negotiate => "application/HTTP-SPNEGO-session-encrypted",
            Self::Kerberos => "application/HTTP-Kerberos-session-encrypted",
        }
    }

    /// The `Content-Type` of a sealed body.
    pub(super) fn content_type(self) -> String {
        let protocol = self.media_type();
        format!("multipart/encrypted;protocol=\"{protocol}\";boundary=\"Encrypted Boundary\"")
    }
}

const BOUNDARY: &str = "--Encrypted Boundary\r\n";
const CLOSING: &[u8] = b"--Encrypted Boundary--";

/// A body of sealed bytes: signature with its length, then data. `plain` is the length before.
pub(super) fn wrap(protocol: Protocol, plain: usize, sealed: &[u8]) -> Vec<u8> {
    let media_type = protocol.media_type();
    let head = format!(
        "{BOUNDARY}\tContent-Type: {media_type}\r\n\tOriginalContent: \
         type=application/soap+xml;charset=UTF-8;Length={plain}\r\n{BOUNDARY}\
         \tContent-Type: application/octet-stream\r\n"
    );
    [head.as_bytes(), sealed, CLOSING, b"\r\n"].concat()
}

/// The sealed bytes of a body. `None` when it has another form.
pub(super) fn unwrap(content_type: &str, body: &[u8]) -> Option<(usize, Vec<u8>)> {
    let lower = content_type.to_ascii_lowercase();
    if !lower.starts_with("multipart/encrypted") {
        return None;
    }
    let (head, rest) = cut(body, b"application/octet-stream\r\n")?;
    let head = std::str::from_utf8(head).ok()?;
    let length = head.split("Length=").nth(1)?.split(['\r', '\n', ';']).next()?;
    let plain: usize = length.trim().parse().ok()?;
    let sealed = rest.strip_suffix(b"\r\n").unwrap_or(rest).strip_suffix(CLOSING)?;
    let signature = u32::from_le_bytes(sealed.first_chunk().copied()?);
    let signature = usize::try_from(signature).ok()?;
    (signature <= sealed.len() - 4).then(|| (plain, sealed.to_vec()))
}

/// What stands before and after the first place of a mark.
fn cut<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::find(text, mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealed(signature: &[u8], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(signature.len()).unwrap().to_le_bytes();
        [&length, signature, data].concat()
    }

    proptest! {
        #[test]
        fn what_is_wrapped_comes_out_again(
            signature in proptest::collection::vec(any::<u8>(), 0..64),
            data in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'-'), Just(b'\r'), Just(b'\n')], 0..200),
        ) {
            let bytes = sealed(&signature, &data);
            let body = wrap(Protocol::Kerberos, data.len(), &bytes);
            prop_assert_eq!(unwrap(&Protocol::Kerberos.content_type(), &body), Some((data.len(), bytes)));
        }

        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = unwrap(&Protocol::Negotiate.content_type(), &body);
            let mut near = wrap(Protocol::Negotiate, 9, &sealed(b"abc", b"data"));
            near.truncate(body.len());
            let _ = unwrap(&Protocol::Negotiate.content_type(), &near);
        }
    }

    #[test]
    fn another_form_is_refused() {
        let body = wrap(Protocol::Negotiate, 4, &sealed(b"abc", b"data"));
        assert!(unwrap("application/soap+xml;charset=UTF-8", &body).is_none());
        assert!(unwrap(&Protocol::Negotiate.content_type(), b"<s:Envelope/>").is_none());
        let lies = wrap(Protocol::Negotiate, 4, &[255, 255, 255, 127, 1]);
        assert!(unwrap(&Protocol::Negotiate.content_type(), &lies).is_none());
    }
}
