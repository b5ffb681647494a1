//! A statement that is put together from parts, with its parameters and their types.

use botstore_core::Result;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::client::{Connections, Intent};

/// A statement and its parameters, as it is put together.
#[derive(Default)]
pub(crate) struct Statement<'a> {
    sql: String,
    params: Vec<Box<dyn ToSql + Sync + Send + 'a>>,
    types: Vec<Type>,
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
    pub(crate) fn bind<T: Typed + ToSql + Sync + Send + 'a>(&mut self, value: T) -> String {
        self.params.push(Box::new(value));
        self.types.push(T::TYPE);
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
    pub(crate) fn types(&self) -> &[Type] {
        &self.types
    }

    /// Runs the statement and returns its rows.
    pub(crate) async fn send(
        &self,
        connections: &Connections,
        operation: &'static str,
        intent: Intent,
    ) -> Result<Vec<Row>> {
        let params: Vec<_> = self.params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect();
        connections.send(operation, intent, &self.sql, &self.types, &params).await
    }
}

/// A Rust type that stands for one type of PostgreSQL's.
pub(crate) trait Typed {
    const TYPE: Type;
}

impl<T: Typed> Typed for Option<T> {
    const TYPE: Type = T::TYPE;
}

macro_rules! typed {
    ($($rust:ty => $one:ident, $many:ident;)*) => {
        $(impl Typed for $rust {
            const TYPE: Type = Type::$one;
        }

        impl Typed for Vec<$rust> {
            const TYPE: Type = Type::$many;
        }

        impl Typed for Vec<Option<$rust>> {
            const TYPE: Type = Type::$many;
        })*
    };
}

typed! {
    i64 => INT8, INT8_ARRAY;
    f64 => FLOAT8, FLOAT8_ARRAY;
    bool => BOOL, BOOL_ARRAY;
    &str => TEXT, TEXT_ARRAY;
    String => TEXT, TEXT_ARRAY;
}
