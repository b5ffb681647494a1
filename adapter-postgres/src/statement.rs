//! A statement that is put together from parts, with its parameters and their types.

use tokio_postgres::types::{ToSql, Type};

use crate::client::Params;

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
    /// Whether the statement is parsed and planned for these very parameters, instead of once a connection.
    pub(crate) plan_anew: bool,
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

    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    pub(crate) fn types(&self) -> &[Type] {
        &self.types
    }

    pub(crate) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect()
    }
}

/// The parameters with their types, as a statement that is not prepared takes them.
pub(crate) fn typed<'p>(params: Params<'p>, types: &[Type]) -> Vec<(&'p (dyn ToSql + Sync), Type)> {
    params.iter().copied().zip(types.iter().cloned()).collect()
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
