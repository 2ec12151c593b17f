//! Whether somebody has asked a run to stop.
//!
//! It knows neither who asks nor how: a key, a signal, a machine that is
//! switched off.

use tokio::sync::watch;

/// The end on which a stop is asked for.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// The end that a run looks at.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Both ends.
#[must_use]
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Asks.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether it has been asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it has been asked for; never, if nobody can ask any more.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_is_seen_by_all_who_look() {
        let (stopper, stop) = stop();
        let other = stop.clone();
        assert!(!stop.is_asked());
        stopper.ask();
        assert!(stop.is_asked() && other.is_asked());
        other.asked().await;
    }
}
