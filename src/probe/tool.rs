//! The programs that probes call: their names and the fixed list of paths where they may be.
//!
//! Comes in: what `linux/tools` printed. Goes out: which path each tool has on that host. It knows
//! nothing of questions and answers.

use crate::probe::command::word_fault;

/// A program and where it may be. No path is ever looked up through `PATH`.
#[derive(Debug, PartialEq, Eq)]
pub struct Tool {
    name: &'static str,
    paths: &'static [&'static str],
}

impl Tool {
    /// A tool. In a `const` or `static` a fault stops the build.
    ///
    /// # Panics
    /// When there is no path, or one that may not stand in a command.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
    pub const fn new(name: &'static str, paths: &'static [&'static str]) -> Self {
        assert!(!paths.is_empty(), "a tool has at least one path");
        let mut at = 0;
        while at < paths.len() {
            assert!(word_fault(paths[at], true).is_none(), "a tool's path is not an absolute path");
            at += 1;
        }
        Self { name, paths }
    }

    /// Its name: `ss`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Absolute paths, in the order in which they are tried.
    #[must_use]
    pub const fn paths(&self) -> &'static [&'static str] {
        self.paths
    }

    /// The path that is tried first.
    #[must_use]
    pub fn first_path(&self) -> &'static str {
        // `new` refuses an empty list, so the fallback cannot be reached.
        self.paths.first().copied().unwrap_or("/nonexistent")
    }
}

/// Which of all candidate paths exist on a host, as `linux/tools` found them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundTools {
    lines: Vec<Vec<u8>>,
}

impl FoundTools {
    /// Reads the answer of `linux/tools`: one path a line. What is no candidate is ignored when
    /// asked for, so a hostile answer can only choose among the candidates.
    #[must_use]
    pub fn read(answer: &[u8]) -> Self {
        let lines = answer.split(|byte| *byte == b'\n').take(1024);
        Self { lines: lines.map(|line| line.trim_ascii().to_vec()).collect() }
    }

    /// The first candidate of this tool that the host has. `None`: it has none.
    #[must_use]
    pub fn path_of(&self, tool: &Tool) -> Option<&'static str> {
        tool.paths.iter().copied().find(|path| self.has(path))
    }

    /// True when this very path exists.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.lines.iter().any(|line| line == path.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_candidate_that_exists_is_chosen_whatever_the_order_of_the_answer() {
        static SS: Tool = Tool::new("ss", &["/usr/bin/ss", "/usr/sbin/ss", "/bin/ss"]);
        let found = FoundTools::read(b"/bin/ss\n/usr/sbin/ss\n/tmp/ss\n");
        assert_eq!(found.path_of(&SS), Some("/usr/sbin/ss"));
        assert_eq!(FoundTools::read(b"/tmp/ss\n").path_of(&SS), None);
        assert!(!found.has("/usr/bin/timeout"));
    }
}
