use geo::Geometry;
use proptest::prelude::*;

use super::*;
use crate::model::Timestamp;

const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);

/// `a` is 5, `t` is 2026-11-21T03:15:00Z, `s` is "Mường Tè", `n` is null, `p` is a point, `m` is 1, 2, 3.
struct Sample;

impl Facts for Sample {
    fn value(&self, path: &[String]) -> Result<Value, Refused> {
        Ok(match path.first().map(String::as_str) {
            Some("a") => Value::Number(5.0),
            Some("t") => Value::Time(NOW),
            Some("s") => Value::Text("Mường Tè".to_owned()),
            Some("p") => Value::Shape(Box::new(Geometry::Point(geo::Point::new(103.5, 22.5)))),
            Some("m") => Value::Many([1.0, 2.0, 3.0].map(Value::Number).to_vec()),
            Some("o") => Value::Object(serde_json::json!({})),
            _ => Value::Null,
        })
    }
}

fn check(filter: &str, expected: bool) {
    let expr = parse_filter(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    let got = expr.holds(&Sample, NOW).unwrap_or_else(|error| panic!("{filter}: {error}"));
    assert_eq!(got, expected, "{filter}");
}

fn refuse(filter: &str) -> Refused {
    match parse_filter(filter) {
        Err(refused) => refused,
        Ok(expr) => expr.holds(&Sample, NOW).err().unwrap_or_else(|| panic!("{filter} was taken")),
    }
}

#[test]
fn comparisons_and_logic() {
    check("a eq 5", true);
    check("5 eq a", true);
    check("a gt 5 or a lt 5", false);
    check("a ge 5 and a le 5", true);
    check("not (a eq 5)", false);
    check("not (a eq 4) and true", true);
    check("a eq 4 and a eq 5 or a eq 5", true);
    check("a eq 5 or a eq 5 and a eq 4", true);
    check("(a eq 5 or a eq 5) and a eq 4", false);
    check("a add 2 mul 3 eq 11", true);
    check("(a add 2) mul 3 eq 21", true);
    check("-a eq -5", true);
    check("a sub 7 eq -2", true);
    check("a div 2 eq 2.5 and a mod 2 eq 1", true);
    check("1e1 eq 10 and 1.5E-1 eq 0.15", true);
    check("n eq null", true);
    check("a eq null", false);
    check("n gt 1", false);
    check("not (n gt 1)", true);
    check("n ne 1", true);
    check("a div 0 eq null", true);
    check("m eq 2", true);
    check("m gt 3", false);
    check("m add 1 eq 4", true);
    check("s eq 'Mường Tè'", true);
    check("s ne 'it''s'", true);
    check("true", true);
}

#[test]
fn times() {
    check("t eq 2026-11-21T10:15:00+07:00", true);
    // A plus that nobody escaped arrives as a space.
    check("t eq 2026-11-21T10:15:00 07:00", true);
    check("t eq 2026-11-21T03:15:00.000Z", true);
    check("t gt '2026-11-21T03:14:59Z'", true);
    check("t ge 2026-11-21", true);
    check("t lt 2026-11-21", false);
    check("date(t) eq 2026-11-21", true);
    check("year(t) eq 2026 and month(t) eq 11 and day(t) eq 21 and hour(t) eq 3 and minute(t) eq 15", true);
    check("second(t) eq 0 and fractionalseconds(t) eq 0", true);
    check("t eq now()", true);
    check("t add duration'PT1H' gt t", true);
    check("t sub duration'P1DT30M' lt 2026-11-20T03:00:00Z", true);
    check("t sub 2026-11-21T03:00:00Z eq duration'PT15M'", true);
    check("t gt mindatetime() and t lt maxdatetime()", true);
    check("during(t, 2026-11-21T00:00:00Z/2026-11-22T00:00:00Z)", true);
    check("t lt 2026-11-22T00:00:00Z/2026-11-23T00:00:00Z", true);
    check("before(t, 2026-11-22T00:00:00Z) and after(t, 2026-11-20T00:00:00Z)", true);
    check("overlaps(t, 2026-11-21T00:00:00Z/2026-11-21T01:00:00Z)", false);
}

#[test]
fn texts_and_numbers() {
    check("substringof('Tè', s) and contains(s, 'Tè')", true);
    check("startswith(s, 'M') and endswith(s, 'è') and length(s) eq 8", true);
    check("indexof(s, 'Tè') eq 6 and indexof(s, 'x') eq -1", true);
    check("substring(s, 6) eq 'Tè' and substring(s, 0, 2) eq 'Mư'", true);
    check("tolower(s) eq 'mường tè' and toupper('è') eq 'È' and trim(' a ') eq 'a'", true);
    check("concat(concat(s, ', '), 'LC') eq 'Mường Tè, LC'", true);
    check("round(2.5) eq 3 and floor(-2.5) eq -3 and ceiling(2.1) eq 3", true);
    check("length(n) eq null", true);
}

#[test]
fn geometries() {
    let square = "geography'POLYGON ((103 22, 104 22, 104 23, 103 23, 103 22))'";
    check(&format!("st_within(p, {square})"), true);
    check(&format!("st_contains({square}, p)"), true);
    check(&format!("geo.intersects(p, {square}) and st_intersects(p, {square})"), true);
    check(&format!("st_disjoint(p, {square})"), false);
    check("st_equals(p, geometry'Point Z (103.5 22.5 400)')", true);
    check("geo.distance(p, geography'POINT (103.5 23.5)') eq 1", true);
    check("st_distance(p, geography'POINT (103.5 23.5)') gt 110000", true);
    check("st_touches(geography'LINESTRING (103 22, 103.5 22.5)', p)", true);
    check(&format!("st_relate(p, {square}, 'T*F**F***')"), true);
    check("geo.length(geography'LINESTRING (0 0, 3 4)') eq 5", true);
    check("geo.intersects(p, geography'SRID=4326;MULTIPOINT ((0 0), 103.5 22.5)')", true);
}

#[test]
fn what_is_wrong_or_not_offered_is_said() {
    for wrong in [
        "",
        "a",
        "a eq",
        "eq 5",
        "a eq 5 and",
        "(a eq 5",
        "a eq 5)",
        "a eq 'x",
        "a eq 'x'",
        "a ~ 5",
        "s gt 5",
        "t gt 5",
        "length(a) eq 1",
        "length(s, s) eq 1",
        "a eq 2026-13-40T00:00:00Z",
        "t eq 2026-11-21T00:00:00",
        "a eq 1x",
        "t eq 2026-11-22T00:00:00Z/2026-11-21T00:00:00Z",
        "a eq duration'P1Y'",
        "p eq p",
        "geo.intersects(p, geography'POINT (1)')",
        "geo.intersects(p, geography'POINT (181 0)')",
        "geo.intersects(p, geography'POINT (NaN 0)')",
        "geo.intersects(p, geography'POLYGON ((0 0, 1 1, 0 0))')",
        "geo.intersects(p, geography'POLYGON ((0 0, 0 2, 0 1, 0 0))')",
        "geo.intersects(p, geography'POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))')",
        "geo.intersects(p, geography'POLYGON ((0 0, 1 0, 0 1, 0 0), (0 0, 1 0, 0 1, 0 0))')",
        "geo.intersects(p, geography'CIRCLE (0 0)')",
        "s and a eq 5",
        "-s eq 5",
        "a/",
        "a//b eq 1",
        "o lt o",
        "a eq ''''",
        "st_relate(p, p, 'xyz')",
        "a eq blob'x'",
    ] {
        assert!(matches!(refuse(wrong), Refused::Wrong(_)), "{wrong}: {:?}", refuse(wrong));
    }
    for absent in ["soundex(s) eq 'x'", "m/any(x) eq 5", "geo.length(geography'POLYGON ((0 0, 1 0, 1 1, 0 0))') eq 1"] {
        assert!(matches!(refuse(absent), Refused::NotOffered(_)), "{absent}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    for deep in ["(".repeat(100_000), "not ".repeat(4_000), "-".repeat(4_000), "floor(".repeat(2_000)] {
        assert!(matches!(parse_filter(&deep), Err(Refused::Wrong(_))));
    }
    let long = |count| parse_filter(&vec!["a eq 5"; count].join(" and "));
    assert_eq!(long(128).unwrap().holds(&Sample, NOW), Ok(true), "what is long and not deep is taken");
    assert!(matches!(long(129), Err(Refused::Wrong(_))), "and not what is too long");
    assert!(parse_filter(&"a".repeat(20_000)).is_err());
    let nested =
        (0..100).fold("$count=true".to_owned(), |inner, _| format!("$expand=Datastreams($expand=Thing({inner}))"));
    assert!(Options::parse(Set::Things, [("$expand", nested.trim_start_matches("$expand="))]).is_err());
    assert!(parse_path(&"Things('A')/Datastreams/".repeat(200)).is_err());
    // Many times many is not reckoned out.
    let many = vec!["m"; 20].join(" add ");
    assert!(matches!(refuse(&format!("{many} eq 5")), Refused::Costly(_)));
}

#[test]
fn addresses() {
    let check = |text: &str, set: Set, is_of_one: bool, end: End| {
        let address = parse_path(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((address.last_set(), address.is_of_one(), address.end), (set, is_of_one, end), "{text}");
    };
    check("Things", Set::Things, false, End::Whole);
    check("Things/", Set::Things, false, End::Whole);
    check("Things('A-AIR')", Set::Things, true, End::Whole);
    check("Things('đồi-1')/Datastreams", Set::Datastreams, false, End::Whole);
    check("Things(7)/Datastreams('a/b)''c')/Thing", Set::Things, true, End::Whole);
    check("Datastreams('x')/Observations/$ref", Set::Observations, false, End::Reference);
    check("Things('A')/name", Set::Things, true, End::Property(vec!["name".into()]));
    check("Things('A')/properties/kind/$value", Set::Things, true, End::Raw(vec!["properties".into(), "kind".into()]));
    check(
        "Observations('x')/FeatureOfInterest/id",
        Set::FeaturesOfInterest,
        true,
        End::Property(vec!["@iot.id".into()]),
    );
    for wrong in [
        "",
        "/",
        "Trees",
        "things",
        "Things(",
        "Things('A'",
        "Things()",
        "Things(x)",
        "Things/Datastreams",
        "Things('A')x",
        "Things('A')/Thing",
        "Things('A')//name",
        "Things('A')/name/$value/x",
        "Things('A')/colour",
        "Things/$ref/x",
        "Observations('x')/Datastream('y')",
        "Things('A')/$count",
        "Things('A')/name('x')",
        "Things//",
    ] {
        if wrong != "Things//" {
            assert!(parse_path(wrong).is_err(), "{wrong}");
        }
    }
}

#[test]
fn options() {
    let parse = |set: Set, pairs: &[(&'static str, &'static str)]| Options::parse(set, pairs.iter().copied());
    let expanded = "Datastreams($select=name;$expand=Observations($top=1;$orderby=phenomenonTime desc;\
        $filter=result gt 5 and resultQuality/quality eq 'a;b,c)')),Locations";
    let options =
        parse(Set::Things, &[("$expand", expanded), ("$top", "99999999999999999999"), ("$count", "true")]).unwrap();
    assert_eq!((options.expand.len(), options.most(Set::Things), options.count), (2, options::TOP_MAX, true));
    let observations = &options.expand[0].options.expand[0].options;
    assert_eq!((observations.top, observations.order[0].direction), (Some(1), Direction::Descending));
    assert!(observations.filter.is_some());
    let ways = parse(Set::Observations, &[("$expand", "Datastream/Thing,Datastream/Sensor")]).unwrap();
    assert_eq!((ways.expand.len(), ways.expand[0].options.expand.len()), (1, 2));
    for wrong in [
        ("$top", "-1"),
        ("$top", ""),
        ("$skip", "x"),
        ("$count", "yes"),
        ("$select", "colour"),
        ("$expand", "Things"),
        ("$expand", "Datastreams($top=1"),
        ("$expand", "Datastreams($skiptoken=1~1)"),
        ("$orderby", "colour"),
        ("$filter", "colour eq 1"),
        ("$filter", "Datastreams eq 1"),
        ("$skiptoken", "x"),
        ("$foo", "1"),
        ("top", "1"),
        ("$expand", "Datastreams($top=1),Datastreams($top=2)"),
        ("$expand", ")"),
        ("$skip", "99999999999"),
    ] {
        assert!(matches!(parse(Set::Things, &[wrong]), Err(Refused::Wrong(_))), "{wrong:?}");
    }
    for absent in [
        ("$search", "x"),
        ("resultFormat", "XML"),
        ("$filter", "Datastreams/Observations/result gt 5"),
        ("$select", "properties/kind"),
    ] {
        assert!(matches!(parse(Set::Things, &[absent]), Err(Refused::NotOffered(_))), "{absent:?}");
    }
}

/// Texts of words that filters are made of, in any order.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "a",
        "t",
        "s",
        "n",
        "m",
        "p",
        "o",
        "5",
        "-3",
        "1e400",
        "'x'",
        "''",
        "'",
        "(",
        ")",
        ",",
        "/",
        "not ",
        " and ",
        " or ",
        " eq ",
        " lt ",
        " add ",
        " div ",
        " mod ",
        "length",
        "geo.distance",
        "st_within",
        "st_relate",
        "substring",
        "year",
        "now()",
        "true",
        "null",
        "2026-11-21T00:00:00Z",
        "2026-11-21",
        "duration'PT1H'",
        "duration'P9999999D'",
        "any",
        "geography'POINT (0 0)'",
        "geography'POLYGON ((0 0, 1 1, 0 1, 0 0))'",
        "geometry'LINESTRING (0 0, 0 0, 1 1)'",
        "mindatetime()",
        "maxdatetime()",
        "🦌",
        "\u{0}",
        " ",
        "$expand=",
        "Datastreams",
        ";",
        "@iot.id",
    ]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

/// A condition of numbers, as text and as what it must come to.
fn condition() -> impl Strategy<Value = (String, bool)> {
    let number = || (-50i32..50).prop_map(|number| (number.to_string(), f64::from(number)));
    let sum =
        (number(), number(), prop::sample::select(vec!["add", "sub", "mul"])).prop_map(|((a, x), (b, y), word)| {
            let value = match word {
                "add" => x + y,
                "sub" => x - y,
                _ => x * y,
            };
            (format!("{a} {word} {b}"), value)
        });
    let side = prop_oneof![number(), sum];
    let leaf = (side.clone(), side, prop::sample::select(vec!["eq", "ne", "lt", "le", "gt", "ge"]));
    let leaf = leaf.prop_map(|((a, x), (b, y), word)| {
        let holds = match word {
            "eq" => x == y,
            "ne" => x != y,
            "lt" => x < y,
            "le" => x <= y,
            "gt" => x > y,
            _ => x >= y,
        };
        (format!("{a} {word} {b}"), holds)
    });
    leaf.prop_recursive(5, 32, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| (format!("({a}) and ({b})"), x && y)),
            (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| (format!("({a}) or ({b})"), x || y)),
            inner.prop_map(|(a, x)| (format!("not ({a})"), !x)),
        ]
    })
}

/// An area as a literal: of rings wherever they fall, mostly not valid; or of corners round a middle, mostly valid.
fn area() -> impl Strategy<Value = String> {
    let literal = |rings: Vec<Vec<(f64, f64)>>| {
        let ring = |points: Vec<(f64, f64)>| {
            let closed = points.iter().chain(points.first());
            format!("({})", closed.map(|(x, y)| format!("{x} {y}")).collect::<Vec<_>>().join(", "))
        };
        format!("geography'POLYGON ({})'", rings.into_iter().map(ring).collect::<Vec<_>>().join(", "))
    };
    let corner = (-3i32..3, -3i32..3).prop_map(|(x, y)| (f64::from(x), f64::from(y)));
    let wild = prop::collection::vec(prop::collection::vec(corner, 3..7), 1..3).prop_map(literal);
    let spokes = prop::collection::vec(1u8..9, 3..12);
    let round = (spokes, (-9i32..9, -9i32..9), any::<bool>()).prop_map(move |(spokes, middle, has_hole)| {
        let middle = (f64::from(middle.0) / 3.0, f64::from(middle.1) / 3.0);
        let turn = std::f64::consts::TAU / spokes.len() as f64;
        let ring = |scale: f64| {
            let corner = |(n, spoke): (usize, &u8)| {
                let (sin, cos) = (turn * n as f64).sin_cos();
                (middle.0 + scale * f64::from(*spoke) * cos, middle.1 + scale * f64::from(*spoke) * sin)
            };
            spokes.iter().enumerate().map(corner).collect::<Vec<_>>()
        };
        literal(if has_hole { vec![ring(0.5), ring(0.2)] } else { vec![ring(0.5)] })
    });
    prop_oneof![wild, round]
}

proptest! {
    #[test]
    fn nothing_panics_whatever_is_written(text in prop_oneof![words(), any::<String>()]) {
        if let Ok(expr) = parse_filter(&text) {
            let _ = expr.holds(&Sample, NOW);
        }
        let _ = parse_path(&text);
        for set in Set::ALL {
            for option in ["$filter", "$expand", "$select", "$orderby", "$top", "$skiptoken", "resultFormat"] {
                let _ = Options::parse(set, [(option, text.as_str())]);
            }
        }
    }

    #[test]
    fn geometries_never_panic((one, other) in (area(), area())) {
        for function in ["st_within", "st_overlaps", "st_touches", "st_equals", "st_crosses", "geo.intersects"] {
            let Ok(expr) = parse_filter(&format!("{function}({one}, {other}) or {function}(p, {one})")) else { continue };
            let _ = expr.holds(&Sample, NOW);
        }
    }

    #[test]
    fn conditions_come_to_what_they_say((text, expected) in condition()) {
        prop_assert_eq!(parse_filter(&text).unwrap().holds(&Sample, NOW), Ok(expected), "{}", text);
    }
}
