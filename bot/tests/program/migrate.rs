//! Bringing the schema up to date.

use crate::rosey::Rosey;

crate::checks![the_second_migration_has_nothing_to_do, sixteen_at_once_all_succeed];

fn the_second_migration_has_nothing_to_do(rosey: &Rosey) {
    let first = rosey.json(&["migrate", "--json"]);
    assert_eq!(first["backend"], rosey.backend());
    let applied = first["applied"].as_array().unwrap();
    assert!(applied.iter().all(|name| name.as_str().unwrap().starts_with('V')), "{first}");
    assert_eq!(first["version"].as_u64().unwrap(), applied.len() as u64);
    let second = rosey.prints(&["migrate", "--json"]);
    let start = format!("{{\"backend\":\"{}\",\"version\":{},", rosey.backend(), first["version"]);
    assert_eq!(second, format!("{start}\"applied\":[]}}\n"));
    assert!(rosey.prints(&["migrate"]).ends_with("nothing was to be done\n"));
}

fn sixteen_at_once_all_succeed(rosey: &Rosey) {
    let ran: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..16).map(|_| scope.spawn(|| rosey.run(&["migrate", "--json"]))).collect();
        runs.into_iter().map(|run| run.join().unwrap().succeeds()).collect()
    });
    let migrated = ran.iter().filter(|text| !text.contains("\"applied\":[]")).count();
    assert_eq!(migrated, 1, "{ran:?}");
    rosey.prints(&["stats"]);
}
