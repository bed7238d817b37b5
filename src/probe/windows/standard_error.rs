//! What a program of Windows says on standard error, as text for people.
//!
//! In: the first bytes of the stream. Out: its text without the wrapping of `PowerShell`, and whether it
//! says that the account may not. A stream that holds only progress says nothing.
//!
//! ```text
//! #< CLIXML
//! <Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">
//! <Obj S="progress" RefId="0">...</Obj>
//! <S S="Error">Get-NetRoute : Access denied_x000D__x000A_</S></Objs>
//! ```
//! `PowerShell` writes its streams as such documents, one after the other, where nobody sees its window.
//! `<S S="Error">` is a piece of an error's text, `<Obj S="Error">` an error with its text in
//! `<ToString>`. A document may be cut anywhere. Source: [MS-PSRP] 2.2.5; `about_PowerShell_exe`,
//! `-OutputFormat`.

/// What stands in front of each document.
const MARK: &[u8] = b"#< CLIXML";

/// The text in one line, as UTF-8 where the stream is UTF-16 or CLIXML, else in the host's encoding.
#[must_use]
pub fn text(stderr: &[u8]) -> Vec<u8> {
    let narrowed = narrow(stderr);
    let bytes = narrowed.as_deref().unwrap_or(stderr);
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, MARK) {
        let (before, document) = rest.split_at(at);
        out.extend_from_slice(before);
        let document = document.get(MARK.len()..).unwrap_or_default();
        let end = memchr::memmem::find(document, b"</Objs>").map_or(document.len(), |end| end + 7);
        let (document, tail) = document.split_at(end);
        errors(document, &mut out);
        rest = tail;
    }
    out.extend_from_slice(rest);
    let lines = out.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(&b' ')
}

/// True where the text says that the account may not: numbers and names of categories, which are in no
/// language, and what the system itself says in some.
#[must_use]
pub fn says_denied(text: &[u8]) -> bool {
    const WORDS: [&str; 11] = [
        "0x80070005",
        "0x80041003",
        "permissiondenied",
        "unauthorizedaccess",
        "access denied",
        "access is denied",
        "zugriff verweigert",
        "acceso denegado",
        "accesso negato",
        "acesso negado",
        "acc\u{e8}s refus\u{e9}",
    ];
    let text = text.to_ascii_lowercase();
    WORDS.iter().any(|word| memchr::memmem::find(&text, word.as_bytes()).is_some())
}

/// UTF-16 with its mark or without, as UTF-8. `None` for anything else.
fn narrow(bytes: &[u8]) -> Option<Vec<u8>> {
    let (from, big) = match bytes {
        [0xff, 0xfe, rest @ ..] => (rest, false),
        [0xfe, 0xff, rest @ ..] => (rest, true),
        [first, 0, ..] if *first != 0 => (bytes, false),
        [0, second, ..] if *second != 0 => (bytes, true),
        _ => return None,
    };
    let unit =
        |pair: &[u8; 2]| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
    let units = from.as_chunks::<2>().0.iter().map(unit);
    let characters = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(characters.collect::<String>().into_bytes())
}

/// Adds the text of a document's errors.
fn errors(document: &[u8], out: &mut Vec<u8>) {
    let mut rest = document;
    while let Some(at) = memchr::memmem::find(rest, b"S=\"Error\"") {
        let (before, behind) = rest.split_at(at);
        // A `<` in a text is escaped, so this is the element's own.
        let (open, close): (&[u8], &[u8]) = match before {
            before if before.ends_with(b"<S ") => (b">", b"</S>"),
            before if before.ends_with(b"<Obj ") => (b"<ToString>", b"</ToString>"),
            _ => (b"", b""),
        };
        rest = behind.get(1..).unwrap_or_default();
        if open.is_empty() {
            continue;
        }
        let Some(start) = memchr::memmem::find(rest, open) else { return };
        let inner = rest.get(start + open.len()..).unwrap_or_default();
        let end = memchr::memmem::find(inner, close).unwrap_or(inner.len());
        let (inner, tail) = inner.split_at(end);
        unescaped(inner, out);
        if open.len() > 1 {
            out.push(b'\n');
        }
        rest = tail;
    }
}

/// Adds a text with the escapes of XML (`&lt;`) and of CLIXML (`_x000A_`) undone.
fn unescaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let (taken, character) = match first {
            b'&' => entity(tail),
            b'_' => escape(tail),
            _ => (0, None),
        };
        match character {
            Some(character) => {
                let mut buffer = [0; 4];
                out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            }
            None => out.push(*first),
        }
        rest = tail.get(taken..).unwrap_or_default();
    }
}

/// Behind `&`: how many bytes belong to it, and what they stand for.
fn entity(rest: &[u8]) -> (usize, Option<char>) {
    for (name, character) in
        [("lt;", '<'), ("gt;", '>'), ("amp;", '&'), ("quot;", '"'), ("apos;", '\'')]
    {
        if rest.starts_with(name.as_bytes()) {
            return (name.len(), Some(character));
        }
    }
    (0, None)
}

/// Behind `_`: `x000A_`.
fn escape(rest: &[u8]) -> (usize, Option<char>) {
    let digits = match rest {
        [b'x' | b'X', a, b, c, d, b'_', ..] => [*a, *b, *c, *d],
        _ => return (0, None),
    };
    let text = std::str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'));
    let number = text.and_then(|text| u32::from_str_radix(text, 16).ok());
    match number {
        // Half of a pair stands for nothing by itself.
        Some(number) => (6, Some(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER))),
        None => (0, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROGRESS: &str = "#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/\
        powershell/2004/04\"><Obj S=\"progress\" RefId=\"0\"><TN RefId=\"0\"><T>System.Object</T></TN>\
        <MS><PR N=\"Record\"><AV>Preparing modules.</AV></PR></MS></Obj></Objs>";

    fn shown(stderr: &[u8]) -> String {
        String::from_utf8(text(stderr)).unwrap()
    }

    #[test]
    fn progress_says_nothing_and_errors_are_their_text() {
        assert_eq!(shown(PROGRESS.as_bytes()), "");
        let error = "#< CLIXML\r\n<Objs><S S=\"Error\">Get-NetRoute : Access denied &lt;a_x0020_b&gt;_x000D__x000A_</S>\
            <S S=\"Warning\">no</S><S S=\"Error\">At line:1 _xZZZZ_ &#x41;_x000D__x000A_</S></Objs>";
        let both = format!("{PROGRESS}{error}");
        let expected = "Get-NetRoute : Access denied <a b> At line:1 _xZZZZ_ &#x41;";
        assert_eq!(shown(both.as_bytes()), expected);
        assert_eq!(shown(&wide(&both)), expected);
        let object = "#< CLIXML\n<Objs><Obj S=\"Error\" RefId=\"0\"><TN><T>ErrorRecord</T></TN>\
            <ToString>Zugriff verweigert</ToString></Obj><Obj S=\"Error\"><ToString>cut";
        assert_eq!(shown(object.as_bytes()), "Zugriff verweigert cut");
        assert_eq!(shown(b"FEHLER: nichts\r\n\r\n"), "FEHLER: nichts");
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_refusal_is_known_by_its_number_its_category_or_its_words() {
        for text in [
            "ERROR: Access denied",
            "FEHLER: Zugriff verweigert",
            "PermissionDenied HRESULT 0x80070005,Get-NetRoute: ...",
        ] {
            assert!(says_denied(text.as_bytes()), "{text}");
        }
        assert!(!says_denied(b"ERROR: The RPC server is unavailable."));
    }

    proptest! {
        #[test]
        fn no_text_stops_it_and_plain_text_stays(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    "#< CLIXML", "<S S=\"Error\">", "</S>", "</Objs>", "<Obj S=\"Error\">", "<ToString>",
                    "_x00", "0A_", "&lt", ";", "_", "\n", "x", "\u{e9}",
                ]),
                0..30,
            ),
            cut in any::<proptest::sample::Index>(),
        ) {
            let whole = pieces.concat();
            let part = whole.as_bytes().get(..cut.index(whole.len() + 1)).unwrap();
            let text = text(part);
            prop_assert!(text.len() <= part.len() + part.len() / 2);
            if memchr::memmem::find(part, MARK).is_none() && !part.contains(&b'\n') {
                prop_assert_eq!(text, part.trim_ascii());
            }
        }
    }
}
