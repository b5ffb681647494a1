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
    let text = text.to_ascii_lowercase();
    if text == "off" {
        return Ok(None);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match unit.and_then(|unit| number.parse::<u64>().ok()?.checked_mul(unit)) {
        Some(0) => Ok(None),
        Some(time @ 1..=LONGEST) => Ok(Some(Duration::from_millis(time))),
        _ => Err("is neither off nor a time up to a day, such as 500ms, 30s, 5min or 1h".to_owned()),
    }
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

/// A time in the form in which it is given.
pub(crate) fn of_time(time: Option<Duration>) -> String {
    match time.map(|time| time.as_millis()) {
        None => "off".to_owned(),
        Some(time) if time % 1_000 == 0 => format!("{}s", time / 1_000),
        Some(time) => format!("{time}ms"),
    }
}
