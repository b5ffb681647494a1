//! What a layer knows of a call.

use ::metrics::Label;

use super::metrics::{OUTCOMES, labels};

/// A call to a store, as layers see it: which method, and whether it may be sent again. What it is about stays hidden.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Call {
    /// The method.
    pub operation: &'static Operation,
    /// What it does to the database.
    pub access: Access,
}

/// What a call does to the database, and so what may be done once its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It asks how things are now, so waiting for a better answer would be wrong: it is never sent again.
    Probe,
    /// It changes nothing.
    Read,
    /// Done twice, it changes something twice, or its second answer is another: it may be sent again only if it surely
    /// did not happen.
    Write,
    /// By its contract, done again it changes nothing more, and its answer is right all the same.
    IdempotentWrite,
}

/// A method of a store.
#[derive(Debug)]
pub struct Operation {
    name: &'static str,
    /// Labels of metrics, for each of [`OUTCOMES`]: made once, so that a call allocates nothing for them.
    pub(super) labels: [[Label; 2]; OUTCOMES.len()],
}

impl Operation {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, labels: labels(name) }
    }

    /// The method's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Call {
    pub(super) const fn new(operation: &'static Operation, access: Access) -> Self {
        Self { operation, access }
    }

    /// Whether it may be sent again after its answer was lost.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        matches!(self.access, Access::Read | Access::IdempotentWrite)
    }
}
