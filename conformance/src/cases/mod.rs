//! The promises, by area.

mod audit;
mod channel;
mod chat;
mod ingest;
mod ingest_races;
mod input;
mod input_numbers;
mod kv;
mod kv_expiry;
mod kv_listing;
mod kv_races;
mod kv_values;
mod layers;
mod lifecycle;
mod maintenance;
mod maintenance_scale;
mod migration;
mod migration_down;
mod migration_races;
mod model;
mod outbound;
mod outbound_leases;
mod outbound_races;
mod outbound_settling;
mod persons;
mod reopening;
mod sessions;
mod status;
mod tokens;
mod tokens_revocation;
mod transfer;
mod users;
mod users_races;

use crate::case::Case;

/// Every case, with its area.
pub fn all() -> impl Iterator<Item = (&'static str, &'static Case)> {
    [
        ("ingest", ingest::CASES),
        ("ingest", ingest_races::CASES),
        ("users", users::CASES),
        ("users", sessions::CASES),
        ("users", users_races::CASES),
        ("users", persons::CASES),
        ("chat", chat::CASES),
        ("channel", channel::CASES),
        ("outbound", outbound::CASES),
        ("outbound", outbound_leases::CASES),
        ("outbound", outbound_settling::CASES),
        ("outbound", outbound_races::CASES),
        ("status", status::CASES),
        ("tokens", tokens::CASES),
        ("tokens", tokens_revocation::CASES),
        ("audit", audit::CASES),
        ("kv", kv::CASES),
        ("kv", kv_expiry::CASES),
        ("kv", kv_listing::CASES),
        ("kv", kv_values::CASES),
        ("kv", kv_races::CASES),
        ("maintenance", maintenance::CASES),
        ("maintenance", maintenance_scale::CASES),
        ("transfer", transfer::CASES),
        ("lifecycle", lifecycle::CASES),
        ("lifecycle", reopening::CASES),
        ("migration", migration::CASES),
        ("migration", migration_down::CASES),
        ("migration", migration_races::CASES),
        ("layers", layers::CASES),
        ("input", input::CASES),
        ("input", input_numbers::CASES),
        ("model", model::CASES),
    ]
    .into_iter()
    .flat_map(|(area, cases)| cases.iter().map(move |case| (area, case)))
}
