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
    /// The names of the parts so far.
    parts: Vec<&'static str>,
    /// The condition on which a part's rows depend.
    pub(crate) guard: &'static str,
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

    /// Adds a part: a common table expression.
    pub(crate) fn part(&mut self, name: &'static str, sql: &str) {
        self.push(if self.parts.is_empty() { "WITH " } else { ", " });
        self.push(&format!("{name} AS ({sql})"));
        self.parts.push(name);
    }

    /// Ends the statement with a SELECT of how many rows each part has, one part after the other.
    pub(crate) fn count_parts(&mut self) {
        let counts: Vec<_> =
            self.parts.iter().map(|part| format!("(SELECT count(*) FROM {part}) AS {part}")).collect();
        self.push(&format!(" SELECT {}", counts.join(", ")));
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
