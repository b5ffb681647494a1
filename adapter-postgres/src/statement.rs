//! A statement that is put together from parts, with its parameters.

use botstore_core::Result;
use tokio_postgres::Row;

use crate::bind::Bind;
use crate::client::{Connections, Intent};

/// A statement and its parameters, as it is put together.
#[derive(Default)]
pub(crate) struct Statement<'a> {
    sql: String,
    params: Vec<Box<dyn Bind + 'a>>,
    parts: Vec<Part>,
    /// The condition on which a part's rows depend.
    pub(crate) guard: &'static str,
}

/// A common table expression that changes a table.
struct Part {
    name: &'static str,
    sql: String,
    /// Whether it locks rows that others may want too.
    locks: bool,
}

impl<'a> Statement<'a> {
    /// Adds a parameter and returns its place, such as `$3`.
    pub(crate) fn bind(&mut self, value: impl Bind + 'a) -> String {
        self.params.push(Box::new(value));
        format!("${}", self.params.len())
    }

    pub(crate) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// Adds a part that only adds rows: nobody waits for it.
    pub(crate) fn part(&mut self, name: &'static str, sql: String) {
        self.parts.push(Part { name, sql, locks: false });
    }

    /// Adds a part that locks rows, after those that it locks them after.
    pub(crate) fn locking_part(&mut self, name: &'static str, sql: String) {
        self.parts.push(Part { name, sql, locks: true });
    }

    /// Puts the parts together. The order in which a statement's parts run is not defined; the SELECT at the end counts
    /// what the locking ones return, one after the other, and so makes them run in their order. Where a single one
    /// locks and nothing depends on it, nothing is returned: that saves a sixth of the time.
    pub(crate) fn finish(&mut self) {
        let mut counted: Vec<_> = self.parts.iter().filter(|part| part.locks).map(|part| part.name).collect();
        if counted.len() == 1 && self.guard.is_empty() {
            counted.clear();
        }
        let mut separator = "WITH ";
        for Part { name, sql, .. } in &self.parts {
            let returning = if counted.contains(name) { " RETURNING 1" } else { "" };
            self.sql.push_str(&format!("{separator}{name} AS ({sql}{returning})"));
            separator = ", ";
        }
        let counts: Vec<_> =
            counted.iter().map(|name| format!("(SELECT count(*) FROM {name}) AS {name}")).collect();
        self.push(&format!(" SELECT {}", counts.join(", ")));
    }

    #[cfg(test)]
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    #[cfg(test)]
    pub(crate) fn types(&self) -> Vec<tokio_postgres::types::Type> {
        self.params.iter().map(|param| param.ty()).collect()
    }

    /// Runs the statement and returns its rows.
    pub(crate) async fn send(
        &self,
        connections: &Connections,
        operation: &'static str,
        intent: Intent,
    ) -> Result<Vec<Row>> {
        let params: Vec<&dyn Bind> = self.params.iter().map(|param| &**param).collect();
        connections.send(operation, intent, &self.sql, &params).await
    }
}
