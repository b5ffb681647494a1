//! A layer around a store that keeps recording while the database is away.
//!
//! Batches then go into a journal on this machine's disk, and the call succeeds, saying that they were
//! [spooled](botstore_core::model::Recorded::spooled): what was acknowledged survives a power cut. When the database is
//! back, the journal is written into it. Every event arrives exactly once and in order, whatever is killed when: a batch
//! with a cursor keeps it, and the journal gives one to every other.
//!
//! | while the database is away | |
//! |---|---|
//! | `record` | into the journal; and so for as long as anything waits there |
//! | `position` | that of the last event in the journal; `Unavailable` of a source of which nothing waits |
//! | `health` | since when it is away and why, and what waits |
//! | everything else | `Unavailable`, at once |
//!
//! Until the journal is empty, reads show what the database has: events that wait are not among it.
//!
//! A batch without a cursor whose answer was lost is not kept, because it may have been written: the call is
//! `Indeterminate`, as it is without a spool.
//!
//! # The journal
//!
//! A file with a lock beside it, under the one name that links lead to. One process has it; a further one that opens it is
//! refused. Whoever removes the lock can take the journal over: then it is his, by a name that each owner writes into it,
//! and the former one gets errors until the journal is free again. A journal that is removed or renamed
//! while it is open is made anew, with all that waits. While another file stands in its place nothing is taken, and what
//! waits is written all the same. It is removed when the store is closed and nothing waits; what a dead process left is
//! written by the next one that opens it.
//!
//! It belongs to one database, by its [identity](botstore_core::model::DatabaseId), and until that was reached by its
//! [name](botstore_core::url::DatabaseUrl::name): what waits never goes into another one. By another name nothing is taken
//! while something waits, until the database answers and is the same.
//!
//! When it is [full](botstore_core::settings::SpoolSettings), new events are refused, or the oldest are given up, as it
//! was set.
//!
//! Events of which the database says that some before them are missing (it was restored from a backup, say) are kept aside in
//! the journal's table `rejected`: whoever reads their source again makes up for both. If nobody can, because the source is
//! [private](botstore_core::model::Source::private), they are written all the same. Kept aside is also what cannot be read,
//! because the file was damaged. What is kept aside takes as much room as what waits may, and then the oldest are given
//! up. All of this is logged and counted. What is in the database later on, because its source was read again, is let go;
//! but not if events were given up between it and the place where its source stands by now.
//!
//! [`Spool`] is put around a store by `botstore::open` when [`Config::spool`](botstore_core::config::Config::spool) is
//! set. [`look`] is for those who want to know what waits without opening a store.
//!
//! ```
//! # fn main() -> botstore_core::Result<()> {
//! match botstore_spool::look("bot_data.db.spool".as_ref())? {
//!     Some(look) => println!("{} events wait", look.spool.events),
//!     None => println!("nothing waits"),
//! }
//! # Ok(()) }
//! ```

mod breaker;
mod fault;
mod journal;
mod keeper;
mod lock;
mod spool;
mod standing;
#[cfg_attr(
    not(feature = "fault-points"),
    allow(unreachable_pub, dead_code, reason = "only tests see the steps")
)]
mod step;
#[cfg(test)]
mod testing;
mod thread;

pub use journal::{Look, check_place, kept_aside_since, look};
pub use spool::Spool;
#[cfg(feature = "fault-points")]
pub use step::{AT_EACH, Step};

#[cfg(test)]
mod tests;
