//! What stands in a column of an old row.

use serde_json::{Value as Json, json};

/// A value as the old database has it.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A double.
    Real(f64),
    /// Yes or no.
    Bool(bool),
    /// Text.
    Text(String),
    /// What is meant for text, and is not encoded in UTF-8.
    NotUtf8(Vec<u8>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// What it is, in words that can follow "is".
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "a whole number",
            Self::Real(_) => "a number with a fraction",
            Self::Bool(_) => "yes or no",
            Self::Text(_) => "text",
            Self::NotUtf8(_) => "text that is not UTF-8",
            Self::Bytes(_) => "bytes",
        }
    }

    /// Its bytes, for a digest.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Null => Vec::new(),
            Self::Int(number) => number.to_string().into_bytes(),
            Self::Real(number) => number.to_string().into_bytes(),
            Self::Bool(yes) => yes.to_string().into_bytes(),
            Self::Text(text) => text.clone().into_bytes(),
            Self::NotUtf8(bytes) | Self::Bytes(bytes) => bytes.clone(),
        }
    }

    /// The value in JSON, whole: what JSON has no form for is an object that names its kind.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Int(number) => json!(number),
            Self::Real(number) if number.is_finite() => json!(number),
            Self::Real(number) => json!({ "real": number.to_string() }),
            Self::Bool(yes) => json!(yes),
            Self::Text(text) => json!(text),
            Self::NotUtf8(bytes) => json!({ "text_in_hex": hex(bytes) }),
            Self::Bytes(bytes) => json!({ "hex": hex(bytes) }),
        }
    }

    /// The value as a key that people read.
    pub(crate) fn to_key(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::NotUtf8(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => other.to_json().to_string(),
        }
    }
}

/// Bytes, two digits each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_in_json() {
        for (value, expected) in [
            (Value::Null, "null"),
            (Value::Int(i64::MAX), "9223372036854775807"),
            (Value::Real(1.5), "1.5"),
            (Value::Real(f64::NEG_INFINITY), r#"{"real":"-inf"}"#),
            (Value::Bool(true), "true"),
            (Value::Text("a\0b\"".into()), r#""a\u0000b\"""#),
            (Value::NotUtf8(vec![0xff, 0x41]), r#"{"text_in_hex":"ff41"}"#),
            (Value::Bytes(vec![0, 10]), r#"{"hex":"000a"}"#),
        ] {
            assert_eq!(value.to_json().to_string(), expected);
        }
    }

    #[test]
    fn any_key_can_be_shown() {
        assert_eq!(Value::Text("ada".into()).to_key(), "ada");
        assert_eq!(Value::NotUtf8(vec![0x61, 0xff]).to_key(), "a\u{fffd}");
        assert_eq!((Value::Int(7).to_key(), Value::Null.to_key()), ("7".into(), "null".into()));
    }
}
