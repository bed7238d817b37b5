//! What an envelope says, and which ones are none.

use super::*;
use proptest::prelude::*;

fn envelope(header: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">\
         <s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

#[test]
fn a_torn_stream_and_one_of_no_known_name_are_no_answer() {
    let stream = |inner: &str| {
        let body = format!("<r:ReceiveResponse xmlns:r=\"r\">{inner}</r:ReceiveResponse>");
        read(envelope("", &body).as_bytes())
    };
    assert!(stream("<r:Stream Name=\"stdout\">QUJDREVG</r:Stream>").is_ok());
    assert!(stream("<r:Stream Name=\"stdout\">QUJD<r:x/>REVG</r:Stream>").is_err());
    assert!(stream("<r:Stream Name=\"STDOUT\">QUJD</r:Stream>").is_err());
    assert!(stream("<r:Stream Name=\"other\"></r:Stream>").is_ok());
}

#[test]
fn attributes_without_end_take_linear_time_and_are_not_all_looked_at() {
    let many: Vec<String> = (0..60_000).map(|at| format!(" a{at}=\"\"")).collect();
    let many = many.concat();
    let twice = " a59999=\"\"".repeat(60_000);
    let body = format!(
        "<r:ReceiveResponse xmlns:r=\"r\"><r:Stream{many}{twice} Name=\"stdout\"/></r:ReceiveResponse>"
    );
    let text = envelope("", &body);
    // Quadratic, it took six seconds in an optimised build.
    let begun = tokio::time::Instant::now();
    assert_eq!(read(text.as_bytes()), Err(Malformed::Contradiction));
    assert!(begun.elapsed() < std::time::Duration::from_secs(3));
}

#[test]
fn a_shell_and_its_output_are_read() {
    let created = envelope(
        "<a:RelatesTo>uuid:1</a:RelatesTo>",
        "<x:ResourceCreated><r:ReferenceParameters><w:SelectorSet>\
         <w:Selector Name=\"ShellId\"> ABC </w:Selector></w:SelectorSet></r:ReferenceParameters>\
         </x:ResourceCreated>",
    );
    let reply = read(created.as_bytes()).unwrap();
    assert_eq!(reply.relates_to.as_deref(), Some("uuid:1"));
    assert_eq!((reply.body.as_str(), reply.shell.as_deref()), ("ResourceCreated", Some("ABC")));
    let output = envelope(
        "",
        "<rsp:ReceiveResponse><rsp:Stream Name=\"stdout\" CommandId=\"C\">aGVs\nbG8=</rsp:Stream>\
         <rsp:Stream Name=\"stderr\" CommandId=\"C\" End=\"true\"></rsp:Stream>\
         <rsp:CommandState CommandId=\"C\" State=\"http://x/CommandState/Done\">\
         <rsp:ExitCode>-1073741510</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>",
    );
    let reply = read(output.as_bytes()).unwrap();
    assert_eq!(reply.pieces, [(Stream::Stdout, b"hello".to_vec())]);
    assert_eq!((reply.done, reply.exit), (true, Some(0xc000_013a)));
    assert_eq!(reply.fault, None);
}

#[test]
fn an_answer_that_contradicts_itself_is_none() {
    let state = |attributes: &str, inner: &str| {
        format!("<r:CommandState CommandId=\"C\" {attributes}>{inner}</r:CommandState>")
    };
    let done = state("State=\"x/Done\"", "<r:ExitCode>0</r:ExitCode>");
    let response =
        |inner: &str| format!("<r:ReceiveResponse xmlns:r=\"r\">{inner}</r:ReceiveResponse>");
    let stream = "<r:Stream Name=\"stdout\" CommandId=\"C\">QUJD</r:Stream>";
    let whole = response(&format!("{stream}{done}"));
    let ok = read(envelope("", &whole).as_bytes()).unwrap();
    assert_eq!((ok.done, ok.exit, ok.pieces.len()), (true, Some(0), 1));
    let running = state("State=\"x/Running\"", "");
    let fault = "<f:WSManFault xmlns:f=\"f\" Code=\"2150858793\"/>";
    for (header, body) in [
        // Output with a fault beside it, in any place.
        ("", response(&format!("{stream}{fault}"))),
        ("", format!("{whole}{fault}")),
        ("", format!("{whole}<s:Fault>{fault}</s:Fault>")),
        ("", format!("<s:Fault>{fault}</s:Fault>{whole}")),
        (fault, whole.clone()),
        // Output and states that are not the answer's.
        (stream, whole.clone()),
        (done.as_str(), response(stream)),
        ("", response(&format!("<r:Other>{done}</r:Other>"))),
        ("", format!("<r:Other xmlns:r=\"r\"/>{whole}")),
        ("", format!("<s:Fault>{done}</s:Fault>")),
        // Two states, two exit statuses, two values of one attribute.
        ("", response(&format!("{done}{done}"))),
        ("", response(&format!("{running}{done}"))),
        (
            "",
            response(&state(
                "State=\"x/Done\"",
                "<r:ExitCode>no</r:ExitCode><r:ExitCode>0</r:ExitCode>",
            )),
        ),
        (
            "",
            response(&state("State=\"x/Running\" State=\"x/Done\"", "<r:ExitCode>0</r:ExitCode>")),
        ),
        ("", response("<r:Stream Name=\"stderr\" Name=\"stdout\">QUJD</r:Stream>")),
    ] {
        let read = read(envelope(header, &body).as_bytes());
        assert_eq!(read, Err(Malformed::Contradiction), "{header} {body}");
    }
}

#[test]
fn an_answer_that_means_two_shells_or_commands_is_none() {
    let shell = |one: &str, other: &str| {
        let body = format!(
            "<x:ResourceCreated xmlns:x=\"x\"><w:Selector xmlns:w=\"w\" Name=\"ShellId\">{one}\
             </w:Selector></x:ResourceCreated><r:Shell xmlns:r=\"r\"><r:ShellId>{other}</r:ShellId>\
             </r:Shell>"
        );
        read(envelope("<a:Action> b/CreateResponse </a:Action>", &body).as_bytes())
    };
    let same = shell("A-1", "a-1").unwrap();
    assert_eq!((same.action.as_str(), same.shell.as_deref()), ("b/CreateResponse", Some("A-1")));
    assert_eq!(shell("A-1", "A-2"), Err(Malformed::Names));
    let output = |one: &str, other: &str| {
        let body = format!(
            "<r:ReceiveResponse xmlns:r=\"r\"><r:Stream Name=\"stdout\" CommandId=\"{one}\"/>\
             <r:CommandState CommandId=\"{other}\" State=\"x/Running\"/></r:ReceiveResponse>"
        );
        read(envelope("", &body).as_bytes())
    };
    assert_eq!(output("C", "c").unwrap().command.as_deref(), Some("C"));
    assert_eq!(output("C", "D"), Err(Malformed::Names));
}

#[test]
fn the_innermost_message_of_a_fault_is_told_with_its_numbers() {
    let fault = envelope(
        "",
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:QuotaLimit</s:Value>\
         </s:Subcode></s:Code><s:Reason><s:Text>outer</s:Text></s:Reason><s:Detail>\
         <f:WSManFault Code=\"2150859173\" Machine=\"h\"><f:Message><f:ProviderFault>\
         <f:WSManFault Code=\"5\"><f:Message>inner &amp; true</f:Message></f:WSManFault>\
         </f:ProviderFault></f:Message></f:WSManFault></s:Detail></s:Fault>",
    );
    let fault = read(fault.as_bytes()).unwrap().fault.unwrap();
    let expected = WsFault {
        subcode: "QuotaLimit".to_owned(),
        wsman: Some(2_150_859_173),
        wmi: None,
        http: None,
        text: "inner & true".to_owned(),
    };
    assert_eq!(fault, expected);
}

#[test]
fn what_is_no_envelope_is_refused() {
    assert_eq!(read(b"<html><body>proxy error</body></html>"), Err(Malformed::Envelope));
    assert_eq!(read(b""), Err(Malformed::Envelope));
    let text = envelope("", "<a/>");
    assert_eq!(read(text.as_bytes().get(..text.len() / 2).unwrap()), Err(Malformed::Xml));
    let entity = format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{text}");
    assert_eq!(read(entity.as_bytes()), Err(Malformed::Xml));
    assert_eq!(read(envelope("&a;", "").as_bytes()), Err(Malformed::Xml));
    let deep = envelope("", &"<a>".repeat(100));
    assert_eq!(read(deep.as_bytes()), Err(Malformed::Envelope));
}

proptest! {
    #[test]
    fn no_answer_panics(cut in 0_usize..400, at in 0_usize..400, byte in any::<u8>()) {
        let mut text = envelope(
            "<a:RelatesTo>uuid:1</a:RelatesTo>",
            "<rsp:ReceiveResponse><rsp:Stream Name=\"stdout\">aGVsbG8=</rsp:Stream></rsp:ReceiveResponse>",
        ).into_bytes();
        text.truncate(cut.max(1));
        if let Some(slot) = text.get_mut(at) {
            *slot = byte;
        }
        let _ = read(&text);
    }
}
