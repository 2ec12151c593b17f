//! Named steps at which a test can stop the program: to meet it there, to slow
//! it down, or to end it as a power cut would.
//!
//! Only with the feature `failpoints`; without it [`at`] is empty and the
//! program has nothing of this. The steps, all of them, are [`ALL`]. What is to
//! happen at them stands in the environment, as the crate `fail` reads it:
//!
//! ```text
//! FAILPOINTS="sift.inserted=return(abort)"                      ends at once
//! FAILPOINTS="checkpoint.committed=2*off->return(abort)"        the third time
//! FAILPOINTS="run.surveyed=sleep(500)"                          waits
//! FAILPOINTS="sift.inserted=return(meet 127.0.0.1:4711)"        see [`at`]
//! ```
//!
//! It must not know what the steps are for.

macro_rules! points {
    ($($point:ident = $name:literal,)*) => {
        /// A step between reading and committing.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point {
            $(#[doc = concat!("`", $name, "`")] $point,)*
        }

        /// Every step that has a name.
        pub const ALL: &[Point] = &[$(Point::$point,)*];

        impl Point {
            /// The name by which the environment knows it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

points! {
    Connected = "run.connected",
    Locked = "run.locked",
    Prepared = "run.prepared",
    ReadPointTaken = "run.read_point_taken",
    Noted = "run.noted",
    CatalogsRead = "run.catalogs_read",
    Planned = "run.planned",
    Surveyed = "run.surveyed",
    QuietBegun = "run.quiet_begun",
    QuietPassed = "run.quiet_passed",
    PairDone = "run.pair_done",
    Carried = "run.carried",
    Closing = "run.closing",
    Ended = "run.ended",
    TriedAgain = "run.tried_again",
    BucketsCompared = "diff.buckets_compared",
    BatchRead = "copy.batch_read",
    BatchWritten = "copy.written",
    SiftBegun = "sift.begun",
    SiftKeysStaged = "sift.keys_staged",
    SiftSifted = "sift.sifted",
    SiftRowsStaged = "sift.rows_staged",
    SiftLocked = "sift.locked",
    SiftRefused = "sift.refused",
    SiftInserted = "sift.inserted",
    SiftRecorded = "sift.recorded",
    StreamLocked = "stream.locked",
    StreamCounted = "stream.counted",
    StreamRelayed = "stream.relayed",
    StreamRecorded = "stream.recorded",
    StreamUndone = "stream.undone",
    UpsertBegun = "upsert.begun",
    UpsertStaged = "upsert.staged",
    UpsertSettled = "upsert.settled",
    UpsertLocked = "upsert.locked",
    UpsertMatched = "upsert.matched",
    UpsertMerged = "upsert.merged",
    MirrorBegun = "mirror.begun",
    MirrorStaged = "mirror.staged",
    MirrorLocked = "mirror.locked",
    MirrorCompared = "mirror.compared",
    MirrorDeleted = "mirror.deleted",
    MirrorSettled = "mirror.settled",
    StageRefused = "stage.refused",
    WriteRefused = "write.refused",
    WriteHalved = "write.halved",
    SequencesRaised = "checkpoint.sequences_raised",
    RejectsSettled = "checkpoint.rejects_settled",
    BeforeCommit = "checkpoint.before_commit",
    Committed = "checkpoint.committed",
}

#[cfg(not(feature = "failpoints"))]
mod effect {
    /// A step is reached; nothing happens.
    #[inline]
    pub const fn at(_: super::Point) {}

    /// What [`listen`] gives where there is nothing to hear.
    pub struct Deaf;

    /// Nothing is read from the environment.
    #[must_use]
    pub const fn listen() -> Deaf {
        Deaf
    }
}

#[cfg(feature = "failpoints")]
mod effect {
    use super::Point;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::{Mutex, PoisonError};

    /// A step is reached: does what the environment says.
    ///
    /// `meet ADDRESS` connects there, writes the step's name and a line feed,
    /// and blocks until a byte comes back. `k` ends the process; any other
    /// byte, and the end of the connection, let it go on.
    pub fn at(point: Point) {
        fail::fail_point!(point.name(), |order| obey(order.as_deref().unwrap_or(""), point));
    }

    /// Reads the environment; it holds as long as the value lives.
    #[must_use]
    pub fn listen() -> fail::FailScenario<'static> {
        fail::FailScenario::setup()
    }

    fn obey(order: &str, point: Point) {
        let word = match order.split_once(' ') {
            Some(("meet", address)) => meet(address, point).unwrap_or(GO_ON),
            _ if order == "abort" => ABORT,
            _ => GO_ON,
        };
        if word == ABORT {
            std::process::abort();
        }
    }

    const GO_ON: u8 = b'g';
    const ABORT: u8 = b'k';

    /// One connection for all meetings of a process.
    static LINE: Mutex<Option<TcpStream>> = Mutex::new(None);

    fn meet(address: &str, point: Point) -> std::io::Result<u8> {
        let mut line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stream = match line.take() {
            Some(stream) => stream,
            None => TcpStream::connect(address)?,
        };
        stream.set_nodelay(true)?;
        stream.write_all(format!("{}\n", point.name()).as_bytes())?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        *line = Some(stream);
        let [byte] = answer;
        Ok(byte)
    }
}

pub use effect::{at, listen};
