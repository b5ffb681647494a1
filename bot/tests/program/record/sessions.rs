//! Sessions that are open when a recorder begins and ends.

use botstore_conformance::server::PostgresServer;
use serde_json::{Value, json};

use super::{Recorder, ada, joined, said, stats, sums, told, until};
use crate::outage::diagnosis;
use crate::rosey::Rosey;

crate::checks! {
    sessions_that_a_crash_left_open_are_closed_at_the_next_start,
    sessions_can_be_left_alone,
    ; postgres:
    sessions_that_a_crash_left_open_do_not_last_through_an_outage_at_the_start,
    sessions_that_somebody_holds_at_the_start_do_not_hold_up_the_channel,
}

/// Records that ada came and said something a hundred seconds later, and is killed.
fn crashes(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let mut recorder = Recorder::start(rosey, &[]);
    recorder.write(&(joined(1_000, "ada") + &said(1_100, "ada")));
    until("ada is there", || stats(rosey)["chat_lines"] == 1);
    recorder.child.kill().unwrap();
    recorder.child.wait().unwrap();
}

/// Her session ended when she said that.
fn assert_closed(rosey: &Rosey) {
    let after = ada(rosey);
    assert_eq!(
        (&after["current_session_start"], &after["total_time_connected"]),
        (&Value::Null, &json!(100)),
        "{after}"
    );
}

fn sessions_that_a_crash_left_open_are_closed_at_the_next_start(rosey: &Rosey) {
    crashes(rosey);
    let after = ada(rosey);
    assert_eq!(after["current_session_start"], 1_000, "{after}");
    let ran = Recorder::start(rosey, &[]).end();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_closed(rosey);
}

fn sessions_that_a_crash_left_open_do_not_last_through_an_outage_at_the_start(_: &Rosey) {
    let server = PostgresServer::start_own("").unwrap();
    let rosey = Rosey::at(&server);
    crashes(&rosey);
    server.stop("fast").unwrap();
    let mut command = rosey.command(&["record", "--json"]);
    command.env("ROSEY_SPOOL", "journal");
    let mut recorder = Recorder::of(command);
    recorder.write(&said(1_200, "bob"));
    until("it waits in the journal", || diagnosis(&rosey).1["events"] == 1);
    server.start_again().unwrap();
    until("it is there", || rosey.run(&["stats", "bob", "--json"]).code == Some(0));
    let ran = recorder.end();
    assert_eq!((ran.code, sums(&ran)), (Some(0), told(1, 0, 0)), "{ran:?}");
    assert_closed(&rosey);
}

fn sessions_that_somebody_holds_at_the_start_do_not_hold_up_the_channel(rosey: &Rosey) {
    crashes(rosey);
    let held = rosey.holds("SELECT * FROM user_stats WHERE username = 'ada' FOR UPDATE");
    let mut recorder = Recorder::start(rosey, &[]);
    recorder.write(&said(1_200, "bob"));
    until("bob is there", || rosey.run(&["stats", "bob", "--json"]).code == Some(0));
    assert_eq!(ada(rosey)["current_session_start"], 1_000);
    drop(held);
    let ran = recorder.end();
    assert_eq!((ran.code, sums(&ran)), (Some(0), told(1, 0, 0)), "{ran:?}");
    assert!(ran.stderr.contains("sessions stay open until the end"), "{ran:?}");
    assert_closed(rosey);
}

fn sessions_can_be_left_alone(rosey: &Rosey) {
    let input = joined(1_000, "ada") + &said(1_100, "ada");
    rosey.run_with(&["record", "--keep-sessions"], input).succeeds();
    assert_eq!(ada(rosey)["current_session_start"], 1_000);
    rosey.run_with(&["record", "--keep-sessions"], "").succeeds();
    assert_eq!(ada(rosey)["current_session_start"], 1_000);
    rosey.run_with(&["record"], "").succeeds();
    let after = ada(rosey);
    assert_eq!(
        (&after["current_session_start"], &after["total_time_connected"]),
        (&Value::Null, &json!(100))
    );
}
