//! `ip -j neigh show`: the ARP and neighbour-discovery tables.
//!
//! ```text
//! [{"dst":"10.1.0.2","dev":"v0","lladdr":"02:00:00:00:00:02","state":["PERMANENT"]},
//!  {"dst":"10.1.0.3","dev":"v0","state":["FAILED"]},
//!  {"dst":"2001:db8:1::2","dev":"v0","lladdr":"02:00:00:00:00:02","router":null,"state":["STALE"]}]
//! ```
//! `router` is there, as `null`, or is not there. Source: ip-neighbour(8), iproute2 `ipneigh.c`.

use crate::model::parsed::{Reader, Row, Sink, Span};
use crate::model::route::Neighbour;
use crate::model::text::HostText;
use crate::probe::json::{ElementParser, Elements, Fields, address, sorted_words, text};

/// A reader of both tables.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Elements::new(Neighbours))
}

struct Neighbours;

impl ElementParser for Neighbours {
    fn element(
        &mut self,
        span: Span,
        fields: &Fields,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        let address = address(fields.get("dst")).ok_or("expected a neighbour with `dst`")?;
        let states = sorted_words(fields.get("state")).into_iter();
        // ARP knows no routers, so there the absence of the word says nothing.
        let router = address.is_ipv6().then(|| fields.get("router").is_some());
        sink.row(
            span,
            Row::Neighbour(Neighbour {
                address,
                device: text(fields.get("dev")),
                mac: text(fields.get("lladdr")),
                states: states
                    .map(|word| HostText::owned(word.bytes().to_ascii_lowercase()))
                    .collect(),
                router,
            }),
        );
        Ok(())
    }
}
