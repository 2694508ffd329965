//! What rangers report: in order, once, and nothing that is too late.

use super::*;

#[tokio::test]
async fn reports_are_applied_in_their_order_and_one_that_cannot_be_holds_nothing_up() {
    let house = burning(2);
    let token = ranger(&house, "lan", "001");
    let alerts = ids(&sync(&house, &token, "").await);
    let (first, second) = (alerts[0].as_str(), alerts[1].as_str());
    let position = json!({ "lat": 22.361_234, "lon": 103.25, "accuracy_m": 12.4 });
    let found = results(
        &house,
        &token,
        vec![
            said(1, first, "acknowledged"),
            json!("not a report"),
            said(2, "none~1", "acknowledged"),
            with(said(3, first, "on_my_way"), "position", position),
            with(said(4, first, "dance"), "note", "x"),
            said(5, first, "confirmed"),
            with(said(6, second, "false"), "note", "đốt nương"),
            with(said(7, first, "note"), "note", "cháy lan\nvề phía bắc"),
            said(8, first, "note"),
        ],
    )
    .await;
    let words: Vec<&str> = found.iter().map(|result| result["result"].as_str().unwrap()).collect();
    let (yes, no) = ("applied", "refused");
    assert_eq!(words, [yes, no, no, yes, no, yes, yes, yes, no]);
    assert_eq!((&found[1]["key"], &found[4]["key"]), (&Value::Null, &json!(key(4))));
    assert!(found[4]["reason"].as_str().unwrap().contains("acknowledged, on_my_way"), "{}", found[4]);
    assert_eq!(
        deeds(&house, first),
        [
            "acknowledged ",
            "acknowledged Đang đến hiện trường (on the way) · GPS 22.36123, 103.25000 ±12 m",
            "acknowledged Đã xác nhận tại hiện trường (confirmed on site)",
            "commented cháy lan\nvề phía bắc",
        ]
    );
    // A ranger may not close: it is said, and the centre closes it.
    let told = ["commented Báo động giả, đã kiểm tra tại hiện trường (false alarm, checked on site) · đốt nương"];
    assert_eq!(deeds(&house, second), told);
    let numbers: Vec<u64> = found.iter().filter_map(|result| result["number"].as_str()?.parse().ok()).collect();
    assert!(numbers.len() == 5 && numbers.is_sorted(), "{numbers:?}");
    let operator = house.token("an", Role::Operator, None, DAY);
    let closed = results(&house, &operator, vec![said(9, second, "false")]).await;
    assert_eq!(closed[0]["did"], "closed");
    let seen = sync(&house, &operator, "").await;
    assert_eq!(seen["may_close"], true);
    let handling = seen["alerts"].as_array().unwrap().iter().find(|alert| alert["id"] == second).unwrap();
    let handling = &handling["handling"];
    assert_eq!((&handling["closed"], &handling["quiet"]), (&json!("false_alarm"), &json!(true)));
    // The audit has the phone's time, and that it came late.
    let records = house.parts.accounts.audit().records(0, 1_000).unwrap();
    let late = records.iter().find(|record| record.act == "alert_closed").unwrap();
    assert!(late.detail.ends_with("[said 2026-11-21T01:00:00Z by the device, came 2h15m late]"), "{}", late.detail);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_is_applied_once() {
    let house = burning(1);
    let token = ranger(&house, "lan", "001");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let photo = with(said(1, &alert, "note"), "photo", STANDARD.encode(PHOTO));
    let all = vec![photo, said(2, &alert, "on_my_way"), said(2, &alert, "on_my_way")];
    let first = results(&house, &token, all.clone()).await;
    assert_eq!((&first[1]["result"], &first[2]["result"]), (&json!("applied"), &json!("repeated")));
    let entries = house.entries().len();
    // Several at the same moment, in capitals too.
    let mut capital = all[1].clone();
    capital["key"] = json!(key(2).to_uppercase());
    let again =
        futures_util::future::join_all((0..5).map(|_| results(&house, &token, vec![all[0].clone(), capital.clone()])))
            .await;
    for results in &again {
        for (result, was) in results.iter().zip(&first) {
            assert_eq!((&result["result"], &result["first"]), (&json!("repeated"), &json!("applied")));
            for member in ["key", "did", "at", "version", "number", "photo"] {
                assert_eq!(result[member], was[member], "{member}");
            }
        }
    }
    assert_eq!(house.entries().len(), entries, "nothing was journaled again");
    assert_eq!(deeds(&house, &alert).len(), 2);
    let other = results(&house, &token, vec![said(2, &alert, "confirmed")]).await;
    assert_eq!((&other[0]["result"], &other[0]["code"]), (&json!("refused"), &json!("key_reused")));
    let stranger = ranger(&house, "binh", "001");
    let other = results(&house, &stranger, vec![said(2, &alert, "on_my_way")]).await;
    assert_eq!(other[0]["code"], "key_reused", "a key is its author's");
}

#[tokio::test]
async fn hostile_reports_are_refused_one_by_one_and_journal_nothing() {
    let house = burning(1);
    let token = ranger(&house, "lan", "001");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let before = house.entries().len();
    let fine = || said(1, &alert, "note");
    let keyed = |key: &str| with(with(fine(), "key", key), "note", "x");
    let photo = |bytes: &[u8]| with(fine(), "photo", STANDARD.encode(bytes));
    let large = [PHOTO, &vec![0; 512 * 1024][..]].concat();
    let bad = vec![
        fine(),
        with(fine(), "note", "x".repeat(301)),
        with(fine(), "note", "a\u{0}b"),
        with(with(fine(), "note", "x"), "at", "yesterday"),
        with(with(fine(), "note", "x"), "who", "me"),
        with(with(fine(), "note", "x"), "position", json!({ "lat": 91, "lon": 0 })),
        with(with(fine(), "note", "x"), "position", json!({ "lat": 1, "lon": 0, "accuracy_m": -1 })),
        keyed(""),
        keyed("../../etc/passwd"),
        keyed(&"a".repeat(36)),
        keyed("5f0c9c3e-6f0e-4b57-9d0a-0f6f1f7a1fệ"),
        photo(b""),
        photo(b"GIF89a"),
        photo(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        photo(&large),
        with(fine(), "photo", "!!!"),
        with(with(fine(), "note", "x"), "alert", "a".repeat(513)),
    ];
    let count = bad.len();
    let found = results(&house, &token, bad).await;
    let refused = found.iter().filter(|result| result["result"] == "refused");
    assert_eq!(refused.count(), count, "{found:#?}");
    assert!(found[..16].iter().all(|result| result["code"] == "invalid_body"), "{found:#?}");
    for body in [json!({}), json!({ "reports": [] }), json!({ "reports": vec![fine(); 51] }), json!({ "reports": 1 })] {
        let answer = send(&house, &token, Method::POST, REPORTS, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let another = json!({ "account": "binh", "reports": [said(1, &alert, "confirmed")] });
    assert_eq!(send(&house, &token, Method::POST, REPORTS, &another).await.status, StatusCode::CONFLICT);
    let planner = house.token("planner", Role::Planner, None, DAY);
    assert_eq!(report(&house, &planner, vec![said(1, &alert, "confirmed")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.entries().len(), before);
    // 512 KiB exactly are taken.
    let most = [PHOTO, &vec![0; 512 * 1024 - PHOTO.len()][..]].concat();
    assert_eq!(results(&house, &token, vec![photo(&most)]).await[0]["result"], "applied");
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_off_after_the_journal_had_it_is_brought_to_its_end_by_a_repeat() {
    let house = House::with(Demo::Off, Config::default());
    house.enter_file_rules();
    house.observe(LEVEL, 0, 3.5);
    let token = ranger(&house, "lan", "002");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let said = vec![with(said(1, &alert, "confirmed"), "photo", STANDARD.encode(PHOTO)), said(2, &alert, "note")];
    // Journaled, and the state never comes to it: nothing is promised.
    let answer = report(&house, &token, said.clone()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
    assert_eq!(house.get_as(&token, &format!("/api/v1/field/photos/{}", key(1))).await.status, StatusCode::NOT_FOUND);
    let journaled: Vec<Body> = house.commands.lock().drain(..).collect();
    assert_eq!(journaled.len(), 1, "what follows waits");
    for body in journaled {
        house.enter(body);
    }
    house.apply_what_is_said();
    let found = results(&house, &token, said).await;
    assert_eq!((&found[0]["result"], &found[0]["did"]), (&json!("applied"), &json!("acknowledged")));
    assert_eq!(deeds(&house, &alert).len(), 1, "once");
    let address = found[0]["photo"].as_str().unwrap();
    assert_eq!(house.get_as(&token, address).await.body, PHOTO);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_answered_alike_later_and_leaves_no_photo() {
    let house = House::with(Demo::Off, Config::default());
    house.enter_file_rules();
    house.observe(LEVEL, 0, 3.5);
    let token = ranger(&house, "lan", "002");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let one = vec![with(said(7, &alert, "false"), "photo", STANDARD.encode(PHOTO))];
    // Begun, and what became of it is a refusal.
    assert_eq!(report(&house, &token, one.clone()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let refused = json!({ "key": key(7), "result": "refused", "code": "conflict", "reason": "it did not fit" });
    house.parts.field.finish(&key(7), &refused.to_string(), saola::field::book::Applied::No).unwrap();
    let repeated = results(&house, &token, one).await;
    assert_eq!((&repeated[0]["result"], &repeated[0]["first"]), (&json!("repeated"), &json!("refused")));
    assert_eq!((&repeated[0]["reason"], &repeated[0]["code"]), (&refused["reason"], &refused["code"]));
    let gone = house.get_as(&token, &format!("/api/v1/field/photos/{}", key(7))).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "what was not applied leaves no photo");
}

/// An alert that is medium above 3 m and catastrophic above 5 m, with what a phone saw of it as medium.
async fn rising(operator: &str) -> (House, String, String, String) {
    let house = House::with(Demo::Off, Config::default());
    let text = "[[rule]]\nname = 'flood'\ntitle = { vi = 'Lũ', en = 'Flood' }\nproperty = 'water_level'\n\
                levels = [{ severity = 'medium', above = 3, clear = 2.5 }, \
                { severity = 'catastrophic', above = 5, clear = 4.5 }]\n";
    house.enter(Body::Rules(vec![RuleFile { name: "files.toml".into(), text: text.into() }]));
    house.observe(LEVEL, 60, 3.5);
    house.apply_what_is_said();
    let token = house.token(operator, Role::Operator, None, DAY);
    let alert = sync(&house, &token, "").await["alerts"][0].clone();
    let word = |member: &str| alert[member].as_str().unwrap().to_owned();
    let (id, seen) = (word("id"), word("seen"));
    (house, token, id, seen)
}

fn seeing(report: Value, seen: &str) -> Value {
    with(report, "seen", seen)
}

#[tokio::test]
async fn what_was_said_of_a_milder_alert_acknowledges_and_closes_no_worse_one() {
    let (house, token, alert, seen) = rising("an").await;
    house.observe(LEVEL, 0, 5.5);
    let late: Vec<Value> = ["acknowledged", "on_my_way", "confirmed", "false"]
        .iter()
        .zip(1..)
        .map(|(action, number)| seeing(with(said(number, &alert, action), "note", "từ sáng"), &seen))
        .collect();
    let found = results(&house, &token, late).await;
    for result in &found {
        assert_eq!((&result["result"], &result["did"]), (&json!("applied"), &json!("commented")), "{result}");
    }
    let since = "nói lúc mức 2, nay 5 (said at level 2, now 5) · từ sáng";
    assert_eq!(
        deeds(&house, &alert).into_iter().filter(|deed| deed.starts_with("comm")).collect::<Vec<_>>(),
        [
            format!("commented Đã nhận (acknowledged) · {since}"),
            format!("commented Đang đến (on the way) · {since}"),
            format!("commented Có thật (confirmed) · {since}"),
            format!("commented Báo giả (false alarm) · {since}"),
        ]
    );
    let now = sync(&house, &token, "").await["alerts"][0].clone();
    assert_eq!((&now["handling"]["acknowledged"], &now["handling"]["quiet"]), (&json!(false), &json!(false)));
    // Said of it as it is now, it does what it says.
    let now = now["seen"].as_str().unwrap();
    let found = results(&house, &token, vec![seeing(said(9, &alert, "acknowledged"), now)]).await;
    assert_eq!(found[0]["did"], "acknowledged");
    let found = results(&house, &token, vec![seeing(said(10, &alert, "acknowledged"), "apocalyptic.1")]).await;
    assert_eq!((&found[0]["result"], &found[0]["code"]), (&json!("refused"), &json!("invalid_body")));
}

#[tokio::test]
async fn an_old_false_closes_nothing_that_others_spoke_of_since_and_nothing_that_is_over() {
    let (house, token, alert, seen) = rising("an").await;
    // What the author said themselves since does not stand in the way.
    let own = vec![seeing(said(1, &alert, "on_my_way"), &seen), seeing(said(2, &alert, "false"), &seen)];
    let found = results(&house, &token, own).await;
    assert_eq!((&found[0]["did"], &found[1]["did"]), (&json!("acknowledged"), &json!("closed")));

    let (house, token, alert, seen) = rising("an").await;
    let colleague = ranger(&house, "binh", "002");
    results(&house, &colleague, vec![said(1, &alert, "confirmed")]).await;
    let found = results(&house, &token, vec![seeing(said(2, &alert, "false"), &seen)]).await;
    assert_eq!(found[0]["did"], "commented");
    assert!(deeds(&house, &alert)[1].contains("others said more since"), "{:?}", deeds(&house, &alert));
    // Closed by somebody since: an old acknowledgement of it is no more than a comment.
    let now = sync(&house, &token, "").await["alerts"][0]["seen"].as_str().unwrap().to_owned();
    assert_eq!(results(&house, &token, vec![seeing(said(3, &alert, "false"), &now)]).await[0]["did"], "closed");
    let found = results(&house, &colleague, vec![seeing(said(4, &alert, "acknowledged"), &seen)]).await;
    assert_eq!(found[0]["did"], "commented");
    // Over: words and photo are kept, with and without what was seen.
    house.observe(LEVEL, 0, 1.0);
    let shown = with(seeing(said(5, &alert, "false"), &now), "photo", STANDARD.encode(PHOTO));
    let found = results(&house, &token, vec![shown.clone(), said(6, &alert, "acknowledged")]).await;
    assert_eq!((&found[0]["did"], &found[1]["did"]), (&json!("commented"), &json!("commented")));
    assert_eq!(house.get_as(&token, found[0]["photo"].as_str().unwrap()).await.body, PHOTO);
    let again = results(&house, &token, vec![shown]).await;
    assert_eq!((&again[0]["result"], &again[0]["first"]), (&json!("repeated"), &json!("applied")));
    let told = deeds(&house, &alert);
    assert_eq!(told.iter().filter(|deed| deed.contains("cảnh báo đã hết (over by then)")).count(), 2, "{told:?}");
}

#[tokio::test]
async fn a_fault_of_the_server_ends_no_report() {
    let house = burning(1);
    let token = ranger(&house, "lan", "001");
    let alert = ids(&sync(&house, &token, "").await)[0].clone();
    let reports =
        vec![said(1, &alert, "on_my_way"), said(2, &alert, "note"), with(said(3, &alert, "note"), "note", "x")];
    let beside = rusqlite::Connection::open(house.folder.path().join("field.db")).unwrap();
    beside.execute_batch("ALTER TABLE report RENAME TO away").unwrap();
    let answer = report(&house, &token, reports.clone()).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text());
    let mixed = results(&house, &token, vec![json!("no report"), reports[0].clone(), reports[2].clone()]).await;
    let words: Vec<&Value> = mixed.iter().map(|result| &result["result"]).collect();
    assert_eq!(words, ["refused", "postponed", "postponed"]);
    assert!(deeds(&house, &alert).is_empty());
    beside.execute_batch("ALTER TABLE away RENAME TO report").unwrap();
    let found = results(&house, &token, reports).await;
    let words: Vec<&Value> = found.iter().map(|result| &result["result"]).collect();
    assert_eq!(words, ["applied", "refused", "applied"]);
}
