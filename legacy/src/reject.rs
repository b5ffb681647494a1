//! Rows that are not valid.

use botstore_core::InvalidInput;
use botstore_core::model::TokenPrefix;
use botstore_core::transfer::Table;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::layout::TOKEN;
use crate::source::{Found, Raw};
use crate::value::{Value, hex};

/// A row that does not arrive, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Reject {
    /// Its table.
    pub table: Table,
    /// Its key, as far as it can be shown. Anything may stand in it.
    pub key: String,
    /// The first column that is not valid, by its name in the old database.
    pub field: String,
    /// What is wrong with it, in words that can follow the column's name.
    pub reason: String,
    /// All that stands in the row, by column. Of a token there is the hash and, if it is long enough, the prefix.
    pub row: Map<String, Json>,
}

impl Reject {
    pub(crate) fn of(found: &Found, raw: &Raw, invalid: &InvalidInput) -> Self {
        let mut row = Map::new();
        for (column, value) in found.columns.iter().zip(&raw.values) {
            if found.old.table == Table::ApiTokens && column.eq_ignore_ascii_case(TOKEN) {
                hide(value, &mut row);
            } else {
                row.insert(column.clone(), value.to_json());
            }
        }
        Self {
            table: found.old.table,
            key: found.key(raw).to_key(),
            field: found.name_of(invalid.field).to_owned(),
            reason: invalid.reason.clone(),
            row,
        }
    }
}

/// Writes what may be known of a token.
fn hide(token: &Value, row: &mut Map<String, Json>) {
    let bytes = token.bytes();
    let hash = (*token != Value::Null).then(|| hex(&Sha256::digest(&bytes)));
    row.insert("token_hash".into(), json!(hash));
    if let Value::Text(text) = token {
        // Of a short one the prefix would give half of it away.
        let prefix: String = text.chars().take(TokenPrefix::CHARS).collect();
        let is_long = text.chars().count() >= 2 * TokenPrefix::CHARS;
        row.insert("token_prefix".into(), json!(is_long.then_some(prefix)));
    }
}
