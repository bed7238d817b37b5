//! Defects and remarks of the files of one inventory, by file number.

use std::sync::Arc;

use crate::yaml::defect::Defects;
use crate::yaml::node::Place;

/// Where something stands in one of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct At {
    /// Index of the file.
    pub(super) file: u32,
    pub(super) place: Place,
}

/// Something worth knowing that is no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// `FILE:LINE`, or the file alone.
    pub origin: String,
    /// One line, lower case, no full stop.
    pub message: String,
}

/// Collects while the files are read.
pub(super) struct Report<'a> {
    pub(super) files: &'a [Arc<str>],
    pub(super) defects: &'a mut Defects,
    /// True when a time zone could be checked by its form only.
    pub(super) no_timezones: bool,
    /// What is most likely a mistake.
    pub(super) warnings: Vec<Remark>,
}

impl Report<'_> {
    /// Says which file the next [`Report::at`] are about.
    pub(super) fn enter(&mut self, file: u32) {
        if let Some(name) = self.files.get(file as usize) {
            self.defects.enter(name);
        }
    }

    /// A defect of the entered file.
    pub(super) fn at(
        &mut self,
        code: &'static str,
        place: Place,
        message: String,
        help: Option<String>,
    ) {
        self.defects.report(code, place, message, help);
    }

    /// A defect of any file.
    pub(super) fn there(
        &mut self,
        code: &'static str,
        at: At,
        message: String,
        help: Option<String>,
    ) {
        self.enter(at.file);
        self.defects.report(code, at.place, message, help);
    }

    /// Something that is most likely a mistake and stops nothing.
    pub(super) fn warn(&mut self, at: At, message: String) {
        let origin = self.line(at);
        self.warnings.push(Remark { origin, message });
    }

    /// `FILE:LINE`.
    pub(super) fn line(&self, at: At) -> String {
        line(self.files, at)
    }
}

/// `FILE:LINE`, or the file alone when the line is 0.
pub(super) fn line(files: &[Arc<str>], at: At) -> String {
    let file = files.get(at.file as usize).map_or("?", |file| &**file);
    if at.place.line == 0 { file.to_owned() } else { format!("{file}:{}", at.place.line) }
}
