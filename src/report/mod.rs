//! Tell: records and answers as JSON, NDJSON, CSV, tables and pages.
//!
//! Comes in: plain values of the model and of `analyse`. Goes out: text to any `io::Write`. One
//! field list per kind drives every format and the reference page. Nothing here knows where a
//! record came from or where the text goes, and no control character gets out but the line end.

pub mod value;
pub mod field;
pub mod envelope;
pub mod socket;
pub mod link;
pub mod route;
pub mod counter;
pub mod process;
pub mod host;
pub mod issue;
pub mod fact;
pub mod answer;
pub mod inventory;
pub mod topic;
pub mod change;
pub mod change_request;
pub mod attribute;
pub mod import;
pub mod text;
pub mod json;
pub mod csv;
pub mod grid;
pub mod table;
pub mod rows;
pub mod records;
pub mod page;
pub mod show;
pub mod summary;
pub mod unseen;
pub mod changed;
pub mod prevalence;
pub mod replayed;
pub mod rebuilt;
pub mod standard;
pub mod verified;
pub mod privilege;
pub mod json_schema;
pub mod state;
pub mod rate;
pub mod routed;
pub mod schema;

#[cfg(test)]
mod format_tests;

#[cfg(test)]
mod page_tests;

#[cfg(test)]
mod answer_tests;
