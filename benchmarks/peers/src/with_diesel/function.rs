//! Functions of the engines that Diesel does not name.

use diesel::sql_types::{BigInt, Nullable};

/// What both engines call alike.
#[diesel::declare_sql_function]
extern "SQL" {
    /// The first argument that is not null.
    fn coalesce(value: Nullable<BigInt>, otherwise: BigInt) -> BigInt;
}

/// SQLite's names.
pub(super) mod sqlite {
    use diesel::sql_types::BigInt;

    #[diesel::declare_sql_function]
    extern "SQL" {
        /// The lesser argument.
        #[sql_name = "min"]
        fn least(one: BigInt, other: BigInt) -> BigInt;

        /// The greater argument.
        #[sql_name = "max"]
        fn greatest(one: BigInt, other: BigInt) -> BigInt;
    }
}

/// PostgreSQL's names.
pub(super) mod postgres {
    use diesel::sql_types::BigInt;

    #[diesel::declare_sql_function]
    extern "SQL" {
        /// The lesser argument.
        fn least(one: BigInt, other: BigInt) -> BigInt;

        /// The greater argument.
        fn greatest(one: BigInt, other: BigInt) -> BigInt;
    }
}
