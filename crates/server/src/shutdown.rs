//! The order to stop, given once and seen by every listener that was started with it.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells listeners to stop accepting and to drain. Clones share one order.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// An order not yet given.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Gives the order. There is no way back.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }

    /// Returns once the order is given, also when that was before the call.
    pub async fn triggered(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|given| *given).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
