//! Where stages meet: each workflow is one verb, made of stages that do not know each other.

pub mod ask;
pub mod attach;
pub mod check;
pub mod collect;
pub mod draft;
pub mod import;
pub mod figures;
pub mod keep;
pub mod parse;
pub mod question;
pub mod rebuild;
pub mod recognize;
pub mod record;
pub mod replay;
pub mod reread;
