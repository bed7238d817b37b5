//! Many hosts at once, on a controller that has no processor to spare.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fleet::{manifest, run};
use crate::lab::Service;

/// Keeps the processors busy until it is dropped.
struct Load {
    ended: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    fn of(threads: usize) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let busy = |_| {
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || while !ended.load(Ordering::Relaxed) {})
        };
        Self { threads: (0..threads).map(busy).collect(), ended }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// 250 hosts, all at once, beside eight busy threads: what a login is bound to and the order of sealed
/// messages hold whatever is scheduled when.
fn visit(https: bool) {
    let service = Service::start("127.0.1.1-127.0.1.250", &[]);
    let road = if https {
        format!("port: {}", service.https())
    } else {
        format!("port: {}, tls: false", service.http())
    };
    let hosts: Vec<String> =
        (1..=250).map(|n| format!("win-{n}: {{address: 127.0.1.{n}, {road}}}")).collect();
    let _load = Load::of(8);
    let playbook = "views: [listeners]\nlimits: {width: 250, starts_per_second: 1000}";
    let said = run(&service, playbook, &service.password, &hosts);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    let (_, manifest) = manifest(&service);
    let hosts = manifest["hosts"].as_array().unwrap();
    assert_eq!(hosts.len(), 250);
    for host in hosts {
        assert_eq!(host["outcome"], "complete", "{host}");
    }
    let counted = ["auth_ok", "auth_fail", "connections", "shells_created", "shells_deleted"];
    assert_eq!(counted.map(|counter| service.total(counter)), [250, 0, 250, 250, 250]);
    service.assert_clean();
}

#[test]
fn every_one_of_250_hosts_at_once_over_https_is_one_login_on_a_busy_controller() {
    visit(true);
}

#[test]
fn every_one_of_250_hosts_at_once_over_http_is_one_login_on_a_busy_controller() {
    visit(false);
}
