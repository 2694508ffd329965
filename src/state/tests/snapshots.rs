//! Snapshots: broken ones, those of earlier formats, and those that cannot be read.

use super::*;

#[test]
fn a_snapshot_is_refused_when_cut_or_changed_anywhere() {
    let mut state = fresh();
    run(&mut state, &some_entries());
    let whole = state.snapshot().unwrap();
    for length in 0..whole.len() {
        assert!(State::restore(&whole[..length]).is_err(), "cut at {length}");
    }
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[place] ^= 1 << bit;
            assert!(State::restore(&changed).is_err(), "bit {bit} of byte {place}");
        }
    }
    assert!(State::restore(&[whole.as_slice(), b"x"].concat()).is_err());
}

#[test]
fn a_broken_snapshot_is_moved_aside_and_the_one_before_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let retention = Retention::default();
    assert!(snapshot::load(dir, retention).unwrap().state.is_none());
    let entries = some_entries();
    let mut state = fresh();
    let mut saved = Vec::new();
    for entry in &entries[..4] {
        state.apply(entry, &mut Effects::default());
        saved.push(snapshot::save(dir, &state).unwrap());
    }
    assert_eq!(saved[3], snapshot::Saved { through: Seq(4), needs_after: Seq(3) });
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["00000000000000000003.snapshot", "00000000000000000004.snapshot"]);

    let loaded = snapshot::load(dir, retention).unwrap();
    assert!(loaded.broken.is_empty());
    assert_eq!(loaded.needs_after, Seq(3));
    assert_eq!(loaded.state.unwrap().applied, Seq(4));

    let newest = dir.join(&names[1]);
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, &bytes).unwrap();
    let loaded = snapshot::load(dir, retention).unwrap();
    assert!(matches!(loaded.broken[0].1, SnapshotError::Checksum { .. }));
    assert_eq!(fs::read(&loaded.broken[0].0).unwrap(), bytes, "nothing is deleted");
    let mut restored = loaded.state.unwrap();
    assert_eq!(restored.applied, Seq(3));
    run(&mut restored, &entries);
    run(&mut state, &entries);
    restored.set_retention(Retention { keep_closed: Duration::from_secs(1800), keep_closed_count: 5 });
    assert_eq!(restored, state);
}

/// The snapshot with another format byte and the checksum that goes with it.
fn of_format(format: u8, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[4] = format;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[4..5]);
    hasher.update(&bytes[9..]);
    bytes[5..9].copy_from_slice(&hasher.finalize().to_le_bytes());
    bytes
}

#[test]
fn snapshots_of_earlier_formats_are_read() {
    let mut state = fresh();
    let mut entries = some_entries();
    for entry in &mut entries {
        if let Body::Message(message) = &mut entry.body {
            (message.unknown, message.again) = (Vec::new(), None);
        }
    }
    entries.retain(|entry| !matches!(entry.body, Body::Canary { .. }));
    run(&mut state, &entries);
    // Written by the version that had format 4, after the same entries.
    let fourth = include_bytes!("../../../tests/fixtures/snapshots/format4.snapshot");
    type Former = (Arc<Catalogue>, Live, alerts::Former, Ledger, Seq, Timestamp);
    let (_, behind): (Former, &[u8]) = postcard::take_from_bytes(&fourth[9..]).unwrap();
    let first = fourth[..fourth.len() - behind.len()].to_vec();
    let second = [&first[..], &[0]].concat();
    let third = [&second[..], &[0; 4]].concat();
    for old in [of_format(1, first), of_format(2, second), of_format(3, third), fourth.to_vec()] {
        let mut restored = State::restore(&old).unwrap();
        assert_eq!((&restored.ledger, &restored.catalogue), (&state.ledger, &state.catalogue));
        assert_eq!(restored.alerts.rules(), state.alerts.rules());
        let open = |state: &State| state.alerts.open().cloned().collect::<Vec<_>>();
        assert_eq!(open(&restored), open(&state));
        assert_eq!(open(&restored).len(), 1);
        let fresh = |state: &State| {
            let of = |channel| (state.newest(channel), state.live.listening().valid_at(channel));
            state.catalogue.channels().iter().map(|channel| of(channel.id)).collect::<Vec<_>>()
        };
        assert_eq!(fresh(&restored), fresh(&state));
        assert_eq!(State::restore(&restored.snapshot().unwrap()).unwrap(), restored);
        // What was open goes on, and is cleared like any other.
        let mut state = state.clone();
        let goes_on = |state: &mut State| -> Vec<_> {
            let told = (240..600).step_by(60).flat_map(|at| step(state, at, one(at, 1.0)).transitions);
            told.map(|told| (told.from, told.alert)).collect()
        };
        let told = goes_on(&mut state);
        assert_eq!(told.last().map(|(_, alert)| alert.state), Some(AlertState::Cleared));
        assert_eq!(goes_on(&mut restored), told);
    }
}

#[test]
fn a_snapshot_without_receipts_of_good_samples_is_read() {
    let mut state = fresh();
    run(&mut state, &some_entries());
    let whole = state.snapshot().unwrap();
    let receipts = postcard::to_stdvec(&state.alerts.receipts()).unwrap();
    let fifth = of_format(5, whole.strip_suffix(receipts.as_slice()).unwrap().to_vec());
    let restored = State::restore(&fifth).unwrap();
    assert_eq!(restored.alerts.open().collect::<Vec<_>>(), state.alerts.open().collect::<Vec<_>>());
    assert_eq!((&restored.live, &restored.incidents), (&state.live, &state.incidents));
    assert_eq!(State::restore(&restored.snapshot().unwrap()).unwrap(), restored);
}

#[test]
fn what_was_open_before_there_were_incidents_is_taken_in() {
    let mut state = fresh();
    run(&mut state, &some_entries());
    let mut restored = State { incidents: Incidents::default(), ..state.clone() };
    restored.set_retention(Retention { keep_closed: Duration::from_secs(1800), keep_closed_count: 5 });
    let alert = restored.alerts.open().next().unwrap().id.clone();
    assert_eq!(restored.incidents.of_alert(&alert), None);
    step(&mut restored, 1_000, grouping(60));
    assert_eq!(restored.incidents.of_alert(&alert), state.incidents.of_alert(&alert));
    assert!(restored.incidents.of_alert(&alert).is_some());
}

#[test]
fn a_snapshot_of_another_format_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = of_format(200, fresh().snapshot().unwrap());
    let path = folder.path().join("00000000000000000009.snapshot");
    fs::write(&path, &bytes).unwrap();
    let error = snapshot::load(folder.path(), Retention::default()).unwrap_err();
    assert!(matches!(error, SnapshotError::Format { found: 200 }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
