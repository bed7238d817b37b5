//! The check of the readers' contract is itself checked: each way to break it is found.

use fleetstat::model::parsed::{Issue, Reader, Sink, Span};

use crate::contract::keep;

/// What a planted reader does with the text that it is given.
type Plant = fn(&[u8], &mut dyn Sink);

/// Hands everything to a plant at the end, or each chunk as it comes.
struct Planted {
    held: Vec<u8>,
    by_chunk: bool,
    plant: Plant,
}

impl Reader for Planted {
    fn push(&mut self, chunk: &[u8], sink: &mut dyn Sink) {
        if self.by_chunk {
            (self.plant)(chunk, sink);
        } else {
            self.held.extend_from_slice(chunk);
        }
    }

    fn finish(&mut self, sink: &mut dyn Sink) {
        if !self.by_chunk {
            (self.plant)(&self.held, sink);
        }
    }
}

fn found(text: &str, by_chunk: bool, plant: Plant) -> String {
    let make = || -> Box<dyn Reader> { Box::new(Planted { held: Vec::new(), by_chunk, plant }) };
    keep(&make, text.as_bytes(), 2).err().unwrap_or_default()
}

fn header(sink: &mut dyn Sink, start: usize, end: usize) {
    sink.header(Span { line: 1, start: start as u64, end: end as u64 });
}

#[test]
fn a_reader_that_covers_everything_once_keeps_it() {
    assert_eq!(found("abc \n", false, |text, sink| header(sink, 0, text.len())), "");
}

#[test]
fn a_lost_byte_is_found_and_a_lost_blank_is_not() {
    assert_eq!(
        found("ab", false, |_, sink| header(sink, 0, 1)),
        "byte 1 is in no row, header or issue"
    );
    assert_eq!(found("a \n", false, |_, sink| header(sink, 0, 1)), "");
}

#[test]
fn a_note_covers_nothing() {
    let broken = found("a", false, |_, sink| {
        sink.issue(Issue::note(Span { line: 1, start: 0, end: 1 }, "a note", b"a"));
    });
    assert_eq!(broken, "byte 0 is in no row, header or issue");
}

#[test]
fn a_byte_counted_twice_is_found() {
    let broken = found("abc", false, |_, sink| {
        header(sink, 0, 2);
        header(sink, 1, 3);
    });
    assert!(broken.starts_with("events 0 and 1 have bytes in common"), "{broken}");
}

#[test]
fn a_place_outside_the_text_is_found() {
    let broken = found("abc", false, |_, sink| header(sink, 0, 4));
    assert!(broken.starts_with("event 0 stands outside the text"), "{broken}");
}

#[test]
fn chunks_that_make_a_difference_are_found() {
    let broken = found("abcd", true, |text, sink| header(sink, 0, text.len()));
    assert!(broken.starts_with("chunks of 2 bytes make a difference"), "{broken}");
}
