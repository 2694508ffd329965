//! Several periods side by side, and the stations of an area.

use super::*;

#[test]
fn periods_of_different_length_stand_side_by_side() {
    let (_folder, store) = store(&minutes(60 * 24 * 30));
    let history = history(&store);
    let november = days(&[Function::Delta], "1d", "Asia/Ho_Chi_Minh");
    let february = november.about(at("2026-11-03T00:00:00+07:00"), at("2026-11-30T12:00:00+07:00"));
    let [asked, compared] = [february, november].map(Arc::new);
    let plan = Plan { reading: Reading::Tallies(Tier::Day), reads: 0, whole_since: None };
    let walk = |question: &Arc<Question>| history.walk(question, &line(60), plan, question.from);
    let mut walk = PairWalk::new(walk(&asked), walk(&compared));
    let mut pairs = Vec::new();
    while walk.step(history.store(), &mut pairs).unwrap() {}
    assert_eq!(pairs.len(), 30);
    let differences: Vec<_> = pairs.iter().flat_map(Pair::differences).collect();
    assert_eq!((differences[0], differences[1], differences[27]), (Some(1.0), Some(0.0), Some(-720.0)));
    assert_eq!((differences[28], pairs[29].asked.is_none()), (None, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn an_area_is_made_of_its_stations_one_by_one(
        all_steps in prop::collection::vec((series(), any::<bool>()), 1..5),
        every in prop::sample::select(vec!["15m", "1h", "1d"]),
    ) {
        let begin = at("2026-10-31T12:00:00Z");
        let arrived: Vec<Vec<Arrived>> = all_steps.iter().map(|(steps, _)| arrived(begin, steps)).collect();
        let channels: Vec<ChannelId> = (0..4).map(ChannelId).collect();
        let pairs: Vec<(ChannelId, &[Arrived])> =
            channels.iter().copied().zip(arrived.iter().map(Vec::as_slice)).collect();
        let (_folder, store) = store_of(&pairs);
        let history = history(&store);
        let functions = AREA_FUNCTIONS.to_vec();
        let question = Arc::new(Question {
            from: begin,
            to: begin + Duration::from_secs(260_000),
            functions,
            ..days(&[], every, "America/New_York")
        });
        let line = |channel| Line { channel, interval: Duration::from_secs(300), counter: Counter::default(), kept: KeptSince::default() };
        let lines: Vec<(Line, Plan, Duty)> = pairs
            .iter()
            .zip(&all_steps)
            .map(|((channel, _), (_, retired))| {
                let duty = if *retired { Duty::Retired } else { Duty::Standing };
                (line(*channel), Plan { reading: Reading::Samples, reads: 0, whole_since: None }, duty)
            })
            .collect();
        let mut walk = history.area_walk(&question, &lines, question.from);
        let mut rows = Vec::new();
        while walk.step(history.store(), &mut rows).unwrap() {}

        let alone: Vec<Vec<Row>> = lines.iter().map(|(line, ..)| all(&history, &question, line, Reading::Samples)).collect();
        prop_assert_eq!(rows.len(), alone[0].len());
        for (place, row) in rows.iter().enumerate() {
            prop_assert_eq!(row.bucket, alone[0][place].bucket);
            let spoke: Vec<&Row> = alone.iter().map(|rows| &rows[place]).filter(|row| row.count > 0).collect();
            let values = |function: usize| spoke.iter().filter_map(move |row| row.values[function]);
            let some = |value: f64| (!spoke.is_empty()).then_some(value);
            let expected = [
                some(values(0).sum::<f64>() / spoke.len() as f64),
                some(values(1).fold(f64::INFINITY, f64::min)),
                some(values(2).fold(f64::NEG_INFINITY, f64::max)),
                some(values(3).sum()),
                some(values(4).sum()),
                some(values(5).sum()),
            ];
            for (found, expected) in row.values.iter().zip(expected) {
                prop_assert!(near(*found, expected), "{}: {found:?}, not {expected:?}", row.bucket.begin);
            }
            let standing = lines.iter().zip(&alone).filter(|((_, _, duty), rows)| *duty == Duty::Standing || rows[place].count > 0);
            let expected: u64 = standing.clone().map(|(_, rows)| rows[place].expected).sum();
            prop_assert_eq!((row.stations, row.stations_expected), (spoke.len() as u64, standing.count() as u64));
            prop_assert_eq!((row.count, row.expected), (spoke.iter().map(|row| row.count).sum(), expected));
        }
    }
}
