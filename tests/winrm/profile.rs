//! The rich profile over WinRM, and what is left where it, or a program of the default one, is refused.

use serde_json::json;

use crate::ground::{addresses, issues, outcome, records, run};
use crate::lab::Service;

const ALL: &str = "views: [listeners, sessions, interfaces, routes, counters, host]";

#[test]
fn try_it() {
    let service = Service::start("127.0.4.1-127.0.4.3", &[]);
    service.answers(&json!([
        {"host": "127.0.4.3", "match_ps": "Get-", "stderr_clixml_error": "Access denied", "exit": 1},
        {"host": "127.0.4.3", "match": "^tasklist", "stderr_text": "ERROR: Access denied\r\n", "exit": 1},
    ]));
    let said = run(&service, &format!("{ALL}\nprofile: rich"), &addresses(4, 3));
    println!("{}{}", said.out, said.err);
    for host in ["win-1", "win-3"] {
        println!("{:?}", outcome(&service, host));
        for issue in issues(&service, host) {
            println!("{issue}");
        }
        for kind in ["socket", "interface", "route", "neighbour", "process", "host"] {
            let rows = records(&service, host, kind);
            println!("{kind} {}", rows.len());
            for row in rows {
                println!("  {row}");
            }
        }
    }
}
