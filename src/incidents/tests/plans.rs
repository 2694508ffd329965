//! Plans and heat sources as they are written.

use super::*;
use crate::incidents::masks::HeatSource;

fn mistakes(groups: &str, heat: &str) -> Vec<String> {
    Plan::read(&files(groups, heat)).unwrap_err().iter().map(ToString::to_string).collect()
}

fn check(groups: &str, heat: &str, expected: &[&str]) {
    let found = mistakes(groups, heat);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
    }
}

#[test]
fn every_mistake_is_told_with_its_place() {
    check(
        "[[group]]\nname = 'Fire'\ntitle = { vi = 'a' }\ncauses = []\nkinds = ['wood']\nradius_km = 0\nspan = '99d'\n\
         [[group]]\nname = 'gateway'\ntitle = { vi = 'a', en = 'a' }\ncauses = ['x']\nradius_km = 1\nspan = '1h'\n\
         plume = { smoke = [], reach_km = 500 }\nfoo = 1\n[gateway]\nleast = 2.5\nshare = 2\n",
        "[[heat_source]]\nname = { vi = 'a', en = 'a' }\nlat = 91\nlon = 103\nradius_km = 1\nproperties = ['x']\n\
         zone = 'Mars'\nmonths = [13]\nhours = { from = '24:00', to = '05:00' }\n\
         valid = { from = '2027-02-30', to = '2027-02-01' }\nup_to = 'bad'\n",
        &[
            "incidents.toml:2: group[0].name: must have 1 to 40",
            "incidents.toml:3: group[0].title.en: is missing",
            "incidents.toml:4: group[0].causes: must be a list",
            "incidents.toml:5: group[0].kinds: \"wood\" is not a kind",
            "incidents.toml:6: group[0].radius_km: must be 0.01 to 200, not 0",
            "incidents.toml:7: group[0].span: must be 0s to 31d",
            "incidents.toml:14: group[1].plume.smoke: must be a list",
            "incidents.toml:14: group[1].plume.sources: must be a list",
            "incidents.toml:14: group[1].plume.reach_km: must be 0.01 to 200",
            "incidents.toml:14: group[1].plume.within_deg: is missing",
            "incidents.toml:14: group[1].plume.wind_least: is missing",
            "incidents.toml:14: group[1].plume.wind_within_km: is missing",
            "incidents.toml:14: group[1].plume.wind_age: is missing",
            "incidents.toml:15: group[1].foo: unknown key",
            "incidents.toml:16: gateway.title: is missing",
            "incidents.toml:16: gateway.severity: is missing",
            "incidents.toml:16: gateway.after: is missing",
            "incidents.toml:16: gateway.patience: is missing",
            "incidents.toml:17: gateway.least: must be a whole number",
            "incidents.toml:18: gateway.share: must be 0.1 to 1",
            "heat_sources.toml:3: heat_source[0].lat: must be -90 to 90",
            "heat_sources.toml:7: heat_source[0].zone: \"Mars\" is no time zone",
            "heat_sources.toml:8: heat_source[0].months: must be whole numbers",
            "heat_sources.toml:9: heat_source[0].hours.from: must be a time of day",
            "heat_sources.toml:10: heat_source[0].valid.from: must be a day",
            "heat_sources.toml:11: heat_source[0].up_to: must be one of low,",
        ],
    );
}

#[test]
fn a_name_stands_once_and_other_files_are_not_read() {
    let twice = format!(
        "{}{}",
        &GROUPS[..GROUPS.find("[gateway]").unwrap()],
        "[[group]]\nname = 'fire'\n\
        title = { vi = 'a', en = 'a' }\ncauses = ['x']\nradius_km = 1\nspan = '1h'\n"
    );
    assert!(mistakes(&twice, "")[0].contains("\"fire\" is the name of another group already"));
    let other = [RuleFile { name: "other.toml".into(), text: String::new() }];
    assert!(Plan::read(&other).unwrap_err()[0].to_string().contains("only incidents.toml and heat_sources.toml"));
}

#[test]
fn a_wrong_plan_is_refused_and_the_one_before_it_stays() {
    let mut bench = Bench::new(&[(StationKind::Forest, "smoke", place(0.0, 0.0))], GROUPS, "");
    let before = bench.incidents.plan().clone();
    bench.step(at(1), |incidents, world, told| {
        let wrong = files("[[group]]\n", "");
        assert!(incidents.adopt_plan(&wrong, world, at(1), std::iter::empty(), told).is_err());
    });
    assert_eq!(bench.incidents.plan(), &before);
    assert!(!bench.incidents.refused().is_empty());
}

#[test]
fn a_new_plan_takes_in_what_is_open_and_leaves_what_is_folded() {
    let stations = [(StationKind::Forest, "smoke", place(0.0, 0.0)), (StationKind::Air, "pm2_5", place(0.0, 0.0))];
    let mut bench = Bench::new(&stations, GROUPS, "");
    bench.enter(0, &[(0, Deed::Raise(Severity::Low)), (1, Deed::Raise(Severity::Low))]);
    let fire = bench.of(0).id.clone();
    let groups =
        "[[group]]\nname = 'air'\ntitle = { vi = 'a', en = 'a' }\ncauses = ['pm2_5']\nradius_km = 1\nspan = '1h'\n";
    let open: Vec<_> = bench.alerts.values().cloned().collect();
    bench.step(at(60), |incidents, world, told| {
        incidents.adopt_plan(&files(groups, ""), world, at(60), open.iter(), told).unwrap();
    });
    assert_eq!((&bench.of(0).id, bench.of(1).group.as_str()), (&fire, "air"));
    bench.enter(120, &[(0, Deed::Clear)]);
    assert_eq!(bench.of(0).state(), IncidentState::Closed);
    assert_eq!(bench.restored(), bench.incidents);
}

fn source(more: &str) -> HeatSource {
    let heat = format!(
        "[[heat_source]]\nname = {{ vi = 'a', en = 'a' }}\nlat = 22.4\nlon = 103.4\nradius_km = 1\n\
         properties = ['smoke']\nzone = 'Asia/Ho_Chi_Minh'\n{more}\n"
    );
    Plan::read(&files("", &heat)).unwrap().heat_sources.remove(0)
}

#[test]
fn heat_sources_keep_hours_months_and_days() {
    let check = |more: &str, local: &str, burns: bool| {
        let at = Timestamp::parse(&format!("{local}:00+07:00")).unwrap();
        assert_eq!(source(more).burns_at(at), burns, "{more} {local}");
    };
    check("", "2027-06-15T12:00", true);
    let day = "hours = { from = '06:00', to = '18:00' }";
    check(day, "2027-06-15T06:00", true);
    check(day, "2027-06-15T17:59", true);
    check(day, "2027-06-15T18:00", false);
    check(day, "2027-06-15T05:59", false);
    let night = "hours = { from = '18:00', to = '05:00' }";
    check(night, "2027-06-15T18:00", true);
    check(night, "2027-06-16T04:59", true);
    check(night, "2027-06-16T05:00", false);
    check(night, "2027-06-15T12:00", false);
    let april = format!("months = [3, 4]\n{night}");
    check(&april, "2027-04-30T23:00", true);
    check(&april, "2027-05-01T03:00", true);
    check(&april, "2027-05-01T20:00", false);
    check(&april, "2027-03-01T03:00", false);
    let permit = format!("valid = {{ from = '2027-02-10', to = '2027-02-12' }}\n{night}");
    check(&permit, "2027-02-10T03:00", false);
    check(&permit, "2027-02-10T18:00", true);
    check(&permit, "2027-02-13T04:00", true);
    check(&permit, "2027-02-13T18:00", false);
    let days = "valid = { from = '2027-02-10', to = '2027-02-12' }";
    check(days, "2027-02-09T23:59", false);
    check(days, "2027-02-10T00:00", true);
    check(days, "2027-02-12T23:59", true);
    check(days, "2027-02-13T00:00", false);
}

#[test]
fn a_heat_source_reaches_as_far_as_it_says() {
    let check = |metres: f64, expected: bool| {
        let position = place(0.0, metres / 1_000.0);
        let property = Property::new("smoke");
        let heat = masks::Heat { position, property: &property, severity: Severity::High, at: at(0) };
        assert_eq!(source("").explains(heat), expected, "{metres}");
    };
    check(0.0, true);
    check(995.0, true);
    check(1_005.0, false);
}
