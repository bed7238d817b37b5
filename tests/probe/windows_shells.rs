//! The quoting rule of Windows, held to the documented rules of its shells: the line that OpenSSH hands
//! to cmd.exe or `PowerShell` gives the program the same words.
//!
//! Neither shell runs here. What each interprets is written down from its manual: cmd ("cmd /?", "Escape
//! characters, delimiters"), `about_Parsing`, `about_Special_Characters`, `CommandLineToArgvW`.

use fleetstat::model::host::Platform;
use fleetstat::probe::command::Wrap;
use fleetstat::probe::platform_probes;

/// What cmd.exe looks at outside quotes: pipes and joins, escapes, variables, groups.
const CMD: &str = "&|<>^%!()\"\r\n";

/// Most characters of a line that cmd.exe takes. Source: Microsoft, "Command prompt line string
/// limitation".
const CMD_LINE_MAX: usize = 8_191;

/// What `PowerShell` looks at anywhere in a word of argument mode.
const POWERSHELL: &str = "`$'\"(){};,|&<>\r\n";

/// The words of a command line, as a program of Windows takes it apart.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut backslashes) = (false, 0);
    for character in line.chars() {
        let word = words.last_mut().expect("one is there");
        match character {
            '\\' => backslashes += 1,
            '"' => {
                word.push_str(&"\\".repeat(backslashes / 2));
                if backslashes % 2 == 1 {
                    word.push('"');
                } else {
                    quoted = !quoted;
                }
                backslashes = 0;
            }
            _ => {
                word.push_str(&"\\".repeat(std::mem::take(&mut backslashes)));
                match character {
                    ' ' | '\t' if !quoted => words.push(String::new()),
                    other => word.push(other),
                }
            }
        }
    }
    words.last_mut().expect("one is there").push_str(&"\\".repeat(backslashes));
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn a_command_line_is_taken_apart_as_windows_does() {
    assert_eq!(words(r#"C:\a.exe "b c" d\"e \\f"#), [r"C:\a.exe", "b c", "d\"e", r"\\f"]);
}

#[test]
fn every_line_is_the_same_words_for_both_shells_and_the_program() {
    let mut seen = 0;
    for probe in platform_probes(Platform::Windows) {
        let invocation = probe.command().invoke(Wrap::default());
        let line = invocation.line();
        let place = format!("{}: {}", probe.id, line.get(..80).unwrap_or(&line));
        assert_eq!(words(&line), invocation.argv(), "{place}");
        assert!(!line.contains(|character| CMD.contains(character)), "cmd.exe: {place}");
        assert!(line.len() < CMD_LINE_MAX, "{} characters: {place}", line.len());
        assert!(!line.contains(|character| POWERSHELL.contains(character)), "PowerShell: {place}");
        for word in invocation.argv() {
            // A comment, a splatted variable, the end of parsing.
            assert!(!word.starts_with(['#', '@']) && *word != "--%" && *word != "--", "{place}");
            // `-name:value` comes as two words.
            assert!(!(word.starts_with('-') && word.contains(':')), "{place}");
        }
        seen += 1;
    }
    assert!(seen >= 20, "only {seen} probes");
}
