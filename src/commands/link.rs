//! The watch over the two connections of a run: whether the servers are still
//! there, and how they are told to stop.
//!
//! A client cannot tell a slow answer from a dead link, and sqlx lends nobody
//! its sockets. So where nothing was heard for a while, both servers are asked
//! on connections of their own what our sessions are doing.

use crate::commands::connect;
use crate::config::Config;
use crate::db::activity::{self, Activity};
use crate::db::connection::{Pulse, Session};
use crate::db::failure::Failure;
use crate::engine::event::{Event, Observer};
use crate::engine::stop::Stop;
use crate::error::{Error, Kind};
use crate::metadata::migrations::Side;
use std::time::Duration;

/// Before a statement is stopped it may end by itself. Windows gives a program
/// five seconds when its window is closed.
const COURTESY: Duration = Duration::from_millis(500);

/// How often, and how often at most, the servers are told to stop.
const PAUSE: Duration = Duration::from_secs(1);
const TIMES: u32 = 10;

/// The connections of one attempt.
pub struct Link<'a> {
    pub config: &'a Config,
    /// The name that the sessions bear.
    pub application: &'a str,
    pub source: Side,
    pub pulses: Vec<Pulse>,
}

/// Listens to a run, and takes moving rows for a sign of life.
pub struct Listening<'a> {
    pub to: &'a dyn Observer,
    pub pulse: Pulse,
}

impl Observer for Listening<'_> {
    fn hear(&self, event: Event<'_>) {
        if let Event::Moved(_) = event {
            self.pulse.beat();
        }
        self.to.hear(event);
    }
}

/// What was seen of our sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sight {
    /// Somebody works, or it could not be found out.
    Working,
    /// A server could not be reached, or all our sessions wait for us.
    Doubtful(Side, String),
    /// The session that reads is gone.
    Gone(Side),
}

impl Link<'_> {
    /// Returns once a connection is dead, with an error that says which.
    ///
    /// A doubt is not believed until it is seen twice.
    pub async fn until_dead(&self) -> Error {
        let idle = self.config.cloud.idle_timeout.min(self.config.desktop.idle_timeout);
        let mut doubts = 0;
        loop {
            let before = self.beats();
            tokio::time::sleep(idle).await;
            if self.beats() != before {
                doubts = 0;
                continue;
            }
            match self.look().await {
                Sight::Gone(side) => return dead(side, "the server has ended our session"),
                Sight::Doubtful(side, why) if doubts > 0 => return dead(side, &why),
                Sight::Doubtful(side, why) => {
                    tracing::debug!("the {} gives no sign of life: {why}", side.word());
                    doubts += 1;
                }
                Sight::Working => doubts = 0,
            }
        }
    }

    fn beats(&self) -> u64 {
        self.pulses.iter().map(Pulse::beats).sum()
    }

    async fn look(&self) -> Sight {
        let (cloud, desktop) =
            tokio::join!(self.activity(Side::Cloud), self.activity(Side::Desktop));
        judge(self.source, &[(Side::Cloud, cloud), (Side::Desktop, desktop)])
    }

    /// `None` where the server answers, but does not say: behind a pooler a
    /// question may have to wait for its turn.
    async fn activity(&self, side: Side) -> Result<Option<Activity>, Failure> {
        let mut session = match self.open(side).await {
            Ok(session) => session,
            Err(failure) if failure.sqlstate().is_some() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let limit = connect::connection(self.config, side).connect_timeout;
        let looking = activity::look(&mut session, self.application);
        let seen = tokio::time::timeout(limit, looking).await;
        session.close().await;
        Ok(seen.ok().and_then(Result::ok))
    }

    async fn open(&self, side: Side) -> Result<Session, Failure> {
        connect::try_open(self.config, side, &format!("{} watch", self.application)).await
    }

    /// Waits until somebody asks us to stop, then stops what our sessions are
    /// doing, until whoever waits for them has noticed. Returns only when it
    /// is not worth the wait any more.
    ///
    /// To drop the connections would not do: a server that is at work looks at
    /// its connection only now and then, one on Windows never, and the
    /// statement would go on with its locks. A cancelled session answers, so
    /// that the transaction is undone and the run's end can be noted.
    pub async fn stop_on(&self, stop: &Stop) {
        stop.asked().await;
        tokio::time::sleep(COURTESY).await;
        for _ in 0..TIMES {
            tokio::join!(self.cancel(Side::Cloud), self.cancel(Side::Desktop));
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn cancel(&self, side: Side) {
        let cancelled = async {
            let mut session = self.open(side).await?;
            activity::cancel(&mut session, self.application).await?;
            session.close().await;
            Ok::<_, Failure>(())
        };
        match tokio::time::timeout(PAUSE * 3, cancelled).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => tracing::debug!("could not stop the {}: {failure}", side.word()),
            Err(_) => tracing::debug!("could not stop the {}: no answer", side.word()),
        }
    }
}

/// What both servers' answers mean together.
///
/// The source's transaction is open for the whole run, so its session must be
/// there. The target's may be between two transactions, where a pooler shows
/// nothing of it.
fn judge(source: Side, seen: &[(Side, Result<Option<Activity>, Failure>)]) -> Sight {
    let mut working = false;
    for (side, activity) in seen {
        match activity {
            Err(failure) => return Sight::Doubtful(*side, failure.to_string()),
            Ok(None) => working = true,
            Ok(Some(activity)) if activity.there == 0 && *side == source => {
                return Sight::Gone(*side);
            }
            Ok(Some(activity)) => working |= activity.working > 0,
        }
    }
    if working {
        Sight::Working
    } else {
        Sight::Doubtful(source, "both servers wait for us, and we for them".to_owned())
    }
}

fn dead(side: Side, why: &str) -> Error {
    let word = side.word();
    Error::new(Kind::Table, format!("could not go on: the connection to the {word} is dead"))
        .because(Failure::Connection(why.to_owned()))
        .hint(format!(
            "look whether the {word} still answers, then run again: what was committed stays, \
             and the rest follows"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(
        cloud: Result<Option<(u64, u64)>, &str>,
        desktop: Result<Option<(u64, u64)>, &str>,
    ) -> Sight {
        let seen = |answer: Result<Option<(u64, u64)>, &str>| {
            answer
                .map(|seen| seen.map(|(there, working)| Activity { there, working }))
                .map_err(|why| Failure::Connection(why.to_owned()))
        };
        judge(Side::Cloud, &[(Side::Cloud, seen(cloud)), (Side::Desktop, seen(desktop))])
    }

    #[test]
    fn a_run_goes_on_while_either_server_works() {
        assert_eq!(judged(Ok(Some((1, 1))), Ok(Some((1, 0)))), Sight::Working);
        assert_eq!(judged(Ok(Some((1, 0))), Ok(Some((1, 1)))), Sight::Working);
        assert_eq!(judged(Ok(None), Ok(Some((0, 0)))), Sight::Working);
    }

    #[test]
    fn a_dead_link_is_told_from_a_slow_answer() {
        let waits = "both servers wait for us, and we for them".to_owned();
        let idle = Ok(Some((1, 0)));
        assert_eq!(judged(idle, idle), Sight::Doubtful(Side::Cloud, waits));
        assert_eq!(judged(Ok(Some((0, 0))), Ok(Some((1, 1)))), Sight::Gone(Side::Cloud));
        assert_eq!(
            judged(Ok(Some((1, 1))), Err("no answer")),
            Sight::Doubtful(Side::Desktop, "no answer".to_owned())
        );
    }
}
