//! A database with many rows, and what PostgreSQL plans to do in it.

mod database;
mod plan;
mod speaker;

pub(crate) use database::{Database, is_wanted, open, postgres_url};
use plan::faults;
use serde_json::Value;
pub(crate) use speaker::{Said, Speaker};

use crate::{audit, channel, chat, kv, lifecycle, maintenance, outbound, record, status, tokens, users};

/// How a statement finds its rows in tables that have many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// By an index: it reads no row that it does not mean.
    Index,
    /// The same, but it passes over rows that a clock has taken out: leases that have not ended, values that have.
    PassingOver,
    /// The same, but it sorts rows to which the index gives the same place, some of which it may not mean.
    Sorted,
    /// It reads a whole table once, for a total.
    Total,
}

#[test]
fn statements_use_their_indexes_whether_the_tables_are_empty_or_large() {
    let areas = [
        audit::PLANS,
        channel::PLANS,
        chat::PLANS,
        kv::PLANS,
        lifecycle::PLANS,
        maintenance::PLANS,
        outbound::PLANS,
        status::PLANS,
        tokens::PLANS,
        users::PLANS,
    ];
    // The plan that is made while there is nothing yet may be kept for long.
    let (Some(empty), Some(filled)) = (Database::migrated(), Database::filled()) else { return };
    let mut found = String::new();
    let recorded = record::tests::forms();
    let recorded = recorded.iter().map(|form| (form.sql(), form.types(), Access::Index));
    let of_areas = areas.into_iter().flatten().map(|&(sql, access)| (sql, vec![], access));
    for (sql, types, access) in of_areas.chain(recorded) {
        for database in [&empty, &filled] {
            let plan = database.explain(sql, &types);
            let faults = faults(&plan, access);
            if !faults.is_empty() {
                found += &format!("{sql}\n{faults:#?}\n{}\n\n", outline(&plan, 0));
            }
        }
    }
    assert!(found.is_empty(), "{found}");
}

/// The plan in few words, a line for each step.
fn outline(step: &Value, depth: usize) -> String {
    let words: Vec<_> = ["Node Type", "Relation Name", "Index Name", "Index Cond", "Filter"]
        .iter()
        .filter_map(|key| step[key].as_str())
        .collect();
    let steps = step["Plans"].as_array().into_iter().flatten();
    format!("{}{}\n", "  ".repeat(depth), words.join(", "))
        + &steps.map(|step| outline(step, depth + 1)).collect::<String>()
}
