use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use super::*;

fn operations(work: Work, callers: usize, seed: u64, each: usize) -> Vec<Operation> {
    let (seconds, warm_up) = (Duration::ZERO, Duration::ZERO);
    let plan = Plan { work, callers, seconds, warm_up, users: 100, seed };
    let mut callers = Caller::all(&plan);
    callers.iter_mut().flat_map(|caller| (0..each).map(|_| caller.next()).collect::<Vec<_>>()).collect()
}

#[test]
fn a_day_has_its_weights() {
    const ALL: usize = 100_000;
    let day = operations(Work::Day, 2, 7, ALL / 2);
    let share = |kind: Discriminant<Operation>| {
        day.iter().filter(|&operation| discriminant(operation) == kind).count() as f64 * 100.0 / ALL as f64
    };
    let user = String::new;
    for (operation, weight) in [
        (Operation::Chat { at: 0, user: user(), message: "" }, 75.0),
        (Operation::Join { at: 0, user: user() }, 9.0),
        (Operation::Leave { at: 0, user: user() }, 9.0),
        (Operation::Count { at: 0, chat: 0, connected: 0 }, 3.0),
        (Operation::Stats { user: user() }, 2.0),
        (Operation::Top, 1.0),
        (Operation::Recent, 1.0),
    ] {
        let share = share(discriminant(&operation));
        // Five standard deviations.
        let tolerance = 5.0 * (weight * (100.0 - weight) / ALL as f64).sqrt();
        assert!((share - weight).abs() < tolerance, "{operation:?}: {share} % for {weight} %");
    }
}

#[test]
fn lines_are_of_known_users_and_of_every_length() {
    let mut lengths = HashSet::new();
    let mut users = HashSet::new();
    for operation in operations(Work::Chat, 3, 7, 10_000) {
        let Operation::Chat { at, user, message } = operation else { panic!("{operation:?}") };
        assert!((START..START + 1_000).contains(&at), "{at}");
        lengths.insert(message.len());
        users.insert(user);
    }
    assert_eq!(lengths, (20..=80).collect());
    assert_eq!(users, (0..100).map(|number| format!("user{number}")).collect());
}

#[test]
fn a_newcomer_joins_once() {
    let joins = operations(Work::Join, 4, 7, 1_000);
    let names: HashSet<_> = joins
        .iter()
        .map(|operation| match operation {
            Operation::Join { user, .. } => user,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names.len(), joins.len());
    assert!(names.iter().all(|name| name.starts_with("new7_")));
}

#[test]
fn a_seed_gives_the_same_operations_again() {
    // One caller, because several share the clock.
    assert_eq!(operations(Work::Day, 1, 7, 500), operations(Work::Day, 1, 7, 500));
    assert_ne!(operations(Work::Day, 1, 8, 500), operations(Work::Day, 1, 7, 500));
}
