//! Time that this thread was on a processor: unlike the time that passed, it says little of what else the machine does.

use std::time::Duration;

/// What `work` gives, and the processor time that it took.
pub fn spent<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = on_processor();
    let given = work();
    (given, on_processor().saturating_sub(before))
}

fn on_processor() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes into `time` alone, which is there for as long as the call.
    let answer = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(answer, 0, "a thread has a clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
