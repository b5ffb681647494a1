//! Values as people write them: numbers, switches, times, names.

use std::time::Duration;

/// The longest time that a setting may name: more than anybody means, and far from what would overflow.
const LONGEST: u64 = 24 * 60 * 60 * 1_000;

pub(crate) fn number(text: &str, least: u32) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (least..=1000).contains(number));
    number.ok_or_else(|| format!("is no whole number from {least} to 1000"))
}

pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("is neither on nor off".to_owned()),
    }
}

/// Seconds, or a number with its unit; none for 0 and `off`.
pub(crate) fn time(text: &str) -> Result<Option<Duration>, String> {
    match milliseconds(text) {
        Some(0) => Ok(None),
        Some(time @ 1..=LONGEST) => Ok(Some(Duration::from_millis(time))),
        _ => Err("is neither off nor a time up to a day, such as 500ms, 30s, 5min or 1h".to_owned()),
    }
}

/// The same, up to ten years.
pub(crate) fn age(text: &str) -> Result<Option<Duration>, String> {
    match milliseconds(text) {
        Some(0) => Ok(None),
        Some(time) if time <= 3_650 * LONGEST => Ok(Some(Duration::from_millis(time))),
        _ => Err("is neither off nor a time up to ten years, such as 30min, 12h or 7d".to_owned()),
    }
}

/// A time; 0 is `off`.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    if text == "off" {
        return Some(0);
    }
    let (number, unit) = with_unit(&text);
    let unit = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// Bytes, or a number with its unit.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let text = text.to_ascii_lowercase();
    let (number, unit) = with_unit(&text);
    let shift = match unit {
        "" | "b" => Some(0),
        "k" | "kb" | "kib" => Some(10),
        "m" | "mb" | "mib" => Some(20),
        "g" | "gb" | "gib" => Some(30),
        _ => None,
    };
    let bytes = shift.and_then(|shift| number.parse::<u64>().ok()?.checked_mul(1 << shift));
    bytes.filter(|bytes| (1 << 16..=1 << 40).contains(bytes)).ok_or_else(|| {
        "is no size from 64k to 1024g, such as 256m (which is 256 * 1024 * 1024 bytes)".to_owned()
    })
}

/// The digits at the beginning, and what follows.
fn with_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// A time that cannot be `off`.
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    time(text)?.ok_or_else(|| "is no time to wait; give 1ms or more".to_owned())
}

/// A time with its unit: what has one in PostgreSQL's own settings means milliseconds there if it is left out.
pub(crate) fn time_with_unit(text: &str) -> Result<Option<Duration>, String> {
    if text != "0" && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("has no unit, which PostgreSQL takes for milliseconds; write 60s or 60000ms".to_owned());
    }
    time(text)
}

/// PostgreSQL cuts longer names, and shows other characters than these as question marks.
pub(crate) fn name(text: &str) -> Result<String, String> {
    if (1..=63).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Ok(text.to_owned());
    }
    Err("is no name of 1 to 63 printable ASCII characters".to_owned())
}

/// A switch in the form in which it is given.
pub(crate) fn of_switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

/// A size in the form in which it is given.
pub(crate) fn of_bytes(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{}m", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}k", bytes >> 10),
        _ => bytes.to_string(),
    }
}

/// A time in the form in which it is given.
pub(crate) fn of_time(time: Option<Duration>) -> String {
    match time.map(|time| time.as_millis()) {
        None => "off".to_owned(),
        Some(time) if time % 1_000 == 0 => format!("{}s", time / 1_000),
        Some(time) => format!("{time}ms"),
    }
}
