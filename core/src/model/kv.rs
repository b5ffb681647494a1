//! A plugin's own values.

use serde_json::Value;

use super::Timestamp;
use super::text::text_type;
use crate::error::InvalidInput;

text_type! {
    /// A plugin's name: the room in which its keys live.
    Plugin, "plugin", 1..=255, NoControls
}

text_type! {
    /// A key within a plugin's room. Keys are ordered byte by byte.
    KvName, "key", 1..=255, NoControls
}

text_type! {
    /// How the keys of a list begin: any text that a key may begin with, every character standing for itself.
    KvPrefix, "prefix", 0..=255, NoControls
}

impl KvPrefix {
    /// The keys with this prefix that follow `after`, as a range of texts: the first included, the second excluded.
    ///
    /// With it a prefix needs no wildcards, of which a key's own characters could be one, and a page begins where the
    /// last one ended without passing over what came before.
    #[must_use]
    pub fn range(&self, after: Option<&KvName>) -> (String, String) {
        // Keys have no control characters: nothing lies between a key and that key followed by U+0001.
        let after = after.map(|key| format!("{key}\u{1}")).unwrap_or_default();
        let start = after.max(self.as_str().to_owned());
        // Longer than any key, and of the greatest character: greater than all of them.
        let end = self.end().unwrap_or_else(|| "\u{10FFFF}".repeat(KvName::MAX_CHARS + 1));
        (start, end)
    }

    /// The least text that follows every text with this prefix, byte by byte; none if there is no such text.
    fn end(&self) -> Option<String> {
        let mut chars: Vec<char> = self.as_str().chars().collect();
        while let Some(last) = chars.pop() {
            // The code points after U+D7FF are surrogates, which no text has.
            let next = match last {
                '\u{D7FF}' => Some('\u{E000}'),
                _ => char::from_u32(u32::from(last) + 1),
            };
            if let Some(next) = next {
                chars.push(next);
                return Some(chars.into_iter().collect());
            }
        }
        None
    }
}

/// Where a value lives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KvKey {
    /// The plugin.
    pub plugin: Plugin,
    /// The key.
    pub key: KvName,
}

/// A JSON value, kept as canonical text of at most 64 KiB: no white space, each object's keys in byte order.
#[derive(Clone, PartialEq, Eq)]
pub struct KvValue(String);

impl KvValue {
    /// The greatest length of the canonical text, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// How deep arrays and objects may be nested.
    pub const MAX_DEPTH: usize = 100;

    /// The value's canonical text.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `value`: longer than 64 KiB, or nested deeper than 100 levels.
    pub fn new(value: &Value) -> Result<Self, InvalidInput> {
        let mut text = String::new();
        write_canonical(value, Self::MAX_DEPTH, &mut text)?;
        if text.len() > Self::MAX_BYTES {
            let reason = format!("has {} bytes of JSON, at most {} are allowed", text.len(), Self::MAX_BYTES);
            return Err(InvalidInput::new("value", reason));
        }
        Ok(Self(text))
    }

    /// Reads JSON text of any form.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `value`: no JSON, longer than 64 KiB, or nested deeper than 100 levels.
    pub fn parse(json: &str) -> Result<Self, InvalidInput> {
        // The parser's own words could repeat a part of the value.
        let value = serde_json::from_str(json)
            .map_err(|error| InvalidInput::new("value", format!("is no JSON (column {})", error.column())))?;
        Self::new(&value)
    }

    /// The canonical text that a store has kept, as it is.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `value`: longer than 64 KiB.
    pub fn from_stored(text: impl Into<String>) -> Result<Self, InvalidInput> {
        let text = text.into();
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidInput::new("value", "is longer than 64 KiB"));
        }
        Ok(Self(text))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// The value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // The text was written from a value; null stands for what cannot happen.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Debug for KvValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KvValue({} bytes)", self.0.len())
    }
}

/// Keys are sorted here rather than by the map type, which a feature of the JSON crate, set by any other crate of a
/// program, turns into one that keeps insertion order.
fn write_canonical(value: &Value, depth: usize, text: &mut String) -> Result<(), InvalidInput> {
    let deeper = || {
        let reason = format!("is nested deeper than {} levels", KvValue::MAX_DEPTH);
        depth.checked_sub(1).ok_or_else(|| InvalidInput::new("value", reason))
    };
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, deeper()?, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|&(key, _)| key);
            text.push('{');
            for (index, (key, field)) in fields.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(field, deeper()?, text)?;
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
    Ok(())
}

/// A value's version. Each write of any value gets a new one, greater than all before it, and none is ever used
/// twice: not after a deletion, not after an expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KvVersion(i64);

impl KvVersion {
    /// The version that a store gave.
    #[must_use]
    pub const fn new(version: i64) -> Self {
        Self(version)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// A value that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvEntry {
    /// Its key.
    pub key: KvName,
    /// The value.
    pub value: KvValue,
    /// Its version.
    pub version: KvVersion,
    /// From which moment on it is gone.
    pub expires_at: Option<Timestamp>,
}

/// What must be there for a write to happen. A value whose time is over is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Anything or nothing.
    Any,
    /// Nothing.
    Absent,
    /// The value with this version.
    Version(KvVersion),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_as_canonical_text() {
        let value =
            KvValue::parse(r#" { "b" : [1, 2.50, "\u0000\u00e9"], "a": {"z": null, "y": true} } "#).unwrap();
        assert_eq!(value.as_json(), r#"{"a":{"y":true,"z":null},"b":[1,2.5,"\u0000é"]}"#);
        assert_eq!(KvValue::new(&value.to_value()), Ok(value));
    }

    #[test]
    fn a_value_has_at_most_64_kib() {
        let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        assert!(KvValue::parse(&text(65_536)).is_ok());
        assert_eq!(KvValue::parse(&text(65_537)).unwrap_err().field, "value");
        assert_eq!(KvValue::parse("{").unwrap_err().field, "value");
        assert_eq!(KvValue::parse(&"[".repeat(200)).unwrap_err().field, "value");
    }

    #[test]
    fn a_value_is_nested_at_most_100_levels_deep() {
        let nested = |depth| (0..depth).fold(Value::Null, |value, _| Value::Array(vec![value]));
        assert!(KvValue::new(&nested(100)).is_ok());
        assert_eq!(KvValue::new(&nested(101)).unwrap_err().reason, "is nested deeper than 100 levels");
    }

    #[test]
    fn every_double_survives_its_canonical_text() {
        for double in [0.1, 1.0 / 3.0, 5e-324, 1.797_693_134_862_315_7e308, 0.1 + 0.2, 8.41e21, 9.0357e-11] {
            let value = KvValue::new(&Value::from(double)).unwrap();
            assert_eq!(value.to_value().as_f64(), Some(double));
        }
    }

    #[test]
    fn the_end_of_a_prefix_follows_all_that_begin_with_it() {
        let end = |prefix| KvPrefix::new(prefix).unwrap().end();
        assert_eq!(end("a%"), Some("a&".into()));
        assert_eq!(end("a\u{10FFFF}"), Some("b".into()));
        assert_eq!(end("\u{D7FF}"), Some("\u{E000}".into()));
        assert_eq!(end("\u{10FFFF}"), None);
        assert_eq!(end(""), None);
    }
}
