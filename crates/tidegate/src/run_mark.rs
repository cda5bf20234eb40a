//! Keeping the mark of this run, on a thread of its own: writing it waits for the disk.

use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use tidegate_store::{RunMark, RunMarkError, RunMarkFile};
use tidegate_units::Span;
use tidegate_units::clock::WallClock;

/// How often the mark is renewed.
const HEARTBEAT: Span = Span::from_secs(1);

/// Renews the mark until it is dropped, and a last time then.
#[derive(Debug)]
pub(crate) struct RunMarkKeeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// For how long certainly nothing has been spent; `None` if there was no run before.
///
/// # Errors
///
/// If the mark cannot be read, or the first one of this run cannot be written.
pub(crate) fn begin(file: RunMarkFile) -> Result<(Option<Span>, RunMarkKeeper), RunMarkError> {
    let now = WallClock.unix_millis();
    let before = file.read()?;
    let idle = before.map(|mark| mark.idle_since(now, HEARTBEAT));
    // Never back: a wall clock that is corrected must not make a pause look longer than it was.
    let mut mark = before.map_or(RunMark::alive_at(now), |mark| mark.touched(now));
    file.write(mark)?;
    let (stop, stopped) = bounded::<()>(0);
    let keep = move || {
        let period = Duration::from_nanos(HEARTBEAT.as_nanos());
        loop {
            let ended = stopped.recv_timeout(period) != Err(RecvTimeoutError::Timeout);
            // A mark that cannot be renewed is old: the next run starts as after a longer pause than
            // there was. The next beat tries again.
            mark = mark.touched(WallClock.unix_millis());
            let _ = file.write(mark);
            if ended {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("tidegate-mark".to_owned()).spawn(keep).ok();
    Ok((idle, RunMarkKeeper { stop: Some(stop), thread }))
}

impl Drop for RunMarkKeeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
