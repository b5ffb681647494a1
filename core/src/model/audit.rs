//! Who did what.

use super::text::text_type;
use super::{RowId, RowKey, Timestamp, Username};

text_type! {
    /// What kind of thing was done, such as `kick` or `pm_command`.
    ActionKind, "action", 1..=50, NoControls
}

text_type! {
    /// What exactly was done.
    ActionDetails, "details", 0..=10000, AllButNul, hidden
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAction {
    /// Its identity.
    pub id: RowId,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub username: Username,
    /// What kind of thing.
    pub action: ActionKind,
    /// What exactly.
    pub details: Option<ActionDetails>,
}

impl UserAction {
    /// The entry's place in the list.
    #[must_use]
    pub fn key(&self) -> RowKey {
        RowKey { at: self.at, id: self.id }
    }
}

/// Which entries to list: those that meet every condition that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionFilter {
    /// Done by this user.
    pub username: Option<Username>,
    /// Of this kind.
    pub action: Option<ActionKind>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}
