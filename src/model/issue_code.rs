//! What kind of issue it is, in one word that does not change when its sentence is worded better.
//!
//! The code follows from the severity and the sentence by one table, so issues that were stored before
//! there were codes have them too, and a reader only says what it expected.

use crate::model::host::words;
use crate::model::parsed::{Issue, Severity};

words! {
    /// A kind of issue.
    IssueCode {
        /// A line, or an element of JSON, that could not be read: its facts are missing.
        Unread = "unread",
        /// Names of hosts or services stand where numbers are needed: the command lacks `-n`.
        Names = "names",
        /// A field fills its column, so that its end may be missing.
        CutField = "cut_field",
        /// The output broke off in this row, which is left out.
        CutRow = "cut_row",
        /// The last line has no end; it was read.
        Unterminated = "unterminated",
        /// The document breaks off.
        CutDocument = "cut_document",
        /// Longer than anything is read.
        TooLong = "too_long",
        /// More rows than are kept.
        TooMany = "too_many",
        /// What seems to be a row may be part of a name that a process or a user chose.
        Untrusted = "untrusted",
        /// More than one reading fits; the likely one was taken.
        Ambiguous = "ambiguous",
        /// An owner could not be read, or not wholly.
        OwnerUnread = "owner_unread",
        /// Columns that are not known: what stands in them is not read.
        UnknownColumns = "unknown_columns",
        /// A word that is not known; the record keeps it.
        UnknownWord = "unknown_word",
        /// A member of JSON that is not known.
        UnknownMember = "unknown_member",
        /// The answer is that of another command or other options.
        OtherCommand = "other_command",
        /// Two answers disagree; the first one's word is kept.
        Disputed = "disputed",
        /// The host calls itself by another name.
        OtherName = "other_name",
        /// The account's rights, or the host's byte order, are not known, so a default holds.
        Assumed = "assumed",
        /// Something of the host could not be looked into.
        NotSeen = "not_seen",
        /// The script of a probe met errors on the host.
        Script = "script",
        /// More issues, which are counted and not listed.
        More = "more",
        /// Any other remark.
        Remark = "remark",
    }
}

/// Parts of sentences, and the codes of issues that have them: the first that fits. The
/// rest is [`IssueCode::Unread`] or [`IssueCode::Remark`], by severity. `tests/probe` looks that every
/// part is still in a sentence.
pub const SENTENCES: &[(&str, IssueCode)] = &[
    ("the last line has no end", IssueCode::Unterminated),
    ("the output was cut in this row", IssueCode::CutRow),
    ("the answer ends inside its JSON", IssueCode::CutDocument),
    ("is longer than", IssueCode::TooLong),
    ("a host has at most 500,000 rows", IssueCode::TooMany),
    ("more issues", IssueCode::More),
    ("perhaps part of", IssueCode::Untrusted),
    ("may be a part of the name", IssueCode::Untrusted),
    ("a path may have forged them", IssueCode::Untrusted),
    ("over several lines that could be rows", IssueCode::Untrusted),
    ("may be cut", IssueCode::CutField),
    ("as long as what addresses are cut to", IssueCode::CutField),
    ("that looks like columns", IssueCode::Ambiguous),
    ("could be IPv4 or both families", IssueCode::Ambiguous),
    ("an owner cannot be read", IssueCode::OwnerUnread),
    ("owner is left out", IssueCode::OwnerUnread),
    ("owner list", IssueCode::OwnerUnread),
    ("run together, so neither is told", IssueCode::OwnerUnread),
    ("columns that are not known", IssueCode::UnknownColumns),
    ("for a state that is not known", IssueCode::UnknownWord),
    ("more words for states are not known", IssueCode::UnknownWord),
    ("a member that is not known", IssueCode::UnknownMember),
    ("which hold no sockets", IssueCode::OtherCommand),
    ("expected netstat -u without -v", IssueCode::OtherCommand),
    ("the mask is not told", IssueCode::OtherCommand),
    ("two answers disagree", IssueCode::Disputed),
    ("calls itself by another name", IssueCode::OtherName),
    ("the account's rights on the host are not known", IssueCode::Assumed),
    ("does not tell the byte order", IssueCode::Assumed),
    ("processes of other accounts are hidden", IssueCode::NotSeen),
    ("network namespaces were not looked into", IssueCode::NotSeen),
    ("the script met errors", IssueCode::Script),
    ("a command of the script met an error", IssueCode::Script),
    ("with -n", IssueCode::Names),
    ("the layout does not tell the protocol", IssueCode::Ambiguous),
];

impl Issue {
    /// What kind of issue it is.
    #[must_use]
    pub fn code(&self) -> IssueCode {
        let known = SENTENCES.iter().find(|(part, _)| self.message.contains(part));
        known.map_or_else(
            || match self.severity {
                Severity::Unparsed => IssueCode::Unread,
                Severity::Note => IssueCode::Remark,
            },
            |(_, code)| *code,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parsed::Span;

    #[test]
    fn the_sentence_tells_the_code_and_the_severity_the_rest() {
        for (issue, code) in [
            (Issue::unparsed(Span::default(), "expected a row of `ss`", b""), IssueCode::Unread),
            (Issue::note(Span::default(), "5 more issues: they are counted", b""), IssueCode::More),
            (
                Issue::unparsed(
                    Span::default(),
                    "expected ends as address.port; run netstat with -n",
                    b"",
                ),
                IssueCode::Names,
            ),
            (
                Issue::note(
                    Span::default(),
                    "an address fills its column and may be cut: run netstat with -n",
                    b"",
                ),
                IssueCode::CutField,
            ),
            (Issue::note(Span::default(), "another thing", b""), IssueCode::Remark),
        ] {
            assert_eq!(issue.code(), code, "{issue:?}");
        }
    }
}
