//! Runs a future to its end from code that may or may not stand inside a runtime already.
//! It knows nothing of what it runs.

use std::future::Future;
use std::thread;

/// A thread of its own, because a runtime inside a runtime panics.
pub fn run<T: Send>(future: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let worker = scope.spawn(|| runtime().block_on(future));
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A runtime for one thread.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("no runtime")
}

/// Both at the same time, each on a thread.
pub fn both<A: Send, B: Send>(
    left: impl FnOnce() -> A + Send,
    right: impl FnOnce() -> B + Send,
) -> (A, B) {
    thread::scope(|scope| {
        let left = scope.spawn(left);
        let right = right();
        (left.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), right)
    })
}
