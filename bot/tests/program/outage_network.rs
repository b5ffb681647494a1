//! A replay through a network that fails.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use botstore_conformance::proxy::{Fault, Network, Proxy};
use botstore_conformance::server::PostgresServer;
use tokio::runtime::Runtime;

use crate::outage::{AtLast, JOURNAL, ended, judged, log, looks};
use crate::rosey::Rosey;

crate::checks! {
    ; postgres:
    nothing_is_lost_or_doubled_while_the_network_fails_and_the_program_is_killed,
}

/// Starts a replay that reaches its database by this URL.
fn replay(rosey: &Rosey, url: &str, arguments: &[&str]) -> Child {
    let mut command = rosey.command(&[&["replay", "--json", "log.jsonl"], arguments].concat());
    command.env("DATABASE_URL", url).env("ROSEY_SPOOL", JOURNAL).env("ROSEY_SPOOL_CLOSE", "10");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// How the network is at its best: so slow that a replay takes a while.
const AT_BEST: Network = Network::Slow(Duration::from_millis(4));

/// Loses answers, cuts requests in the middle, delays, falls silent, refuses, and forgets connections without saying so,
/// until it is over. Says how often it did something.
fn storm(proxy: &Proxy, over: &AtomicBool, mut random: fastrand::Rng) -> u64 {
    let mut failed = 0;
    while !over.load(Ordering::SeqCst) {
        let (soon, pause) = (random.u64(1..8), Duration::from_millis(random.u64(20..200)));
        match random.u32(0..7) {
            0..2 => proxy.plan(Fault::AnswerLost, soon),
            2..4 => proxy.plan(Fault::CutInTheMiddle, soon),
            4 => proxy.set(Network::Slow(Duration::from_millis(random.u64(20..60)))),
            5 => proxy.set(Network::Silent),
            _ => proxy.set(Network::Refusing),
        }
        thread::sleep(pause);
        proxy.set(AT_BEST);
        if random.u32(0..6) == 0 {
            proxy.forget();
        }
        thread::sleep(Duration::from_millis(random.u64(100..600)));
        failed += 1;
    }
    failed
}

fn nothing_is_lost_or_doubled_while_the_network_fails_and_the_program_is_killed(_: &Rosey) {
    const KILLS: u32 = 10;
    let mut random = fastrand::Rng::with_seed(7);
    let log = log(24_000, &mut random);
    let server = PostgresServer::start_own("").unwrap();
    let (undisturbed, rosey) = (Rosey::at(&server), Rosey::at(&server));
    undisturbed.file("log.jsonl", &log);
    assert_eq!(undisturbed.replays(&["log.jsonl"]), [24_000, 0, 0]);
    let expected = looks(&undisturbed);

    rosey.file("log.jsonl", &log);
    rosey.prints(&["migrate"]);
    let (runtime, port) = (Runtime::new().unwrap(), server.port().unwrap());
    let proxy = runtime.block_on(Proxy::start(port)).unwrap();
    proxy.set(AT_BEST);
    let url = proxy.url(rosey.url(), port) + "&statement_timeout=1s&connect_timeout=2";
    let over = AtomicBool::new(false);
    let (mut codes, mut left) = (Vec::new(), 0);
    let failed = thread::scope(|scope| {
        let (again, end) = (random.fork(), AtLast(&over));
        let storm = scope.spawn(|| storm(&proxy, &over, again));
        for _ in 0..KILLS {
            let mut running = replay(&rosey, &url, &[]);
            thread::sleep(Duration::from_millis(random.u64(100..900)));
            running.kill().unwrap();
            running.wait().unwrap();
            left += usize::from(rosey.path(JOURNAL).exists());
        }
        while codes.last() != Some(&0) {
            assert!(codes.len() < 30, "{codes:?}");
            let ran = ended(replay(&rosey, &url, &["--wait", "20"]));
            codes.push(judged(&ran));
        }
        drop(end);
        storm.join().unwrap()
    });
    let faults = proxy.faults();
    println!(
        "{failed} failures, {faults} of them in mid-statement, {KILLS} kills, of which {left} left a journal; then {codes:?}"
    );
    assert!(failed >= 10 && faults >= 2 && left >= 5, "{failed}, {faults}, {left}");
    assert!(!rosey.path(JOURNAL).exists());
    assert_eq!(looks(&rosey), expected);
    assert_eq!(rosey.replays(&["log.jsonl"]), [0, 24_000, 0]);
}
