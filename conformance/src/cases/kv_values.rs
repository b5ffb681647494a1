//! What a plugin value may be, and that it comes back as it was.

use botstore::model::{Expect, KvValue};
use serde_json::{Value, json};

use super::kv::{NOW, all, get, key, value};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::at;

pub(super) const CASES: &[Case] = cases![
    every_json_value_comes_back,
    a_value_comes_back_as_canonical_text,
    a_value_of_exactly_64_kib_comes_back,
    a_value_nested_as_deep_as_may_be_comes_back,
];

async fn comes_back(db: &Database, name: &str, put: &KvValue) {
    let store = db.store().as_ref();
    let version = store.kv_put(&key(name), put, None, Expect::Any, at(NOW)).await.unwrap();
    let got = get(store, &key(name), NOW).await.unwrap();
    assert_eq!((got.value.as_json(), got.version), (put.as_json(), version));
    assert_eq!(all(store, "quiz", NOW).await, [got]);
}

async fn every_json_value_comes_back(db: Database) {
    for what in [
        json!({}),
        json!([]),
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(0.1),
        json!(-0.0),
        json!(2.0),
        json!(1e308),
        json!(5e-324),
        json!(1.7976931348623157e308),
        json!(0.30000000000000004),
        json!(""),
        json!(" \t\r\n"),
        json!("\0"),
        json!("a\0b\u{1}\u{7F}\u{85}"),
        json!("'\"\\%_$1?"),
        json!("\u{1F600}\u{202E}e\u{301}\u{FEFF}\u{10FFFF}"),
        json!({"": {"\0": [[], {}, [null]], "\u{1F600}": "x", "a": {"b": {"c": [1, "2", 3.5]}}}}),
    ] {
        comes_back(&db, "value", &value(&what)).await;
        let got = get(db.store().as_ref(), &key("value"), NOW).await.unwrap();
        assert_eq!(got.value.to_value(), what);
    }
}

async fn a_value_comes_back_as_canonical_text(db: Database) {
    for (json, canonical) in [
        (r#" { "b" : 1 , "a" : [ 2.50 , 1E2 ] } "#, r#"{"a":[2.5,100.0],"b":1}"#),
        // Not by length first, as PostgreSQL's binary form would have it.
        (r#"{"bb":1,"a":2,"c":3,"Z":4}"#, r#"{"Z":4,"a":2,"bb":1,"c":3}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#""\u00e9\ud83d\ude00\/\u0000""#, "\"\u{E9}\u{1F600}/\\u0000\""),
        ("1.0", "1.0"),
        ("18446744073709551615", "18446744073709551615"),
    ] {
        let put = KvValue::parse(json).unwrap();
        assert_eq!(put.as_json(), canonical);
        comes_back(&db, "value", &put).await;
    }
}

async fn a_value_of_exactly_64_kib_comes_back(db: Database) {
    let ascii = "x".repeat(KvValue::MAX_BYTES - 2);
    let emoji = format!("{}xx", "\u{1F600}".repeat((KvValue::MAX_BYTES - 4) / 4));
    for text in [ascii, emoji] {
        let put = value(&json!(text));
        assert_eq!(put.as_json().len(), KvValue::MAX_BYTES);
        comes_back(&db, "value", &put).await;
        assert_eq!(KvValue::new(&json!(text + "x")).unwrap_err().field, "value");
    }
}

async fn a_value_nested_as_deep_as_may_be_comes_back(db: Database) {
    let nested = (0..KvValue::MAX_DEPTH).fold(json!("core"), |inner, _| Value::Array(vec![inner]));
    comes_back(&db, "value", &value(&nested)).await;
}
