//! Letting go of what is kept aside, once its source was read again.

use tokio::time::timeout;

use super::{Failure, PROBE, Shared};

impl Shared {
    /// Lets go of what is kept aside and is in the database by now.
    pub(crate) async fn forget_aside(&self) {
        match timeout(PROBE, self.forgotten()).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => tracing::debug!(error = %failure.error(), "what is kept aside stays there"),
            Err(_) => tracing::debug!("what is kept aside stays there: the database does not answer"),
        }
    }

    async fn forgotten(&self) -> Result<(), Failure> {
        for source in self.with_journal(|journal| journal.aside()).await? {
            let stands = self.store.position(&source).await.map_err(Failure::Database)?;
            if let Some(stands) = stands {
                self.with_journal(move |journal| journal.forget_aside(&source, stands)).await?;
            }
        }
        Ok(())
    }
}
