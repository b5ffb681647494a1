//! `verify`: whether two databases have the same content.

use botstore::transfer::Comparison;
use serde::Serialize;

use super::transfer::{close, compare, comparison_json, open_to_read, show_comparison, url};
use crate::cli::VerifyArgs;
use crate::exit::Exit;
use crate::output::Output;

#[derive(Debug, Serialize)]
struct VerifiedJson<T> {
    same: bool,
    tables: T,
}

pub(super) async fn run(args: &VerifyArgs, output: Output) -> anyhow::Result<Exit> {
    let (one, other) = (url("the first URL", &args.from)?, url("the second URL", &args.to)?);
    let (from, into) = (open_to_read(&one).await?, open_to_read(&other).await?);
    let compared = compare(&*from, &*into, args.named).await;
    close(&*from, &*into).await?;
    let compared = compared?;
    let same = compared.iter().all(Comparison::is_same);
    output.print(&VerifiedJson { same, tables: comparison_json(&compared) }, || {
        let verdict = if same { "both have the same content" } else { "the two differ" };
        format!("{}\n{verdict}", show_comparison(&compared))
    })?;
    Ok(if same { Exit::Done } else { Exit::Unwell })
}
