//! A corpus of lines, each with what it says.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// `measurement|tag=value …|field=type:value …|time`, or the reason; `-` for a line without a point.
fn shown(line: &[u8]) -> String {
    let point = match point(line) {
        Ok(Some(point)) => point,
        Ok(None) => return "-".to_owned(),
        Err(rejection) => return rejection.reason.word().to_owned(),
    };
    let mut text = format!("{}|", point.measurement);
    for (key, value) in &point.tags {
        write!(text, "<{key}>=<{value}>").unwrap();
    }
    text.push('|');
    for (key, value) in &point.fields {
        match value {
            Field::Float(value) => write!(text, "<{key}>={value:?}"),
            Field::Integer(value) => write!(text, "<{key}>={value}i"),
            Field::Unsigned(value) => write!(text, "<{key}>={value}u"),
            Field::Boolean(value) => write!(text, "<{key}>={value}"),
            Field::Text(value) => write!(text, "<{key}>={value:?}"),
        }
        .unwrap();
    }
    let time = point.time.map_or("-".to_owned(), |time| time.to_string());
    text + "|" + &time
}

fn check(line: &str, expected: &str) {
    assert_eq!(shown(line.as_bytes()), expected, "{line}");
}

#[test]
fn points() {
    check("m f=1", "m||<f>=1.0|-");
    check("m,t=v f=1 1700000000000000000", "m|<t>=<v>|<f>=1.0|1700000000000000000");
    check("m,a=1,b=2 f=1,g=2 -5", "m|<a>=<1><b>=<2>|<f>=1.0<g>=2.0|-5");
    check("m f=1 \r\n", "m||<f>=1.0|-");
    check("  m f=1  7  ", "m||<f>=1.0|7");
    check("m   f=1   7", "m||<f>=1.0|7");
    check(
        r#"weather,station=da-lat,province=Lâm\ Đồng temp=17.25,hum=88i,ok=t,msg="sương \"mù\"" 1700000000000000000"#,
        "weather|<station>=<da-lat><province>=<Lâm Đồng>|<temp>=17.25<hum>=88i<ok>=true<msg>=\"sương \\\"mù\\\"\"\
         |1700000000000000000",
    );
    for line in ["", " ", "\t", "\r", "# a comment", "  # m f=1", "#"] {
        check(line, "-");
    }
}

#[test]
fn numbers_and_words() {
    let values = [
        ("0", "0.0"),
        ("-0", "-0.0"),
        ("1.", "1.0"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("+3", "3.0"),
        ("1e3", "1000.0"),
        ("1E-3", "0.001"),
        ("-1.5e+2", "-150.0"),
        ("1.7976931348623157e308", "1.7976931348623157e308"),
        ("0i", "0i"),
        ("-9223372036854775808i", "-9223372036854775808i"),
        ("9223372036854775807i", "9223372036854775807i"),
        ("18446744073709551615u", "18446744073709551615u"),
        ("007i", "7i"),
    ];
    for (written, expected) in values {
        check(&format!("m f={written}"), &format!("m||<f>={expected}|-"));
    }
    for word in ["t", "T", "true", "True", "TRUE"] {
        check(&format!("m f={word}"), "m||<f>=true|-");
    }
    for word in ["f", "F", "false", "False", "FALSE"] {
        check(&format!("m f={word}"), "m||<f>=false|-");
    }
    for wrong in [
        "", "x", "tRUE", "truee", "1x", "1.5i", "i", "u", "-", "-i", "1e", "e5", "1e5i", "NaN", "nan", "Inf", "inf",
        "infinity", "0x10", "1_000", "1,5", "--1", "1-2", "'a'", "١",
    ] {
        let expected = if wrong == "1,5" { "wrong_shape" } else { "wrong_type" };
        check(&format!("m f={wrong}"), expected);
    }
    for large in ["1e400", "-1e999", "9223372036854775808i", "18446744073709551616u", "-1u"] {
        check(&format!("m f={large}"), "not_finite");
    }
}

#[test]
fn escapes() {
    check(r"a\,b\ c f=1", "a,b c||<f>=1.0|-");
    check(r"a\=b f=1", r"a\=b||<f>=1.0|-");
    check(r"a=b f=1", "a=b||<f>=1.0|-");
    check(r"m,a\,b\ c\=d=e\,f\ g\=h f=1", "m|<a,b c=d>=<e,f g=h>|<f>=1.0|-");
    check(r"m a\,b\ c\=d=1", "m||<a,b c=d>=1.0|-");
    check(r"m\n,a\b=c\d f\e=1", r"m\n|<a\b>=<c\d>|<f\e>=1.0|-");
    check(r"m\\,a=1 f=1", r"m\,a=1||<f>=1.0|-");
    check(r#"m f="a\"b\\c\d""#, r#"m||<f>="a\"b\\c\\d"|-"#);
    check(r#"m f="a, b=c 1" 5"#, r#"m||<f>="a, b=c 1"|5"#);
    check("m f=\"two\nlines\" 5", "m||<f>=\"two\\nlines\"|5");
    check(r#"m,t="v" f=1"#, r#"m|<t>=<"v">|<f>=1.0|-"#);
    check(r#""m" f=1"#, "\"m\"||<f>=1.0|-");
    check(r#"m f="""#, r#"m||<f>=""|-"#);
    check("m f=", "wrong_type");
    check("m f=\"a", "wrong_shape");
    check(r#"m f="a\""#, "wrong_shape");
    check(r#"m f="a"b"#, "wrong_shape");
    check("đo,trạm=Sìn\\ Hồ nhiệt=1", "đo|<trạm>=<Sìn Hồ>|<nhiệt>=1.0|-");
}

#[test]
fn what_is_no_point() {
    for line in [
        "m",
        "m ",
        "m,t=v",
        "m,t=v ",
        "m f",
        "m =1",
        ",t=v f=1",
        " ,t=v f=1",
        "m, f=1",
        "m,t f=1",
        "m,t= f=1",
        "m,=v f=1",
        "m,t=v, f=1",
        "m,t=a=b f=1",
        "m f=1,",
        "m f=1,,g=2",
        "m f=1 ,g=2",
        "m f=1,g",
        "m 1700000000",
    ] {
        let got = shown(line.as_bytes());
        assert!(["wrong_shape", "wrong_type", "invalid_time"].contains(&got.as_str()), "{line}: {got}");
    }
    for time in ["1.5", "x", "1700000000000000000000", "5 6", "+5", "5i", "2026-01-01T00:00:00Z", "-"] {
        check(&format!("m f=1 {time}"), "invalid_time");
    }
    check("m,a=1,a=2 f=1", "duplicate_key");
    check("m f=1,f=2", "duplicate_key");
    assert_eq!(shown(b"m f=1\xff"), "invalid_utf8");
}

#[test]
fn a_text_may_go_on_in_the_next_line() {
    for (line, expected) in [
        ("m f=\"a", true),
        (r#"m f="a""#, false),
        (r#"m f="a\""#, true),
        (r#"m f="a\\""#, false),
        (r#"m,t="v f=1"#, false),
        (r#"m\ x,t="v f="y"#, true),
        (r#"m f=1,g="y"#, true),
        (r#"m f=1"x"#, false),
        ("# m f=\"a", false),
        ("", false),
    ] {
        assert_eq!(is_open(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn times_have_the_unit_that_was_agreed() {
    let at = Timestamp::from_seconds(1_700_000_000);
    assert_eq!(Precision::Nanoseconds.instant(1_700_000_000_000_000_999), Some(at));
    assert_eq!(Precision::Microseconds.instant(1_700_000_000_000_000), Some(at));
    assert_eq!(Precision::Milliseconds.instant(1_700_000_000_000), Some(at));
    assert_eq!(Precision::Seconds.instant(1_700_000_000), Some(at));
    assert_eq!(Precision::Seconds.instant(i64::MAX), None);
    assert_eq!(Precision::Nanoseconds.instant(-1), Some(Timestamp::from_micros(-1)));
}

/// Writes a point as the specification says; the reader must give the same one back.
fn written(point: &Point<'_>) -> String {
    let escape = |text: &str, special: &str| {
        text.chars().fold(String::new(), |mut out, letter| {
            if special.contains(letter) {
                out.push('\\');
            }
            out.push(letter);
            out
        })
    };
    let mut line = escape(&point.measurement, ", ");
    for (key, value) in &point.tags {
        write!(line, ",{}={}", escape(key, ",= "), escape(value, ",= ")).unwrap();
    }
    let fields: Vec<String> = point
        .fields
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Field::Float(value) => value.to_string(),
                Field::Integer(value) => format!("{value}i"),
                Field::Unsigned(value) => format!("{value}u"),
                Field::Boolean(value) => value.to_string(),
                Field::Text(value) => format!("\"{}\"", escape(value, "\"\\")),
            };
            format!("{}={value}", escape(key, ",= "))
        })
        .collect();
    write!(line, " {}", fields.join(",")).unwrap();
    if let Some(time) = point.time {
        write!(line, " {time}").unwrap();
    }
    line
}

fn field() -> impl Strategy<Value = Field<'static>> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Field::Float),
        any::<i64>().prop_map(Field::Integer),
        any::<u64>().prop_map(Field::Unsigned),
        any::<bool>().prop_map(Field::Boolean),
        "[a-zđ ,=\"\\\\\n]{0,12}".prop_map(|text| Field::Text(Cow::Owned(text))),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        measurement in "[a-zđ\"=][a-zđ ,=\"]{0,8}[a-z]",
        tags in prop::collection::btree_map("[a-z\"][a-zđ ,=\"]{0,8}", "[a-zđ ,=\"]{0,8}[a-z]", 0..4),
        fields in prop::collection::btree_map("[a-z\"][a-zđ ,=\"]{0,8}", field(), 1..4),
        time in any::<Option<i64>>(),
    ) {
        let owned = |text: String| Cow::<str>::Owned(text);
        let tags = tags.into_iter().map(|(key, value)| (owned(key), owned(value))).collect();
        let fields = fields.into_iter().map(|(key, value)| (owned(key), value)).collect();
        let expected = Point { measurement: owned(measurement), tags, fields, time };
        let line = written(&expected);
        prop_assert_eq!(point(line.as_bytes()), Ok(Some(expected)), "{}", &line);
        // As long as the last text is not closed, the next line belongs to it.
        prop_assert!(!is_open(line.as_bytes()), "{}", line);
    }

    #[test]
    fn no_bytes_panic(line in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = (point(&line), is_open(&line));
    }

    #[test]
    fn no_text_panics(line in "[mtf,= \"\\\\#0-9.eiu+đ\n\t-]{0,40}") {
        let _ = (point(line.as_bytes()), is_open(line.as_bytes()));
    }
}
