//! Which database the events belong to: by its identity, and by its name until it was reached.

use botstore_core::model::DatabaseId;
use botstore_core::{ErrorKind, Result};
use rusqlite::Connection;

use super::{Journal, queue};
use crate::fault::Fault;

impl Journal {
    /// Binds the journal to a database, if nothing that waits is bound to another.
    ///
    /// # Errors
    ///
    /// [`Conflict`](ErrorKind::Conflict): what waits belongs to another database.
    pub(crate) fn bind(&mut self, database: &DatabaseId) -> Result<()> {
        self.bound(database).map_err(|fault| self.error(fault))
    }

    fn bound(&mut self, database: &DatabaseId) -> Result<(), Fault> {
        let is_bound = self.transaction(|journal| {
            let bound = match &journal.owed.database {
                Some(database) => Some(database.as_str().to_owned()),
                None => queue::database(&journal.connection)?,
            };
            match (bound, journal.waiting.events) {
                (Some(bound), _) if bound == database.as_str() => Ok(true),
                (Some(_), events @ 1..) => {
                    journal.doubted.iter_mut().for_each(|doubt| doubt.is_right = true);
                    Err(of_another(events, ""))
                }
                _ => Ok(false),
            }
        })?;
        if !is_bound {
            match self.writing(|journal| queue::bind(&journal.connection, database.as_str())) {
                // What waits is to get there all the same.
                Err(fault) if fault.is_of_disk() => self.owed.database = Some(database.clone()),
                bound => bound?,
            }
        }
        if self.doubted.take().is_some()
            && let Some(name) = self.settings.database.clone()
        {
            // Should this fail, the next one that opens it has the same doubt.
            let _ = self.writing(|journal| queue::set_name(&journal.connection, &name));
        }
        Ok(())
    }

    /// Refuses to take anything as long as it is not known whether what waits is of the same database.
    pub(super) fn refuse_doubted(&self) -> Result<(), Fault> {
        let Some(Doubt { name, is_right }) = &self.doubted else { return Ok(()) };
        if *is_right {
            return Err(of_another(self.waiting.events, &format!(", {name}")));
        }
        let why = format!(
            "holds {} events of {name}, and nothing is taken until the database answers and is the same one: open it with \
             the URL of that one, or name another journal (ROSEY_SPOOL)",
            self.waiting.events
        );
        Err(Fault::Refused(ErrorKind::Unavailable, why))
    }
}

/// What waits may be for another database: that has this name, and the one that it is opened for has another, and was not
/// reached since.
#[derive(Debug)]
pub(super) struct Doubt {
    name: String,
    /// The one that it is opened for was reached, and is another.
    is_right: bool,
}

/// Notes the database's name in a journal in which so many events wait. If nothing does, it belongs to no other one any
/// more. A database that was reached is known by its identity: if it has another name by now, it may be another.
pub(super) fn name(
    connection: &Connection,
    waiting: u64,
    name: Option<&str>,
) -> Result<Option<Doubt>, Fault> {
    let Some(name) = name else { return Ok(None) };
    let known = queue::name(connection)?;
    let is_reached = queue::database(connection)?.is_some();
    match known {
        Some(known) if known == name => return Ok(None),
        Some(known) if waiting > 0 && is_reached => return Ok(Some(Doubt { name: known, is_right: false })),
        Some(known) if waiting > 0 => return Err(of_another(waiting, &format!(", {known}"))),
        // Journals of the first form say no name.
        None if waiting > 0 && is_reached => {
            return Ok(Some(Doubt {
                name: "a database of which no name is known".to_owned(),
                is_right: false,
            }));
        }
        _ => {}
    }
    if waiting == 0 {
        queue::unbind(connection)?;
    }
    queue::set_name(connection, name)?;
    Ok(None)
}

fn of_another(events: u64, which: &str) -> Fault {
    let noun = if events == 1 { "event" } else { "events" };
    let why = format!(
        "holds {events} {noun} of another database{which}: open it with the URL of that one first, or name another journal \
         (ROSEY_SPOOL)"
    );
    Fault::Refused(ErrorKind::Conflict, why)
}
