//! A line into words, as Python's `shlex.split` does it with comments and POSIX quoting.
//! Source: Python's library reference, shlex, "parsing rules".

/// The words. `Err`: a quote that is not closed, or a backslash at the end.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' => break,
            '\'' | '"' => quoted(character, &mut rest, word.get_or_insert_default())?,
            '\\' => {
                let next = rest.next().ok_or("a backslash ends the line")?;
                word.get_or_insert_default().push(next);
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Inside double quotes a backslash stands for itself unless a quote or a backslash follows.
fn quoted(
    quote: char,
    rest: &mut std::str::Chars<'_>,
    word: &mut String,
) -> Result<(), &'static str> {
    const OPEN: &str = "a quote is not closed";
    loop {
        match rest.next().ok_or(OPEN)? {
            end if end == quote => return Ok(()),
            '\\' if quote == '"' => {
                let next = rest.next().ok_or(OPEN)?;
                if next != '"' && next != '\\' {
                    word.push('\\');
                }
                word.push(next);
            }
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_shlex() {
        let cases: &[(&str, &[&str])] = &[
            ("a b=c", &["a", "b=c"]),
            ("a b='x y' # rest", &["a", "b=x y"]),
            ("a b=x#y z", &["a", "b=x"]),
            (r#"a b="x \" \n y""#, &["a", r#"b=x " \n y"#]),
            (r"a b=x\ y c='\n'", &["a", "b=x y", r"c=\n"]),
            ("a '' b", &["a", "", "b"]),
            ("", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(split(line).unwrap(), *expected, "{line}");
        }
        assert_eq!(split("a 'b"), Err("a quote is not closed"));
        assert_eq!(split("a \\"), Err("a backslash ends the line"));
    }
}
