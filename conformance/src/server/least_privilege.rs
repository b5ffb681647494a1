//! A server with two roles: one that owns the schema, and one for the bot, which only works with the rows.

use super::instance::{ADMIN, FORGETFUL};
use super::{
    Inner, Limits, PostgresDatabase, PostgresServer, Secret, blocking, programs, query, running, started,
};

const OWNER: &str = "rosey_owner";
const BOT: &str = "rosey_bot";

/// What the owner runs after the first migration, as the documentation says.
const GRANTS: &str = include_str!("../../../scripts/least_privilege.sql");

pub(super) fn start() -> anyhow::Result<PostgresServer> {
    let programs = programs(&["initdb", "pg_ctl"])?;
    let instance = started(&programs, || running(&programs, None, FORGETFUL))?;
    let admin = instance.url();
    // With the administrator's password, which so is in no statement and in nobody's log.
    let roles = format!(
        "CREATE ROLE {OWNER} LOGIN; CREATE ROLE {BOT} LOGIN;
        UPDATE pg_authid SET rolpassword = (SELECT rolpassword FROM pg_authid WHERE rolname = '{ADMIN}')
            WHERE rolname IN ('{OWNER}', '{BOT}')"
    );
    blocking(query(&admin.0, &roles))?;
    let bot = of_role(&admin, BOT);
    let inner = Inner::new(admin, bot, Some(instance));
    Ok(PostgresServer(Inner { limits: Limits::RowsOnly, ..inner }.into()))
}

/// Brings the schema of an empty database up to date, as its owner, and lets the bot in.
pub(super) fn migrate(database: &PostgresDatabase) -> anyhow::Result<()> {
    let give = format!("ALTER DATABASE {} OWNER TO {OWNER}", database.name);
    blocking(query(&database.admin.0, &give))?;
    let owner = of_role(&database.admin, OWNER);
    database.migrate(&owner)?;
    blocking(query(&owner.0, GRANTS))?;
    Ok(())
}

/// The administrator's URL, of a role with the same password.
fn of_role(admin: &Secret, role: &str) -> Secret {
    Secret(admin.0.replacen(&format!("//{ADMIN}:"), &format!("//{role}:"), 1))
}
