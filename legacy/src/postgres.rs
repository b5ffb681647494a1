//! An old database on a PostgreSQL server.

use std::collections::BTreeMap;

use async_trait::async_trait;
use botstore_core::model::Count;
use botstore_core::settings::PostgresSettings;
use botstore_core::transfer::Table;
use botstore_core::url::PostgresUrl;
use botstore_core::{ErrorKind, Result, StoreError};
use botstore_postgres::ForeignConnection;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql, Type};

use crate::OPERATION;
use crate::layout::TABLES;
use crate::source::{Bound, Broken, Found, Raw, Shape, Source};
use crate::value::Value;

/// How many rows are read at once.
const ROWS: usize = 500;

/// All that is read is of the moment of the first statement. Nothing is written, whatever the role may do. Behind a
/// pooler, too, the connection is this transaction's until its end.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on";

/// The columns of all tables that are found by their names alone: of each its name, its type's, whether it alone tells
/// rows apart, and whether it may be read, of every row.
const COLUMNS: &str = "
    SELECT class.relname::text AS table, attribute.attname::text AS column, type.typname::text AS type,
        attribute.attnotnull AND EXISTS (
            SELECT FROM pg_index AS index
            WHERE index.indrelid = class.oid AND index.indisunique AND index.indpred IS NULL
                AND index.indkey::text = attribute.attnum::text
        ) AS is_key,
        has_column_privilege(class.oid, attribute.attnum, 'SELECT') AND NOT row_security_active(class.oid) AS is_readable
    FROM pg_class AS class
    JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
    JOIN pg_type AS type ON type.oid = attribute.atttypid
    JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'p') AND attribute.attnum > 0 AND NOT attribute.attisdropped
        AND pg_table_is_visible(class.oid) AND namespace.nspname = ANY (current_schemas(FALSE))
    ORDER BY class.relname, attribute.attnum";

/// The schema with most tables of these names that are not found by their names alone, or not by this role.
const UNSEEN: &str = "
    SELECT namespace.nspname::text AS schema, quote_ident(namespace.nspname) AS quoted, count(*) AS tables,
        has_schema_privilege(namespace.oid, 'USAGE') AS is_usable, quote_ident(current_user) AS role
    FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'p') AND lower(class.relname) = ANY ($1) AND namespace.nspname !~ '^pg_'
    GROUP BY namespace.oid, namespace.nspname ORDER BY count(*) DESC, namespace.nspname LIMIT 1";

/// A database that is read in one transaction.
pub(crate) struct PostgresSource {
    name: String,
    connection: ForeignConnection,
    /// The columns of each table, with their types.
    columns: BTreeMap<String, Vec<Typed>>,
}

/// A column.
struct Typed {
    name: String,
    kind: String,
    is_key: bool,
    is_readable: bool,
}

impl PostgresSource {
    pub(crate) async fn open(url: &PostgresUrl, settings: &PostgresSettings) -> Result<Self> {
        let connection = ForeignConnection::open(OPERATION, url, settings).await?;
        connection.batch_execute(BEGIN).await.map_err(|error| connection.error(OPERATION, error))?;
        let mut source = Self { name: url.to_string(), connection, columns: BTreeMap::new() };
        for row in source.query(COLUMNS, &[]).await? {
            let typed = Typed {
                name: source.get(&row, "column")?,
                kind: source.get(&row, "type")?,
                is_key: source.get(&row, "is_key")?,
                is_readable: source.get(&row, "is_readable")?,
            };
            source.columns.entry(source.get(&row, "table")?).or_default().push(typed);
        }
        Ok(source)
    }

    fn refuse(&self, text: &str) -> Result<()> {
        let detail = format!("{}: {text}. Nothing was written", self.name);
        Err(StoreError::new(ErrorKind::Schema, OPERATION, detail))
    }

    async fn query(&self, sql: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>> {
        let rows = self.connection.query_typed(sql, params).await;
        rows.map_err(|error| self.connection.error(OPERATION, error))
    }

    fn get<'a, T: FromSql<'a>>(&self, row: &'a Row, column: &str) -> Result<T> {
        row.try_get(column).map_err(|error| self.connection.error(OPERATION, error))
    }

    async fn number(&self, sql: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Result<i64> {
        match self.query(sql, params).await?.first() {
            Some(row) => self.get::<Option<i64>>(row, "number").map(Option::unwrap_or_default),
            None => Ok(0),
        }
    }

    /// The statement that gives the role the right to read a table.
    async fn missing_right(&self, table: &str) -> Result<String> {
        let right = "
            SELECT format(CASE WHEN row_security_active(to_regclass(quote_ident($1))::oid)
                THEN 'ALTER ROLE %2$I BYPASSRLS' ELSE 'GRANT SELECT ON %1$I TO %2$I' END, $1, current_user) AS right";
        match self.query(right, &[(&table, Type::TEXT)]).await?.first() {
            Some(row) => self.get(row, "right"),
            None => Ok(String::new()),
        }
    }

    fn typed(&self, found: &Found) -> &[Typed] {
        self.columns.get(&found.name).map(Vec::as_slice).unwrap_or_default()
    }

    fn raw(&self, found: &Found, row: &Row) -> Result<Raw> {
        let mut values = Vec::with_capacity(found.columns.len());
        for (place, column) in self.typed(found).iter().enumerate() {
            let value = match kind(&column.kind) {
                Kind::Int => row.try_get::<_, Option<i64>>(place).map(|value| value.map(Value::Int)),
                Kind::Real => row.try_get::<_, Option<f64>>(place).map(|value| value.map(Value::Real)),
                Kind::Bool => row.try_get::<_, Option<bool>>(place).map(|value| value.map(Value::Bool)),
                Kind::Bytes => row.try_get::<_, Option<Vec<u8>>>(place).map(|value| value.map(Value::Bytes)),
                Kind::Text | Kind::Other => {
                    row.try_get::<_, Option<String>>(place).map(|value| value.map(Value::Text))
                }
            };
            let value = value.map_err(|error| self.connection.error(OPERATION, error))?;
            values.push(value.unwrap_or(Value::Null));
        }
        let mut raw = Raw { place: 0, values };
        if let Value::Int(id) = found.key(&raw) {
            raw.place = id;
        }
        Ok(raw)
    }
}

/// How a column's values are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Real,
    Bool,
    Text,
    Bytes,
    /// As the server writes them.
    Other,
}

fn kind(name: &str) -> Kind {
    match name {
        "int2" | "int4" | "int8" => Kind::Int,
        "float4" | "float8" => Kind::Real,
        "bool" => Kind::Bool,
        "text" | "varchar" | "bpchar" | "name" => Kind::Text,
        "bytea" => Kind::Bytes,
        _ => Kind::Other,
    }
}

/// A name in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The key in a statement.
fn key(found: &Found) -> String {
    quoted(found.key_column().unwrap_or(found.old.key))
}

/// A column's value in the form in which it is read.
fn selected(Typed { name, kind: of, .. }: &Typed) -> String {
    let cast = match kind(of) {
        Kind::Int => "int8",
        Kind::Real => "float8",
        Kind::Bool => "bool",
        Kind::Bytes => "bytea",
        Kind::Text | Kind::Other => "text",
    };
    format!("{}::{cast}", quoted(name))
}

#[async_trait]
impl Source for PostgresSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn shapes(&self) -> Result<Vec<Shape>> {
        let shape = |(name, columns): (&String, &Vec<Typed>)| Shape {
            name: name.clone(),
            columns: columns.iter().map(|column| column.name.clone()).collect(),
            is_readable: columns.iter().all(|column| column.is_readable),
        };
        Ok(self.columns.iter().map(shape).collect())
    }

    async fn unseen(&self) -> Result<Option<String>> {
        let names: Vec<_> = TABLES.iter().map(|old| old.table.name()).collect();
        let rows = self.query(UNSEEN, &[(&names, Type::TEXT_ARRAY)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (schema, quoted): (&str, &str) = (self.get(row, "schema")?, self.get(row, "quoted")?);
        let (tables, role): (i64, &str) = (self.get(row, "tables")?, self.get(row, "role")?);
        let advice = if !self.get(row, "is_usable")? {
            format!("the role may not look into it: GRANT USAGE ON SCHEMA {quoted} TO {role}")
        } else if schema == quoted {
            format!("the search_path leads elsewhere: add options=-c%20search_path={schema} to the URL")
        } else {
            format!("the search_path leads elsewhere: ALTER ROLE {role} SET search_path TO {quoted}")
        };
        Ok(Some(format!("{tables} of the Python bot's tables are in the schema {schema}, and {advice}")))
    }

    /// SQLAlchemy gives each table a primary key.
    async fn prepare(&self, found: &Found) -> Result<()> {
        let table = &found.name;
        if !found.is_readable {
            let right = self.missing_right(table).await?;
            return self
                .refuse(&format!("the role may not read the table {table}, or not all of it: {right}"));
        }
        let wanted = if found.old.table == Table::UserStats { Kind::Text } else { Kind::Int };
        let is_key = |column: &Typed| {
            column.is_key && Some(column.name.as_str()) == found.key_column() && kind(&column.kind) == wanted
        };
        if !self.typed(found).iter().any(is_key) {
            return self.refuse(&format!(
                "the table {table} has no primary key {}: it is damaged, or another program's",
                found.old.key
            ));
        }
        Ok(())
    }

    /// Every row has a key here.
    async fn scan(&self, found: &Found, after: Option<&Bound>) -> Result<Vec<Raw>, Broken> {
        Ok(self.page(found, after, ROWS).await?)
    }

    async fn page(&self, found: &Found, after: Option<&Bound>, limit: usize) -> Result<Vec<Raw>> {
        let columns: Vec<_> = self.typed(found).iter().map(selected).collect();
        let key = key(found);
        let order = if found.old.table == Table::UserStats { format!("{key} COLLATE \"C\"") } else { key };
        let range = if after.is_some() { format!("WHERE {order} > $1") } else { String::new() };
        let sql = format!(
            "SELECT {} FROM {} {range} ORDER BY {order} LIMIT {}",
            columns.join(", "),
            quoted(&found.name),
            limit.min(ROWS)
        );
        let rows = match after.map(|bound| &bound.key) {
            None => self.query(&sql, &[]).await?,
            Some(Value::Int(id)) => self.query(&sql, &[(id, Type::INT8)]).await?,
            Some(key) => self.query(&sql, &[(&key.to_key(), Type::TEXT)]).await?,
        };
        rows.iter().map(|row| self.raw(found, row)).collect()
    }

    async fn count(&self, table: &str, column: Option<&str>) -> Result<u64> {
        let counted = column.map_or_else(|| "*".to_owned(), quoted);
        let sql = format!("SELECT count({counted}) AS number FROM {}", quoted(table));
        Ok(self.number(&sql, &[]).await?.unsigned_abs())
    }

    /// A primary key sees to that.
    async fn repeats_keys(&self, _: &Found) -> Result<bool> {
        Ok(false)
    }

    /// What the sequence says counts if it may be read.
    async fn greatest_identity(&self, found: &Found) -> Result<i64> {
        let (key, table) = (key(found), quoted(&found.name));
        let greatest =
            format!("SELECT max({key})::int8 AS number FROM {table} WHERE {key} <= {}", Count::MAX);
        let greatest = self.number(&greatest, &[]).await?;
        let given = "
            SELECT CASE WHEN has_sequence_privilege(sequence, 'SELECT, USAGE')
                THEN pg_sequence_last_value(sequence) END AS number
            FROM (SELECT pg_get_serial_sequence($1, $2)::regclass AS sequence) AS found";
        let column = found.key_column().unwrap_or(found.old.key);
        let given = self.number(given, &[(&table, Type::TEXT), (&column, Type::TEXT)]).await?;
        Ok(greatest.max(given.min(Count::MAX.get())))
    }

    /// The server looks at each page that it reads.
    async fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// A transaction sees nothing of what others do.
    async fn verify_unchanged(&self) -> Result<()> {
        Ok(())
    }
}
