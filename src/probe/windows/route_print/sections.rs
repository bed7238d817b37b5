//! From lines to rows: which section a line stands in, and routes that go over two lines.
//!
//! In: lines. Out: interfaces, routes, headers, issues; each line with text in exactly one of them.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::route::Route;
use crate::model::socket::Family;
use crate::probe::windows::route_print::rows::{self, Ipv4, Ipv6};
use crate::probe::windows::text::{self, Line, TextParser, is_blank};

/// Most lines without a digit that a section has: its title, the names of its columns, the word for
/// none.
const WORDS_MAX: usize = 3;

const NO_GATEWAY: &str = "expected the gateway of this route";
const NO_ROW: &str = "expected a row of route print";
const NO_SECTION: &str = "expected a line of = below a title";

/// See [`crate::probe::windows::route_print::reader`].
pub(super) fn reader() -> Box<dyn Reader> {
    text::reader(RoutePrint {
        section: Section::Before,
        family: Family::Ipv4,
        words: 0,
        title: None,
        open: None,
    })
}

/// What stands between two lines of `=`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Before,
    Interfaces,
    Between,
    Active,
    Persistent,
}

struct RoutePrint {
    section: Section,
    family: Family,
    /// Lines without a digit in this section so far.
    words: usize,
    /// Perhaps a title, before the first line of `=`.
    title: Option<(Span, Vec<u8>)>,
    /// An IPv6 route whose gateway stands in the next line.
    open: Option<Open>,
}

struct Open {
    span: Span,
    bytes: Vec<u8>,
    route: Ipv6,
}

impl TextParser for RoutePrint {
    fn line(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        if is_blank(line.bytes) {
            return self.settle(sink);
        }
        if let Some(open) = self.open.take() {
            if self.close(&open, line, sink) {
                return;
            }
            sink.issue(Issue::unparsed(open.span, NO_GATEWAY, &open.bytes));
        }
        if is_separator(line.bytes) {
            if let Some((span, _)) = self.title.take() {
                sink.header(span);
            }
            self.next_section();
            return sink.header(line.span);
        }
        if self.section == Section::Before {
            return self.before(line, sink);
        }
        let digit = line.bytes.iter().any(u8::is_ascii_digit);
        if self.row(line, sink) {
            return;
        }
        if self.known(line.bytes, digit) {
            sink.header(line.span);
        } else {
            sink.issue(Issue::unparsed(line.span, NO_ROW, line.bytes));
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.settle(sink);
        if let Some((span, text)) = self.title.take() {
            sink.issue(Issue::unparsed(span, NO_SECTION, &text));
        }
    }
}

impl RoutePrint {
    fn next_section(&mut self) {
        self.words = 0;
        self.section = match self.section {
            Section::Before => Section::Interfaces,
            Section::Interfaces | Section::Persistent => Section::Between,
            Section::Between => Section::Active,
            Section::Active => Section::Persistent,
        };
    }

    fn before(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        if let Some((span, text)) = self.title.replace((line.span, line.bytes.to_vec())) {
            sink.issue(Issue::unparsed(span, NO_SECTION, &text));
        }
    }

    /// Tells a line that is a row, or one whose gateway is to come. False: it is none.
    fn row(&mut self, line: Line<'_>, sink: &mut dyn Sink) -> bool {
        match self.section {
            Section::Before | Section::Between => return false,
            Section::Interfaces => {
                let Some(interface) = rows::interface(line.bytes) else { return false };
                sink.row(line.span, Row::Interface(interface));
                return true;
            }
            Section::Active | Section::Persistent => {}
        }
        let persistent = self.section == Section::Persistent;
        if let Some((route, gateway)) = rows::ipv6_route(line.bytes) {
            if gateway.is_empty() {
                self.open = Some(Open { span: line.span, bytes: line.bytes.to_vec(), route });
            } else if let Some(route) = route.through(gateway) {
                tell(line.span, route, persistent, sink);
            } else {
                sink.issue(Issue::unparsed(line.span, NO_GATEWAY, line.bytes));
            }
            return true;
        }
        match rows::ipv4(line.bytes) {
            Some(Ipv4::Active(route)) => tell(line.span, *route, persistent, sink),
            Some(Ipv4::Persistent(route)) if persistent => tell(line.span, *route, true, sink),
            _ if self.is_default_gateway(line.bytes) => sink.header(line.span),
            _ => return false,
        }
        true
    }

    /// True for the line of old versions below the IPv4 routes: words and one address.
    fn is_default_gateway(&self, line: &[u8]) -> bool {
        let text = line.trim_ascii();
        let end = text.iter().rposition(u8::is_ascii_whitespace).unwrap_or(0);
        let (words, last) = text.split_at(end);
        self.section == Section::Active
            && self.family == Family::Ipv4
            && !words.is_empty()
            && !words.iter().any(u8::is_ascii_digit)
            && crate::probe::windows::words::is_ipv4(last.trim_ascii())
    }

    /// True for a title, the names of columns or the word for none.
    fn known(&mut self, line: &[u8], digit: bool) -> bool {
        let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
        let digits = line.iter().filter(|byte| byte.is_ascii_digit()).count();
        if self.section != Section::Interfaces && digits == 1 && (has(b"IPv4") || has(b"IPv6")) {
            self.family = if has(b"IPv4") { Family::Ipv4 } else { Family::Ipv6 };
            self.section = Section::Between;
            self.words = 0;
            return true;
        }
        self.words += 1;
        !digit && self.words <= WORDS_MAX && self.section != Section::Between
    }

    /// Takes the line below an IPv6 route for its gateway. False: it is none.
    fn close(&self, open: &Open, line: Line<'_>, sink: &mut dyn Sink) -> bool {
        let indented = line.bytes.first().is_some_and(u8::is_ascii_whitespace);
        let gateway = line.bytes.trim_ascii();
        if !indented || is_separator(gateway) {
            return false;
        }
        let Some(route) = open.route.through(gateway) else { return false };
        let span = Span { end: line.span.end, ..open.span };
        tell(span, route, self.section == Section::Persistent, sink);
        true
    }

    /// No gateway came for the route that waits for one.
    fn settle(&mut self, sink: &mut dyn Sink) {
        if let Some(open) = self.open.take() {
            sink.issue(Issue::unparsed(open.span, NO_GATEWAY, &open.bytes));
        }
    }
}

fn tell(span: Span, route: Route, persistent: bool, sink: &mut dyn Sink) {
    sink.row(span, Row::Route(if persistent { rows::kept(route) } else { route }));
}

fn is_separator(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.len() >= 20 && line.iter().all(|byte| *byte == b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::HostText;
    use crate::probe::testing::{Seen, read, rows};

    const LINE: &str =
        "===========================================================================";

    fn text(titles: [&str; 4], link: &str) -> String {
        let [interfaces, v4, v6, none] = titles;
        format!(
            "{LINE}\r\n{interfaces}\r\n 11...00 00 5e 00 53 07 ......Example PRO/1000\r\n  \
             1...........................Software Loopback Interface 1\r\n \
             12...00 00 00 00 00 00 00 e0 Example ISATAP Adapter IPv6\r\n{LINE}\r\n\r\n\
             {v4}\r\n{LINE}\r\nAktive Routen:\r\n  Netzwerkziel  Netzwerkmaske  Gateway  Schnittstelle Metrik\r\n          \
             0.0.0.0          0.0.0.0        192.0.2.1        192.0.2.7     25\r\n        \
             192.0.2.0    255.255.255.0     {link}     192.0.2.7    281\r\n{LINE}\r\n\
             Ständige Routen:\r\n  Netzwerkadresse  Netzmaske  Gatewayadresse  Metrik\r\n          \
             0.0.0.0          0.0.0.0        192.0.2.1  Standard \r\n     \
             198.51.100.0    255.255.255.0        192.0.2.9       1\r\n{LINE}\r\n\r\n\
             {v6}\r\n{LINE}\r\nAktive Routen:\r\n If Metrik Netzwerkziel             Gateway\r\n \
             11    281 fe80::/64                {link}\r\n \
             11    281 2001:db8:aaaa:bbbb:cccc::/80\r\n                                    fe80::1\r\n  \
             1    331 ff00::/8                 {link}\r\n{LINE}\r\n\
             Ständige Routen:\r\n  {none}\r\n"
        )
    }

    fn told(seen: &Seen) -> Vec<String> {
        let word = |text: Option<HostText<'_>>| {
            text.map_or_else(|| "-".to_owned(), |text| text.escaped().into_owned())
        };
        rows(seen)
            .into_iter()
            .map(|row| match row {
                Row::Interface(interface) => format!(
                    "{} {} {}",
                    interface.index.unwrap(),
                    word(interface.mac),
                    word(Some(interface.name))
                ),
                Row::Route(route) => {
                    let hop = route.next_hops.first().unwrap().clone();
                    let via = hop.via.map_or_else(|| "link".to_owned(), |via| via.to_string());
                    let metric = route.metric.map_or("-".to_owned(), |metric| metric.to_string());
                    let kept =
                        if route.table.bytes() == b"persistent" { " persistent" } else { "" };
                    format!(
                        "{}/{} {via} {} {metric}{kept}",
                        route.destination,
                        route.prefix,
                        word(hop.device)
                    )
                }
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn every_language_gives_the_same_interfaces_and_routes() {
        let expected = [
            "11 00:00:5e:00:53:07 Example PRO/1000",
            "1 - Software Loopback Interface 1",
            "12 00:00:00:00:00:00:00:e0 Example ISATAP Adapter IPv6",
            "0.0.0.0/0 192.0.2.1 192.0.2.7 25",
            "192.0.2.0/24 link 192.0.2.7 281",
            "0.0.0.0/0 192.0.2.1 - - persistent",
            "198.51.100.0/24 192.0.2.9 - 1 persistent",
            "fe80::/64 link 11 281",
            "2001:db8:aaaa:bbbb:cccc::/80 fe80::1 11 281",
            "ff00::/8 link 1 331",
        ];
        for (titles, link) in [
            (["Interface List", "IPv4 Route Table", "IPv6 Route Table", "None"], "On-link"),
            (
                ["Schnittstellenliste", "IPv4-Routentabelle", "IPv6-Routentabelle", "Keine"],
                "Auf Verbindung",
            ),
            (
                ["Liste d'Interfaces", "IPv4 Table de routage", "IPv6 Table de routage", "Aucun"],
                "On-link",
            ),
            (["接口列表", "IPv4 路由表", "IPv6 路由表", "无"], "在链路上"),
        ] {
            let text = text(titles, link);
            let seen = read(reader(), text.as_bytes());
            assert_eq!(seen.issues, [], "{text}");
            assert_eq!(told(&seen), expected, "{text}");
        }
    }

    #[test]
    fn routes_of_ipv6_that_are_kept_for_the_next_start_are_told_as_such() {
        let text = text(["a", "IPv4", "IPv6", "@"], "On-link").replace(
            "  @\r\n",
            " If Metric Network Destination      Gateway\r\n\
             \x20 0 4294967295 2001:db8::/32            On-link\r\n\
             \x2011     16 2001:db8:ffff::/48       fe80::1\r\n",
        );
        let seen = read(reader(), text.as_bytes());
        assert_eq!(seen.issues, [], "{text}");
        let kept = told(&seen).into_iter().filter(|row| row.ends_with("persistent")).skip(2);
        assert_eq!(
            kept.collect::<Vec<_>>(),
            ["2001:db8::/32 link - - persistent", "2001:db8:ffff::/48 fe80::1 11 16 persistent"]
        );
    }

    #[test]
    fn old_versions_print_numbers_in_another_form_and_the_default_gateway() {
        let text = format!(
            "\nRoute Table\n{LINE}\nInterface List\n0x1 ........................... MS TCP Loopback interface\n\
             0x10003 ...00 00 5e 00 53 07 ...... Example PRO/1000\n{LINE}\n{LINE}\nActive Routes:\n\
             Network Destination        Netmask          Gateway       Interface  Metric\n\
             0.0.0.0          0.0.0.0     192.0.2.1     192.0.2.7       20\n\
             192.0.2.0    255.255.255.0     192.0.2.7     192.0.2.7       20\n\
             255.255.255.255  255.255.255.255     192.0.2.7               2       1\n\
             Default Gateway:         192.0.2.1\n{LINE}\nPersistent Routes:\n  None\n"
        );
        let seen = read(reader(), text.as_bytes());
        assert_eq!(seen.issues, [], "{text}");
        assert_eq!(
            told(&seen),
            [
                "1 - MS TCP Loopback interface",
                "65539 00:00:5e:00:53:07 Example PRO/1000",
                "0.0.0.0/0 192.0.2.1 192.0.2.7 20",
                "192.0.2.0/24 link 192.0.2.7 20",
                "255.255.255.255/32 192.0.2.7 2 1",
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_an_issue_and_no_route() {
        let start = format!("{LINE}\nList\n{LINE}\n\nIPv6\n{LINE}\nActive:\n If Metric\n");
        for line in [
            " 11    281 fe80::7/128\n\n",
            " 11    281 fe80::7/128\n                fe80::zz\n",
            " 11    281 fe80::7/129             On-link\n",
            " 11    281 fe80::7/64              fe80::zz\n",
            "  192.0.2.0    255.0.255.0   On-link   192.0.2.7    281\n",
            "  192.0.2.0    255.255.255.0   192.0.2.300   192.0.2.7    281\n",
            "  192.0.2.0    255.255.255.0   On-link   192.0.2.7",
            "garbage 5\n",
        ] {
            let seen = read(reader(), format!("{start}{line}").as_bytes());
            assert_eq!((seen.rows.len(), seen.headers.len()), (0, 7), "{line}");
            assert!(!seen.issues.is_empty(), "{line}");
        }
        let seen = read(reader(), b"Access is denied.\r\n");
        assert_eq!((seen.headers.len(), seen.issues.len()), (0, 1));
    }
}
