//! What the role may do.

use botstore_core::Result;
use botstore_core::model::{Aspect, Finding};

use super::{OPERATION, PostgresExaminer};
use crate::rights::{Lacking, of_a_bot};

const NAME: &str = Aspect::Permissions.as_str();

/// Finds out which rights on tables and sequences the role lacks, and whether it sees all rows.
pub(super) async fn rights(examiner: &PostgresExaminer) -> Result<Finding> {
    let mut faults = Vec::new();
    if let Some(lacking) = Lacking::of(&examiner.connections, OPERATION, &of_a_bot()).await? {
        let found = format!("the role lacks {}", lacking.found);
        faults.push(Finding::failed(NAME, found, format!("as the owner of the tables: {}", lacking.grants)));
    }
    if let Some(hidden) = &examiner.hidden {
        faults.push(Finding::failed(NAME, hidden.found(), hidden.advice()));
    }
    let well = || Finding::ok(NAME, "the role may do all that a bot does with tables and sequences");
    Ok(Finding::joined(faults).unwrap_or_else(well))
}
