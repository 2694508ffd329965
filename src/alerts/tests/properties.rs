//! What must hold whatever comes: every kind of condition beside a computation from the whole series.

use proptest::prelude::*;

use super::*;

/// One good sample in time: seconds after the one before, channel, value.
type Step = (i64, u32, i32);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![6 => 0..40i64, 3 => 40..90i64, 1 => 90..500i64];
    let channel = prop_oneof![Just(0u32), Just(1), Just(2), Just(5), Just(8), Just(9), Just(10)];
    prop::collection::vec((pause, channel, 0..60i32), 1..150)
}

/// What was said so far: seconds, channel, value.
#[derive(Default)]
struct Told(Vec<(i64, u32, f64)>);

impl Told {
    fn of(&self, channel: u32) -> impl DoubleEndedIterator<Item = (i64, f64)> {
        self.0.iter().filter(move |said| said.1 == channel).map(|said| (said.0, said.2))
    }

    /// The newest word of a channel that is not silent.
    fn newest(&self, channel: u32, now: i64) -> Option<f64> {
        self.of(channel).next_back().filter(|(at, _)| now - at <= SILENT).map(|(_, value)| value)
    }
}

/// Five intervals and the grace of a wire, seconds.
const SILENT: i64 = 310;

/// A condition with what it says, computed from everything that was said: nothing when the sample is none of its own or
/// no judgement can be made, else how many levels hold.
struct Kind {
    body: &'static str,
    /// What the alert is about; a place in `RAISED`.
    judge: fn(&Told, i64, u32, &mut Stand) -> Option<usize>,
    /// Communes are judged one by one.
    channels: &'static [u32],
}

/// How the alert stands, and what the parts or stations said.
#[derive(Clone, Default)]
struct Stand {
    raised: usize,
    armed: [bool; 2],
    /// Counted stations that hold, with the time of their last word.
    holders: BTreeMap<u32, i64>,
}

fn beyond(value: f64, raised: bool, threshold: f64, clear: f64) -> bool {
    value > if raised { clear } else { threshold }
}

fn sum(told: &Told, now: i64, channel: u32, stand: &mut Stand) -> Option<usize> {
    let inside: Vec<_> = told.of(channel).filter(|(at, _)| *at > now - 300).collect();
    let covered = (now - 299..=now).filter(|second| inside.iter().any(|(at, _)| (at - 59..=*at).contains(second)));
    if (covered.count() as f64) < 0.6 * 300.0 {
        return None;
    }
    let sum: f64 = inside.iter().map(|(_, value)| value).sum();
    Some(usize::from(beyond(sum, stand.raised > 0, 120.0, 80.0)))
}

fn rate(told: &Told, now: i64, channel: u32, stand: &mut Stand) -> Option<usize> {
    let (oldest_at, oldest) = told.of(channel).find(|(at, _)| *at >= now - 600)?;
    let (_, newest) = told.of(channel).next_back()?;
    if ((now - oldest_at) as f64) < 0.75 * 600.0 {
        return None;
    }
    let per_hour = (newest - oldest) / ((now - oldest_at) as f64 / 3_600.0);
    Some(usize::from(beyond(per_hour, stand.raised > 0, 60.0, 30.0)))
}

fn times(told: &Told, _: i64, channel: u32, stand: &mut Stand) -> Option<usize> {
    let mut last: Vec<(i64, f64)> = told.of(channel).rev().take(5).collect();
    if let Some(gap) = last.windows(2).position(|two| two[0].0 - two[1].0 > SILENT) {
        last.truncate(gap + 1);
    }
    let count = last.iter().filter(|(_, value)| beyond(*value, stand.raised > 0, 30.0, 20.0)).count();
    Some(usize::from(count >= 3))
}

fn difference(told: &Told, now: i64, channel: u32, stand: &mut Stand) -> Option<usize> {
    let less = told.newest(10, now)? * 0.01;
    Some(usize::from(beyond(told.newest(channel, now)? - less, stand.raised > 0, 20.0, 10.0)))
}

/// Temperature above 35 (clear 30), humidity below 40 (clear 45): each as whether it is beyond either.
fn parts(told: &Told, now: i64) -> [Option<(bool, bool)>; 2] {
    let temperature = told.newest(0, now).map(|value| (value > 35.0, value > 30.0));
    [temperature, told.newest(1, now).map(|value| (value < 40.0, value < 45.0))]
}

fn joined(told: &Told, now: i64, stand: &mut Stand, all: bool) -> Option<usize> {
    let mut armed = if stand.raised > 0 { stand.armed } else { [false; 2] };
    let parts = parts(told, now);
    for (armed, part) in armed.iter_mut().zip(parts) {
        *armed |= part.is_some_and(|(begins, _)| begins);
    }
    let holds = |place: usize| parts[place].map(|(_, goes_on)| armed[place] && goes_on);
    let said = [holds(0), holds(1)];
    let on = if all {
        if said.contains(&Some(false)) {
            false
        } else if said == [Some(true); 2] {
            true
        } else {
            return None;
        }
    } else if said.contains(&Some(true)) {
        true
    } else if said == [None; 2] || (0..2).any(|place| said[place].is_none() && armed[place]) {
        return None;
    } else {
        false
    };
    stand.armed = armed;
    Some(usize::from(on))
}

fn all(told: &Told, now: i64, _: u32, stand: &mut Stand) -> Option<usize> {
    joined(told, now, stand, true)
}

fn any(told: &Told, now: i64, _: u32, stand: &mut Stand) -> Option<usize> {
    joined(told, now, stand, false)
}

fn count(told: &Told, now: i64, channel: u32, stand: &mut Stand) -> Option<usize> {
    let value = told.newest(channel, now)?;
    if beyond(value, stand.holders.contains_key(&channel), 30.0, 20.0) {
        stand.holders.insert(channel, now);
    } else {
        stand.holders.remove(&channel);
    }
    // A holder is in doubt from the first tick that finds it silent.
    let doubtful = stand.holders.values().filter(|last| now / 10 * 10 - **last >= SILENT).count();
    let (sure, possible) = (stand.holders.len() - doubtful, stand.holders.len());
    let (on, at_most) = (sure.min(2), possible.min(2));
    (on >= stand.raised || on == at_most).then_some(on)
}

fn night(told: &Told, now: i64, channel: u32, stand: &mut Stand) -> Option<usize> {
    let open = (600..2_400).contains(&now);
    // What was raised is taken back by the closing, at the latest with the sample after it.
    let holds = beyond(told.newest(channel, now)?, stand.raised > 0, 30.0, 20.0);
    Some(usize::from(open && holds))
}

const KINDS: [Kind; 8] = [
    Kind {
        body: "property = 'rainfall'\nstations = ['WX-01']\nof = { fn = 'sum', over = '5m', completeness = 0.6 }\n\
            levels = [{ severity = 'low', above = 120, clear = 80 }]",
        judge: sum,
        channels: &[2],
    },
    Kind {
        body: "property = 'water_level'\nstations = ['RV-01']\nof = { fn = 'rate', over = '10m' }\n\
            levels = [{ severity = 'low', above = 60, clear = 30 }]",
        judge: rate,
        channels: &[9],
    },
    Kind {
        body: "property = 'rainfall'\nstations = ['WX-01']\ntimes = { n = 3, of = 5 }\n\
            levels = [{ severity = 'low', above = 30, clear = 20 }]",
        judge: times,
        channels: &[2],
    },
    Kind {
        body: "property = 'water_level'\nstations = ['RV-01']\nof = { fn = 'difference', to = 'RV-02' }\n\
            levels = [{ severity = 'low', above = 20, clear = 10 }]",
        judge: difference,
        channels: &[9],
    },
    Kind {
        body: "stations = ['WX-01']\nseverity = 'low'\nall = [{ property = 'air_temperature', above = 35, clear = 30 }, \
            { property = 'relative_humidity', below = 40, clear = 45 }]",
        judge: all,
        channels: &[0, 1],
    },
    Kind {
        body: "stations = ['WX-01']\nseverity = 'low'\nany = [{ property = 'air_temperature', above = 35, clear = 30 }, \
            { property = 'relative_humidity', below = 40, clear = 45 }]",
        judge: any,
        channels: &[0, 1],
    },
    Kind {
        body: "area = '03388'\nproperty = 'rainfall'\nabove = 30\nclear = 20\ncount = { per = 'commune' }\n\
            levels = [{ severity = 'low', above = 0 }, { severity = 'medium', above = 1 }]",
        judge: count,
        channels: &[2, 5],
    },
    Kind {
        body: "property = 'air_temperature'\nstations = ['WX-01']\ncalendar = { from = '15:10', to = '15:40' }\n\
            levels = [{ severity = 'low', above = 30, clear = 20 }]",
        judge: night,
        channels: &[0],
    },
];

fn live(channel: u32, seconds: i64, value: f64) -> Sample {
    Sample {
        channel: ChannelId(channel),
        observed_at: at(seconds),
        value,
        quality: Quality::GOOD,
        time_class: TimeClass::Live,
    }
}

proptest! {
    /// Without hold times and mutes an alert is open exactly while the condition, computed from the whole series, says.
    #[test]
    fn conditions_equal_a_computation_from_the_whole_series(steps in steps(), which in 0..KINDS.len()) {
        let kind = &KINDS[which];
        let mut bench = Bench::new(valley(), &rule(&format!("{}\nflapping = false", kind.body)));
        let (mut told, mut stand, mut now) = (Told::default(), Stand::default(), 0);
        for (pause, channel, value) in steps {
            // One time has one sample of a channel: a second one would be a correction.
            now += pause.max(1);
            let value = f64::from(value);
            told.0.push((now, channel, value));
            bench.pass(now);
            bench.hear(live(channel, now, value));
            if kind.channels.contains(&channel)
                && let Some(on) = (kind.judge)(&told, now, channel, &mut stand)
            {
                stand.raised = on;
            }
            if !kind.channels.contains(&channel) {
                continue;
            }
            let open: Vec<_> = bench.alerts.open().map(|alert| alert.severity).collect();
            let expected: &[Severity] = [&[][..], &[Severity::Low], &[Severity::Medium]][stand.raised];
            prop_assert_eq!(&open, expected, "at {} s of {}", now, kind.body);
        }
    }

    /// Raised at the earliest when the condition has held, at every judgement, for the hold time.
    #[test]
    fn nothing_is_raised_before_its_hold_time(steps in steps(), which in 0..KINDS.len()) {
        let kind = &KINDS[which];
        let mut bench = Bench::new(valley(), &rule(&format!("{}\nfor = '2m'\nflapping = false", kind.body)));
        let (mut told, mut stand, mut now) = (Told::default(), Stand::default(), 0);
        let mut judged: Vec<(i64, usize)> = Vec::new();
        for (pause, channel, value) in steps {
            now += pause.max(1);
            let value = f64::from(value);
            told.0.push((now, channel, value));
            bench.pass(now);
            bench.hear(live(channel, now, value));
            if kind.channels.contains(&channel) {
                // Thresholds alone: nothing is raised as long as this matters.
                stand.raised = 0;
                judged.extend((kind.judge)(&told, now, channel, &mut stand).map(|on| (now, on)));
            }
        }
        for raise in bench.out.iter().filter(|transition| transition.from.is_none()) {
            let seconds = |at_: Timestamp| (at_.micros() - at(0).micros()) / 1_000_000;
            let (began, raised) = (seconds(raise.alert.started_at), seconds(raise.alert.changed_at));
            prop_assert!(raised >= began + 120, "{:?}", raise.alert);
            let within: Vec<_> = judged.iter().filter(|(at, _)| (began..=raised).contains(at)).collect();
            prop_assert_eq!(within.first().map(|(at, _)| *at), Some(began));
            prop_assert!(within.iter().all(|(_, on)| *on > 0), "{:?} {:?}", raise.alert, within);
        }
    }

    /// Late samples anywhere, in any order: everything but their records is as if they had not come.
    #[test]
    fn late_arrivals_in_any_order_change_nothing_that_was_in_time(
        steps in steps(),
        late in prop::collection::vec((0..150usize, 0..11u32, -5_000..5_000i64, 0..60i32), 0..60),
        which in 0..KINDS.len(),
    ) {
        let rules = rule(&format!("{}\nfor = '1m'\nlatched = true", KINDS[which].body));
        let (mut with, mut without) = (Bench::new(valley(), &rules), Bench::new(valley(), &rules));
        let mut now = 0;
        for (place, (pause, channel, value)) in steps.into_iter().enumerate() {
            now += pause;
            with.pass(now);
            without.pass(now);
            for (_, channel, ago, value) in late.iter().filter(|late| late.0 == place) {
                with.hear(Sample { time_class: TimeClass::Late, ..live(*channel, now - ago, f64::from(*value)) });
            }
            with.hear(live(channel, now, f64::from(value)));
            without.hear(live(channel, now, f64::from(value)));
        }
        prop_assert_eq!(&with.out, &without.out);
        prop_assert_eq!(with.alerts.without_late(), without.alerts.without_late());
    }

    /// Cut anywhere, through a snapshot, and on: the same as without the cut, records of late data included.
    #[test]
    fn a_cut_anywhere_changes_nothing(steps in steps(), cut in 0..150usize, which in 0..KINDS.len()) {
        let mut files = rule(&format!("{}\nfor = '1m'\nflapping = {{ raises = 3, within = '20m' }}", KINDS[which].body));
        files.push(RuleFile { name: "b.toml".into(), text: rule(HELD)[0].text.replace("dust", "other") });
        let (mut whole, mut parted) = (Bench::new(valley(), &files), Bench::new(valley(), &files));
        let mut now = 0;
        for (place, (pause, channel, value)) in steps.into_iter().enumerate() {
            if place == cut {
                let bytes = postcard::to_stdvec(&parted.alerts).unwrap();
                let receipts = parted.alerts.receipts();
                parted.alerts = postcard::from_bytes(&bytes).unwrap();
                parted.alerts.set_receipts(Some(&receipts)).unwrap();
                parted.alerts.link(&parted.catalogue).unwrap();
                prop_assert_eq!(&parted.alerts, &whole.alerts);
            }
            now += pause;
            let time_class = if value % 7 == 0 { TimeClass::Late } else { TimeClass::Live };
            for bench in [&mut whole, &mut parted] {
                bench.pass(now);
                bench.hear(Sample { time_class, ..live(channel, now, f64::from(value)) });
            }
        }
        prop_assert_eq!(&parted.out, &whole.out);
        prop_assert_eq!(parted.alerts, whole.alerts);
    }

    /// Rules that change while windows are half full: afterwards the new rule says what it would have said all along,
    /// as soon as its window has passed.
    #[test]
    fn an_edited_rule_judges_like_one_that_was_always_there(steps in steps(), edit in 0..60usize) {
        let body = |minutes: u32| {
            rule(&format!(
                "property = 'rainfall'\nflapping = false\nof = {{ fn = 'sum', over = '{minutes}m', completeness = 0.3 }}\n\
                levels = [{{ severity = 'low', above = 120, clear = 120 }}]"
            ))
        };
        let (mut edited, mut always) = (Bench::new(valley(), &body(10)), Bench::new(valley(), &body(5)));
        let mut now = 0;
        for (place, (pause, channel, value)) in steps.into_iter().enumerate() {
            now += pause;
            if place == edit {
                let world = World { catalogue: &edited.catalogue, listening: &edited.listening };
                edited.alerts.adopt_rules(&body(5), world, at(now), &mut edited.out).unwrap();
            }
            for bench in [&mut edited, &mut always] {
                bench.pass(now);
                bench.hear(live(channel, now, f64::from(value)));
            }
            // The shorter window was there all the while: from the first sample on they agree about its channel.
            if place >= edit {
                let of = |bench: &Bench| {
                    bench.alerts.open().any(|alert| alert.subject.channel() == Some(ChannelId(channel)))
                };
                let ring = |bench: &Bench| {
                    let ring = bench.alerts.rings.get(&ChannelId(channel))?;
                    ring.reduce(rules::Reduce::Sum, Duration::from_secs(300), 0.3, Duration::from_secs(60))
                };
                prop_assert_eq!(ring(&edited), ring(&always));
                if ring(&always).is_some() {
                    prop_assert_eq!(of(&edited), of(&always));
                }
            }
        }
    }

    /// Samples in time that came out of order, and corrections of any of them: what is looked back upon is what it would
    /// be had they come in order as they are now.
    #[test]
    fn a_window_is_what_its_samples_are_however_they_came(
        steps in prop::collection::vec((1..120i64, 0..60i32), 2..60),
        swaps in prop::collection::vec(proptest::bool::ANY, 60),
        corrections in prop::collection::vec((0..60usize, prop::option::of(0..60i32)), 0..20),
    ) {
        let mut now = 0;
        let next = |(pause, value)| {
            now += pause;
            (now, Some(f64::from(value)))
        };
        let mut series: Vec<(i64, Option<f64>)> = steps.into_iter().map(next).collect();
        let mut order: Vec<usize> = (0..series.len()).collect();
        (1..order.len()).filter(|place| swaps[*place]).for_each(|place| order.swap(place - 1, place));
        let rules = rule(KINDS[0].body);
        let (mut came, mut whole) = (Bench::new(valley(), &rules), Bench::new(valley(), &rules));
        for (seconds, value) in order.into_iter().map(|place| series[place]) {
            came.pass(seconds.max(came.now));
            came.hear(live(2, seconds, value.unwrap_or_default()));
        }
        for (place, value) in corrections {
            let place = place % series.len();
            series[place].1 = value.map(f64::from);
            let quality = if value.is_some() { Quality::EDITED } else { Quality::BAD };
            came.correct(Sample { quality, ..live(2, series[place].0, value.map_or(0.0, f64::from)) });
        }
        // The last one is as it is.
        series.push((now + 10, Some(1.0)));
        came.pass(now + 10);
        came.hear(live(2, now + 10, 1.0));
        for (seconds, value) in series {
            if let Some(value) = value {
                whole.pass(seconds);
                whole.hear(live(2, seconds, value));
            }
        }
        let of = |bench: &Bench| (bench.alerts.rings.get(&ChannelId(2)).cloned(), bench.alerts.ears[2].value);
        prop_assert_eq!(of(&came), of(&whole));
    }
}
