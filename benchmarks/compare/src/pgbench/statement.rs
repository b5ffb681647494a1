//! The statement that botstore sends for one line of chat, in pgbench's words.

use anyhow::{Context as _, bail, ensure};
use botstore::model::{MessageText, Timestamp, Username};
use botstore::{Config, Events as _};
use botstore_bench_harness::Backend;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_postgres::config::Host;
use tokio_postgres::types::{FromSql as _, Type};

use super::parsed;
use super::wiretap::{Sent, Wiretap};
use crate::home::Grounds;

/// The line that is said to find out. Its moment and its user can be taken for nothing else.
const AT: i64 = 1_234_567_890;
const USER: &str = "pgbench's user";
const MESSAGE: &str = "a line of fifty characters, the mean of all others";

/// Says one line through botstore on a database made for that, and returns its statement, with pgbench's variables
/// `:n` (the user's number) and `:at` (the moment) in the parameters' places.
pub(super) async fn of_one_line(grounds: &Grounds) -> anyhow::Result<String> {
    let home = grounds.settled(Backend::Postgresql, "statement").await?;
    let config = parsed(&home.url)?;
    let Some(Host::Tcp(host)) = config.get_hosts().first() else {
        bail!("the server is reached by a socket file")
    };
    let wiretap = Wiretap::before(host.clone(), config.get_ports().first().copied().unwrap_or(5432)).await?;
    let encoded =
        |text: &[u8]| utf8_percent_encode(&String::from_utf8_lossy(text), NON_ALPHANUMERIC).to_string();
    let url = format!(
        "postgresql://{}:{}@127.0.0.1:{}/{}?sslmode=disable&pool_size=1&max_overflow=0",
        encoded(config.get_user().unwrap_or_default().as_bytes()),
        encoded(config.get_password().unwrap_or_default()),
        wiretap.port,
        encoded(config.get_dbname().unwrap_or_default().as_bytes()),
    );
    let store = botstore::open(&Config::new(url.parse()?).without_migration()).await?;
    store.chat(Timestamp::new(AT)?, &Username::new(USER)?, &MessageText::new(MESSAGE)?).await?;
    store.close().await?;
    let writes: Vec<Sent> =
        wiretap.sent().into_iter().filter(|sent| sent.sql.contains("INSERT INTO")).collect();
    let [line] = writes.as_slice() else {
        bail!("one statement was expected, and {} were sent", writes.len());
    };
    filled_in(line)
}

/// The statement with what stands for each parameter in its place.
fn filled_in(sent: &Sent) -> anyhow::Result<String> {
    ensure!(!sent.sql.contains([';', '\\']), "it has a character that pgbench reads in its own way");
    let mut script = String::new();
    let mut rest = sent.sql.as_str();
    while let Some((before, after)) = rest.split_once('$') {
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = after.split_at(digits);
        let number: usize = number.parse().context("it has a $ that is no parameter")?;
        let (of, value) =
            sent.parameters.get(number.wrapping_sub(1)).context("it has a parameter too many")?;
        let value = value.as_deref().with_context(|| format!("parameter {number} is null"))?;
        script.push_str(before);
        script.push_str(&variable(*of, value).with_context(|| format!("parameter {number}"))?);
        rest = after;
    }
    script.push_str(rest);
    for part in [":n::", ":at::", MESSAGE] {
        ensure!(script.contains(part), "the line's user, moment or message is not among its parameters");
    }
    Ok(script)
}

/// What stands for a parameter that had this type and value when [`USER`] said [`MESSAGE`] at [`AT`].
fn variable(of: u32, value: &[u8]) -> anyhow::Result<String> {
    let unreadable = |_| anyhow::anyhow!("is not of its type");
    let of = Type::from_oid(of).context("is of an unknown type")?;
    Ok(match of {
        Type::INT8 => number(i64::from_sql(&of, value).map_err(unreadable)?),
        Type::TEXT => text(<&str>::from_sql(&of, value).map_err(unreadable)?)?,
        Type::INT8_ARRAY => {
            let numbers = Vec::<i64>::from_sql(&of, value).map_err(unreadable)?;
            array(numbers.into_iter().map(number), "bigint")
        }
        Type::TEXT_ARRAY => {
            let texts = Vec::<&str>::from_sql(&of, value).map_err(unreadable)?;
            array(texts.into_iter().map(text).collect::<anyhow::Result<Vec<_>>>()?, "text")
        }
        other => bail!("is of the type {other}, and one of bigint, text and their arrays was expected"),
    })
}

fn number(number: i64) -> String {
    if number == AT { ":at::bigint".to_owned() } else { format!("{number}::bigint") }
}

fn text(text: &str) -> anyhow::Result<String> {
    match text {
        USER => Ok("('user' || :n::text)".to_owned()),
        MESSAGE => Ok(format!("'{MESSAGE}'::text")),
        _ => bail!("is a text that is neither the line's user nor its message"),
    }
}

fn array(elements: impl IntoIterator<Item = String>, of: &str) -> String {
    format!("ARRAY[{}]::{of}[]", elements.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use tokio_postgres::types::ToSql;
    use tokio_postgres::types::private::BytesMut;

    use super::*;

    fn parameter(value: &(dyn ToSql + Sync), of: Type) -> (u32, Option<Vec<u8>>) {
        let mut bytes = BytesMut::new();
        value.to_sql_checked(&of, &mut bytes).unwrap();
        (of.oid(), Some(bytes.to_vec()))
    }

    #[test]
    fn parameters_are_known_by_their_values() {
        let sent = Sent {
            sql: "INSERT INTO a SELECT unnest($1, $2), $3, $4, $1".into(),
            parameters: vec![
                parameter(&vec![USER], Type::TEXT_ARRAY),
                parameter(&vec![AT, 1], Type::INT8_ARRAY),
                parameter(&MESSAGE, Type::TEXT),
                parameter(&AT, Type::INT8),
            ],
        };
        let user = "ARRAY[('user' || :n::text)]::text[]";
        let expected = format!(
            "INSERT INTO a SELECT unnest({user}, ARRAY[:at::bigint, 1::bigint]::bigint[]), '{MESSAGE}'::text, \
             :at::bigint, {user}"
        );
        assert_eq!(filled_in(&sent).unwrap(), expected);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (sql, parameters) in [
            ("SELECT $1", vec![parameter(&"another text", Type::TEXT)]),
            ("SELECT $1", vec![parameter(&true, Type::BOOL)]),
            ("SELECT $1", vec![(Type::TEXT.oid(), None)]),
            ("SELECT $2", vec![parameter(&AT, Type::INT8)]),
            ("SELECT $1", vec![parameter(&AT, Type::INT8)]),
            ("SELECT '$'", vec![]),
        ] {
            assert!(filled_in(&Sent { sql: sql.into(), parameters }).is_err(), "{sql}");
        }
    }
}
