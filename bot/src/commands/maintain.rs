//! `maintain`: removes what is too old, and tidies the database up.

use botstore::BotStore;
use botstore::model::{Retention, Seconds};
use serde::Serialize;

use crate::cli::MaintainArgs;
use crate::clock;
use crate::exit::Exit;
use crate::format::count;
use crate::output::{Output, table};

#[derive(Debug, Serialize)]
struct MaintainedJson {
    backend: &'static str,
    chat: i64,
    counts: i64,
    sent_messages: i64,
    revoked_tokens: i64,
    expired_values: i64,
    expired_tokens: i64,
}

pub(super) async fn run(store: &dyn BotStore, args: &MaintainArgs, output: Output) -> anyhow::Result<Exit> {
    let retention = Retention {
        counts: Seconds::from_days(args.keep_counts_days),
        sent_messages: Seconds::from_days(args.keep_sent_days),
        revoked_tokens: Seconds::from_days(args.keep_tokens_days),
        chat: Seconds::from_hours(args.keep_chat_hours),
    };
    let report = store.maintain(&retention, clock::now()?).await?;
    let json = MaintainedJson {
        backend: store.backend().as_str(),
        chat: report.chat.get(),
        counts: report.counts.get(),
        sent_messages: report.sent_messages.get(),
        revoked_tokens: report.revoked_tokens.get(),
        expired_values: report.expired_values.get(),
        expired_tokens: report.expired_tokens.get(),
    };
    output.print(&json, || {
        let (hours, counts, sent, tokens) =
            (args.keep_chat_hours, args.keep_counts_days, args.keep_sent_days, args.keep_tokens_days);
        let rows = [
            ("chat lines", report.chat, format!("older than {hours} hours")),
            ("count samples", report.counts, format!("older than {counts} days")),
            ("sent messages", report.sent_messages, format!("sent more than {sent} days ago")),
            ("revoked tokens", report.revoked_tokens, format!("revoked more than {tokens} days ago")),
            ("expired tokens", report.expired_tokens, format!("expired more than {tokens} days ago")),
            ("plugin values", report.expired_values, "expired".to_owned()),
        ];
        let rows = rows.map(|(what, removed, why)| vec![count(removed), what.to_owned(), why]);
        table(&["removed", "of", "because"], &[0], rows)
    })?;
    Ok(Exit::Done)
}
