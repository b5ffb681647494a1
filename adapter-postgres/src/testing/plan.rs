//! What is wrong with a plan.

use serde_json::Value;

use super::Access;

/// The tables that grow without bound.
const LARGE: [&str; 7] = [
    "user_stats",
    "user_actions",
    "user_count_history",
    "recent_chat",
    "outbound_messages",
    "api_tokens",
    "plugin_values",
];

/// Where a plan reads more than its statement's result needs, as EXPLAIN says it in JSON.
pub(super) fn faults(plan: &Value, access: Access) -> Vec<String> {
    let mut faults = Vec::new();
    if access != Access::Total {
        look(plan, access, &mut faults);
    }
    faults
}

fn look(step: &Value, access: Access, faults: &mut Vec<String>) {
    if text(step, "Node Type") == "Limit" {
        look_below_limit(step, access, faults);
        return;
    }
    let finds =
        ["Index Cond", "Recheck Cond", "TID Cond"].iter().any(|condition| step[condition].is_string());
    if reads_large(step) && !finds {
        faults.push(format!("reads all of {}", text(step, "Relation Name")));
    }
    below(step).for_each(|step| look(step, access, faults));
}

/// A limit only helps if what it stops is the reading itself, and not a sort that has read everything before.
fn look_below_limit(limit: &Value, access: Access, faults: &mut Vec<String>) {
    let mut source = limit;
    while passes_on(text(source, "Node Type"), access) {
        let Some(step) = below(source).find(|step| text(step, "Parent Relationship") != "InitPlan") else {
            return;
        };
        below(source)
            .filter(|step| text(step, "Parent Relationship") == "InitPlan")
            .for_each(|step| look(step, access, faults));
        source = step;
    }
    let is_ordered = matches!(text(source, "Node Type"), "Index Scan" | "Index Only Scan");
    if !is_ordered && reads_large_somewhere(source) {
        faults.push(format!("the limit does not stop a {}", text(source, "Node Type")));
    }
    if source["Filter"].is_string() && access != Access::PassingOver {
        faults.push(format!("passes over what is not {}", text(source, "Filter")));
    }
}

/// Whether a step passes rows on before it has read all.
fn passes_on(step: &str, access: Access) -> bool {
    match step {
        "Limit" | "LockRows" | "Subquery Scan" | "Result" => true,
        "Incremental Sort" => access == Access::Sorted,
        _ => false,
    }
}

fn below(step: &Value) -> impl Iterator<Item = &Value> {
    step["Plans"].as_array().into_iter().flatten()
}

fn text<'a>(step: &'a Value, key: &str) -> &'a str {
    step[key].as_str().unwrap_or_default()
}

fn reads_large(step: &Value) -> bool {
    text(step, "Node Type").ends_with("Scan") && LARGE.contains(&text(step, "Relation Name"))
}

fn reads_large_somewhere(step: &Value) -> bool {
    reads_large(step) || below(step).any(reads_large_somewhere)
}
