//! A stop-watch that compares: all lanes run in turn, again and again, so that a slow moment of the
//! machine falls on all of them.
//!
//! Two figures are taken. The time of a batch divided by its calls, of which the median over all
//! rounds counts, is precise but hides stragglers; single calls, each between two readings of the
//! clock, show them, and cost what the clock costs.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// One thing whose time is taken.
#[expect(missing_debug_implementations, reason = "holds a closure")]
pub struct Lane<'l> {
    name: String,
    batch: Box<dyn FnMut(u32) + 'l>,
    calls: u32,
    /// Of one call, by round, in nanoseconds.
    means_ns: Vec<f64>,
    /// Of single calls.
    singles: Vec<Duration>,
}

/// What came out for one lane.
#[derive(Debug, Clone)]
pub struct Figures {
    /// The lane's name.
    pub name: String,
    /// Median over the rounds, of one call, in nanoseconds.
    pub median_ns: f64,
    /// Half of the single calls took at most this.
    pub p50_ns: f64,
    /// 99 of 100 single calls took at most this.
    pub p99_ns: f64,
}

impl<'l> Lane<'l> {
    /// A lane that calls `call`.
    pub fn new<T>(name: &str, mut call: impl FnMut() -> T + 'l) -> Self {
        let batch = move |calls: u32| {
            for _ in 0..calls {
                black_box(call());
            }
        };
        Self {
            name: name.to_owned(),
            batch: Box::new(batch),
            calls: 1,
            means_ns: Vec::new(),
            singles: Vec::new(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Calls it so often.
    pub fn run(&mut self, calls: u32) {
        (self.batch)(calls);
    }

    fn time(&mut self, calls: u32) -> Duration {
        let started = Instant::now();
        self.run(calls);
        started.elapsed()
    }

    /// Finds how many calls make a batch of this length.
    fn calibrate(&mut self, batch: Duration) {
        while self.time(self.calls) < batch && self.calls < 1 << 24 {
            self.calls = self.calls.saturating_mul(2);
        }
    }
}

/// How long to measure. Batches are far shorter than the turns that a system gives its processes, so
/// that on a busy machine most of them are not interrupted, and the median is one of those.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How often each lane gets its turn.
    pub rounds: u32,
    /// How long a turn is, at least.
    pub batch: Duration,
    /// Single calls in a turn.
    pub singles: u32,
}

impl Effort {
    /// Enough for figures that repeat within some per cent on a quiet machine.
    pub const FULL: Self = Self {
        rounds: 300,
        batch: Duration::from_micros(100),
        singles: 70,
    };
    /// Enough to see whether a change went the right way.
    pub const QUICK: Self = Self {
        rounds: 40,
        batch: Duration::from_micros(100),
        singles: 50,
    };
}

/// Runs all lanes in turn and returns their figures, in the lanes' order.
pub fn race(mut lanes: Vec<Lane<'_>>, effort: Effort) -> Vec<Figures> {
    for lane in &mut lanes {
        lane.calibrate(effort.batch);
    }
    for _ in 0..effort.rounds {
        for lane in &mut lanes {
            // The lanes before have taken the caches: a turn is about a lane that is at work.
            lane.run(lane.calls);
            let elapsed = lane.time(lane.calls);
            lane.means_ns
                .push(nanoseconds(elapsed) / f64::from(lane.calls));
            for _ in 0..effort.singles {
                let single = lane.time(1);
                lane.singles.push(single);
            }
        }
    }
    lanes.into_iter().map(Lane::figures).collect()
}

impl Lane<'_> {
    fn figures(mut self) -> Figures {
        self.means_ns.sort_by(f64::total_cmp);
        self.singles.sort_unstable();
        let single = |hundredths| nanoseconds(at(&self.singles, hundredths));
        Figures {
            median_ns: at(&self.means_ns, 50),
            p50_ns: single(50),
            p99_ns: single(99),
            name: self.name,
        }
    }
}

/// The value below which so many of a hundred values are.
fn at<T: Copy + Default>(sorted: &[T], hundredths: usize) -> T {
    let place = sorted.len().saturating_mul(hundredths) / 100;
    sorted.get(place).copied().unwrap_or_default()
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
