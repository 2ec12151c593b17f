//! How the operating system says that a program should end: a key, a closed
//! window, somebody who logs off, a machine that is switched off.

use crate::engine::stop::Stopper;
use crate::report::Report;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

/// Asks for a stop at the first signal; returns at the second.
pub async fn twice(stopper: &Stopper, report: &Report) {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::debug!("signals cannot be heard: {error}");
            return std::future::pending().await;
        }
    };
    signals.next().await;
    report.note("interrupted: ending in order; once more (Ctrl-C) to stop at once");
    stopper.ask();
    signals.next().await;
}

impl Signals {
    async fn next(&mut self) {
        poll_fn(|context| self.poll(context)).await;
    }
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 2]);

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let heard = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if heard { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// While these are listened to, Windows waits for our end some seconds.
#[cfg(windows)]
struct Signals {
    key: tokio::signal::windows::CtrlC,
    pause: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    logoff: tokio::signal::windows::CtrlLogoff,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::windows;
        Ok(Self {
            key: windows::ctrl_c()?,
            pause: windows::ctrl_break()?,
            close: windows::ctrl_close()?,
            logoff: windows::ctrl_logoff()?,
            shutdown: windows::ctrl_shutdown()?,
        })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let heard = [
            self.key.poll_recv(context),
            self.pause.poll_recv(context),
            self.close.poll_recv(context),
            self.logoff.poll_recv(context),
            self.shutdown.poll_recv(context),
        ];
        if heard.iter().any(Poll::is_ready) { Poll::Ready(()) } else { Poll::Pending }
    }
}
