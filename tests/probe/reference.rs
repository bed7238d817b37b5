//! The reference page is printed from the table of probes.

use fleetstat::model::host::Platform;
use fleetstat::model::snapshot::View;
use fleetstat::probe::command::sudo_path;
use fleetstat::probe::standard::{command_standard, index};
use fleetstat::probe::{platform_probes, probes_for, reader_for, reader_names, tools_probe};

#[test]
fn the_reference_page_is_what_the_table_prints() {
    crate::assert_file(&crate::path("docs/reference/commands.md"), &index());
    for platform in Platform::ALL {
        let file = format!("docs/reference/commands/{platform}.md");
        crate::assert_file(&crate::path(&file), &command_standard(*platform));
    }
}

#[test]
fn a_visit_begins_with_the_clock_and_holds_no_fallback() {
    let ids = |views: &[View]| {
        let probes = probes_for(Platform::Linux, views);
        probes.iter().map(|probe| probe.id.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[View::Counters]), ["linux/clock", "linux/counters"]);
    assert_eq!(
        ids(&[View::Listeners]),
        [
            "linux/clock",
            "linux/ss-inet4",
            "linux/ss-inet6",
            "linux/network-namespaces",
            "linux/namespace-sockets",
            "linux/owners",
            "linux/processes",
            "linux/ip-addr",
            "linux/status",
            "linux/account",
            "linux/limits",
            "linux/kernel",
            "linux/host",
        ]
    );
    assert_eq!(ids(View::ALL).len(), 20);
    assert_eq!(tools_probe(Platform::Linux).map(|probe| probe.id.as_str()), Some("linux/tools"));
}

#[test]
fn every_reader_can_be_had_by_name() {
    let names = reader_names();
    assert!(names.contains(&"linux/ss") && names.contains(&"linux/proc-net"));
    assert!(names.iter().all(|name| reader_for(name).is_some()));
    assert!(reader_for("linux/none").is_none());
}

#[test]
fn the_list_of_tools_names_every_path_that_a_command_may_begin_with() {
    for platform in Platform::ALL.iter().filter(|platform| **platform != Platform::Windows) {
        let listed = tools_probe(*platform).expect("every Unix lists its tools").command();
        let listed = listed.words();
        let named = |path: &str| listed.iter().any(|word| word == path);
        assert!(named(sudo_path(*platform)), "{platform}: sudo is not looked for");
        for probe in platform_probes(*platform) {
            assert!(probe.tool.paths().iter().all(|path| named(path)), "{}", probe.id);
        }
    }
}
