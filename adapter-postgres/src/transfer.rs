//! Rows as they are kept. The statements are put together from what [`Table`] says of each table.

use async_trait::async_trait;
use botstore_core::model::Count;
use botstore_core::transfer::{Column, Content, Field, Identities, Key, KeyPart, Page, Row, Table, Work};
use botstore_core::{Export, Import, Result};

use crate::bind::Bind;
use crate::client::{Intent, Params};
use crate::open::PostgresStore;
use crate::rights;
use crate::row::{Columns, corrupt};

#[async_trait]
impl Export for PostgresStore {
    async fn export_rows(&self, table: Table, after: Option<&Key>) -> Result<Page> {
        let parts = after.map(Key::parts).unwrap_or_default();
        let params: Vec<&dyn Bind> = parts.iter().map(part).collect();
        let sql = select(table, after.is_none());
        let rows = self.rows("export_rows", Intent::Read, &sql, &params).await?;
        let rows = rows.iter().map(|row| read(table, row)).collect::<Result<_>>()?;
        Page::new(table, rows).map_err(|invalid| corrupt(table.name(), &invalid.reason))
    }

    async fn row_count(&self, table: Table) -> Result<Count> {
        let sql = format!("SELECT count(*) AS rows FROM {table}");
        self.row("row_count", Intent::Read, &sql, &[]).await?.count("rows")
    }

    async fn identities(&self) -> Result<Identities> {
        let row = self.row("identities", Intent::Read, IDENTITIES, &[]).await?;
        Ok(Identities {
            user_actions: row.raw("user_actions")?,
            user_count_history: row.raw("user_count_history")?,
            recent_chat: row.raw("recent_chat")?,
            outbound_messages: row.raw("outbound_messages")?,
            api_tokens: row.raw("api_tokens")?,
            plugin_values: row.raw("plugin_values")?,
        })
    }

    async fn check_rights(&self, work: Work) -> Result<()> {
        const OPERATION: &str = "check_rights";
        let _call = self.enter(OPERATION).await?;
        rights::check(&self.connections, OPERATION, work).await
    }
}

#[async_trait]
impl Import for PostgresStore {
    async fn import_rows(&self, page: &Page) -> Result<()> {
        self.write_page("import_rows", page).await
    }

    async fn raise_identities(&self, to: &Identities) -> Result<()> {
        let params: Params<'_> = &[
            &to.user_actions,
            &to.user_count_history,
            &to.recent_chat,
            &to.outbound_messages,
            &to.api_tokens,
            &to.plugin_values,
        ];
        self.rows("raise_identities", Intent::Write, RAISE, params).await.map(drop)
    }

    async fn remove_rows(&self, table: Table) -> Result<bool> {
        const OPERATION: &str = "remove_rows";
        if let Some(initial) = table.initial() {
            // One row is a page of a table that has but one.
            let page = Page::new(table, vec![initial])?;
            return self.write_page(OPERATION, &page).await.map(|()| false);
        }
        let key = names(table.key());
        let (sql, page) = (
            format!(
                "WITH removed AS (DELETE FROM {table} WHERE ({key}) IN \
                 (SELECT {key} FROM {table} ORDER BY {key} LIMIT $1) RETURNING 1) \
                 SELECT count(*) AS removed FROM removed"
            ),
            table.page(),
        );
        let removed: i64 = self.row(OPERATION, Intent::Write, &sql, &[&page]).await?.raw("removed")?;
        Ok(removed > 0)
    }
}

impl PostgresStore {
    async fn write_page(&self, operation: &'static str, page: &Page) -> Result<()> {
        let columns = page.table().columns().iter().enumerate();
        let values: Vec<_> = columns.map(|(place, column)| array(page.rows(), place, column)).collect();
        let params: Vec<&dyn Bind> = values.iter().map(|values| &**values).collect();
        self.rows(operation, Intent::Write, &insert(page.table()), &params).await.map(drop)
    }
}

/// The names of columns, one after the other.
fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

/// Places of parameters, such as `$1, $2`.
fn places(count: usize) -> String {
    (1..=count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// The rows of a page. The server counts their bytes, which it knows without reading long texts, and sends no more than
/// a page may have: a row is left out if those before it fill the page.
pub(crate) fn select(table: Table, is_first: bool) -> String {
    let (columns, key) = (names(table.columns()), names(table.key()));
    let range =
        if is_first { String::new() } else { format!("WHERE ({key}) > ({})", places(table.key().len())) };
    let bytes: Vec<_> = table.columns().iter().filter_map(octets).collect();
    let bytes = if bytes.is_empty() { "0".to_owned() } else { bytes.join(" + ") };
    format!(
        "SELECT {columns} FROM (SELECT {columns}, sum({bytes}) OVER \
         (ORDER BY {key} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before \
         FROM (SELECT {columns} FROM {table} {range} ORDER BY {key} LIMIT {}) AS following) AS measured \
         WHERE coalesce(bytes_before, 0) < {} ORDER BY {key}",
        table.page(),
        Page::BYTES
    )
}

/// How many bytes a text column, or one of bytes, has.
fn octets(Column { name, content, .. }: &Column) -> Option<String> {
    matches!(content, Content::Text(_) | Content::Bytes(_))
        .then(|| format!("coalesce(octet_length({name}), 0)"))
}

fn insert(table: Table) -> String {
    let (columns, key) = (table.columns(), names(table.key()));
    let there = if table.is_single() {
        let set: Vec<_> =
            columns.iter().map(|Column { name, .. }| format!("{name} = excluded.{name}")).collect();
        format!("UPDATE SET {}", set.join(", "))
    } else {
        "NOTHING".to_owned()
    };
    let places = places(columns.len());
    format!(
        "INSERT INTO {table} ({}) SELECT * FROM unnest({places}) ON CONFLICT ({key}) DO {there}",
        names(columns)
    )
}

fn read(table: Table, row: &tokio_postgres::Row) -> Result<Row> {
    let fields = fields(table, row)?;
    let key = fields[..table.key().len()].to_vec();
    Row::new(table, fields).map_err(|invalid| {
        let place = format!("{table}.{} of the row {}", invalid.field, shown(&key));
        corrupt(&place, &invalid.reason)
    })
}

/// A row's key as it stands there, whatever it is.
pub(crate) fn shown(key: &[Field]) -> String {
    let part = |field: &Field| match field {
        Field::Int(number) => number.to_string(),
        Field::Text(text) => text.clone(),
        Field::Null | Field::Real(_) | Field::Bool(_) | Field::Bytes(_) => "?".to_owned(),
    };
    key.iter().map(part).collect::<Vec<_>>().join(" / ")
}

/// What stands in the columns of a row.
pub(crate) fn fields(table: Table, row: &tokio_postgres::Row) -> Result<Vec<Field>> {
    table.columns().iter().map(|column| field(column, row)).collect()
}

fn field(Column { name, content, .. }: &Column, row: &tokio_postgres::Row) -> Result<Field> {
    let field = match content {
        Content::Int(_) => row.raw::<Option<i64>>(name)?.map(Field::Int),
        Content::Real(_) => row.raw::<Option<f64>>(name)?.map(Field::Real),
        Content::Bool => row.raw::<Option<bool>>(name)?.map(Field::Bool),
        Content::Text(_) => row.raw::<Option<String>>(name)?.map(Field::Text),
        Content::Bytes(_) => row.raw::<Option<Vec<u8>>>(name)?.map(Field::Bytes),
    };
    Ok(field.unwrap_or(Field::Null))
}

fn part(part: &KeyPart) -> &dyn Bind {
    match part {
        KeyPart::Int(number) => number,
        KeyPart::Text(text) => text,
    }
}

/// What stands in one column of all rows. Rows have what their columns ask for, so nothing is left out.
fn array<'a>(rows: &'a [Row], place: usize, column: &Column) -> Box<dyn Bind + 'a> {
    let fields = rows.iter().map(|row| &row.fields()[place]);
    match column.content {
        Content::Int(_) => {
            all(fields, |field| if let Field::Int(value) = field { Some(*value) } else { None })
        }
        Content::Real(_) => {
            all(fields, |field| if let Field::Real(value) = field { Some(*value) } else { None })
        }
        Content::Bool => {
            all(fields, |field| if let Field::Bool(value) = field { Some(*value) } else { None })
        }
        Content::Text(_) => {
            all(fields, |field| if let Field::Text(text) = field { Some(text.as_str()) } else { None })
        }
        Content::Bytes(_) => {
            all(fields, |field| if let Field::Bytes(bytes) = field { Some(bytes.as_slice()) } else { None })
        }
    }
}

fn all<'a, T>(
    fields: impl Iterator<Item = &'a Field>,
    value: impl Fn(&'a Field) -> Option<T>,
) -> Box<dyn Bind + 'a>
where
    Vec<Option<T>>: Bind + 'a,
{
    Box::new(fields.map(value).collect::<Vec<_>>())
}

/// The greatest number that a sequence gave; 0 if it never gave one.
macro_rules! last {
    ($sequence:literal) => {
        concat!("(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ", $sequence, ")")
    };
}

const IDENTITIES: &str = concat!(
    "SELECT ",
    last!("user_actions_id_seq"),
    " AS user_actions, ",
    last!("user_count_history_id_seq"),
    " AS user_count_history, ",
    last!("recent_chat_id_seq"),
    " AS recent_chat, ",
    last!("outbound_messages_id_seq"),
    " AS outbound_messages, ",
    last!("api_tokens_id_seq"),
    " AS api_tokens, ",
    last!("plugin_value_versions"),
    " AS plugin_values"
);

/// Sets a sequence, unless it is there already: it must not go back.
macro_rules! raise {
    ($sequence:literal, $to:literal) => {
        concat!("CASE WHEN ", $to, " > ", last!($sequence), " THEN setval('", $sequence, "', ", $to, ") END")
    };
}

const RAISE: &str = concat!(
    "SELECT ",
    raise!("user_actions_id_seq", "$1"),
    ", ",
    raise!("user_count_history_id_seq", "$2"),
    ", ",
    raise!("recent_chat_id_seq", "$3"),
    ", ",
    raise!("outbound_messages_id_seq", "$4"),
    ", ",
    raise!("api_tokens_id_seq", "$5"),
    ", ",
    raise!("plugin_value_versions", "$6")
);
