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
pub struct Stop {
    asked: watch::Receiver<bool>,
    /// Another one who may ask.
    also: Option<watch::Receiver<bool>>,
}

/// Both ends.
#[must_use]
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop { asked: receiver, also: None })
}

impl Stopper {
    /// Asks.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// The same for a part of the work, which a second one may stop too.
    #[must_use]
    pub fn for_a_part(&self) -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(false);
        (Stopper(sender), Self { asked: self.asked.clone(), also: Some(receiver) })
    }

    /// Whether it has been asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow() || self.also.as_ref().is_some_and(|also| *also.borrow())
    }

    /// Returns once it has been asked for; never, if nobody can ask any more.
    pub async fn asked(&self) {
        tokio::select! {
            () = heard(Some(&self.asked)) => {}
            () = heard(self.also.as_ref()) => {}
        }
    }
}

async fn heard(asked: Option<&watch::Receiver<bool>>) {
    if let Some(mut asked) = asked.cloned()
        && asked.wait_for(|asked| *asked).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
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

    #[tokio::test]
    async fn a_part_is_stopped_by_itself_or_with_the_whole() {
        let (stopper, whole) = stop();
        let (part_stopper, part) = whole.for_a_part();
        let (_unused, other) = whole.for_a_part();
        part_stopper.ask();
        part.asked().await;
        assert!(part.is_asked() && !whole.is_asked() && !other.is_asked());
        drop(part_stopper);
        stopper.ask();
        other.asked().await;
        assert!(other.is_asked() && whole.is_asked());
    }
}
