//! Parameters: each with its type, and none to be seen in a log.

use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};

/// A value that can be a parameter. Its type goes along with it, so that the server need not be asked for it first.
pub(crate) trait Bind: ToSql + Sync + Send {
    /// The type of PostgreSQL's as which it is sent.
    fn ty(&self) -> Type;
}

impl<T: Typed + ToSql + Sync + Send> Bind for T {
    fn ty(&self) -> Type {
        T::TYPE
    }
}

/// A parameter on its way. The driver writes a statement's parameters to the log, as their debug form has them, and
/// there may be anything in them.
pub(crate) struct Hidden<'a>(pub(crate) &'a dyn Bind);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl ToSql for Hidden<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(ty, out)
    }

    /// The value itself says so when it is written.
    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(ty, out)
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
    &[u8] => BYTEA, BYTEA_ARRAY;
    &str => TEXT, TEXT_ARRAY;
    String => TEXT, TEXT_ARRAY;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_a_type_and_no_debug_form() {
        let (text, many, none): (&dyn Bind, &dyn Bind, &dyn Bind) =
            (&"secret", &vec![Some(1_i64)], &None::<bool>);
        assert_eq!([text.ty(), many.ty(), none.ty()], [Type::TEXT, Type::INT8_ARRAY, Type::BOOL]);
        assert_eq!(format!("{:?}", Hidden(text)), "..");
    }
}
