//! `large fill`.

use anyhow::Context as _;
use botstore::url::DatabaseUrl;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::data::{self, END, SPAN, Sizes};
use crate::engine::{Engine, StoredToken};

/// Tokens of one statement.
const PORTION: i64 = 10_000;

/// Brings the schema up to date and fills the empty database at `url`.
pub(crate) async fn fill(url: &DatabaseUrl, sizes: &Sizes) -> anyhow::Result<()> {
    botstore::migrate(&botstore::Config::new(url.clone())).await?;
    let engine = Engine::connect(url).await?;
    engine.expect_empty().await?;
    let bars = MultiProgress::new();
    for table in data::tables(sizes) {
        let bar = bar(&bars, table.name, table.rows)?;
        let parameters = data::parameters(&table, sizes);
        engine
            .insert(table.insert, table.rows, &parameters, |rows| bar.inc(rows))
            .await
            .with_context(|| format!("{} cannot be filled", table.name))?;
        bar.finish();
    }
    fill_tokens(&engine, sizes, &bar(&bars, "api_tokens", sizes.tokens)?).await?;
    let end = bar(&bars, "tidying up", 0)?;
    engine.finish(sizes.values).await?;
    end.finish();
    Ok(())
}

async fn fill_tokens(engine: &Engine, sizes: &Sizes, bar: &ProgressBar) -> anyhow::Result<()> {
    let mut first = 1;
    while first <= sizes.tokens {
        let last = sizes.tokens.min(first + PORTION - 1);
        let tokens = (first..=last).map(|number| stored(number, sizes)).collect::<Result<Vec<_>, _>>()?;
        engine.insert_tokens(&tokens, END - SPAN).await.context("api_tokens cannot be filled")?;
        bar.inc(tokens.len() as u64);
        first = last + 1;
    }
    bar.finish();
    Ok(())
}

fn stored(number: i64, sizes: &Sizes) -> anyhow::Result<StoredToken> {
    let token = data::token(number)?;
    let revoked = data::revoked_at(number, sizes);
    Ok((token.hash().as_bytes().to_vec(), token.prefix().as_str().to_owned(), revoked))
}

fn bar(bars: &MultiProgress, name: &'static str, rows: i64) -> anyhow::Result<ProgressBar> {
    let style = "{msg:20} [{bar:30}] {human_pos:>12}/{human_len} rows {elapsed:>4}";
    let bar = bars.add(ProgressBar::new(rows.unsigned_abs()));
    bar.set_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    bar.set_message(name);
    Ok(bar)
}
