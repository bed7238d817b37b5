//! Rows of links and addresses, whole and cut.

use super::*;
use crate::model::link::LinkCounters;
use crate::probe::testing::{Seen, read, rows};

fn counters([packets, errors, bytes, dropped]: [Option<u64>; 4]) -> LinkCounters {
    LinkCounters { bytes, packets, errors, dropped, overruns: None, multicast: None }
}

fn text(text: &str) -> HostText<'static> {
    owned(text.as_bytes())
}

fn part(name: &str, mtu: Option<u64>) -> Interface {
    Interface { mtu, ..Interface::named(text(name)) }
}

fn with_address(name: &str, mtu: Option<u64>, address: &str, prefix: u8) -> Row<'static> {
    let address = InterfaceAddress {
        address: address.parse().unwrap(),
        prefix: Some(prefix),
        scope: None,
        peer: None,
    };
    Row::Interface(Interface { addresses: vec![address], ..part(name, mtu) })
}

fn messages(seen: &Seen) -> Vec<&str> {
    seen.issues.iter().map(|issue| issue.message.as_str()).collect()
}

const MACOS: &str = "Name       Mtu   Network       Address            Ipkts Ierrs     Ibytes    Opkts Oerrs     Obytes  Coll Drop\n";

#[test]
fn links_have_counters_with_and_without_an_address_and_a_last_column() {
    let rows_of = "lo0        16384 <Link#1>                            10     0        100       20     0        200     0\n\
        gif0*      1280  <Link#2>                             0     0          0        0     0          0     0   0\n\
        en0        1500  <Link#4>    00:00:5e:00:53:01        1     2          3        4     5          6     7   8\n\
        fw0        4078  <Link#7>    00:00:5e:ff:fe:00:53:02        0     0          0        0     0       1038     0   0\n";
    let seen = read(reader(false), format!("{MACOS}{rows_of}").as_bytes());
    assert_eq!(messages(&seen), Vec::<&str>::new());
    let link = |name, mtu, index| Interface { index: Some(index), ..part(name, Some(mtu)) };
    let some = |values: [u64; 4]| counters(values.map(Some));
    let no_drop = |[one, two, three]: [u64; 3]| counters([Some(one), Some(two), Some(three), None]);
    let expected = [
        Interface {
            rx: no_drop([10, 0, 100]),
            tx: no_drop([20, 0, 200]),
            collisions: Some(0),
            ..link("lo0", 16384, 1)
        },
        Interface {
            oper_state: Some(text("down")),
            rx: no_drop([0; 3]),
            tx: some([0; 4]),
            collisions: Some(0),
            ..link("gif0", 1280, 2)
        },
        Interface {
            mac: Some(text("00:00:5e:00:53:01")),
            rx: no_drop([1, 2, 3]),
            tx: some([4, 5, 6, 8]),
            collisions: Some(7),
            ..link("en0", 1500, 4)
        },
        Interface {
            mac: Some(text("00:00:5e:ff:fe:00:53:02")),
            rx: no_drop([0; 3]),
            tx: some([0, 0, 1038, 0]),
            collisions: Some(0),
            ..link("fw0", 4078, 7)
        },
    ];
    assert_eq!(rows(&seen), expected.map(Row::Interface));
}

#[test]
fn rows_of_addresses_give_the_address_and_no_counters() {
    let rows_of = "lo0        16384 127           127.0.0.1               10     -        100       20     -        200     -   -\n\
        lo0        16384 ::1/128     ::1                     10     -        100       20     -        200     -   -\n\
        en1        1500  192.0.2.64/26 192.0.2.70              10     -        100       20     -        200     -   -\n\
        en1        1500  192.168.7     192.168.7.2             10     -        100       20     -        200     -   -\n\
        en1        1500  fe80::/64   fe80:4::7               10     -        100       20     -        200     -   -\n";
    let seen = read(reader(false), format!("{MACOS}{rows_of}").as_bytes());
    assert_eq!(messages(&seen), Vec::<&str>::new());
    assert_eq!(
        rows(&seen),
        [
            with_address("lo0", Some(16384), "127.0.0.1", 8),
            with_address("lo0", Some(16384), "::1", 128),
            with_address("en1", Some(1500), "192.0.2.70", 26),
            with_address("en1", Some(1500), "192.168.7.2", 24),
            with_address("en1", Some(1500), "fe80::7", 64),
        ]
    );
}

#[test]
fn what_may_be_cut_and_what_is_a_name_is_an_issue() {
    let tail = "       10     -        100       20     -        200     -   -\n";
    for (row, expected) in [
        ("en1        1500  fe80::aede: fe80:8::aede:48ff", CUT_ADDRESS),
        ("en1        1500  2001:db8::/ 2001:db8::5      ", CUT_ADDRESS),
        ("en1        1500  fe80::1%lo0 fe80:1::1        ", CUT_ADDRESS),
        ("en1        1500  2001:db8::1/1 2001:db8::1    ", CUT_ADDRESS),
        ("en1        1500  192.168.100.0 192.168.100.2  ", CUT_ADDRESS),
        ("en1        1500  web-net       web-1          ", NAMES),
        ("en1        1500  192.0.2/24    web-1          ", NAMES),
        ("bridgeeth0 1500  192.0.2/24    192.0.2.1      ", ""),
        ("bridgeethe 1500  192.0.2/24    192.0.2.1      ", CUT_NAME),
    ] {
        let seen = read(reader(false), format!("{MACOS}{row}{tail}").as_bytes());
        let expected: Vec<&str> = [expected].into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(messages(&seen), expected, "{row}");
    }
}

#[test]
fn a_name_in_a_column_of_five_may_be_cut_unless_the_command_says_otherwise() {
    let text = b"Name  Mtu   Network       Address               Ibytes     Obytes\n\
        vioif 1500  <Link>        00:00:5e:00:53:01 3716508243 2240547599\n\
        utun8 1500  <Link#88>                              286      27175\n\
        gif0* 1500  <Link#89>                              286      27175\n\
        lo0   33624 fe80::/64     fe80::1             41764800   41764800\n";
    let seen = read(reader(false), text);
    assert_eq!((seen.rows.len(), messages(&seen)), (3, vec![CUT_NAME, CUT_NUMBER]));
    // A name without a number was cut, so the command did cut.
    let seen = read(reader(true), text);
    assert_eq!((seen.rows.len(), messages(&seen)), (3, vec![CUT_NAME, CUT_NUMBER]));
    let whole = String::from_utf8_lossy(text).replace("vioif ", "vioif0 ");
    assert_eq!(read(reader(true), whole.as_bytes()).rows.len(), 4);
}

#[test]
fn a_number_that_may_be_cut_is_kept_until_a_second_interface_has_the_name() {
    let text = b"Name  Mtu   Network       Address            Ipkts Ierrs    Opkts Oerrs  Coll\n\
        utun0 1380  <Link#8>                             5     0       13     0     0\n\
        utun8 1380  <Link#88>                            6     0        1     0     0\n\
        utun8 1380  192.0.2/24    192.0.2.7              6     -        1     -     -\n\
        utun8 1380  <Link#89>                            7     0        2     0     0\n\
        utun8 1380  192.0.2/24    192.0.2.8              7     -        2     -     -\n";
    let seen = read(reader(false), text);
    let expected = [CUT_NUMBER, CUT_NUMBER, SAME_NAME, SAME_NAME];
    assert_eq!((seen.rows.len(), messages(&seen)), (3, expected.to_vec()));
    let packets = |count| counters([Some(count), Some(0), None, None]);
    let link = |name, index, received, sent| Interface {
        index: Some(index),
        rx: packets(received),
        tx: packets(sent),
        collisions: Some(0),
        ..part(name, Some(1380))
    };
    assert_eq!(rows(&seen).first(), Some(&Row::Interface(link("utun0", 8, 5, 13))));
}

#[test]
fn freebsd_lays_columns_out_by_what_stands_in_them() {
    let text = b"Name     Mtu Network                  Address                      Ipkts Ierrs Idrop     Ibytes    Opkts Oerrs     Obytes  Coll  Drop\n\
        vtnet0  1500 <Link#1>                 00:00:5e:00:53:01             3734     1     2   15901987     1740     3     175778     4     5\n\
        vtnet0     - fe80::%vtnet0/64         fe80::200:5eff:fe00:5301%vtnet0       1     -     -        104        2     -        128     -     -\n\
        lo0    16384 <Link#2>                 lo0                              0     0     0          0        0     0          0     0     0\n\
        \x20                          224.0.0.1\n";
    let seen = read(reader(true), text);
    assert_eq!(messages(&seen), Vec::<&str>::new());
    assert_eq!((seen.rows.len(), seen.headers.len()), (3, 2));
    let link = Interface {
        index: Some(1),
        mac: Some(owned(b"00:00:5e:00:53:01")),
        rx: counters([Some(3734), Some(1), Some(15_901_987), Some(2)]),
        tx: counters([Some(1740), Some(3), Some(175_778), Some(5)]),
        collisions: Some(4),
        ..part("vtnet0", Some(1500))
    };
    assert_eq!(rows(&seen).first(), Some(&Row::Interface(link)));
    assert_eq!(
        rows(&seen).get(1),
        Some(&with_address("vtnet0", None, "fe80::200:5eff:fe00:5301", 64))
    );
}

#[test]
fn freebsd_without_the_option_cuts() {
    let text =
        b"Name    Mtu Network       Address              Ipkts Ierrs Idrop    Opkts Oerrs  Coll\n\
        em0    1500 <Link#1>      00:00:5e:00:53:01   189449     0     0   211310     0     0\n\
        em0       - fe80::%em0/64 fe80::20c:29ff:fe        0     -     -        4     -     -\n\
        em0       - 192.168.71.0/ 192.168.71.163       92481     -     -   172946     -     -\n";
    let seen = read(reader(true), text);
    assert_eq!((seen.rows.len(), messages(&seen)), (1, vec![CUT_ADDRESS; 2]));
}

#[test]
fn rows_without_a_header_and_with_other_counts_are_issues() {
    let seen = read(reader(false), b"lo0 16384 <Link#1> 1 2 3\n");
    assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1));
    let seen = read(reader(false), format!("{MACOS}lo0 16384 <Link#1> 1 2 3\n").as_bytes());
    assert_eq!(messages(&seen), [COUNT]);
}
