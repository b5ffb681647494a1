//! Rows that no store would have written.

use botstore_core::Result;
use botstore_core::model::{Aspect, Finding};
use botstore_core::transfer::{Field, Row, Strangers, Table};

use super::PostgresExaminer;
use crate::bind::Bind;
use crate::transfer::{fields, select};

/// Reads every row of every table, page by page.
pub(super) async fn rows(examiner: &PostgresExaminer) -> Result<Finding> {
    let mut strangers = Strangers::default();
    for table in Table::ALL {
        let mut after: Option<Vec<Field>> = None;
        loop {
            let sql = select(table, after.is_none());
            let key = after.take().unwrap_or_default();
            let params: Vec<&dyn Bind> = key.iter().filter_map(part).collect();
            let page = examiner.rows(&sql, &params).await?;
            for row in &page {
                let fields = fields(table, row)?;
                let key = fields[..table.key().len()].to_vec();
                strangers.read(table, Row::new(table, fields), || shown(&key));
                after = Some(key);
            }
            if page.is_empty() {
                break;
            }
        }
    }
    Ok(strangers.judge(Aspect::Rows.as_str()))
}

/// A column of a key as a parameter: none is of another type.
fn part(field: &Field) -> Option<&dyn Bind> {
    match field {
        Field::Int(number) => Some(number),
        Field::Text(text) => Some(text),
        Field::Null | Field::Real(_) | Field::Bool(_) | Field::Bytes(_) => None,
    }
}

fn shown(key: &[Field]) -> String {
    let part = |field: &Field| match field {
        Field::Int(number) => number.to_string(),
        Field::Text(text) => text.clone(),
        Field::Null | Field::Real(_) | Field::Bool(_) | Field::Bytes(_) => "?".to_owned(),
    };
    key.iter().map(part).collect::<Vec<_>>().join(" / ")
}
